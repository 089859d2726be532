// A release through three clusters, one of each tier: the parent, the runs of the clusters, and what people say
// to them through it.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { NOTIFICATION_EVENTS } from '../../domain/notification.ts';
import type { NotificationTarget } from '../../domain/notification.ts';
import type { RunReport } from '../../domain/report.ts';
import type { RunStatus } from '../../domain/status.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';
import type { WorldOptions } from './fake-world.ts';
import { threeClusters } from './promotion-world.ts';
import type { ThreeClusters } from './promotion-world.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const promote = { fleet: 'training', release: '2026.11', promote: true, requestedBy: 'ana' };
const at = (status: RunStatus, cluster: string) =>
  status.promotion?.rows.find((row) => row.cluster === cluster);
const gateNames = (status: RunStatus) => status.gates.map(({ name }) => name);

async function withPromotion<T>(
  o: Partial<WorldOptions> & { soakMs?: number; input?: unknown; prepare?: undefined },
  work: (running: Running & { clusters: ThreeClusters }) => Promise<T>,
): Promise<T> {
  const { soakMs = 0, input = promote, ...rest } = o;
  const world = { nodes: 2, ...rest };
  const clusters = threeClusters(bed, { ...world, soakMs });
  return await withRun(bed, { ...world, input, worker: { activities: clusters.activities } }, (running) =>
    work({ ...running, clusters }),
  );
}

describe('a promotion', () => {
  it('goes from dev to qa to prod, each only after the one below has soaked [I199]', async () => {
    const soakMs = bed.lasting(10_000);
    await withPromotion({ soakMs }, async ({ handle, until, clusters, id }) => {
      const soaking = await until('dev soaks', (status) => at(status, 'dev-1')?.state === 'soaking');
      expect(at(soaking, 'qa-1')?.state).toBe('waiting');
      expect(soaking.phaseWhy).toContain('soaks until');
      expect(soaking.waiting.find(({ subject }) => subject === 'cluster/qa-1')?.until).not.toBeNull();
      expect(soaking.waiting.map(({ subject }) => subject)).toContain('cluster/prod-east');
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 6, total: 6 } });
      expect(clusters.touched()).toEqual(['dev-1', 'qa-1', 'prod-east']);
      const rollouts = clusters.records.puts.filter(({ kind }) => kind === 'rollout');
      expect(rollouts.map(({ key }) => key)).toEqual([
        'training/dev-1',
        'training/qa-1',
        'training/prod-east',
      ]);
      const times = rollouts.map(({ body }) => body as { startedAt: string; endedAt: string });
      for (const [index, { startedAt }] of times.entries()) {
        const before = times[index - 1];
        if (before === undefined) continue;
        expect(Date.parse(startedAt) - Date.parse(before.endedAt)).toBeGreaterThanOrEqual(soakMs);
      }
      const reports = clusters.records.puts.filter(({ kind, key }) => kind === 'report' && key === id);
      const report = reports[0]?.body as RunReport;
      expect(report.promotion?.rows.map(({ cluster, workflowId }) => [cluster, workflowId])).toEqual([
        ['dev-1', `${id}/cluster/dev-1`],
        ['qa-1', `${id}/cluster/qa-1`],
        ['prod-east', `${id}/cluster/prod-east`],
      ]);
    });
  });

  it('is halted by one failed cluster: nothing above is touched [I200]', async () => {
    await withPromotion({}, async ({ handle, until, update, clusters }) => {
      const qa = clusters.worlds['qa-1'];
      qa?.fail('verifyNode', 'n1');
      await until('qa has tripped', (status) => at(status, 'qa-1')?.note.includes('paused') === true);
      await update('abort', { by: 'sam', reason: 'bad image' });
      expect(await handle.result()).toMatchObject({ outcome: 'aborted' });
      expect(clusters.touched()).toEqual(['dev-1', 'qa-1']);
    });
    await withPromotion({ failuresMax: 5, unavailableMax: 2 }, async ({ handle, clusters, id }) => {
      clusters.worlds['qa-1']?.fail('verifyNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'failed' });
      expect(clusters.touched()).toEqual(['dev-1', 'qa-1']);
      const body = clusters.records.puts.find(({ kind, key }) => kind === 'report' && key === id)?.body;
      expect((body as RunReport).outcomeWhy).toContain('qa qa-1 is not good enough');
    });
  });

  it('tells of the cluster that ends it and of its end, once each, beside what the runs tell [I245]', async () => {
    const everybody: NotificationTarget = {
      name: 'everybody',
      form: 'binary',
      urlEnv: 'REFIT_NOTIFY_URL',
      headers: [],
      events: NOTIFICATION_EVENTS,
    };
    const o = { soakMs: 0, failuresMax: 5, unavailableMax: 2, notifications: [everybody] };
    await withPromotion(o, async ({ handle, clusters, id }) => {
      clusters.worlds['qa-1']?.fail('verifyNode', 'n1');
      expect(await handle.result()).toMatchObject({ outcome: 'failed' });
      const notices = Object.values(clusters.worlds).flatMap((world) =>
        world.notices.map((one) => one.notice),
      );
      // Both are sent at once: which of them arrives first is nobody's promise.
      const of = (workflowId: string) =>
        notices
          .filter((notice) => notice.workflowId === workflowId)
          .map(({ event, cluster, summary }) => ({ event, cluster, summary }))
          .sort((a, b) => a.event.localeCompare(b.event));
      expect(of(id)).toEqual([
        {
          event: 'failed',
          cluster: 'qa-1',
          summary: expect.stringContaining(
            'the promotion of 2026.11 begins nothing else: qa qa-1 is not good enough',
          ),
        },
        {
          event: 'finished',
          cluster: null,
          summary:
            'the promotion of 2026.11 has ended as failed: 3 of 4 nodes done, 1 failed; ' +
            'clusters that were good enough: dev 1 of 1, qa 0 of 1, prod 0 of 1',
        },
      ]);
      expect(of(`${id}/cluster/dev-1`)).toMatchObject([{ event: 'finished' }]);
      expect(of(`${id}/cluster/qa-1`)).toMatchObject([{ event: 'failed' }, { event: 'finished' }]);
    });
  });

  it('shows the gates of its clusters, and passes answers on, by the long name and the short [I201]', async () => {
    const approval = { before: 'node' as const, firstNodes: 2 };
    await withPromotion({ approval }, async ({ handle, until, update, signal, clusters, id }) => {
      const asked = await until('dev asks', (status) => gateNames(status).includes('dev-1/node/n1'));
      expect(asked.gates[0]?.answers[0]).toBe(`refit approve dev-1/node/n1 -w ${id}`);
      const wrong = await update('approve', { gate: 'prod-east/node/n1', by: 'sam' }).catch(
        (e: unknown) => e,
      );
      expect((wrong as WorkflowUpdateFailedError).cause?.message).toContain('prod-east is not at work');
      expect(clusters.worlds['dev-1']?.count('cordonNode')).toBe(0);
      const answer = await update('approve', { gate: 'dev-1/node/n1', by: 'sam' });
      expect(answer.effect).toContain('dev-1: node n1 is started');
      await until('n2 asks', (status) => gateNames(status).includes('dev-1/node/n2'));
      await signal('approve', { gate: 'node/n2', by: 'sam' });
      await until('qa asks', (status) => gateNames(status).includes('qa-1/node/n1'));
      await signal('approve', { gate: 'node/n1', by: 5 });
      await until('what was no message is told', (status) => status.ignored.length === 1);
      for (const cluster of ['qa-1', 'prod-east']) {
        for (const node of ['n1', 'n2']) {
          const gate = `${cluster}/node/${node}`;
          await until(`${gate} asks`, (status) => gateNames(status).includes(gate));
          await update('approve', { gate, by: 'sam' });
        }
      }
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded' });
    });
  });

  it('is paused with the cluster at work, goes on, and is ended with it', async () => {
    await withPromotion({}, async ({ handle, until, update, clusters, id }) => {
      const dev = clusters.worlds['dev-1'];
      dev?.hold('drainNode', 'n1');
      await until('dev is at work', (status) => at(status, 'dev-1')?.state === 'running');
      const paused = await update('pause', { by: 'sam', reason: 'lunch' });
      expect(paused.effect).toContain('no further cluster is begun; dev-1: no node is started');
      const child = bed.client.workflow.getHandle(`${id}/cluster/dev-1`);
      expect(((await child.query('status')) as RunStatus).phase).toBe('paused');
      expect((await update('resume', { by: 'sam' })).effect).toContain('the promotion goes on; dev-1: ');
      expect((await update('abort', { by: 'sam', reason: 'enough' })).effect).toContain('dev-1: ');
      expect(await handle.result()).toMatchObject({ outcome: 'aborted' });
      expect(await child.result()).toMatchObject({ outcome: 'aborted' });
      expect(clusters.touched()).toEqual(['dev-1']);
    });
  });

  it('is refused for what is no input, and for a single cluster with it', async () => {
    for (const input of [
      { ...promote, cluster: 'dev-1' },
      { fleet: 'training', promote: 'yes' },
    ]) {
      await withPromotion({ input }, async ({ handle, clusters }) => {
        const error = await handle.result().catch((e: unknown) => e);
        expect((error as WorkflowFailedError).cause).toMatchObject({ type: 'InvalidInput' });
        expect(clusters.touched()).toEqual([]);
      });
    }
  });
});

describe('prod asked for directly', () => {
  const direct = { fleet: 'training', cluster: 'prod-east', release: '2026.11' };

  it('asks at gate tier/prod before it touches anything, and begins after a yes [I197]', async () => {
    await withPromotion({ input: direct }, async ({ handle, until, update, clusters }) => {
      const asked = await until('the gate', (status) => gateNames(status).includes('tier/prod'));
      expect(asked.gates[0]?.evidence.join('\n')).toContain('qa qa-1 has not soaked 2026.11');
      expect(clusters.touched()).toEqual([]);
      await update('approve', { gate: 'tier/prod', by: 'sam', reason: 'hotfix' });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded' });
      const decision = clusters.records.puts.find(({ kind }) => kind === 'decision')?.body;
      expect(decision).toMatchObject({ kind: 'approve', subject: 'tier/prod', by: 'sam', reason: 'hotfix' });
    });
  });
});
