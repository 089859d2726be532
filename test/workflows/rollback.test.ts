// Runs that are rolled back, on a real server with the real planner: by their policy, by a person, across
// continue-as-new, and stopped by a way back that fails.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import type { FakeWorld } from './fake-world.ts';
import { policyOf } from './shapes.ts';
import { withRealPlanner } from './real-planner.ts';

let bed: Bed;
beforeAll(async () => {
  // So small that a rollback of a few nodes continues as new more than once.
  bed = await startBed({ continueAfterEvents: 120 });
});
afterAll(async () => {
  await stopBed(bed);
});

const prepare = (world: FakeWorld) => withRealPlanner(world, { notReady: new Set() });
const { failure } = policyOf();
const rollsBack = { failure: { ...failure, onExceeded: 'rollback' as const } };
const reimages = (world: FakeWorld) =>
  world.calls.filter(({ step }) => step === 'reimageTask').map(({ node, attempt }) => [node, attempt]);

describe('a rollback', () => {
  it('follows a canary that fails, by its policy: it goes back, verified, and nothing else is begun [I185] [I188]', async () => {
    const canary = { nodes: { kind: 'count' as const, count: 1 }, soakMs: 0 };
    const o = { nodes: 3, unavailableMax: 3, policy: { ...rollsBack, canary }, prepare };
    await withRun(bed, o, async ({ handle, world }) => {
      world.fail('verifyNode', 'n1');
      expect(await handle.result()).toMatchObject({
        outcome: 'rolledBack',
        counts: { done: 0, failed: 0, skipped: 2, wentBack: 1 },
      });
      expect(reimages(world)).toEqual([
        ['n1', 1],
        ['n1', 2],
      ]);
      expect([world.laid.get('n1'), world.cordoned.size]).toEqual(['2026.09', 0]);
      expect(world.decisions).toMatchObject([{ kind: 'rollback', by: 'policy test' }]);
      expect(world.reports[0]).toMatchObject({
        outcome: 'rolledBack',
        outcomeWhy: 'rolled back by policy test: canary n1 of pool h100 failed',
        notes: [{ node: 'n1', state: 'wentBack', why: 'went back to 2026.09' }, {}, {}],
      });
      expect(world.histories.map(({ from, to, attempt }) => [from, to, attempt])).toEqual([
        ['2026.09', '2026.11', 1],
        ['2026.11', '2026.09', 2],
      ]);
    });
  });

  it('that a person asks for takes the newest back first, one at a time, across continue-as-new [I186] [I187] [I192]', async () => {
    await withRun(bed, { nodes: 8, prepare }, async ({ handle, until, update, world, firstRunId }) => {
      world.hold('drainNode', 'n6');
      await until('five done', (s) => s.counts.done === 5 && s.active.some(({ node }) => node === 'n6'));
      world.hold('drainNode', 'n1');
      const { effect } = await update('rollback', { by: 'sam', reason: 'the new driver is slow' });
      expect(effect).toBe('5 nodes go back; 2 waiting nodes are dropped; 1 at work are put back or finished');
      const status = await until('rolling back', (s) => s.phase === 'rolling-back');
      expect(status.phaseWhy).toContain('rolled back by sam: the new driver is slow');
      world.release('drainNode', 'n1');
      expect(await handle.result()).toMatchObject({
        outcome: 'rolledBack',
        counts: { done: 0, skipped: 3, wentBack: 5 },
      });
      expect(reimages(world).slice(5)).toEqual(['n5', 'n4', 'n3', 'n2', 'n1'].map((node) => [node, 2]));
      expect(world.cordonedMost).toBe(1);
      expect((await handle.describe()).runId).not.toBe(firstRunId);
    });
  });

  it('stops for a person when a way back fails, and goes on by retry and resume [I189]', async () => {
    await withRun(bed, { nodes: 3, prepare }, async ({ handle, until, update, world }) => {
      world.hold('drainNode', 'n3');
      await until('two done', (s) => s.counts.done === 2 && s.active.some(({ node }) => node === 'n3'));
      world.fail('verifyNode', 'n2');
      await update('abort', { by: 'sam', reason: 'slow', rollback: true });
      const stopped = await until('stopped', (s) => s.phase === 'paused');
      expect(stopped.phaseWhy).toContain('node n2 could not go back: verifying: wrong version');
      expect(stopped.counts).toMatchObject({ failed: 1, waiting: 1 });
      await update('retryNode', { node: 'n2', by: 'sam' });
      await until('n2 back', (s) => s.counts.wentBack === 1);
      await update('resume', { by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'rolledBack', counts: { wentBack: 2 } });
      expect(reimages(world).slice(2)).toEqual([
        ['n2', 2],
        ['n2', 3],
        ['n1', 2],
      ]);
    });
  });

  it('only lifts the cordon of a node whose drain failed [I190]', async () => {
    const o = { nodes: 3, policy: rollsBack, prepare };
    await withRun(bed, o, async ({ handle, world }) => {
      world.fail('drainNode', 'n2');
      expect(await handle.result()).toMatchObject({
        outcome: 'rolledBack',
        counts: { wentBack: 2, skipped: 1 },
      });
      expect(reimages(world)).toEqual([
        ['n1', 1],
        ['n1', 2],
      ]);
      expect([world.count('putBackNode', 'n2'), world.cordoned.size]).toEqual([1, 0]);
    });
  });

  it('asks at the same gates as the way there [I185]', async () => {
    const o = { nodes: 2, approval: { before: 'node' as const }, prepare };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      await until('gate', (s) => s.gates.length === 1);
      await update('approve', { gate: 'node/n1', by: 'sam' });
      await until('n1 done', (s) => s.counts.done === 1);
      await update('rollback', { by: 'sam', reason: 'slow' });
      const asked = await until('gate of the way back', (s) => s.gates[0]?.name === 'node/n1');
      expect(asked.gates[0]).toMatchObject({ name: 'node/n1' });
      expect(asked.gates[0]?.evidence.join('\n')).toContain(
        '2026.11 → 2026.09\ngoes back to what it ran before',
      );
      await update('approve', { gate: 'node/n1', by: 'ana' });
      expect(await handle.result()).toMatchObject({ outcome: 'rolledBack', counts: { wentBack: 1 } });
      expect(world.laid.get('n1')).toBe('2026.09');
    });
  });
});
