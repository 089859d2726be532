// Deferrals and questions of force in a run that continues as new: its children know nothing of it.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';

let bed: Bed;
beforeAll(async () => {
  // A small limit makes the server suggest to continue as new after a few messages.
  bed = await startBed({ continueAfterEvents: 150 });
});
afterAll(async () => {
  await stopBed(bed);
});

const deferring = () =>
  ({
    ...defaultPolicy.drain,
    onTimeout: 'defer',
    deferralsMax: 2,
    deferForMs: bed.lasting(10_000),
  }) as const;
const MESSAGES_MAX = 400;

/** By messages that change nothing; as many as it takes. */
async function continueAsNew({ id, signal, firstRunId }: Running): Promise<void> {
  const runId = async () => (await bed.client.workflow.getHandle(id).describe()).runId;
  let sent = 0;
  for (; sent < MESSAGES_MAX && (await runId()) === firstRunId; sent += 1) {
    await signal('resume', { by: `sam-${String(sent)}` });
  }
  expect(await runId()).not.toBe(firstRunId);
}

describe('a run that continues as new', () => {
  it('hears of a deferral by its child of before, and takes the node again itself [I81, I158]', async () => {
    const o = { nodes: 1, policy: { drain: deferring() }, name: 'continued-deferral' };
    await withRun(bed, o, async (running) => {
      const { until, world, id } = running;
      world.hold('drainNode', 'n1');
      await until('drain begun', () => world.count('drainNode held', 'n1') > 0);
      await continueAsNew(running);
      world.fail('drainNode', 'n1');
      world.release('drainNode', 'n1');
      await until('deferred', (s) => s.waiting.some(({ on }) => on.startsWith('deferred until')));
      expect(await bed.client.workflow.getHandle(id).result()).toMatchObject({
        outcome: 'succeeded',
        counts: { done: 1, failed: 0 },
      });
      expect(world.histories.map(({ outcome, attempt }) => [outcome.kind, attempt])).toEqual([
        ['deferred', 1],
        ['done', 1],
      ]);
    });
  });

  it('keeps a question of force, pod by pod, and its answer reaches the child [I160]', async () => {
    const drain = { ...deferring(), onTimeout: 'force' } as const;
    await withRun(bed, { nodes: 1, policy: { drain }, name: 'continued-force' }, async (running) => {
      const { until, update, world, id } = running;
      world.bare.set('n1', [{ namespace: 'default', name: 'b1', uid: 'uid-b1' }]);
      await until('gate', (s) => s.gates.length === 1);
      await continueAsNew(running);
      const asked = await until('gate still', (s) => s.gates.length === 1);
      expect(asked.gates[0]?.evidence.join()).toContain('pod uid-b1 default/b1');
      await update('approve', { gate: 'force/n1', by: 'sam' });
      expect(await bed.client.workflow.getHandle(id).result()).toMatchObject({ counts: { done: 1 } });
      expect(world.forced).toEqual([['uid-b1']]);
    });
  });
});
