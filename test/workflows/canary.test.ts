// Canaries, their soak, and the gates of the planner, in runs on a real server with the real planner.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { formatDuration } from '../../domain/duration.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import type { FakeWorld } from './fake-world.ts';
import { policyOf } from './shapes.ts';
import { withRealPlanner } from './real-planner.ts';
import type { Health } from './real-planner.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const canary = (soakMs: number) => ({ nodes: { kind: 'count' as const, count: 1 }, soakMs });
const { approval } = policyOf();

function prepared(notReady: readonly string[] = []): { health: Health; prepare: (world: FakeWorld) => void } {
  const health: Health = { notReady: new Set(notReady) };
  return { health, prepare: (world) => withRealPlanner(world, health) };
}

const cordons = (world: FakeWorld) =>
  world.calls.filter(({ step }) => step === 'cordonNode').map(({ node }) => node);

describe('canaries', () => {
  it('go first and alone, and the others follow when they have soaked [I113]', async () => {
    const { prepare } = prepared();
    const soakMs = bed.lasting(10_000);
    const o = { nodes: 4, unavailableMax: 3, policy: { canary: canary(soakMs) }, prepare };
    await withRun(bed, o, async ({ handle, until, world }) => {
      // The run goes on until what follows has been looked at.
      world.hold('drainNode', 'n2');
      const soaking = await until('soak', (s) => s.waiting.some(({ on }) => on.includes('are watched for ')));
      expect(soaking.counts).toMatchObject({ done: 1, waiting: 3 });
      const { on, until: soakEnd } = soaking.waiting[0] ?? {};
      expect(on).toContain(`are watched for ${formatDuration(soakMs)}`);
      await until('the others', () => cordons(world).length > 1);
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soakEnd ?? ''));
      world.release('drainNode', 'n2');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 4 } });
      expect(cordons(world).sort()).toEqual(['n1', 'n2', 'n3', 'n4']);
    });
  });

  it('that look unwell hold the others until they have been well for a whole soak [I113]', async () => {
    const { prepare, health } = prepared();
    const o = { nodes: 2, policy: { canary: canary(1_000) }, prepare };
    await withRun(bed, o, async ({ handle, until, world }) => {
      world.hold('drainNode', 'n1');
      await until('the canary at work', (s) => s.active.some(({ node }) => node === 'n1'));
      health.notReady.add('n1');
      world.release('drainNode', 'n1');
      const held = await until('unwell', (s) =>
        s.waiting.some(({ on }) => on.includes('canary n1 is not Ready')),
      );
      expect(held.counts).toMatchObject({ done: 1, waiting: 1 });
      health.notReady.delete('n1');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2 } });
      expect(cordons(world)).toEqual(['n1', 'n2']);
    });
  });

  it('that fail trip the run though more failures are allowed, and a person says whether the others follow [I117]', async () => {
    const { prepare } = prepared();
    const o = { nodes: 3, unavailableMax: 3, failuresMax: 2, policy: { canary: canary(0) }, prepare };
    await withRun(bed, o, async ({ handle, until, world, update }) => {
      world.fail('verifyNode', 'n1');
      const tripped = await until('tripped', (s) => s.phase === 'paused');
      expect(tripped.phaseWhy).toContain('canary n1 of pool h100 failed');
      await update('resume', { by: 'sam' });
      const asked = await until('gate', (s) => s.gates.length === 1);
      expect(asked.gates[0]?.name).toBe('canary');
      expect(asked.gates[0]?.evidence.join('\n')).toContain('canary n1 (us-east-1a, p5.48xlarge): failed');
      expect(cordons(world)).toEqual(['n1']);
      await update('reject', { gate: 'canary', by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'failed', counts: { failed: 1, skipped: 2 } });
    });
  });
});

describe('gates of the planner', () => {
  it('ask once for all but the canaries, and at the end for those that were not Ready [I114] [I112]', async () => {
    const { prepare } = prepared(['n2']);
    const policy = { canary: canary(0), approval: { ...approval, before: 'canary' as const } };
    const o = { nodes: 4, unavailableMax: 3, policy, prepare };
    await withRun(bed, o, async ({ handle, until, world, update, signal }) => {
      const asked = await until('gate canary', (s) => s.gates.length === 1);
      expect(asked.gates[0]).toMatchObject({ name: 'canary' });
      expect(asked.gates[0]?.evidence.join('\n')).toContain(
        'canary n1 (us-east-1a, p5.48xlarge): done, is Ready',
      );
      expect(cordons(world)).toEqual(['n1']);
      await update('approve', { gate: 'canary', by: 'sam' });
      const last = await until('gate notReady', (s) => s.gates.some(({ name }) => name === 'notReady/h100'));
      expect(last.counts).toMatchObject({ done: 3, waiting: 1 });
      expect(cordons(world).sort()).toEqual(['n1', 'n3', 'n4']);
      await signal('reject', { gate: 'notReady/h100', by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 3, skipped: 1 } });
      expect(world.decisions.map(({ kind, subject }) => [kind, subject])).toEqual([
        ['approve', 'canary'],
        ['reject', 'notReady/h100'],
      ]);
    });
  });
});
