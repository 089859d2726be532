// What becomes of a node whose pods do not leave in time: put back, taken again, and in the end failed.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { RunStatus } from '../../domain/status.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const deferring = { ...defaultPolicy.drain, onTimeout: 'defer', deferralsMax: 2, deferForMs: 2_000 } as const;
/** Deferred for so long that it can be seen. */
const deferForMs = () => bed.lasting(10_000);
/** What a gate gives people to read a new list of pods. */
const READ_MS = 5_000;

describe('a drain that times out', () => {
  it('defers its node, goes on with others, and returns to it by the same attempt [I155, I158]', async () => {
    const o = {
      nodes: 2,
      policy: { drain: { ...deferring, deferForMs: deferForMs() } },
      name: 'defer-and-return',
    };
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
  });

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
  });

  it('leaves a deferred node to a person who skips it, and ends well [I155]', async () => {
    const far = { ...deferring, deferForMs: 3_600_000 };
    const o = { nodes: 2, policy: { drain: far }, name: 'defer-and-skip' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.fail('drainNode', 'n1');
      await until('only the deferred one is left', (s) => s.counts.done === 1 && s.counts.waiting === 1);
      await update('skipNode', { node: 'n1', by: 'sam', reason: 'its job runs for a week' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1, skipped: 1 } });
    });
  });
});

const bare = (...names: string[]) =>
  names.map((name) => ({ namespace: 'default', name, uid: `uid-${name}` }));
const forcing = { ...deferring, onTimeout: 'force', deferralsMax: 1 } as const;
const hasGate = (name: string) => (s: RunStatus) => s.gates.some((gate) => gate.name === name);

describe('gate force', () => {
  it('asks for the pods by UID, asks again when they are others, and lets go those that were seen [I160, I161]', async () => {
    const o = { nodes: 1, policy: { drain: forcing }, name: 'force-approved' };
    await withRun(bed, o, async ({ handle, until, update, world, child }) => {
      world.bare.set('n1', bare('b1', 'b2'));
      const asked = await until('gate', hasGate('force/n1'));
      expect(asked.gates[0]?.evidence.join()).toContain('pod uid-b1 default/b1');
      expect(asked.active).toMatchObject([{ node: 'n1', state: 'draining', until: null }]);
      // Somebody has made another one in the meantime.
      const changedAt = Date.now();
      world.bare.set('n1', bare('b1', 'b2', 'b3'));
      await update('approve', { gate: 'force/n1', by: 'sam' });
      const again = await until('asked again', (s) =>
        s.gates.some(({ evidence }) => evidence.join().includes('uid-b3')),
      );
      expect(world.forced).toEqual([]);
      expect((await child('n1').describe()).status.name).toBe('RUNNING');
      expect(again.gates).toHaveLength(1);
      const kim = { gate: 'force/n1', by: 'kim' };
      const early = await update('approve', kim).catch((error: unknown) => error);
      // Unless this process slept over all that time.
      if (Date.now() - changedAt < READ_MS) expect(early).toBeInstanceOf(WorkflowUpdateFailedError);
      await pause(READ_MS);
      if (early instanceof WorkflowUpdateFailedError) await update('approve', kim);
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(world.forced).toEqual([['uid-b1', 'uid-b2', 'uid-b3']]);
      expect(world.decisions.map(({ kind, subject, by }) => [kind, subject, by])).toEqual([
        ['approve', 'force/n1', 'sam'],
        ['approve', 'force/n1', 'kim'],
      ]);
    });
  });

  it('that is rejected defers the node, which asks again when it comes back, and then fails [I162]', async () => {
    const o = {
      nodes: 1,
      policy: { drain: { ...forcing, deferForMs: deferForMs() } },
      name: 'force-rejected',
    };
    await withRun(bed, o, async ({ until, update, world }) => {
      world.bare.set('n1', bare('b1'));
      await until('gate', hasGate('force/n1'));
      await update('reject', { gate: 'force/n1', by: 'sam', reason: 'its job is dear' });
      await until('deferred', (s) => s.waiting.some(({ on }) => on.includes('force rejected by sam')));
      expect(world.cordoned.has('n1')).toBe(false);
      await until('gate again', hasGate('force/n1'));
      await update('reject', { gate: 'force/n1', by: 'sam', reason: 'still' });
      const tripped = await until('failed', (s) => s.phase === 'paused');
      expect(tripped.counts).toMatchObject({ failed: 1 });
      expect(world.forced).toEqual([]);
    });
  });

  it('is closed by a skip, which puts the node back', async () => {
    const o = { nodes: 1, policy: { drain: forcing }, name: 'force-skipped' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.bare.set('n1', bare('b1'));
      await until('gate', hasGate('force/n1'));
      await update('skipNode', { node: 'n1', by: 'sam', reason: 'another day' });
      expect(await handle.result()).toMatchObject({ counts: { skipped: 1, failed: 0 } });
      expect(world.cordoned.size).toBe(0);
    });
  });

  it('is not left standing with a cordoned node when its run is terminated', async () => {
    const o = { nodes: 1, policy: { drain: forcing }, name: 'force-orphaned' };
    await withRun(bed, o, async ({ handle, until, world, child }) => {
      world.bare.set('n1', bare('b1'));
      await until('gate', hasGate('force/n1'));
      await handle.terminate('gone');
      expect(await child('n1').result()).toMatchObject({ outcome: { kind: 'putBack', uncordoned: true } });
      expect(world.cordoned.size).toBe(0);
    });
  });
});
