// What people asked for while a run continued as new: changes of policy and nodes to come next.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  // A small limit makes the server suggest to continue as new again and again.
  bed = await startBed({ continueAfterEvents: 100 });
});
afterAll(async () => {
  await stopBed(bed);
});

describe('signals that arrive while the run continues as new', () => {
  it('are not lost: each change of policy and each wish takes effect once [I154]', async () => {
    const nodes = 12;
    const o = { nodes, unavailableMax: 1, name: 'continued-wishes' };
    await withRun(bed, o, async ({ world, id, signal, until, firstRunId: first }) => {
      world.hold('drainNode', 'n1');
      await until('draining', () => world.count('drainNode held', 'n1') > 0);
      const runId = async () => (await bed.client.workflow.getHandle(id).describe()).runId;
      const runs = new Set([first]);
      const changes = () => world.decisions.filter(({ kind }) => kind === 'changePolicy');
      let sent = 0;
      // In small volleys: the run hands over when one is answered, and the next meets it while it does.
      for (; sent < 200 && runs.size < 3; sent += 1) {
        await signal('changePolicy', {
          by: 'sam',
          reason: `change ${String(sent)}`,
          policy: { failure: { failuresMax: sent + 1 } },
        });
        if (sent < nodes - 2) await signal('nextNode', { node: `n${String(nodes - sent)}`, by: 'sam' });
        if (sent % 3 === 2) {
          while (changes().length <= sent) await pause(5);
          // From none to half a second: some volleys meet the run before, some while, some after it hands over.
          await pause((sent * 37) % 500);
        }
        runs.add(await runId());
      }
      expect(runs.size).toBe(3);
      // Each change differs from the one before: one that was lost would be missing from the records.
      while (changes().length < sent) await pause(100);
      expect(changes().map(({ reason }) => reason)).toEqual(
        Array.from({ length: sent }, (_, index) => `change ${String(index)}`),
      );
      const wished = () =>
        world.decisions.flatMap(({ kind, subject }) => (kind === 'nextNode' ? [subject] : []));
      while (wished().length < Math.min(sent, nodes - 2)) await pause(100);
      const wishes = wished();
      world.release('drainNode', 'n1');
      const result = await bed.client.workflow.getHandle(id).result();
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: nodes } });
      const order = world.calls.filter(({ step }) => step === 'cordonNode').map(({ node }) => node);
      expect(order.slice(1, wishes.length + 1)).toEqual(wishes);
    });
  });
});
