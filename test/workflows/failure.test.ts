// What failures do to a run as a whole, when its policy says that it ends by itself.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../domain/default-policy.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const inState = (node: string, state: string) => (s: Awaited<ReturnType<Running['status']>>) =>
  s.active.some((child) => child.node === node && child.state === state);

describe('onExceeded: stop', () => {
  it('ends the run by itself, puts back what drains and finishes what is reimaged [I148]', async () => {
    const policy = { failure: { ...defaultPolicy.failure, onExceeded: 'stop' as const } };
    const o = { nodes: 5, unavailableMax: 3, policy, name: 'stopped' };
    await withRun(bed, o, async ({ handle, until, world }) => {
      world.hold('drainNode', 'n2');
      world.hold('reimageNode', 'n3');
      world.hold('verifyNode', 'n1');
      world.fail('verifyNode', 'n1');
      await until('n3 reimaging', inState('n3', 'reimaging'));
      await until('n2 draining', () => world.count('drainNode held', 'n2') > 0);
      world.release('verifyNode', 'n1');
      const stopping = await until('stopping', (s) => s.phase === 'aborting');
      expect(stopping.phaseWhy).toBe('stopped by policy test: 1 failed in pool h100, 0 allowed: n1');
      world.release('reimageNode', 'n3');
      expect(await handle.result()).toMatchObject({
        outcome: 'failed',
        counts: { done: 1, failed: 1, skipped: 3 },
      });
      // The failed one stays as it is; the one that was drained is as it was.
      expect([...world.cordoned]).toEqual(['n1']);
      expect(world.reports[0]?.outcomeWhy).toContain('stopped by policy test');
      expect(world.decisions).toMatchObject([{ kind: 'stop', by: 'policy test' }]);
      expect((await handle.describe()).status.name).toBe('COMPLETED');
    });
  });
});

describe('successMin', () => {
  it('not met at the end of the run leaves it to people, and ends it as failed', async () => {
    const failure = { ...defaultPolicy.failure, failuresMax: 5, successMinPercent: 80 };
    // The failed node goes on holding its slot.
    const o = { nodes: 3, unavailableMax: 2, policy: { failure }, name: 'below-success' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.fail('reimageNode', 'n1');
      const tripped = await until('tripped', (s) => s.phase === 'paused');
      expect(tripped.counts).toMatchObject({ done: 2, failed: 1, waiting: 0 });
      expect(tripped.phaseWhy).toContain('2 of 3 ended nodes of pool h100 have succeeded at its end');
      await update('resume', { by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'failed', counts: { done: 2, failed: 1 } });
    });
  });
});
