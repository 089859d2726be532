// What stands among the records of a run over a cluster, and what a run of a higher tier reads there.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createClusterActivities } from '../../activities/cluster.ts';
import { createRecordActivities } from '../../activities/records.ts';
import { collectRollouts } from '../../activities/rollouts.ts';
import type { RunReport } from '../../domain/report.ts';
import type { FleetTiers } from '../../domain/rollout.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { START, createFakeBed } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { definitionOf, policyOf } from '../workflows/shapes.ts';
import { answerOf, runActivity } from './activity-runner.ts';

const HOUR = 3_600_000;
const pools = [{ name: 'h100', releaseDigest: 'sha256:new' }];
const tiers: FleetTiers = {
  promotion: { soakMs: HOUR, successMinPercent: 100 },
  clusters: [
    { name: 'dev-1', tier: 'dev', region: 'us-east-1', sla: false, pools },
    { name: 'prod-east', tier: 'prod', region: 'us-east-1', sla: true, pools },
  ],
  releases: [{ name: '2026.11', digest: 'sha256:new' }],
};

let bed: FakeBed;
beforeEach(() => {
  bed = createFakeBed();
});

const input = { fleet: 'training', cluster: 'prod-east' };

async function resolve(changes: Partial<RunDefinition> = {}): Promise<RunDefinition> {
  const definition = {
    ...definitionOf(policyOf(), input),
    releaseDigests: { h100: 'sha256:new' },
    ...changes,
  };
  const fleetFiles = {
    ...bed.deps.fleetFiles,
    collectTiers: () => Promise.resolve(tiers),
    resolveRun: () => Promise.resolve(definition),
  };
  return await answerOf(createClusterActivities({ ...bed.deps, fleetFiles }).resolveRun, input);
}

async function record(changes: Partial<RunReport> = {}): Promise<void> {
  const report: RunReport = {
    workflowId: 'upgrade.training.dev-1',
    firstExecutionRunId: 'run-1',
    fleet: 'training',
    cluster: 'dev-1',
    requestedBy: 'ana',
    startedAt: START,
    endedAt: START,
    outcome: 'succeeded',
    plan: null,
    counts: { total: 1, done: 1, failed: 0, skipped: 0, upToDate: 0, leftAlone: 0, waiting: 0 },
    notes: [],
    notesTotal: 0,
    scope: {
      tier: 'dev',
      nodesNamed: false,
      pools: [{ name: 'h100', release: '2026.11', releaseDigest: 'sha256:new' }],
    },
    ...changes,
  };
  const run = { workflowId: report.workflowId, firstExecutionRunId: 'run-1', owner: 'default/w/run-1' };
  await answerOf(createRecordActivities(bed.deps).recordReport, { run, report });
}

describe('a run of a higher tier', () => {
  it('is told what has not soaked below, before anything else [I196]', async () => {
    const { lowerTiers } = await resolve();
    expect(lowerTiers?.until).toBeNull();
    expect(lowerTiers?.found).toEqual([
      'dev dev-1 has not soaked 2026.11: no run over the whole cluster is recorded for it',
    ]);
  });

  it('needs no yes when the records show that it has soaked [I195]', async () => {
    await record();
    bed.clock.now = new Date(Date.parse(START) + HOUR);
    expect((await resolve()).lowerTiers).toBeUndefined();
    bed.clock.now = new Date(Date.parse(START) + HOUR - 1);
    expect((await resolve()).lowerTiers?.until).toBe(new Date(Date.parse(START) + HOUR).toISOString());
  });

  it('takes no record of an older version for good, nor one of a run that goes on [I196]', async () => {
    await record({ scope: undefined } as unknown as Partial<RunReport>);
    await record({ outcome: null });
    expect(await collectRollouts(bed.records, { fleet: 'training', cluster: 'dev-1' })).toEqual([]);
    bed.clock.now = new Date(Date.parse(START) + 9 * HOUR);
    expect((await resolve()).lowerTiers?.until).toBeNull();
  });

  it('does not begin while the records cannot be read [I196]', async () => {
    bed.deps.records.list = () => Promise.reject(new Error('disk gone'));
    const fleetFiles = {
      ...bed.deps.fleetFiles,
      collectTiers: () => Promise.resolve(tiers),
      resolveRun: () =>
        Promise.resolve({ ...definitionOf(policyOf(), input), releaseDigests: { h100: 'sha256:new' } }),
    };
    const { resolveRun } = createClusterActivities({ ...bed.deps, fleetFiles });
    expect(await runActivity(resolveRun, input)).toMatchObject({ kind: 'failed' });
  });
});

it('a fleet without lower tiers reads no record', async () => {
  bed.deps.records.list = () => Promise.reject(new Error('disk gone'));
  expect((await resolve({ tier: 'dev' })).lowerTiers).toBeUndefined();
});
