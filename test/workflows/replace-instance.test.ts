// A run whose nodes are replaced by other instances, each launched before anything is taken.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Policy } from '../../domain/policy.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const policy: Partial<Policy> = {
  reimage: { ...defaultPolicy.reimage, method: 'replaceInstance', timeoutMs: 600_000 },
  drain: { ...defaultPolicy.drain, timeoutMs: 600_000, deferForMs: 1_000 },
};

describe('replaceInstance', () => {
  it('launches, verifies and puts into service before it cordons, and terminates after the drain [I205]', async () => {
    await withRun(bed, { nodes: 1, policy, name: 'replaced' }, async ({ handle, until, world }) => {
      world.hold('verifyNode', 'n1');
      await until('joined', () => world.count('verifyNode held', 'n1') > 0);
      expect([...world.cordoned]).toEqual([]);
      world.release('verifyNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      const ofNode = world.calls.filter(({ node, step }) => node === 'n1' && !step.endsWith('held'));
      expect(ofNode.map(({ step }) => step)).toEqual([
        'launchReplacement',
        'awaitJoined',
        'verifyNode',
        'uncordonNode',
        'cordonNode',
        'drainNode',
        'terminateNode',
      ]);
      expect(world.histories[0]).toMatchObject({
        node: 'n1',
        outcome: { kind: 'done', replacedBy: 'n1-new' },
        replacement: { node: 'n1-new', instanceId: 'i-new-n1' },
      });
      expect(world.reports[0]?.notes).toEqual([{ node: 'n1', state: 'done', why: 'replaced by n1-new' }]);
    });
  });

  it('without capacity leaves the node alone, tries again later, and counts no failure [I207]', async () => {
    const drain = { ...defaultPolicy.drain, timeoutMs: 600_000, deferForMs: bed.lasting(10_000) };
    const o = { nodes: 1, policy: { ...policy, drain }, name: 'no-capacity' };
    await withRun(bed, o, async ({ handle, until, world }) => {
      world.fail('launchReplacement', 'n1');
      const waits = await until('deferred', (s) =>
        s.waiting.some(({ on }) => on.startsWith('deferred until')),
      );
      expect(waits).toMatchObject({ phase: 'running', counts: { failed: 0 } });
      expect(waits.waiting).toMatchObject([
        { subject: 'node/n1', kind: 'noCapacity', on: expect.stringContaining('no capacity') },
      ]);
      expect(world.cordonedMost).toBe(0);
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1, failed: 0 } });
    });
  });

  it('takes away what was launched when somebody skips the node before it is in service [I211]', async () => {
    await withRun(
      bed,
      { nodes: 2, policy, name: 'skip-joining' },
      async ({ handle, until, update, world }) => {
        world.hold('awaitJoined', 'n1');
        await until('joining', () => world.count('awaitJoined held', 'n1') > 0);
        const { effect } = await update('skipNode', { node: 'n1', by: 'sam', reason: 'not now' });
        expect(effect).not.toBe('');
        expect(await handle.result()).toMatchObject({
          outcome: 'succeeded',
          counts: { done: 1, skipped: 1 },
        });
        expect(world.count('removeReplacement', 'n1')).toBe(1);
        expect(world.count('cordonNode', 'n1')).toBe(0);
        expect([...world.launched]).toEqual(['n2/1']);
      },
    );
  });

  it('fails untouched when its replacement never joins, and is launched for anew by a retry [I205]', async () => {
    await withRun(
      bed,
      { nodes: 1, policy, name: 'never-joins' },
      async ({ handle, until, update, world }) => {
        world.fail('awaitJoined', 'n1');
        const tripped = await until('failed', (s) => s.phase === 'paused');
        expect(tripped.counts).toMatchObject({ failed: 1 });
        expect(world.cordonedMost).toBe(0);
        expect(world.histories[0]?.outcome).toMatchObject({
          kind: 'failed',
          at: 'rejoining',
          untouched: true,
        });
        await update('retryNode', { node: 'n1', by: 'sam' });
        await update('resume', { by: 'sam' });
        expect(await handle.result()).toMatchObject({ counts: { done: 1, failed: 0 } });
        expect(
          world.calls.filter(({ step }) => step === 'launchReplacement').map(({ attempt }) => attempt),
        ).toEqual([1, 2]);
      },
    );
  });

  it('is held by a pause right before the old instance goes, and goes on after it [I208]', async () => {
    await withRun(
      bed,
      { nodes: 1, policy, name: 'paused-drained' },
      async ({ handle, until, update, world }) => {
        world.hold('drainNode', 'n1');
        await until('draining', () => world.count('drainNode held', 'n1') > 0);
        await update('pause', { by: 'sam', reason: 'look' });
        world.release('drainNode', 'n1');
        await until('held', () => world.count('awaitGrant', 'n1') > 0);
        expect(world.count('terminateNode', 'n1')).toBe(0);
        await update('resume', { by: 'sam' });
        expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      },
    );
  });

  it('takes the instance in service up again when its drain was deferred, and launches no other [I206]', async () => {
    const drain = {
      ...defaultPolicy.drain,
      timeoutMs: 600_000,
      deferForMs: 1_000,
      onTimeout: 'defer' as const,
    };
    const o = { nodes: 1, policy: { ...policy, drain }, name: 'replaced-deferred' };
    await withRun(bed, o, async ({ handle, world }) => {
      world.fail('drainNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1, failed: 0 } });
      expect(world.count('launchReplacement', 'n1')).toBe(1);
      expect(world.count('awaitJoined', 'n1')).toBe(2);
      const ends = world.histories.map(({ outcome }) => outcome.kind);
      expect(ends).toEqual(['deferred', 'done']);
    });
  });
});
