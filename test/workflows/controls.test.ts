// What people and accidents do to a run and its nodes, in each step.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const by = { by: 'sam', reason: 'test' };
const inState = (node: string, state: string) => (s: Awaited<ReturnType<Running['status']>>) =>
  s.active.some((child) => child.node === node && child.state === state);

async function refusalOf(update: Promise<unknown>): Promise<string> {
  const error = await update.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
  return (error as WorkflowUpdateFailedError).cause?.message ?? '';
}

describe('pause', () => {
  it('lets a drain end, holds the node before its reimage, and goes on at resume [I74]', async () => {
    await withRun(bed, { nodes: 2, name: 'pause' }, async ({ handle, until, update, world, child }) => {
      world.hold('drainNode', 'n1');
      // Past its checks of the grant: a pause that came earlier would hold it before the drain.
      await until('drain begun', () => world.count('drainNode held', 'n1') > 0);
      await update('pause', by);
      world.release('drainNode', 'n1');
      await until('drained', () => world.count('drainNode', 'n1') > 0);
      const paused = await until('paused', (s) => s.phase === 'paused');
      expect(paused.phaseWhy).toContain('paused by sam');
      expect(world.count('reimageTask')).toBe(0);
      expect((await child('n1').describe()).status.name).toBe('RUNNING');
      await update('resume', { by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2 } });
    });
  });
});

describe('resume', () => {
  it('that crosses the refusal of a reimage is not lost [I74]', async () => {
    const o = { nodes: 1, name: 'resume-crossing' };
    await withRun(bed, o, async ({ handle, until, untilTold, update, world }) => {
      world.hold('drainNode', 'n1');
      await until('drain begun', () => world.count('drainNode held', 'n1') > 0);
      await update('pause', by);
      // The refusal is known to the activity, and to nobody else, until the resume is on its way.
      world.holdRefusals = true;
      world.release('drainNode', 'n1');
      await until('refused', () => world.count('refused', 'n1') > 0);
      await update('resume', { by: 'sam' });
      await untilTold('n1', 'nodeControl');
      world.holdRefusals = false;
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      // It went on by the run's word: nobody had to ask for its grant.
      expect(world.count('awaitGrant', 'n1')).toBe(0);
    });
  });
});

describe('skip', () => {
  it('drops a waiting node', async () => {
    await withRun(
      bed,
      { nodes: 2, approval: { before: 'node', firstNodes: 1 } },
      async ({ handle, until, update }) => {
        await until('gate', (s) => s.gates.length === 1);
        expect((await update('skipNode', { node: 'n2', ...by })).effect).toContain('skipped');
        await update('approve', { gate: 'node/n1', by: 'sam' });
        expect(await handle.result()).toMatchObject({ counts: { done: 1, skipped: 1 } });
      },
    );
  });

  it('stops a drain and puts the node back [I75]', async () => {
    await withRun(bed, { nodes: 2, name: 'skip-draining' }, async ({ handle, until, update, world }) => {
      world.hold('drainNode', 'n1');
      await until('draining', inState('n1', 'draining'));
      expect((await update('skipNode', { node: 'n1', ...by })).effect).toContain('put back');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1, skipped: 1 } });
      expect(world.cordoned.size).toBe(0);
      expect(world.count('reimageTask', 'n1')).toBe(0);
    });
  });

  it('is refused from reimage on, with the reason [I76]', async () => {
    await withRun(
      bed,
      { nodes: 1, name: 'skip-reimaging' },
      async ({ handle, until, update, signal, world }) => {
        world.hold('reimageNode', 'n1');
        await until('reimaging', inState('n1', 'reimaging'));
        expect(await refusalOf(update('skipNode', { node: 'n1', ...by }))).toContain('reimaging');
        await signal('skipNode', { node: 'n1', ...by });
        const noted = await until('ignored', (s) => s.ignored.length === 1);
        expect(noted.ignored[0]?.why).toContain('its old root is gone');
        world.release('reimageNode', 'n1');
        expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      },
    );
  });
});

describe('a failure', () => {
  it('trips the run: others are put back, later ones finish, and retry takes the failed one again [I77]', async () => {
    const o = { nodes: 4, unavailableMax: 3, name: 'trip-and-retry' };
    await withRun(bed, o, async ({ handle, until, update, world, status }) => {
      world.fail('verifyNode', 'n1');
      world.hold('verifyNode', 'n1');
      world.hold('drainNode', 'n2');
      world.hold('awaitRejoined', 'n3');
      await until('all three at work', (s) => s.counts.active === 3 && inState('n1', 'verifying')(s));
      await until('n3 rejoining', inState('n3', 'rejoining'));
      world.release('verifyNode', 'n1');
      const tripped = await until('tripped', (s) => s.phase === 'paused' && s.counts.active === 1);
      expect(tripped.phaseWhy).toContain('1 failed in pool h100, 0 allowed: n1');
      expect(tripped.counts).toMatchObject({ failed: 1, waiting: 2 });
      expect([...world.cordoned].sort()).toEqual(['n1', 'n3']);
      world.release('awaitRejoined', 'n3');
      await until('n3 done', (s) => s.counts.done === 1);
      expect((await update('retryNode', { node: 'n1', by: 'sam' })).effect).toContain('attempt 2');
      await until('n1 done', (s) => s.counts.done === 2);
      expect((await status()).phase).toBe('paused');
      world.release('drainNode', 'n2');
      await update('resume', { by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 4, failed: 0 } });
      expect(
        world.calls.filter((c) => c.step === 'reimageTask' && c.node === 'n1').map((c) => c.attempt),
      ).toEqual([1, 2]);
    });
  });

  it('of the last node waits for people, and skip ends the run with the node counted as skipped', async () => {
    await withRun(bed, { nodes: 1, name: 'skip-failed' }, async ({ handle, until, update, world }) => {
      world.fail('reimageNode', 'n1');
      await until('tripped', (s) => s.phase === 'paused');
      expect(await refusalOf(update('retryNode', { node: 'n9', by: 'sam' }))).toContain('no node n9');
      await update('skipNode', { node: 'n1', ...by });
      expect(await handle.result()).toMatchObject({ outcome: 'failed', counts: { skipped: 1 } });
      expect([...world.cordoned]).toEqual(['n1']);
      expect(world.reports[0]?.notes[0]?.why).toContain('stays cordoned');
    });
  });

  it('of a terminated child is told, not guessed', async () => {
    await withRun(bed, { nodes: 1 }, async ({ until, world, child, status, signal, handle }) => {
      world.hold('reimageNode', 'n1');
      await until('reimaging', inState('n1', 'reimaging'));
      await child('n1').terminate('by hand');
      await until('tripped', (s) => s.phase === 'paused');
      expect((await status()).waiting.map(({ on }) => on).join()).toContain(
        'its workflow was terminated while it was reimaging',
      );
      await signal('abort', { ...by, rollback: false });
      expect(await handle.result()).toMatchObject({ outcome: 'aborted', counts: { failed: 1 } });
    });
  });

  it('leaves a node alone that somebody else has cordoned in the meantime', async () => {
    await withRun(bed, { nodes: 2 }, async ({ handle, world }) => {
      world.fail('cordonNode', 'n1');
      expect(await handle.result()).toMatchObject({
        outcome: 'succeeded',
        counts: { done: 1, leftAlone: 1 },
      });
      expect(world.reports[0]?.notes[0]?.why).toContain('cordoned by somebody');
    });
  });
});

describe('abort and cancel', () => {
  it('abort drops what waits, puts back what drains, finishes what is reimaged [I78]', async () => {
    await withRun(
      bed,
      { nodes: 5, unavailableMax: 2, name: 'abort' },
      async ({ handle, until, update, world }) => {
        world.hold('drainNode', 'n1');
        world.hold('reimageNode', 'n2');
        await until('reimaging', inState('n2', 'reimaging'));
        await update('abort', { ...by, rollback: false });
        world.release('reimageNode', 'n2');
        expect(await handle.result()).toMatchObject({ outcome: 'aborted', counts: { done: 1, skipped: 4 } });
        expect(world.cordoned.size).toBe(0);
      },
    );
  });

  it('cancel of the workflow is an abort whose clean-up is not cancelled [I79]', async () => {
    await withRun(bed, { nodes: 3, unavailableMax: 2, name: 'cancel' }, async ({ handle, until, world }) => {
      world.hold('drainNode', 'n1');
      world.hold('reimageNode', 'n2');
      await until('reimaging', inState('n2', 'reimaging'));
      await handle.cancel();
      await until('aborting', (s) => s.phase === 'aborting');
      world.release('reimageNode', 'n2');
      await expect(handle.result()).rejects.toBeInstanceOf(WorkflowFailedError);
      expect((await handle.describe()).status.name).toBe('CANCELLED');
      expect(world.reports[0]).toMatchObject({ outcome: 'cancelled', counts: { done: 1, skipped: 2 } });
      expect(world.cordoned.size).toBe(0);
      expect(world.released).toBe(1);
    });
  });

  it('cancel of a child puts its node back', async () => {
    await withRun(bed, { nodes: 2, name: 'cancel-child' }, async ({ handle, until, world, child }) => {
      world.hold('drainNode', 'n1');
      // Shown as draining from the child's start on: what matters is that there is a drain to cancel.
      await until('held', () => world.count('drainNode held', 'n1') > 0);
      await child('n1').cancel();
      expect(await handle.result()).toMatchObject({
        outcome: 'succeeded',
        counts: { done: 1, leftAlone: 1 },
      });
      expect(world.cordoned.size).toBe(0);
    });
  });
});

describe('terminate of the run', () => {
  it('lets no child go on to reimage: the node is put back [I80]', async () => {
    await withRun(bed, { nodes: 1, name: 'terminate-draining' }, async ({ handle, until, world, child }) => {
      world.hold('drainNode', 'n1');
      // Shown as draining from the child's start on: what matters is that its cordon has happened.
      await until('cordoned', () => world.count('drainNode held', 'n1') > 0);
      await handle.terminate('by hand');
      world.release('drainNode', 'n1');
      expect(await child('n1').result()).toMatchObject({ outcome: { kind: 'putBack', uncordoned: true } });
      expect(world.count('reimageTask')).toBe(0);
    });
  });

  it('is noticed by a node that a pause holds, which is put back', async () => {
    const o = { nodes: 1, name: 'terminate-paused' };
    await withRun(bed, o, async ({ handle, until, update, world, child }) => {
      world.hold('drainNode', 'n1');
      await until('drain begun', () => world.count('drainNode held', 'n1') > 0);
      await update('pause', by);
      world.release('drainNode', 'n1');
      await until('held', () => world.count('awaitGrant', 'n1') > 0);
      await handle.terminate('by hand');
      expect(await child('n1').result()).toMatchObject({ outcome: { kind: 'putBack', uncordoned: true } });
      expect(world.count('reimageTask')).toBe(0);
    });
  });

  it('finishes a node whose reimage has begun', async () => {
    await withRun(bed, { nodes: 1, name: 'terminate-reimaging' }, async ({ handle, until, world, child }) => {
      world.hold('reimageNode', 'n1');
      await until('reimaging', inState('n1', 'reimaging'));
      await handle.terminate('by hand');
      world.release('reimageNode', 'n1');
      expect(await child('n1').result()).toMatchObject({ outcome: { kind: 'done' } });
      expect(world.cordoned.size).toBe(0);
    });
  });

  it('lets a run of the same id wait for the child of the one before, and says so', async () => {
    const o = { nodes: 1, name: 'terminate-again' };
    await withRun(bed, o, async ({ handle, id, until, status, world, child }) => {
      world.hold('reimageNode', 'n1');
      await until('reimaging', inState('n1', 'reimaging'));
      const { taskQueue } = await handle.describe();
      await handle.terminate('by hand');
      // As if the new run had adopted it: a planner would not offer a node with a foreign cordon.
      world.cordoned.clear();
      const again = await bed.client.workflow.start('fleetUpgrade', {
        taskQueue,
        workflowId: id,
        args: [{ fleet: 'training', cluster: 'prod-east' }],
      });
      const waiting = await until('refused', (s) => s.phaseWhy !== null);
      expect(waiting.phaseWhy).toContain(`no node can be started: a child of an earlier run, ${id}/node/n1`);
      expect((await status()).counts).toMatchObject({ waiting: 1, active: 0 });
      const former = await child('n1').describe();
      world.release('reimageNode', 'n1');
      expect(await again.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      // The former child came to its own end, and the node was begun anew only after it.
      const ofFormer = await bed.client.workflow.getHandle(former.workflowId, former.runId).result();
      expect(ofFormer).toMatchObject({ outcome: { kind: 'done' } });
      expect(world.count('cordonNode', 'n1')).toBe(2);
    });
  });
});

describe('one node alone', () => {
  it('is a run over a fleet of one, with gate, plan and report', async () => {
    const input = { fleet: 'training', cluster: 'prod-east', node: 'n1', release: '2026.11' };
    const o = { nodes: 1, type: 'nodeUpgrade', input, approval: { before: 'node' as const } };
    await withRun(bed, o, async ({ handle, until, signal, world }) => {
      await until('gate', (s) => s.gates[0]?.name === 'node/n1');
      await signal('approve', { gate: 'node/n1', by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(world.reports).toHaveLength(1);
    });
  });
});
