// What the records must show before a release counts as soaked, and what never does.
import { describe, expect, it } from '@jest/globals';
import { judgeLowerTiers, judgeSoak, listLower } from '../../../domain/planning/soaked.ts';
import { whyLowerTiers } from '../../../domain/planning/tier-gate.ts';
import type { FleetTiers, Rollout, TierCluster } from '../../../domain/rollout.ts';
import { sampleDefinition } from './sample-fleet.ts';

const HOUR = 3_600_000;
const promotion = { soakMs: 24 * HOUR, successMinPercent: 95 };
const at = (hour: number) => new Date(Date.UTC(2026, 10, 1) + hour * HOUR).toISOString();
const cluster: TierCluster = {
  name: 'dev-1',
  tier: 'dev',
  region: 'us-east-1',
  sla: false,
  pools: [
    { name: 'batch', releaseDigest: 'sha256:new' },
    { name: 'h100', releaseDigest: 'sha256:new' },
  ],
};
const poolsOf = (releaseDigest: string, ...names: string[]) =>
  names.map((name) => ({ name, release: '2026.11', releaseDigest }));

function rollout(endedAt: string, changes: Partial<Rollout> = {}): Rollout {
  return {
    workflowId: 'upgrade.training.dev-1',
    firstExecutionRunId: 'run-1',
    fleet: 'training',
    cluster: 'dev-1',
    tier: 'dev',
    nodesNamed: false,
    pools: poolsOf('sha256:new', 'batch', 'h100'),
    startedAt: at(0),
    endedAt,
    outcome: 'succeeded',
    outcomeWhy: null,
    counts: { total: 4, done: 4, failed: 0, skipped: 0, upToDate: 0, leftAlone: 0, waiting: 0 },
    ...changes,
  };
}

const judge = (rollouts: readonly Rollout[], hour: number) =>
  judgeSoak(cluster, rollouts, { releaseDigest: 'sha256:new', promotion, now: at(hour) });

describe('a release in a cluster', () => {
  it('has soaked when a whole run of it ended well long enough ago [I195]', () => {
    expect(judge([rollout(at(1))], 25)).toEqual({ kind: 'soaked', since: at(1) });
  });

  it('soaks until its time has passed, to the moment [I195]', () => {
    expect(judge([rollout(at(1))], 24.9)).toEqual({ kind: 'soaking', since: at(1), until: at(25) });
  });

  it('soaks since the first of the runs that found it well [I195]', () => {
    const again = rollout(at(20), {
      outcome: 'nothingToDo',
      counts: { total: 4, done: 0, failed: 0, skipped: 0, upToDate: 4, leftAlone: 0, waiting: 0 },
    });
    expect(judge([again, rollout(at(1))], 25)).toEqual({ kind: 'soaked', since: at(1) });
  });

  it('is unproven where nothing is recorded [I196]', () => {
    expect(judge([], 99)).toMatchObject({ kind: 'unproven' });
  });

  const counts = { total: 100, done: 0, failed: 0, skipped: 0, upToDate: 0, leftAlone: 0, waiting: 0 };
  it.each<[string, Partial<Rollout>]>([
    ['over some nodes', { nodesNamed: true }],
    ['over some pools', { pools: poolsOf('sha256:new', 'h100') }],
    ['of the same name and other images', { pools: poolsOf('sha256:other', 'batch', 'h100') }],
    ['that was aborted', { outcome: 'aborted' }],
    ['that was cancelled', { outcome: 'cancelled' }],
    ['that its policy stopped', { outcome: 'failed', outcomeWhy: 'stopped: too many failures' }],
    ['that left nodes waiting', { counts: { ...counts, done: 90, waiting: 10 } }],
    ['below successMin', { outcome: 'failed', counts: { ...counts, done: 94, failed: 6 } }],
    ['in which all nodes were skipped', { outcome: 'failed', counts: { ...counts, skipped: 100 } }],
  ])('is unproven by a run %s [I196]', (_, changes) => {
    expect(judge([rollout(at(1), changes)], 99)).toMatchObject({ kind: 'unproven' });
  });

  it('may have failures as far as successMin allows [I195]', () => {
    const mixed = rollout(at(1), { outcome: 'failed', counts: { ...counts, done: 95, failed: 5 } });
    expect(judge([mixed], 99)).toMatchObject({ kind: 'soaked' });
  });

  it.each<[string, Partial<Rollout>]>([
    ['gave a pool another release', { pools: poolsOf('sha256:old', 'h100') }],
    ['failed on one node', { nodesNamed: true, outcome: 'failed', counts: { ...counts, failed: 1 } }],
  ])('is undone by a later run that %s, however small [I196]', (_, changes) => {
    expect(judge([rollout(at(1)), rollout(at(30), changes)], 99)).toMatchObject({ kind: 'unproven' });
  });

  it('soaks anew after a run that undid it', () => {
    const undone = rollout(at(30), { pools: poolsOf('sha256:old', 'h100') });
    const soak = judge([rollout(at(1)), undone, rollout(at(31))], 32);
    expect(soak).toEqual({ kind: 'soaking', since: at(31), until: at(55) });
  });

  it('is not undone by a small run that ended well, nor made older by it', () => {
    expect(judge([rollout(at(10)), rollout(at(1), { nodesNamed: true })], 40)).toEqual({
      kind: 'soaked',
      since: at(10),
    });
  });

  it('does not mind a pool that the file gives another release', () => {
    const mixed: TierCluster = { ...cluster, pools: [...cluster.pools.slice(1), ...ofOld('batch')] };
    const pools = [...poolsOf('sha256:new', 'h100'), ...poolsOf('sha256:old', 'batch')];
    const asked = { releaseDigest: 'sha256:new', promotion, now: at(99) };
    expect(judgeSoak(mixed, [rollout(at(1), { pools })], asked)).toMatchObject({ kind: 'soaked' });
  });
});

const ofOld = (name: string) => [{ name, releaseDigest: 'sha256:old' }];

const tiers: FleetTiers = {
  promotion,
  clusters: [{ ...cluster, name: 'prod-1', tier: 'prod' }, { ...cluster, name: 'qa-1', tier: 'qa' }, cluster],
  releases: [{ name: '2026.11', digest: 'sha256:new' }],
};

const below = (tier: 'dev' | 'qa' | 'prod', endedAt: Record<string, string>, hour: number) =>
  judgeLowerTiers(
    { promotion: tiers.promotion, clusters: listLower(tiers.clusters, tier) },
    {
      releases: tiers.releases,
      rolloutsOf: (name) => (endedAt[name] === undefined ? [] : [rollout(endedAt[name])]),
      now: at(hour),
    },
  );

describe('the tiers below', () => {
  it('are nothing to the lowest tier, and have soaked when each of their clusters has [I195]', () => {
    expect(below('dev', {}, 0)).toBeUndefined();
    expect(below('prod', { 'dev-1': at(0), 'qa-1': at(1) }, 25)).toBeUndefined();
  });

  it('name each cluster that has not, the lowest first [I196]', () => {
    const found = below('prod', {}, 0);
    expect(found?.until).toBeNull();
    expect(found?.found.map((line) => line.split(':')[0])).toEqual([
      'dev dev-1 has not soaked 2026.11',
      'qa qa-1 has not soaked 2026.11',
    ]);
  });

  it('tell when all of them will have, where only time is missing', () => {
    expect(below('prod', { 'dev-1': at(0), 'qa-1': at(3) }, 10)?.until).toBe(at(27));
    expect(below('prod', { 'dev-1': at(0) }, 10)?.until).toBeNull();
  });
});

describe('gate tier', () => {
  const held = (until: string | null, opened: readonly string[] = []) =>
    whyLowerTiers(sampleDefinition({ lowerTiers: { until, found: ['qa qa-1: no run'] } }), opened);

  it('holds a run until people say yes, and tells the time that alone is missing [I197]', () => {
    expect(held(null)?.gate.name).toBe('tier/prod');
    expect(held(null)?.why).not.toHaveProperty('until');
    expect(held(at(5))).toMatchObject({ why: { kind: 'lowerTier', until: at(5) } });
    expect(held(at(5))?.gate.evidence.join('\n')).toContain('if the records say then');
    expect(held(null, ['tier/prod'])).toBeUndefined();
    expect(held(null, ['tier/qa', 'canary'])).toBeDefined();
  });

  it('is not there where everything has soaked', () => {
    expect(whyLowerTiers(sampleDefinition(), [])).toBeUndefined();
  });
});
