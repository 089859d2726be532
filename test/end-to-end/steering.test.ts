// Every control of the contract's table, said to a node in each state that can be held, and messages that
// mean nothing. Said with `refit` and the stock `temporal` CLI; judged by the audit log and EC2's account.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fault, kubectl, openBed, refit, runStatus, runWhy, startWorker, temporal } from './bed.ts';
import { expectNormal, mustSay, refusedSaying } from './people.ts';
import type { Bed } from './bed.ts';
import {
  ONCE,
  PUT_BACK,
  UNTOUCHED,
  awaitThat,
  holdDrain,
  nodeView,
  releaseDrain,
  removeHeld,
  runEnd,
  shownStates,
  shrinkWorkloads,
  startRun,
  wayOf,
} from './run-control.ts';

const TEST_MS = 3_600_000;
/** Longer than all that is said to it while it reimages, on any machine; it ends when the fault is cleared. */
const SLOW_REIMAGE_SECONDS = '1200';

let bed: Bed;
let since: number;

beforeAll(async () => {
  bed = await openBed({ nodes: 10 });
  await shrinkWorkloads(bed);
  await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

beforeEach(() => {
  since = Date.now();
});

const way = async (node: string) => wayOf(bed, { ...(await nodeView(bed, node)), node }, since);

const must = (id: string, ...args: string[]) => mustSay(bed, 'ana', id, ...args);

const refused = (id: string, why: RegExp, ...args: string[]) =>
  refusedSaying(bed, { by: 'ana', run: id, why }, ...args);

const shows = (id: string, node: string, state: string) =>
  awaitThat(`${node} to be ${state}`, async () => {
    const states = await shownStates(bed, id);
    return states[node] === state;
  });

/** The pod of the test's own PDB is what its drain waits for. */
const drainHeld = (id: string, node: string) =>
  awaitThat(`the drain of ${node} to be held`, async () => {
    const { items } = await runWhy(bed, id);
    return items.some((item) => item.subject === `node/${node}` && item.on.includes(`held-${node}`));
  });

type Held = {
  draining: string;
  reimaging: string;
  rejoining: string;
  verifying: string;
  waiting: string;
};

/** A run with one node in each state, each held there by a fault; the fifth waits at its gate. */
async function holdInEachState(id: string, release: string, held: Held): Promise<void> {
  const nodes = Object.values(held);
  await holdDrain(bed, held.draining);
  await fault(bed, 'stale-ready', held.rejoining);
  await fault(bed, 'stale-labels', held.verifying);
  await fault(bed, 'slow-reimage', held.reimaging, '--seconds', SLOW_REIMAGE_SECONDS);
  const policy = {
    disruption: { unavailableMax: nodes.length },
    approval: { before: 'node', firstNodes: nodes.length },
  };
  await startRun(bed, id, { release, nodes, policy });
  await awaitThat('five gates', async () => (await runStatus(bed, id)).gates.length === nodes.length);
  for (const node of [held.draining, held.rejoining, held.verifying])
    await must(id, 'approve', `node/${node}`);
  await drainHeld(id, held.draining);
  await shows(id, held.rejoining, 'rejoining');
  await shows(id, held.verifying, 'verifying');
  await must(id, 'approve', `node/${held.reimaging}`);
  await shows(id, held.reimaging, 'reimaging');
  await awaitThat('its root-volume task', async () => (await way(held.reimaging)).tasks === 1);
}

async function letGo(): Promise<void> {
  for (const name of ['stale-ready', 'stale-labels', 'slow-reimage']) await fault(bed, 'clear', name);
}

const waysOf = async (held: Held) =>
  Object.fromEntries(
    await Promise.all(Object.entries(held).map(async ([state, node]) => [state, await way(node)] as const)),
  );

describe('what people say to a node in mid-step', () => {
  it(
    'pause: nothing is begun, a drain runs to its end and goes no further, later steps finish; resume goes on',
    async () => {
      const held = {
        draining: 'ip-10-0-0-1',
        reimaging: 'ip-10-0-0-2',
        rejoining: 'ip-10-0-0-3',
        verifying: 'ip-10-0-0-4',
        waiting: 'ip-10-0-0-5',
      };
      await holdInEachState('paused', 'next', held);
      await must('paused', 'pause', '--reason', 'an alarm');
      await refused('paused', /paused already by ana/, 'pause', '--reason', 'another one');
      expect(await must('paused', 'approve', `node/${held.waiting}`)).toMatch(/after resume/);
      await releaseDrain(bed, held.draining);
      await letGo();
      await shows('paused', held.draining, 'cordoned');
      for (const node of [held.reimaging, held.rejoining, held.verifying])
        await shows('paused', node, 'normal');
      const once = { reimaging: ONCE, rejoining: ONCE, verifying: ONCE };
      const drained = { cordons: 1, uncordons: 0, tasks: 0 };
      expect(await waysOf(held)).toEqual({ ...once, draining: drained, waiting: UNTOUCHED });
      const pods = await kubectl(
        bed,
        ...['get', 'pods', '-A', '--field-selector', `spec.nodeName=${held.draining}`],
        ...['-l', `app=held-${held.draining}`, '-o', 'name'],
      );
      expect(pods).toBe('');

      await must('paused', 'resume');
      const { status, result } = await runEnd(bed, 'paused');
      expect([status, result?.outcome]).toEqual(['COMPLETED', 'succeeded']);
      expect(await waysOf(held)).toEqual({ ...once, draining: ONCE, waiting: ONCE });
      await removeHeld(bed, held.draining);
      await expectNormal(bed, Object.values(held));
    },
    TEST_MS,
  );

  it(
    'skip: drops what waits, puts back what drains, and is refused with why from reimage on',
    async () => {
      const held = {
        draining: 'ip-10-0-0-1',
        reimaging: 'ip-10-0-0-2',
        rejoining: 'ip-10-0-0-3',
        verifying: 'ip-10-0-0-4',
        waiting: 'ip-10-0-0-5',
      };
      await holdInEachState('skipped', 'good', held);
      const skip = (node: string) => ['skip', node, '--reason', 'in use'];
      // First, since it is held for a while only.
      await refused('skipped', /is reimaging: its old root is gone/, ...skip(held.reimaging));
      await must('skipped', ...skip(held.draining));
      await must('skipped', ...skip(held.waiting));
      await refused('skipped', /is rejoining: its old root is gone/, ...skip(held.rejoining));
      await refused('skipped', /is verifying: its old root is gone/, ...skip(held.verifying));
      await awaitThat(
        `${held.draining} to be put back`,
        async () => (await way(held.draining)).uncordons === 1,
      );
      await expectNormal(bed, [held.draining, held.waiting]);
      await letGo();
      const { result } = await runEnd(bed, 'skipped');
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 3, skipped: 2, failed: 0 } });
      const once = { reimaging: ONCE, rejoining: ONCE, verifying: ONCE };
      expect(await waysOf(held)).toEqual({ ...once, draining: PUT_BACK, waiting: UNTOUCHED });
      await removeHeld(bed, held.draining);
      await expectNormal(bed, Object.values(held));
    },
    TEST_MS,
  );

  it(
    'abort: drops what waits, puts back what drains, and takes the others on to verified',
    async () => {
      const held = {
        draining: 'ip-10-0-0-2',
        reimaging: 'ip-10-0-0-3',
        rejoining: 'ip-10-0-0-4',
        verifying: 'ip-10-0-0-6',
        waiting: 'ip-10-0-0-7',
      };
      await holdInEachState('aborted', 'next', held);
      await temporal(
        bed,
        ...['workflow', 'signal', '-w', 'aborted', '--name', 'abort'],
        ...['-i', JSON.stringify({ by: 'ana', reason: 'wrong release', rollback: false })],
      );
      await awaitThat(
        `${held.draining} to be put back`,
        async () => (await way(held.draining)).uncordons === 1,
      );
      await refused('aborted', /being aborted by ana/, 'resume');
      await refused('aborted', /being aborted by ana/, 'pause', '--reason', 'too late');
      await letGo();
      const { status, result } = await runEnd(bed, 'aborted');
      expect([status, result?.outcome, result?.counts['done']]).toEqual(['COMPLETED', 'aborted', 3]);
      const once = { reimaging: ONCE, rejoining: ONCE, verifying: ONCE };
      expect(await waysOf(held)).toEqual({ ...once, draining: PUT_BACK, waiting: UNTOUCHED });
      await removeHeld(bed, held.draining);
      await expectNormal(bed, Object.values(held));
      const said = await refit(bed, 'resume', '-w', 'aborted');
      expect(said.code).toBe(1);
      expect(said.stderr).toMatch(/aborted/);
    },
    TEST_MS,
  );
});

describe('what people say to a node that failed in its drain', () => {
  it(
    'leaves it cordoned under pause; retry is a new attempt, from the drain as the node is not empty',
    async () => {
      const [node, other] = ['ip-10-0-0-1', 'ip-10-0-0-5'];
      await holdDrain(bed, node);
      const policy = {
        disruption: { unavailableMax: 2 },
        approval: { before: 'never' },
        drain: { timeout: '90s' },
      };
      await startRun(bed, 'retried', { release: 'good', nodes: [node, other], policy });
      await shows('retried', node, 'failed');
      await shows('retried', other, 'normal');
      await must('retried', 'pause', '--reason', 'looking at it');
      expect(await way(node)).toEqual({ cordons: 1, uncordons: 0, tasks: 0 });
      await releaseDrain(bed, node);
      expect(await must('retried', 'retry', node)).toMatch(/after resume, attempt 2/);
      await must('retried', 'resume');
      const { result } = await runEnd(bed, 'retried');
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 2, failed: 0 } });
      expect([await way(node), await way(other)]).toEqual([ONCE, ONCE]);
      await removeHeld(bed, node);
      await expectNormal(bed, [node, other]);
    },
    TEST_MS,
  );

  it(
    'leaves it cordoned under skip and abort; a node with the mark of somebody else is not touched',
    async () => {
      const [failing, changed] = ['ip-10-0-0-8', 'ip-10-0-0-9'];
      for (const node of [failing, changed]) await holdDrain(bed, node);
      const policy = {
        disruption: { unavailableMax: 2 },
        approval: { before: 'never' },
        drain: { timeout: '30m' },
      };
      await startRun(bed, 'given-up', { release: 'next', nodes: [failing, changed], policy });
      for (const node of [failing, changed]) await drainHeld('given-up', node);
      await kubectl(bed, 'annotate', 'node', changed, 'refit.dev/owner=somebody-else', '--overwrite');
      // Its drain stops at once; the run trips, so that the other one is put back.
      await shows('given-up', changed, 'failed');
      await shows('given-up', failing, 'waiting');
      expect(await way(failing)).toEqual(PUT_BACK);
      await must('given-up', 'skip', changed, '--reason', 'taken over by hand');
      const soon = JSON.stringify({ drain: { timeout: '25s' } });
      await must('given-up', 'change-policy', '--reason', 'no more of it', '--policy', soon);
      await must('given-up', 'resume');
      await shows('given-up', failing, 'failed');
      await must('given-up', 'abort', '--reason', 'not today');
      const { result } = await runEnd(bed, 'given-up');
      expect(result).toMatchObject({ outcome: 'aborted', counts: { done: 0, skipped: 1, failed: 1 } });
      expect(await way(failing)).toEqual({ cordons: 2, uncordons: 1, tasks: 0 });
      expect(await way(changed)).toEqual({ cordons: 1, uncordons: 0, tasks: 0 });
      for (const node of [failing, changed]) expect((await nodeView(bed, node)).unschedulable).toBe(true);
      const report = await refit(bed, 'report', 'given-up');
      expect(report.stdout).toMatch(new RegExp(`${changed}.*taken over by hand`));
      for (const node of [failing, changed]) await removeHeld(bed, node);
    },
    TEST_MS,
  );
});
