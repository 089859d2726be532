// Messages under the names that a run and its children use among themselves, sent by somebody else.
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

describe('messages that only look like those of a child or a run', () => {
  it('change nothing, are noted, and hold neither [I73]', async () => {
    await withRun(bed, { nodes: 1, name: 'strangers' }, async (run) => {
      const { handle, world, until, signal, child, firstRunId } = run;
      world.hold('drainNode', 'n1');
      await until('drain begun', () => world.count('drainNode held', 'n1') > 0);
      const progress = { podsTotal: 1, podsLeft: 1, blockers: {}, blockersTotal: 1 };
      await signal('nodeProgress', { node: 'n1', progress });
      await signal('nodeState', { node: 'n1', state: 'x'.repeat(100_000) });
      const end = { node: 'n1', attempt: 1, outcome: { kind: 'putBack' }, history: null };
      await signal('nodeEnded', { parentFirstRunId: firstRunId, end });
      await child('n1').signal('nodeProgress', { node: 'n1', progress });
      await child('n1').signal('nodeControl', { kind: 'putBack' });
      const noted = await until('noted', (status) => status.ignored.length === 3);
      expect(noted.ignored.map(({ message }) => message)).toEqual(['nodeProgress', 'nodeState', 'nodeEnded']);
      expect(noted.active).toMatchObject([{ node: 'n1', state: 'draining', progress: null }]);
      world.release('drainNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
    });
  });
});
