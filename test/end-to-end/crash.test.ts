// What a crash, a cancel and a terminate leave behind, told by the audit log and by EC2's own account:
// no node is cordoned or laid anew twice, and none is left half-done without a word.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { restartApiServer } from '../../sandbox/cluster.ts';
import { crashProcess } from '../../sandbox/processes.ts';
import { restartTemporal } from '../../sandbox/temporal-server.ts';
import { fault, openBed, startWorker, stopWorker, temporal, waitForStatus } from './bed.ts';
import type { Bed, WorkerProcess } from './bed.ts';
import { expectNormal } from './people.ts';
import {
  LONG_MS,
  ONCE,
  PUT_BACK,
  UNTOUCHED,
  atOnce,
  awaitOfRun,
  awaitThat,
  drainHeld,
  holdDrain,
  leaseHolder,
  nodeView,
  openWorkflows,
  releaseDrain,
  removeHeld,
  rootVolumeTasks,
  runEnd,
  shownStates,
  shrinkWorkloads,
  startRun,
  wayOf,
} from './run-control.ts';
import type { NodeView } from './run-control.ts';

const TEST_MS = 3_600_000;
const h100 = ['ip-10-0-0-1', 'ip-10-0-0-2', 'ip-10-0-0-3', 'ip-10-0-0-4', 'ip-10-0-0-5'] as const;
const batch = ['ip-10-0-0-6', 'ip-10-0-0-7'] as const;

/** Longer than any machine takes to do what is done to a task meanwhile; it ends when the fault is cleared. */
const HELD_SECONDS = '1200';

let bed: Bed;
let worker: WorkerProcess;
let since: number;

beforeAll(async () => {
  bed = await openBed({ nodes: 7 });
  await shrinkWorkloads(bed);
  worker = await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

beforeEach(() => {
  since = Date.now();
});

const view = async (node: string): Promise<NodeView & { node: string }> => ({
  ...(await nodeView(bed, node)),
  node,
});

const waysOf = async (nodes: readonly string[]) =>
  Promise.all(nodes.map(async (node) => wayOf(bed, await view(node), since)));

const taskBegan = async (workflowId: string, node: string) => {
  const { instance } = await view(node);
  await awaitOfRun(bed, workflowId, `a root-volume task of ${node}`, async () => {
    return (await rootVolumeTasks(bed, instance, since)).length > 0;
  });
};

const stateShown = (workflowId: string, node: string, state: string) =>
  awaitOfRun(bed, workflowId, `${node} to be ${state}`, async () => {
    const states = await shownStates(bed, workflowId).catch(() => ({}) as Record<string, string>);
    return states[node] === state;
  });

async function anotherWorker(): Promise<void> {
  await stopWorker(worker, 'SIGKILL');
  worker = await startWorker(bed);
}

describe('a run whose worker is killed', () => {
  it(
    'goes on with another worker: in a held drain, and between two nodes [I41]',
    async () => {
      const [first, second] = batch;
      await holdDrain(bed, first);
      const input = {
        release: 'next',
        nodes: batch,
        policy: { approval: { before: 'node', firstNodes: 9 } },
      };
      await startRun(bed, 'killed', {
        ...input,
        policy: { ...input.policy, disruption: { unavailableMax: 1 } },
      });
      const approve = async (node: string) => {
        await waitForStatus(
          bed,
          'killed',
          `the gate of ${node}`,
          (seen) => seen.gates.some(({ name }) => name === `node/${node}`),
          LONG_MS,
        );
        const decision = JSON.stringify({ gate: `node/${node}`, by: 'sam' });
        await temporal(bed, 'workflow', 'signal', '-w', 'killed', '--name', 'approve', '--input', decision);
      };
      await approve(first);
      await drainHeld(bed, 'killed', first);
      const spare = await startWorker(bed);
      await stopWorker(worker, 'SIGKILL');
      worker = spare;
      await releaseDrain(bed, first);
      await waitForStatus(
        bed,
        'killed',
        'the second gate',
        (seen) => seen.counts.done === 1 && seen.gates.length === 1,
        LONG_MS,
      );
      await anotherWorker();
      await approve(second);
      expect((await runEnd(bed, 'killed')).result).toMatchObject({
        outcome: 'succeeded',
        counts: { done: 2 },
      });
      expect(await waysOf(batch)).toEqual([ONCE, ONCE]);
      await expectNormal(bed, batch);
      await removeHeld(bed, first);
    },
    TEST_MS,
  );

  it(
    'follows the one root-volume task that the killed worker had begun [I41]',
    async () => {
      const [node] = batch;
      await fault(bed, 'slow-reimage', node, '--seconds', HELD_SECONDS);
      const before = await view(node);
      await startRun(bed, 'killed-reimage', { release: 'good', nodes: [node], policy: atOnce(1) });
      await taskBegan('killed-reimage', node);
      await anotherWorker();
      await fault(bed, 'clear', 'slow-reimage');
      expect((await runEnd(bed, 'killed-reimage')).result).toMatchObject({ outcome: 'succeeded' });
      expect(await waysOf([node])).toEqual([ONCE]);
      expect((await view(node)).bootId).not.toBe(before.bootId);
      await expectNormal(bed, [node]);
    },
    TEST_MS,
  );
});

describe('a run whose servers are killed', () => {
  it(
    'survives a Temporal server that is killed in a reimage and comes back on its database [I41]',
    async () => {
      const [, node] = batch;
      await fault(bed, 'slow-reimage', node, '--seconds', HELD_SECONDS);
      await startRun(bed, 'no-server', { release: 'good', nodes: [node], policy: atOnce(1) });
      await taskBegan('no-server', node);
      await crashProcess({ dir: bed.dir, name: 'temporal' });
      await restartTemporal({ dir: bed.dir });
      await fault(bed, 'clear', 'slow-reimage');
      await awaitThat('the end of the run', async () => {
        return (await openWorkflows(bed, 'no-server', [node])).length === 0;
      });
      expect((await runEnd(bed, 'no-server')).result).toMatchObject({ outcome: 'succeeded' });
      expect(await waysOf([node])).toEqual([ONCE]);
      await expectNormal(bed, [node]);
    },
    TEST_MS,
  );

  it(
    'survives an API server that is killed in a drain, and goes on when the PDB allows it',
    async () => {
      const [, node] = batch;
      await holdDrain(bed, node);
      await startRun(bed, 'no-api', { release: 'next', nodes: [node], policy: atOnce(1) });
      await drainHeld(bed, 'no-api', node);
      const { name, server } = bed.sandbox.clusters[0] ?? { name: '', server: '' };
      await restartApiServer({ dir: bed.dir, name, server });
      await releaseDrain(bed, node);
      expect((await runEnd(bed, 'no-api')).result).toMatchObject({ outcome: 'succeeded' });
      expect(await waysOf([node])).toEqual([ONCE]);
      await expectNormal(bed, [node]);
      await removeHeld(bed, node);
    },
    TEST_MS,
  );
});

/** One run with a node in each place: draining, reimaging, rejoining, verifying, and waiting at its gate. */
async function spread(workflowId: string, release: string): Promise<void> {
  const [draining, reimaging, verifying, waiting, rejoining] = h100;
  await holdDrain(bed, draining);
  await fault(bed, 'slow-reimage', reimaging, '--seconds', HELD_SECONDS);
  await fault(bed, 'stale-labels', verifying);
  await fault(bed, 'stale-ready', rejoining);
  const policy = { disruption: { unavailableMax: 5 }, approval: { before: 'node', firstNodes: 5 } };
  await startRun(bed, workflowId, { release, nodes: h100, policy });
  await waitForStatus(bed, workflowId, 'five gates', (seen) => seen.gates.length === 5, LONG_MS);
  for (const node of h100.filter((each) => each !== waiting)) {
    const decision = JSON.stringify({ gate: `node/${node}`, by: 'sam' });
    await temporal(bed, 'workflow', 'signal', '-w', workflowId, '--name', 'approve', '--input', decision);
  }
  await drainHeld(bed, workflowId, draining);
  await stateShown(workflowId, verifying, 'verifying');
  await stateShown(workflowId, rejoining, 'rejoining');
  await taskBegan(workflowId, reimaging);
}

/** What was begun is finished once nothing holds it; then no workflow of the run is left. */
async function settle(workflowId: string): Promise<void> {
  const [draining, reimaging, verifying, waiting, rejoining] = h100;
  await awaitThat(`${draining} to be put back`, async () => !(await view(draining)).unschedulable);
  await fault(bed, 'clear');
  await awaitThat(
    'the children to end',
    async () => (await openWorkflows(bed, workflowId, h100)).length === 0,
  );
  await removeHeld(bed, draining);
  await expectNormal(bed, h100);
  const ways = await waysOf([draining, reimaging, rejoining, verifying, waiting]);
  expect(ways).toEqual([PUT_BACK, ONCE, ONCE, ONCE, UNTOUCHED]);
}

/** Whatever was dropped is taken by the next run, which begins at once. */
async function finishBy(workflowId: string, release: string): Promise<void> {
  const startedAt = Date.now();
  await startRun(bed, workflowId, { release, nodes: h100, policy: atOnce(2) });
  expect((await runEnd(bed, workflowId)).result).toMatchObject({
    outcome: 'succeeded',
    counts: { done: 2, upToDate: 3 },
  });
  const ways = await Promise.all(h100.map(async (node) => wayOf(bed, await view(node), startedAt)));
  expect(ways).toEqual([ONCE, UNTOUCHED, UNTOUCHED, ONCE, UNTOUCHED]);
  await expectNormal(bed, h100);
}

describe('a run that is cancelled or terminated', () => {
  it(
    'puts back or finishes every node when it is cancelled, in each step at once, and lets the cluster go [I79]',
    async () => {
      await spread('cancelled', 'next');
      await temporal(bed, 'workflow', 'cancel', '-w', 'cancelled');
      await settle('cancelled');
      expect((await runEnd(bed, 'cancelled')).status).toBe('CANCELLED');
      expect(await leaseHolder(bed)).toBe('');
      await finishBy('after-cancel', 'next');
    },
    TEST_MS,
  );

  it(
    'leaves no child at work on its own when it is terminated, and the next run takes over at once [I80]',
    async () => {
      await spread('terminated', 'good');
      await temporal(bed, 'workflow', 'terminate', '-w', 'terminated', '--reason', 'a test');
      await settle('terminated');
      expect((await runEnd(bed, 'terminated')).status).toBe('TERMINATED');
      expect(await leaseHolder(bed)).toContain('/terminated/');
      await finishBy('after-terminate', 'good');
    },
    TEST_MS,
  );

  it(
    'asks gate adopt while nodes still carry the mark of a terminated run',
    async () => {
      const [node] = h100;
      await fault(bed, 'stale-labels', node);
      await startRun(bed, 'dead', { release: 'next', nodes: [node], policy: atOnce(1) });
      await stateShown('dead', node, 'verifying');
      await temporal(bed, 'workflow', 'terminate', '-w', 'dead', '--reason', 'a test');
      await startRun(bed, 'heir', { release: 'next', nodes: [node], policy: atOnce(1) });
      const asks = await waitForStatus(bed, 'heir', 'gate adopt', (seen) => seen.gates.length > 0, LONG_MS);
      expect(asks.gates[0]).toMatchObject({ name: 'adopt' });
      expect(asks.gates[0]?.evidence.join('\n')).toContain(node);
      await fault(bed, 'clear');
      await awaitThat(
        'the child to end',
        async () => (await openWorkflows(bed, 'dead', [node])).length === 0,
      );
      // The node is finished and carries no mark any more: the cluster can be had without a word.
      expect((await runEnd(bed, 'heir')).result).toMatchObject({ outcome: 'nothingToDo' });
      expect(await waysOf([node])).toEqual([ONCE]);
    },
    TEST_MS,
  );
});

describe('a child that is cancelled or terminated by itself', () => {
  it(
    'puts its node back when it is cancelled in a drain, and finishes it when in a reimage',
    async () => {
      const [reimaged, drained] = h100;
      await holdDrain(bed, drained);
      await fault(bed, 'slow-reimage', reimaged, '--seconds', HELD_SECONDS);
      await startRun(bed, 'drops', { release: 'next', nodes: [drained], policy: atOnce(1) });
      await drainHeld(bed, 'drops', drained);
      await temporal(bed, 'workflow', 'cancel', '-w', `drops/node/${drained}`);
      // Work was left and nothing was done: that is no success.
      const dropped = await runEnd(bed, 'drops');
      expect(dropped.result).toMatchObject({ outcome: 'failed', counts: { done: 0, leftAlone: 1 } });
      await startRun(bed, 'finishes', { release: 'good', nodes: [reimaged], policy: atOnce(1) });
      await taskBegan('finishes', reimaged);
      await temporal(bed, 'workflow', 'cancel', '-w', `finishes/node/${reimaged}`);
      await fault(bed, 'clear');
      expect((await runEnd(bed, 'finishes')).result).toMatchObject({ outcome: 'succeeded' });
      expect(await waysOf([drained, reimaged])).toEqual([PUT_BACK, ONCE]);
      await expectNormal(bed, [drained, reimaged]);
      await removeHeld(bed, drained);
    },
    TEST_MS,
  );

  it(
    'stops its run for a person when it is terminated, whose retry takes the node on from there',
    async () => {
      const [, , node] = h100;
      await holdDrain(bed, node);
      await startRun(bed, 'childless', { release: 'next', nodes: [node], policy: atOnce(1) });
      await drainHeld(bed, 'childless', node);
      await temporal(bed, 'workflow', 'terminate', '-w', `childless/node/${node}`, '--reason', 'a test');
      const paused = await waitForStatus(
        bed,
        'childless',
        'a pause',
        (seen) => seen.phase === 'paused',
        LONG_MS,
      );
      expect(paused.phaseWhy).toContain(node);
      expect((await view(node)).unschedulable).toBe(true);
      await releaseDrain(bed, node);
      const retry = JSON.stringify({ node, by: 'sam' });
      await temporal(bed, 'workflow', 'signal', '-w', 'childless', '--name', 'retryNode', '--input', retry);
      expect((await runEnd(bed, 'childless')).result).toMatchObject({ outcome: 'succeeded' });
      expect(await waysOf([node])).toEqual([ONCE]);
      await expectNormal(bed, [node]);
      await removeHeld(bed, node);
    },
    TEST_MS,
  );

  it(
    'leaves its root-volume task to a person when it is terminated in a reimage',
    async () => {
      const [, , , node] = h100;
      await fault(bed, 'slow-reimage', node, '--seconds', HELD_SECONDS);
      await startRun(bed, 'orphan-task', { release: 'next', nodes: [node], policy: atOnce(1) });
      await taskBegan('orphan-task', node);
      await temporal(bed, 'workflow', 'terminate', '-w', `orphan-task/node/${node}`, '--reason', 'a test');
      await waitForStatus(bed, 'orphan-task', 'a pause', (seen) => seen.phase === 'paused', LONG_MS);
      const { instance, unschedulable } = await view(node);
      expect(unschedulable).toBe(true);
      expect(await rootVolumeTasks(bed, instance, since)).toHaveLength(1);
      await fault(bed, 'clear');
      const abort = JSON.stringify({ by: 'sam', reason: 'a test', rollback: false });
      await temporal(bed, 'workflow', 'signal', '-w', 'orphan-task', '--name', 'abort', '--input', abort);
      const { result } = await runEnd(bed, 'orphan-task');
      expect(result).toMatchObject({ outcome: 'aborted', counts: { failed: 1 } });
      expect((await view(node)).unschedulable).toBe(true);
      expect(await leaseHolder(bed)).toBe('');
    },
    TEST_MS,
  );
});
