// What people decide goes into the records while the run hears of everything else, and the history of that
// stays one that another worker can read.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

/** A server closes a workflow task that is under way when more than a hundred events wait for its end. */
const MORE_THAN_A_TASK_BEARS = 150;

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

describe('a decision that is slow to be recorded', () => {
  it('leaves a history that can be replayed, though hundreds of messages come meanwhile [I226]', async () => {
    const o = { nodes: 1, approval: { before: 'node' as const }, name: 'slowly-recorded' };
    await withRun(bed, o, async ({ until, update, signal, world, handle, id }) => {
      await until('gate', (s) => s.gates.length === 1);
      world.hold('recordDecision', '');
      await update('approve', { gate: 'node/n1', by: 'sam' });
      await Promise.all(
        Array.from({ length: MORE_THAN_A_TASK_BEARS }, () => signal('resume', { by: 'sam' })),
      );
      world.release('recordDecision', '');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(world.decisions.map(({ kind }) => kind)).toContain('approve');
      const history = await handle.fetchHistory();
      await expect(
        Worker.runReplayHistory({ workflowBundle: bed.bundle }, history, id),
      ).resolves.toBeUndefined();
    });
  });
});
