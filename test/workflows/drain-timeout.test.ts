// What becomes of a node whose pods do not leave in time: put back, taken again, and in the end failed.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
}, 120_000);
afterAll(async () => {
  await stopBed(bed);
}, 180_000);

const deferring = { ...defaultPolicy.drain, onTimeout: 'defer', deferralsMax: 2, deferForMs: 2_000 } as const;

describe('a drain that times out', () => {
  it('defers its node, goes on with others, and returns to it by the same attempt [I155, I158]', async () => {
    const o = { nodes: 2, policy: { drain: deferring }, name: 'defer-and-return' };
    await withRun(bed, o, async ({ handle, until, world }) => {
      world.fail('drainNode', 'n1');
      world.hold('drainNode', 'n2');
      const waits = await until('deferred', (s) =>
        s.waiting.some(({ on }) => on.startsWith('deferred until')),
      );
      expect(waits.waiting.find(({ subject }) => subject === 'node/n1')?.until).not.toBeNull();
      expect(waits.phase).toBe('running');
      const { rows } = await handle.query<{ rows: { state: string }[] }, [unknown]>('table', { node: 'n1' });
      expect(rows[0]?.state).toBe('deferred');
      await until('the other one is taken', () => world.count('drainNode held', 'n2') > 0);
      expect(world.cordoned.has('n1')).toBe(false);
      world.release('drainNode', 'n2');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2, failed: 0 } });
      expect(world.calls.filter(({ step }) => step === 'cordonNode').map(({ node }) => node)).toEqual([
        'n1',
        'n2',
        'n1',
      ]);
      expect(world.calls.every(({ attempt }) => attempt <= 1)).toBe(true);
      const ends = world.histories.filter(({ node }) => node === 'n1').map(({ outcome }) => outcome.kind);
      expect(ends).toEqual(['deferred', 'done']);
    });
  }, 180_000);

  it('fails its node when it was deferred as often as the policy allows [I157]', async () => {
    const o = { nodes: 1, policy: { drain: { ...deferring, deferralsMax: 1 } }, name: 'defer-too-often' };
    await withRun(bed, o, async ({ until, world }) => {
      world.fail('drainNode', 'n1', 5);
      const tripped = await until('failed', (s) => s.phase === 'paused');
      expect(tripped.counts).toMatchObject({ failed: 1, done: 0 });
      expect(tripped.phaseWhy).toContain('1 failed');
      expect(world.count('drainNode', 'n1')).toBe(2);
      expect(world.histories.at(-1)?.outcome).toMatchObject({
        kind: 'failed',
        why: expect.stringContaining('deferred once before'),
      });
      // It stays cordoned, as any node whose drain has failed.
      expect(world.cordoned.has('n1')).toBe(true);
    });
  }, 180_000);

  it('leaves a deferred node to a person who skips it, and ends well [I155]', async () => {
    const far = { ...deferring, deferForMs: 3_600_000 };
    const o = { nodes: 2, policy: { drain: far }, name: 'defer-and-skip' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.fail('drainNode', 'n1');
      await until('only the deferred one is left', (s) => s.counts.done === 1 && s.counts.waiting === 1);
      await update('skipNode', { node: 'n1', by: 'sam', reason: 'its job runs for a week' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1, skipped: 1 } });
    });
  }, 180_000);
});
