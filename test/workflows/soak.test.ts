// A node that soaks before it is uncordoned: what is seen of it, and what it costs.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const HOUR_MS = 3_600_000;

describe('a node that soaks', () => {
  it('costs no more history however often it is looked at, and stays cordoned until its end [I149]', async () => {
    const o = { nodes: 1, verifySoakMs: HOUR_MS, name: 'soak' };
    await withRun(bed, o, async ({ handle, until, world, child }) => {
      world.hold('soakNode', 'n1');
      await until('soaking', (s) => s.active[0]?.state === 'soaking');
      const events = async () => (await child('n1').fetchHistory()).events?.length ?? 0;
      const before = await events();
      const looks = world.count('soakNode held');
      const soaking = await until('looked at', () => world.count('soakNode held') > looks + 5);
      expect(await events()).toBe(before);
      const [active] = soaking.active;
      expect(Date.parse(active?.until ?? '') - Date.parse(active?.since ?? '')).toBe(HOUR_MS);
      expect(soaking.waiting).toMatchObject([{ subject: 'node/n1', on: 'soaking', until: active?.until }]);
      expect([...world.cordoned]).toEqual(['n1']);
      world.release('soakNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(world.histories[0]?.transitions.map(({ state }) => state)).toContain('soaking');
    });
  });

  it('and turns bad has failed while soaking, and stays cordoned', async () => {
    const o = { nodes: 1, verifySoakMs: HOUR_MS, name: 'soak-bad' };
    await withRun(bed, o, async ({ until, world }) => {
      world.fail('soakNode', 'n1');
      const tripped = await until('tripped', (s) => s.phase === 'paused');
      expect(tripped.counts).toMatchObject({ failed: 1 });
      expect(tripped.events.at(-2)?.text).toContain('failed while soaking: turned bad');
      expect([...world.cordoned]).toEqual(['n1']);
    });
  });
});
