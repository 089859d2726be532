// What a run may know of the tiers below it: the rollouts that the records keep, judged at its start and again
// each time it plans. Used by workers and by `refit plan` alike. Must never let a run through because records
// could not be read, or because time has passed.
import type { Records } from '../adapters/ports/records.ts';
import { own } from '../domain/own.ts';
import { judgeLowerTiers, listLower } from '../domain/planning/soaked.ts';
import { gateOfTier } from '../domain/planning/tier-gate.ts';
import { rolloutKey } from '../domain/rollout.ts';
import type { Rollout, TiersBelow } from '../domain/rollout.ts';
import type { RunReport } from '../domain/report.ts';
import type { FleetUpgradeInput, RunDefinition } from '../domain/run.ts';
import { createBoundedCache } from './bounded-cache.ts';
import type { BoundedCache } from './bounded-cache.ts';
import type { ActivityDeps } from './deps.ts';

/** Older runs of a cluster say nothing that so many newer ones do not. */
const ROLLOUTS_READ_MAX = 50;

export async function collectRollouts(
  records: Records,
  o: { fleet: string; cluster: string },
  /** A record never changes: whoever asks often reads each once. */
  kept?: BoundedCache<Rollout>,
): Promise<readonly Rollout[]> {
  const digests = await records.list({ kind: 'rollout', key: rolloutKey(o) });
  const bodies = await Promise.all(
    digests.slice(-ROLLOUTS_READ_MAX).map(async (digest) => {
      const known = kept?.get(digest);
      if (known !== undefined) return known;
      // Safe to take as one: the records check it against its digest, and only recordReport writes them.
      const body = (await records.get(digest)) as Rollout | undefined;
      if (body !== undefined) kept?.set(digest, body);
      return body;
    }),
  );
  return bodies.filter((body) => body !== undefined);
}

/** What the run keeps, with what has not soaked below it. */
export async function resolveWithTiers(
  deps: Pick<ActivityDeps, 'fleetFiles' | 'records' | 'now'>,
  input: FleetUpgradeInput,
): Promise<RunDefinition> {
  const definition = await deps.fleetFiles.resolveRun(input);
  const { promotion, clusters } = await deps.fleetFiles.collectTiers({ fleet: definition.fleet });
  const below = { promotion, clusters: listLower(clusters, definition.tier) };
  if (below.clusters.length === 0 || definition.releaseDigests === undefined) return definition;
  const kept = { ...definition, tiersBelow: boundedBelow(below) };
  return await judged(deps, kept, { below, read: (cluster) => collectRollouts(deps.records, cluster) });
}

/** A run carries them in each question to its planner: a large fleet's are read from its file each time. */
const BELOW_CHARS_MAX = 8_192;

function boundedBelow(below: TiersBelow): TiersBelow | 'inFile' {
  return JSON.stringify(below).length <= BELOW_CHARS_MAX ? below : 'inFile';
}

/** The same definition, with what the records show now; a yes that was given stands. */
export type TierJudge = (definition: RunDefinition, gatesOpened: readonly string[]) => Promise<RunDefinition>;

/** Of a thousand runs one line each: the newest of twenty clusters. */
const ROLLOUTS_KEPT_MAX = 1_000;

export function createTierJudge(deps: Pick<ActivityDeps, 'fleetFiles' | 'records' | 'now'>): TierJudge {
  const kept = createBoundedCache<Rollout>(ROLLOUTS_KEPT_MAX);
  return async (definition, gatesOpened) => {
    const { tiersBelow, lowerTiers, tier } = definition;
    const asksNobody = tiersBelow === undefined && lowerTiers === undefined;
    if (asksNobody || gatesOpened.includes(gateOfTier(tier))) return definition;
    const below = typeof tiersBelow === 'object' ? tiersBelow : await readBelow(deps, definition);
    const read = (cluster: { fleet: string; cluster: string }) =>
      collectRollouts(deps.records, cluster, kept);
    return await judged(deps, definition, { below, read });
  };
}

/** Of a run of an older version, which kept only what was found, and of one that had too many to keep. */
async function readBelow(
  { fleetFiles }: Pick<ActivityDeps, 'fleetFiles'>,
  { fleet, tier }: RunDefinition,
): Promise<TiersBelow> {
  const { promotion, clusters } = await fleetFiles.collectTiers({ fleet });
  return { promotion, clusters: listLower(clusters, tier) };
}

async function judged(
  { now }: Pick<ActivityDeps, 'now'>,
  { lowerTiers: _, ...definition }: RunDefinition,
  o: {
    below: TiersBelow;
    read: (cluster: { fleet: string; cluster: string }) => Promise<readonly Rollout[]>;
  },
): Promise<RunDefinition> {
  const { fleet, releases, releaseDigests = {} } = definition;
  const rollouts = new Map(
    await Promise.all(
      o.below.clusters.map(async ({ name }) => [name, await o.read({ fleet, cluster: name })] as const),
    ),
  );
  const wanted = new Map(
    Object.entries(releaseDigests).map(([pool, digest]) => [digest, own(releases, pool)?.name ?? '']),
  );
  const lowerTiers = judgeLowerTiers(o.below, {
    releases: [...wanted].map(([digest, name]) => ({ name, digest })),
    rolloutsOf: (cluster) => rollouts.get(cluster) ?? [],
    now: now().toISOString(),
  });
  return lowerTiers === undefined ? definition : { ...definition, lowerTiers };
}

/** Undefined: it goes on, or says nothing of what it laid where. */
export function rolloutOf(report: RunReport): Rollout | undefined {
  const { scope, outcome, workflowId, firstExecutionRunId, fleet, cluster, startedAt, endedAt, counts } =
    report;
  if (scope === undefined || outcome === null) return undefined;
  const outcomeWhy = report.outcomeWhy ?? null;
  const run = { workflowId, firstExecutionRunId, fleet, cluster, startedAt, endedAt };
  return { ...scope, ...run, outcome, outcomeWhy, counts };
}
