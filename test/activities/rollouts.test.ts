// What stands among the records of a run over a cluster, and what a run of a higher tier reads there.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createClusterActivities } from '../../activities/cluster.ts';
import { createRecordActivities } from '../../activities/records.ts';
import { collectRollouts } from '../../activities/rollouts.ts';
import type { PlanNextInput } from '../../activities/api.ts';
import { createObserveActivities } from '../../activities/observe.ts';
import type { NextSteps } from '../../domain/plan.ts';
import type { RunReport } from '../../domain/report.ts';
import type { FleetTiers } from '../../domain/rollout.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { START, createFakeBed } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { definitionOf, policyOf } from '../workflows/shapes.ts';
import { answerOf, runActivity } from './activity-runner.ts';
import { RUN, createWorld } from './observe-bed.ts';

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

describe('a run of a higher tier that plans what comes next', () => {
  const world = createWorld();
  const next = async (definition: RunDefinition, changes: Partial<PlanNextInput> = {}) => {
    const { fleetFiles } = world.deps;
    // Whatever becomes of the file, the run keeps the clusters that it is judged by.
    const gone = { ...fleetFiles, collectTiers: () => Promise.reject(new Error('the file is gone')) };
    const deps = { ...world.deps, records: bed.records, now: () => bed.clock.now, fleetFiles: gone };
    const run = { ...RUN, owner: 'default/w/run-1' };
    const input = { definition, run, pages: [page], codes: 'w', occupied: [], retries: [], ...changes };
    return await createObserveActivities(deps).planNext(input);
  };
  const rows = [
    {
      node: 'n1',
      uid: 'uid-n1',
      pool: 'h100',
      zone: 'us-east-1a',
      instanceId: 'i-n1',
      instanceType: 'p5.48xlarge',
      from: null,
      to: '2026.11',
      disposition: { kind: 'upgrade' },
    },
  ];
  let page = '';
  const put = async () => {
    page = await bed.records.put({ kind: 'planPage', key: 'w', body: rows });
  };
  const due = () => (bed.clock.now = new Date(Date.parse(START) + HOUR));
  const kinds = ({ waiting }: NextSteps) => waiting.map(({ why }) => why.kind);
  const found = ({ gates = [] }: NextSteps) => gates.flatMap(({ evidence }) => evidence).join('\n');

  it('is let go by the records when the soak has passed, not by time alone [I249]', async () => {
    await put();
    await record();
    const definition = await resolve();
    const early = await next(definition);
    expect(kinds(early)).toEqual(['lowerTier']);
    expect(early.waiting[0]?.why.until).toBe(new Date(Date.parse(START) + HOUR).toISOString());
    due();
    expect((await next(definition)).gates).toBeUndefined();
  });

  it('stays at its gate when a failure below was recorded while it waited [I249]', async () => {
    await put();
    await record();
    const definition = await resolve();
    await record({ endedAt: new Date(Date.parse(START) + 1).toISOString(), outcome: 'rolledBack' });
    due();
    const held = await next(definition);
    expect(kinds(held)).toEqual(['lowerTier']);
    expect(held.waiting[0]?.why).not.toHaveProperty('until');
    expect(found(held)).toContain('run upgrade.training.dev-1 ended before its work was done: rolledBack');
    expect((await next(definition, { gatesOpened: ['tier/prod'] })).gates).toBeUndefined();
  });

  it('asks at its gate also when everything had soaked when it began [I249]', async () => {
    await put();
    await record();
    due();
    const definition = await resolve();
    expect(definition.lowerTiers).toBeUndefined();
    await record({ endedAt: new Date(Date.parse(START) + HOUR).toISOString(), outcome: 'aborted' });
    expect((await next(definition)).gates?.map(({ name }) => name)).toEqual(['tier/prod']);
  });

  it('begins nothing while the records cannot be read [I249]', async () => {
    await put();
    await record();
    due();
    const definition = await resolve();
    bed.records.list = () => Promise.reject(new Error('disk gone'));
    await expect(next(definition)).rejects.toThrow('disk gone');
  });

  it('begun by an older version, is judged by the tiers of its file [I249]', async () => {
    await put();
    await record();
    const older = await resolve();
    delete older.tiersBelow;
    due();
    await expect(next(older)).rejects.toThrow('the file is gone');
  });
});
