// A change of policy in flight, and "this node next", in a run that is at work: as Update and as signal.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const by = { by: 'sam', reason: 'alarm' };
const inState = (node: string, state: string) => (s: Awaited<ReturnType<Running['status']>>) =>
  s.active.some((child) => child.node === node && child.state === state);
const unavailableMax = (count: number) => ({ disruption: { unavailableMax: count } });

async function refusalOf(update: Promise<unknown>): Promise<string> {
  const error = await update.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  return (error as WorkflowUpdateFailedError).cause?.message ?? '';
}

describe('changePolicy', () => {
  it('to a stricter budget counts at the next start, and lets nodes at work go on [I152]', async () => {
    const o = { nodes: 6, unavailableMax: 3, name: 'stricter' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      for (const node of ['n1', 'n2', 'n3']) world.hold('reimageNode', node);
      await until('three reimaging', (s) => s.active.filter((c) => c.state === 'reimaging').length === 3);
      const answer = await update('changePolicy', { ...by, policy: unavailableMax(1) });
      expect(answer.effect).toContain('disruption.unavailableMax 3 → 1 (pool h100)');
      for (const node of ['n1', 'n2', 'n3']) world.release('reimageNode', node);
      await until('three done', (s) => s.counts.done >= 3);
      world.cordonedMost = world.cordoned.size;
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 6 } });
      expect(world.cordonedMost).toBeLessThanOrEqual(1);
      expect(world.count('putBackNode')).toBe(0);
      expect(world.decisions).toMatchObject([
        {
          kind: 'changePolicy',
          by: 'sam',
          reason: 'alarm',
          changes: [{ field: 'disruption.unavailableMax', from: '3', to: '1', pools: ['h100'] }],
        },
      ]);
    });
  });

  it('starts more at once when it is more lenient, without waiting for an end', async () => {
    await withRun(bed, { nodes: 4, name: 'lenient' }, async ({ handle, until, update, world }) => {
      for (const node of ['n1', 'n2', 'n3']) world.hold('drainNode', node);
      await until('n1 draining', inState('n1', 'draining'));
      await update('changePolicy', { ...by, policy: unavailableMax(3) });
      await until('three at work', (s) => s.counts.active === 3);
      for (const node of ['n1', 'n2', 'n3']) world.release('drainNode', node);
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 4 } });
    });
  });

  it('leaves a node at work its own drain timeout, and gives the next one the new', async () => {
    await withRun(bed, { nodes: 2, name: 'drain-timeout' }, async ({ handle, until, update, world }) => {
      world.hold('drainNode', 'n1');
      world.hold('drainNode', 'n2');
      const first = await until('n1 draining', inState('n1', 'draining'));
      const answer = await update('changePolicy', { ...by, policy: { drain: { timeout: '2h' } } });
      expect(answer.effect).toContain('1 at work keeps the former drain.timeout');
      world.release('drainNode', 'n1');
      const second = await until('n2 draining', inState('n2', 'draining'));
      const minutes = (s: typeof first) => {
        const [child] = s.active;
        return (Date.parse(child?.until ?? '') - Date.parse(child?.since ?? '')) / 60_000;
      };
      expect([minutes(first), minutes(second)]).toEqual([10, 120]);
      world.release('drainNode', 'n2');
      expect(await handle.result()).toMatchObject({ counts: { done: 2 } });
    });
  });

  it('is refused in full with what is wrong: the Update rejects, the signal is ignored with it [I153]', async () => {
    await withRun(bed, { nodes: 1, name: 'refused-policy' }, async ({ until, update, signal, world }) => {
      world.hold('drainNode', 'n1');
      await until('draining', inState('n1', 'draining'));
      const wrong = { drain: { timout: '1h' }, disruption: { unavailableMax: 0 }, verify: { checks: ['x'] } };
      const why = await refusalOf(update('changePolicy', { ...by, policy: wrong }));
      expect(why).toContain('policy.drain.timout');
      expect(why).toContain('did you mean timeout?');
      expect(why).toContain('policy.disruption.unavailableMax');
      expect(why).toContain('does not enforce verify.checks');
      const fixed = await refusalOf(
        update('changePolicy', { ...by, policy: { reimage: { method: 'reboot' } } }),
      );
      expect(fixed).toContain('reimage.method cannot be changed in a run');
      await signal('changePolicy', { ...by, policy: { canary: { nodes: 1 } } });
      await signal('changePolicy', { ...by });
      const noted = await until('ignored', (s) => s.ignored.length === 2);
      const told = noted.ignored.map(({ why: text }) => text).join('\n');
      expect(told).toContain('canary.nodes');
      expect(told).toContain('policy: found nothing, expected an object');
      expect(world.decisions).toEqual([]);
    });
  });

  it('is laid over the one before, also when both come at once', async () => {
    await withRun(bed, { nodes: 1, name: 'two-changes' }, async ({ until, update, world }) => {
      world.hold('drainNode', 'n1');
      await until('draining', inState('n1', 'draining'));
      world.hold('resolvePolicyChange', '');
      const both = [
        update('changePolicy', { ...by, policy: unavailableMax(4) }),
        update('changePolicy', { ...by, policy: { failure: { failuresMax: 7 } } }),
      ];
      await until('being checked', () => world.count('resolvePolicyChange held') > 0);
      world.release('resolvePolicyChange', '');
      await Promise.all(both);
      const same = await update('changePolicy', {
        ...by,
        policy: { ...unavailableMax(4), failure: { failuresMax: 7 } },
      });
      expect(same.effect).toBe('every field has that value already');
    });
  });

  it('lets no step start that the planner was asked for by the former policy [I152]', async () => {
    const o = { nodes: 4, unavailableMax: 4, name: 'stale-steps' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.hold('planNext', '');
      await until('asked', () => world.count('planNext held') > 0);
      await update('changePolicy', { ...by, policy: unavailableMax(1) });
      world.release('planNext', '');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 4 } });
      expect(world.cordonedMost).toBe(1);
    });
  });

  it('works while the run is paused and while it has tripped, and answers why not when it aborts', async () => {
    await withRun(bed, { nodes: 3, name: 'policy-phases' }, async ({ until, update, world, handle }) => {
      world.hold('reimageNode', 'n1');
      await until('reimaging', inState('n1', 'reimaging'));
      await update('pause', by);
      expect((await update('changePolicy', { ...by, policy: unavailableMax(2) })).effect).toContain('1 → 2');
      await update('resume', { by: 'sam' });
      world.fail('reimageNode', 'n1');
      world.hold('reimageNode', 'n2');
      world.release('reimageNode', 'n1');
      await until('tripped', (s) => s.phase === 'paused');
      await update('changePolicy', { ...by, policy: { failure: { failuresMax: 1 } } });
      world.release('reimageNode', 'n2');
      await update('abort', { ...by, rollback: false });
      const late = update('changePolicy', { ...by, policy: unavailableMax(1) });
      // Either it is still aborting and says so, or it has ended and takes no more messages.
      await expect(late).rejects.toThrow();
      expect(await handle.result()).toMatchObject({ outcome: 'aborted' });
    });
  });
});

describe('nextNode', () => {
  it('goes before the others of its pool as soon as a slot is free, as signal and as Update [I154]', async () => {
    await withRun(bed, { nodes: 5, name: 'next' }, async ({ handle, until, update, signal, world }) => {
      world.hold('drainNode', 'n1');
      await until('draining', inState('n1', 'draining'));
      expect((await update('nextNode', { node: 'n4', by: 'sam' })).effect).toContain('before the others');
      await signal('nextNode', { node: 'n5', by: 'ana' });
      expect(await refusalOf(update('nextNode', { node: 'n1', by: 'sam' }))).toContain('is draining');
      await until('recorded', () => world.decisions.length === 2);
      world.release('drainNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 5 } });
      const order = world.calls.filter(({ step }) => step === 'cordonNode').map(({ node }) => node);
      expect(order).toEqual(['n1', 'n4', 'n5', 'n2', 'n3']);
      expect(world.cordonedMost).toBe(1);
      expect(world.decisions.map(({ kind, subject, by: who }) => [kind, subject, who])).toEqual([
        ['nextNode', 'n4', 'sam'],
        ['nextNode', 'n5', 'ana'],
      ]);
    });
  });
});
