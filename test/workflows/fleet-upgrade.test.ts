// A run from its input to its report: gates, messages, refusals, and what it costs in history events.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { RunStatus } from '../../domain/status.ts';
import { readHistoryCost } from '../checker/history-cost.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

describe('a run without gates', () => {
  it('takes every node once, never more at a time than allowed, and reports [I70]', async () => {
    await withRun(bed, { nodes: 6, unavailableMax: 2 }, async ({ handle, world }) => {
      const result = await handle.result();
      expect(result).toMatchObject({ outcome: 'succeeded', report: 'sha256:report', counts: { done: 6 } });
      expect(world.cordonedMost).toBeLessThanOrEqual(2);
      expect(world.count('cordonNode')).toBe(6);
      expect(world.count('reimageTask')).toBe(6);
      expect(world.histories).toHaveLength(6);
      expect(world.reports[0]?.counts).toMatchObject({ total: 6, done: 6, waiting: 0 });
      expect(world.released).toBe(1);
    });
  });

  it('spends no more than 60 history events on a node that is not blocked [I71]', async () => {
    const events = async (nodes: number) =>
      await withRun(bed, { nodes }, async ({ handle, child }) => {
        await handle.result();
        const [{ events: parent }, { events: first }] = [
          await readHistoryCost(handle),
          await readHistoryCost(child('n1')),
        ];
        return { parent, first };
      });
    const small = await events(2);
    const large = await events(6);
    const each = (large.parent - small.parent) / 4 + large.first;
    process.stderr.write(`history events a node: ${String(each)} (child ${String(large.first)})\n`);
    expect(each).toBeLessThanOrEqual(60);
  });
});

describe('input', () => {
  it('fails at once with InvalidInput that names path, value and expectation', async () => {
    await withRun(
      bed,
      { nodes: 1, input: { fleet: 'training', cluster: 'prod-east', nods: ['n1'] } },
      async ({ handle }) => {
        const error = await handle.result().catch((e: unknown) => e);
        expect(error).toBeInstanceOf(WorkflowFailedError);
        expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'InvalidInput' });
        expect((error as WorkflowFailedError).cause?.message).toContain('nods');
      },
    );
  });

  it('fails with InvalidInput of the fleet file as well', async () => {
    await withRun(
      bed,
      { nodes: 1, input: { fleet: 'training', cluster: 'prod-west' } },
      async ({ handle }) => {
        const error = await handle.result().catch((e: unknown) => e);
        expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'InvalidInput' });
      },
    );
  });

  it('fails as Refused with every refusal, and lets the cluster go', async () => {
    await withRun(bed, { nodes: 1, name: 'refused' }, async ({ world, handle }) => {
      world.outcome = {
        kind: 'refused',
        refusals: [{ kind: 'x', where: 'node n1', text: 'has no instance' }],
      };
      const error = await handle.result().catch((e: unknown) => e);
      expect((error as WorkflowFailedError).cause).toMatchObject({
        type: 'Refused',
        message: 'node n1: has no instance',
      });
      expect(world.released).toBe(1);
    });
  });

  it('fails as PlanChanged when the plan is not the one that was demanded', async () => {
    const input = { fleet: 'training', cluster: 'prod-east', planDigest: 'sha256:other' };
    await withRun(bed, { nodes: 1, input }, async ({ handle }) => {
      const error = await handle.result().catch((e: unknown) => e);
      expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'PlanChanged' });
    });
  });
});

describe('gates', () => {
  it('asks before each of the first nodes, and starts none without a yes [I72]', async () => {
    const approval = { before: 'node' as const, firstNodes: 2 };
    await withRun(
      bed,
      { nodes: 4, approval, name: 'gates' },
      async ({ handle, until, update, signal, world }) => {
        const asked = await until('first gate', (s) => s.gates.length === 1);
        expect(asked.gates[0]?.name).toBe('node/n1');
        expect(asked.gates[0]?.evidence[0]).toContain('2026.09 → 2026.11');
        expect(world.count('cordonNode')).toBe(0);
        const answer = await update('approve', { gate: 'node/n1', by: 'sam' });
        expect(answer.effect).toContain('n1');
        await until('second gate', (s) => s.gates[0]?.name === 'node/n2');
        await signal('reject', { gate: 'node/n2', by: 'sam', reason: 'in use' });
        expect(await handle.result()).toMatchObject({
          outcome: 'succeeded',
          counts: { done: 3, skipped: 1 },
        });
        expect(world.decisions.map(({ kind, subject }) => [kind, subject])).toEqual([
          ['approve', 'node/n1'],
          ['reject', 'node/n2'],
        ]);
      },
    );
  });

  it('asks once for a pool', async () => {
    await withRun(bed, { nodes: 3, approval: { before: 'pool' } }, async ({ handle, until, signal }) => {
      await until('pool gate', (s) => s.gates[0]?.name === 'pool/h100');
      await signal('approve', { gate: 'pool/h100', by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 3 } });
    });
  });

  it('ignores what means nothing, and an Update says why [I73]', async () => {
    await withRun(
      bed,
      { nodes: 2, approval: { before: 'node' } },
      async ({ handle, until, update, signal, world }) => {
        await until('gate', (s) => s.gates.length === 1);
        const refused = async (name: string, content: unknown) => {
          const error = await update(name, content).catch((e: unknown) => e);
          expect(error).toBeInstanceOf(WorkflowUpdateFailedError);
          return (error as WorkflowUpdateFailedError).cause?.message ?? '';
        };
        expect(await refused('approve', { gate: 'node/n9', by: 'sam' })).toContain('open are node/n1');
        expect(await refused('approve', { gate: 'node/n1' })).toContain('by');
        expect(
          await refused('approve', { gate: 'node/n1', by: 'sam', planDigest: 'sha256:other' }),
        ).toContain('sha256:plan');
        expect(await refused('nextNode', { node: 'n9', by: 'sam' })).toContain('no node n9');
        await signal('approve', { gate: 'node/n1' });
        await signal('pause', { by: 'sam', reason: 'x'.repeat(1_000_000) });
        await signal('nonsense', 42);
        const noted = await until('ignored', (s) => s.ignored.length === 3);
        expect(noted.ignored.map(({ message }) => message)).toEqual(['approve', 'pause', 'nonsense']);
        expect(JSON.stringify(noted.ignored).length).toBeLessThan(5_000);
        await update('approve', { gate: 'node/n1', by: 'sam' });
        // The very same decision again has what it wished; another one comes too late.
        expect((await update('approve', { gate: 'node/n1', by: 'sam' })).effect).toContain(
          'node/n1 was decided already: approve by sam',
        );
        expect(await refused('reject', { gate: 'node/n1', by: 'ana' })).toContain('decided already');
        await signal('approve', { gate: 'node/n1', by: 'sam' });
        const twice = await until('the second yes ignored', (s) => s.ignored.length === 4);
        expect(twice.ignored.at(-1)?.why).toContain('decided already');
        await until('gate of n2', (s) => s.gates[0]?.name === 'node/n2');
        await update('approve', { gate: 'node/n2', by: 'sam' });
        expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2 } });
        expect(world.count('cordonNode', 'n1')).toBe(1);
        expect(world.decisions.filter(({ subject }) => subject === 'node/n1')).toHaveLength(1);
      },
    );
  });
});

describe('what people see without refit', () => {
  it('is in the search attributes and in the current details', async () => {
    const o = { nodes: 2, approval: { before: 'node' as const }, name: 'seen' };
    await withRun(bed, o, async ({ handle, until, update }) => {
      await until('gate', (s) => s.gates.length === 1);
      const { searchAttributes } = await handle.describe();
      expect(searchAttributes).toMatchObject({
        RefitFleet: ['training'],
        RefitCluster: ['prod-east'],
        RefitPhase: ['running'],
        RefitWaitingOn: ['gate:node/n1'],
        RefitNodesDone: [0],
        RefitNodesTotal: [2],
      });
      const { currentDetails } = (await handle.query('__temporal_workflow_metadata')) as {
        currentDetails?: string;
      };
      expect(currentDetails).toContain('### Asks for approval: node/n1');
      expect(currentDetails).toContain('temporal workflow signal -w upgrade.test.seen --name approve');
      expect(currentDetails).toContain('0 done, 1 active, 1 waiting');
      for (const node of ['n1', 'n2']) {
        await until('gate', (s) => s.gates[0]?.name === `node/${node}`);
        await update('approve', { gate: `node/${node}`, by: 'sam' });
      }
      await handle.result();
      expect((await handle.describe()).searchAttributes).toMatchObject({
        RefitPhase: ['ended'],
        RefitWaitingOn: ['nothing'],
        RefitNodesDone: [2],
      });
    });
  });

  it('says which decision and which report are in no record', async () => {
    const o = { nodes: 1, approval: { before: 'node' as const }, name: 'unrecorded' };
    await withRun(bed, o, async ({ handle, until, update, world, id }) => {
      world.recordsBroken = true;
      await until('gate', (s) => s.gates.length === 1);
      await update('approve', { gate: 'node/n1', by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', report: null });
      // The end is told as well: this client may ask a run that has ended.
      const last = (await bed.env.client.workflow.getHandle(id).query('status')) as RunStatus;
      const texts = last.events.map(({ text }) => text).join('\n');
      expect(texts).toContain('not recorded: approve node/n1 by sam: recordDecision: disk full');
      expect(texts).toContain('not recorded: the report: recordReport: disk full');
    });
  });
});

describe('holding the cluster', () => {
  it('asks at gate adopt before it takes over from a run that is gone [I72]', async () => {
    await withRun(bed, { nodes: 1, name: 'adopt' }, async ({ handle, until, world, update }) => {
      world.holder = { kind: 'needsAdoption', holder: 'default/upgrade.dead/run-1', nodes: ['n7', 'n8'] };
      const asked = await until('gate', (s) => s.gates[0]?.name === 'adopt');
      expect(asked.gates[0]?.evidence.join()).toContain('upgrade.dead');
      expect(asked.gates[0]?.evidence.join()).toContain('n7, n8');
      expect(world.count('cordonNode')).toBe(0);
      await update('approve', { gate: 'adopt', by: 'sam' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(world.adoptedFrom).toEqual(['default/upgrade.dead/run-1']);
    });
  });

  it('ends as aborted when the take-over is rejected, with nothing touched', async () => {
    await withRun(bed, { nodes: 1, name: 'adopt-rejected' }, async ({ handle, until, world, signal }) => {
      world.holder = { kind: 'needsAdoption', holder: 'default/upgrade.dead/run-1', nodes: ['n7'] };
      await until('gate', (s) => s.gates[0]?.name === 'adopt');
      await signal('reject', { gate: 'adopt', by: 'sam', reason: 'look first' });
      expect(await handle.result()).toMatchObject({ outcome: 'aborted' });
      expect(world.adoptedFrom).toEqual([]);
      expect(world.count('cordonNode')).toBe(0);
    });
  });

  it('waits for another holder and says for whom', async () => {
    await withRun(bed, { nodes: 1, name: 'holding' }, async ({ handle, until, world, signal }) => {
      world.holder = {
        kind: 'heldByOther',
        holder: 'default/upgrade.other/run-1',
        since: '2026-01-01T00:00:00Z',
      };
      const waiting = await until('held', (s) => s.phase === 'waiting-for-cluster');
      expect(waiting.phaseWhy).toContain('upgrade.other');
      await signal('abort', { by: 'sam', reason: 'no need' });
      expect(await handle.result()).toMatchObject({ outcome: 'aborted' });
    });
  });

  it('goes on waiting when the cluster cannot be asked any more, says so, and takes it when it is free', async () => {
    await withRun(bed, { nodes: 1, name: 'holding-on' }, async ({ handle, until, world }) => {
      const since = '2026-01-01T00:00:00Z';
      world.holder = { kind: 'heldByOther', holder: 'default/upgrade.other/run-1', since };
      await until('held', (s) => s.phase === 'waiting-for-cluster');
      world.holdRefused = 'cluster prod-east does not answer';
      const silent = await until('told', (s) => s.phaseWhy?.includes('does not answer') === true);
      expect(silent.phaseWhy).toContain('held by default/upgrade.other/run-1');
      world.holdRefused = null;
      world.holder = { kind: 'held' };
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
    });
  });

  it('ends at once when the cluster cannot be asked the first time, with nothing touched', async () => {
    await withRun(bed, { nodes: 1, name: 'holding-never' }, async ({ handle, world }) => {
      world.holdRefused = 'cluster prod-east does not answer';
      await expect(handle.result()).rejects.toMatchObject({ cause: { type: 'Unreachable' } });
      expect(world.count('cordonNode')).toBe(0);
    });
  });
});
