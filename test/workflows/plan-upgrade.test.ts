// The plan alone, by a workflow on a real server: what it answers, page by page and after its end, what it
// refuses; and a run that demands another plan, which says what has moved.
import { WorkflowFailedError } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanPage } from '../../domain/status.ts';
import type { PlanUpgradeResult } from '../../workflows/messages.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed } from './bed.ts';
import type { FakeWorld } from './fake-world.ts';

let bed: Bed;
beforeAll(async () => {
  bed = await startBed();
});
afterAll(async () => {
  await stopBed(bed);
});

const input = { fleet: 'training', cluster: 'prod-east', planDigest: 'sha256:before' };

/** As the planner would tell it: a preflight with a page of its own, and what has moved. */
function lay(world: FakeWorld): void {
  const example = { node: 'n1', pod: 'ml/debug', text: 'no controller' };
  const risk = { kind: 'bare' as const, pods: 1, example: 'ml/debug', text: 'no controller' };
  world.meets = world.rows.map(({ node }) => ({
    node,
    meets: { pods: 3, risks: node === 'n1' ? [risk] : [] },
  }));
  world.outcome = {
    kind: 'planned',
    summary: {
      digest: 'sha256:plan',
      observedAt: new Date().toISOString(),
      pages: ['sha256:page'],
      rows: world.rows.length,
      counts: { upgrade: world.rows.length, upToDate: 0, leftAlone: 0 },
      pools: [],
      oldRootVolumes: null,
      warnings: [],
      preflight: {
        risks: [{ kind: 'bare', nodes: 1, pods: 1, example }],
        limits: [],
        pages: ['sha256:meets'],
      },
    },
    moved: [{ part: 'nodes', text: 'n9: went' }],
  };
}

async function historyOf(id: string): Promise<readonly string[]> {
  const { events } = await bed.client.workflow.getHandle(id).fetchHistory();
  return (events ?? []).flatMap(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? [],
  );
}

describe('a plan made by a worker', () => {
  it('answers head, definition and estimate, and its rows by query after its end; touches nothing [I176]', async () => {
    const o = { type: 'planUpgrade', input, nodes: 500, prepare: lay };
    await withRun(bed, o, async ({ handle, id, world }) => {
      const result = (await handle.result()) as PlanUpgradeResult;
      if (result.kind === 'refused') throw new Error('refused');
      expect(result.summary.digest).toBe('sha256:plan');
      expect(result.definition).toMatchObject({ fleet: 'training', planDigest: 'sha256:before' });
      expect(result.estimate.whole.highMs).toBe(120_000);
      expect(result.moved).toEqual([{ part: 'nodes', text: 'n9: went' }]);
      expect(await historyOf(id)).toEqual(['resolveRun', 'planForPeople', 'readPlanPage', 'readMeetsPage']);
      expect(world.calls).toEqual([]);
      const names: string[] = [];
      let after: string | null = '';
      let pages = 0;
      const closed = bed.env.client.workflow.getHandle(id);
      while (after !== null) {
        const page: PlanPage = await closed.query('plan', after === '' ? {} : { after });
        expect(JSON.stringify(page).length).toBeLessThan(256 * 1024);
        expect(page.rows.every(({ meets }) => meets?.pods === 3)).toBe(true);
        names.push(...page.rows.map(({ node }) => node));
        after = page.next;
        pages += 1;
      }
      expect(names).toEqual(world.rows.map(({ node }) => node));
      expect(pages).toBeGreaterThan(1);
      expect(await closed.query('plan', { node: 'n1' })).toMatchObject({
        total: 1,
        rows: [{ node: 'n1', meets: { risks: [{ kind: 'bare' }] } }],
      });
    });
  });

  it('answers what would refuse a run, and fails on an input that no run would take [I176]', async () => {
    const refusals = [{ kind: 'x', where: 'n1', text: 'no providerID' }];
    const refused = {
      type: 'planUpgrade',
      nodes: 1,
      prepare: (world: FakeWorld) => (world.outcome = { kind: 'refused', refusals }),
    };
    await withRun(bed, refused, async ({ handle }) => {
      expect(await handle.result()).toEqual({ kind: 'refused', refusals });
    });
    const wrong = { type: 'planUpgrade', nodes: 1, input: { fleet: 'training', cluster: 'prod-west' } };
    await withRun(bed, wrong, async ({ handle }) => {
      const failure = await handle.result().catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(WorkflowFailedError);
      expect((failure as WorkflowFailedError).cause).toMatchObject({
        type: 'InvalidInput',
        message: expect.stringContaining('prod-west'),
      });
    });
  });
});

describe('a run that was started for another plan', () => {
  it('touches nothing and says what has moved [I175]', async () => {
    const o = { nodes: 2, input, prepare: lay };
    await withRun(bed, o, async ({ handle, world }) => {
      const failure = await handle.result().catch((error: unknown) => error);
      expect((failure as WorkflowFailedError).cause).toMatchObject({
        type: 'PlanChanged',
        message: expect.stringMatching(/sha256:before[^]*\nnodes: n9: went$/),
      });
      expect(world.count('cordonNode')).toBe(0);
    });
  });
});
