// Images and reimages that go wrong: the run stops, says why, leaves the failed node cordoned and the others
// as they were, and does what a person decides. Told by the audit log, EC2's account and the stock tools.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { evictions } from '../checker/audit-log.ts';
import {
  auditLog,
  fault,
  kubectl,
  openBed,
  refit,
  runStatus,
  say,
  startWorker,
  temporal,
  waitForStatus,
} from './bed.ts';
import type { Bed, Said } from './bed.ts';
import {
  LONG_MS,
  ONCE,
  PUT_BACK,
  UNTOUCHED,
  awaitThat,
  drainHeld,
  holdDrain,
  nodeView,
  openWorkflows,
  releaseDrain,
  removeHeld,
  rootVolumeTasks,
  runEnd,
  shrinkWorkloads,
  startRun,
  wayOf,
} from './run-control.ts';

const TEST_MS = 3_600_000;
/** For the task, for the boot and for the checks, each: an image that never comes is waited for so long. */
const SHORT_TIMEOUT = '60s';
/** Checks that never pass are waited for so long, behind a task and a boot that must be in time. */
const CHECKS_TIMEOUT = '90s';

let bed: Bed;
let since: number;

beforeAll(async () => {
  bed = await openBed({ nodes: 12 });
  await shrinkWorkloads(bed);
  await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

beforeEach(() => {
  since = Date.now();
});

/** A test that broke off must not keep the cluster from the next one. */
afterEach(async () => {
  for (const id of ['silent', 'wrong', 'crashing', 'task', 'detached']) {
    const [open] = await openWorkflows(bed, id, []);
    if (open === undefined) continue;
    const abort = JSON.stringify({ by: 'a test', reason: 'it broke off', rollback: false });
    await temporal(bed, 'workflow', 'signal', '-w', open, '--name', 'abort', '--input', abort);
    await runEnd(bed, open);
  }
  await fault(bed, 'clear');
});

type NodeList = {
  items: {
    metadata: { labels: Record<string, string> };
    spec: { unschedulable?: boolean };
    status: { conditions: { type: string; status: string }[] };
  }[];
};

/** Failed nodes of earlier tests stay away, and count: so many more may be away beside them. */
async function policyFor(
  pool: string,
  more: number,
  reimage: { timeout?: string } = {},
): Promise<Record<string, unknown>> {
  const selector = `refit.dev/pool=${pool}`;
  const { items } = JSON.parse(await kubectl(bed, 'get', 'nodes', '-l', selector, '-o', 'json')) as NodeList;
  const away = items.filter(
    ({ spec, status }) =>
      spec.unschedulable === true ||
      !status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
  );
  return {
    disruption: { unavailableMax: away.length + more },
    approval: { before: 'never' },
    reimage,
  };
}

const way = async (node: string) => wayOf(bed, { ...(await nodeView(bed, node)), node }, since);

const tasksOf = async (node: string) =>
  (await rootVolumeTasks(bed, (await nodeView(bed, node)).instance, since)).length;

const tripped = (workflowId: string) =>
  waitForStatus(
    bed,
    workflowId,
    'a pause',
    (seen) => seen.phase === 'paused' && seen.counts.active === 0,
    LONG_MS,
  );

async function must(said: Promise<Said>): Promise<string> {
  const { code, stdout, stderr } = await said;
  expect({ code, stderr }).toEqual({ code: 0, stderr });
  return stdout;
}

/** What `status`, `why` and `report` say of a node that failed. */
async function explained(workflowId: string, node: string, why: RegExp): Promise<void> {
  for (const command of ['status', 'why', 'report']) {
    const args = command === 'report' ? [workflowId] : ['-w', workflowId];
    const text = await must(refit(bed, command, ...args));
    expect({ command, text }).toEqual({ command, text: expect.stringContaining(node) });
    expect({ command, text }).toEqual({ command, text: expect.stringMatching(why) });
  }
}

/** Follows a run through a whole test: longer than other commands may take. */
const following = (...args: string[]) =>
  say(bed, process.execPath, ['clients/cli/main.ts', ...args], TEST_MS);

const watched = (workflowId: string) => following('status', '-w', workflowId, '--watch');

describe('a bad image', () => {
  it(
    'that never rejoins trips the run; retry is a new attempt, skip leaves the node cordoned, and no success is claimed',
    async () => {
      const [first, second] = ['ip-10-0-0-1', 'ip-10-0-0-2'];
      const policy = await policyFor('h100', 1, { timeout: SHORT_TIMEOUT });
      await startRun(bed, 'silent', { release: 'neverRejoins', nodes: [first, second], policy });
      const watching = watched('silent');
      await tripped('silent');
      await explained('silent', first, /rejoining/);
      expect(await way(first)).toEqual({ cordons: 1, uncordons: 0, tasks: 1 });
      expect(await way(second)).toEqual(UNTOUCHED);

      await must(refit(bed, 'retry', first, '-w', 'silent'));
      await awaitThat('a second root-volume task', async () => (await tasksOf(first)) === 2);
      await tripped('silent');
      // The empty node is laid again, by a task of its own; nothing is cordoned or evicted a second time.
      expect(await way(first)).toEqual({ cordons: 1, uncordons: 0, tasks: 2 });
      expect(await way(second)).toEqual(UNTOUCHED);

      await must(refit(bed, 'skip', first, '-w', 'silent', '--reason', 'it is broken'));
      await must(refit(bed, 'skip', second, '-w', 'silent', '--reason', 'not with this image'));
      expect((await runEnd(bed, 'silent')).result).toMatchObject({
        outcome: 'failed',
        counts: { done: 0, skipped: 2 },
      });
      expect((await watching).code).toBe(4);
      expect((await nodeView(bed, first)).unschedulable).toBe(true);
      expect(await way(second)).toEqual(UNTOUCHED);
    },
    TEST_MS,
  );

  it(
    'of the wrong version trips the run; a node that is draining is put back, and abort ends it there',
    async () => {
      const [first, second] = ['ip-10-0-0-3', 'ip-10-0-0-4'];
      for (const node of [first, second]) await holdDrain(bed, node);
      const policy = await policyFor('h100', 2);
      await startRun(bed, 'wrong', { release: 'wrongVersion', nodes: [first, second], policy });
      const watching = watched('wrong');
      // The second drains before the first goes on to fail.
      for (const node of [first, second]) await drainHeld(bed, 'wrong', node);
      await releaseDrain(bed, first);
      await tripped('wrong');
      await explained('wrong', first, /v1\.36\.1.*v1\.36\.0|v1\.36\.0.*v1\.36\.1/);
      expect(await way(second)).toEqual(PUT_BACK);
      await must(refit(bed, 'abort', '-w', 'wrong', '--reason', 'wrong image'));
      expect((await runEnd(bed, 'wrong')).result).toMatchObject({
        outcome: 'aborted',
        counts: { done: 0, failed: 1, skipped: 1 },
      });
      expect((await watching).code).toBe(4);
      expect(await way(first)).toEqual({ cordons: 1, uncordons: 0, tasks: 1 });
      expect(await nodeView(bed, second)).toMatchObject({ unschedulable: false, marks: {} });
      for (const node of [first, second]) await removeHeld(bed, node);
    },
    TEST_MS,
  );

  it(
    'that fails checks is never uncordoned; after resume it still holds its slot, and no other node is taken',
    async () => {
      const [first, second] = ['ip-10-0-0-9', 'ip-10-0-0-10'];
      const policy = await policyFor('batch', 1, { timeout: CHECKS_TIMEOUT });
      const args = [
        '--release',
        'failsChecks',
        '--node',
        first,
        '--node',
        second,
        '-w',
        'crashing',
        '--watch',
      ];
      const watching = following('upgrade', 'prod-east', ...args, '--policy', JSON.stringify(policy));
      await tripped('crashing');
      await explained('crashing', first, /nvidia|gpu/i);
      expect(await way(second)).toEqual(UNTOUCHED);
      await must(refit(bed, 'resume', '-w', 'crashing'));
      // The failed node still holds the only slot: the next one waits until somebody has decided.
      await must(refit(bed, 'skip', first, '-w', 'crashing', '--reason', 'looked at'));
      const { phase } = await runStatus(bed, 'crashing');
      expect(phase).toBe('running');
      expect(await way(second)).toEqual(UNTOUCHED);
      await must(refit(bed, 'abort', '-w', 'crashing', '--reason', 'no such image'));
      expect((await watching).code).toBe(4);
      expect(await way(first)).toEqual({ cordons: 1, uncordons: 0, tasks: 1 });
      expect((await nodeView(bed, first)).unschedulable).toBe(true);
    },
    TEST_MS,
  );
});

describe('a root-volume task that fails', () => {
  it(
    'leaves the node cordoned and empty; a retry is one new task, and the run succeeds',
    async () => {
      const node = 'ip-10-0-0-11';
      await fault(bed, 'task-fails', node);
      await startRun(bed, 'task', { release: 'next', nodes: [node], policy: await policyFor('batch', 1) });
      await tripped('task');
      await explained('task', node, /failed/);
      const evicted = evictions(auditLog(bed, since)).length;
      await fault(bed, 'clear', 'task-fails');
      const watching = watched('task');
      await must(refit(bed, 'retry', node, '-w', 'task'));
      expect((await runEnd(bed, 'task')).result).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect((await watching).code).toBe(0);
      expect(await way(node)).toEqual({ ...ONCE, tasks: 2 });
      expect(evictions(auditLog(bed, since))).toHaveLength(evicted);
    },
    TEST_MS,
  );

  it(
    'and leaves no root volume is never tried again by itself: it is for a person',
    async () => {
      const node = 'ip-10-0-0-5';
      await fault(bed, 'task-fails-detached', node);
      await startRun(bed, 'detached', { release: 'next', nodes: [node], policy: await policyFor('h100', 1) });
      const watching = watched('detached');
      await tripped('detached');
      await explained('detached', node, /detached/);
      expect(await tasksOf(node)).toBe(1);
      await must(refit(bed, 'skip', node, '-w', 'detached', '--reason', 'is repaired by hand'));
      expect((await runEnd(bed, 'detached')).result).toMatchObject({
        outcome: 'failed',
        counts: { done: 0, skipped: 1 },
      });
      expect((await watching).code).toBe(4);
      expect(await way(node)).toEqual({ cordons: 1, uncordons: 0, tasks: 1 });
    },
    TEST_MS,
  );
});
