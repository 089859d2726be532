// What a run may know of the tiers below it: the rollouts that the records keep, judged at its start. Used by
// workers and by `refit plan` alike. Must never let a run through because records could not be read.
import type { Records } from '../adapters/ports/records.ts';
import { judgeLowerTiers, listLower } from '../domain/planning/soaked.ts';
import { rolloutKey } from '../domain/rollout.ts';
import type { Rollout } from '../domain/rollout.ts';
import type { RunReport } from '../domain/report.ts';
import type { FleetUpgradeInput, RunDefinition } from '../domain/run.ts';
import type { ActivityDeps } from './deps.ts';

/** Older runs of a cluster say nothing that so many newer ones do not. */
const ROLLOUTS_READ_MAX = 50;

export async function collectRollouts(
  records: Records,
  o: { fleet: string; cluster: string },
): Promise<readonly Rollout[]> {
  const digests = await records.list({ kind: 'rollout', key: rolloutKey(o) });
  const bodies = await Promise.all(digests.slice(-ROLLOUTS_READ_MAX).map((digest) => records.get(digest)));
  // Safe to take as rollouts: the records check each against its digest, and only recordReport writes them.
  return bodies.filter((body) => body !== undefined) as Rollout[];
}

/** What the run keeps, with what has not soaked below it. */
export async function resolveWithTiers(
  deps: Pick<ActivityDeps, 'fleetFiles' | 'records' | 'now'>,
  input: FleetUpgradeInput,
): Promise<RunDefinition> {
  const definition = await deps.fleetFiles.resolveRun(input);
  const { fleet, tier, releases, releaseDigests } = definition;
  const tiers = await deps.fleetFiles.collectTiers({ fleet });
  const lower = listLower(tiers, tier);
  if (lower.length === 0 || releaseDigests === undefined) return definition;
  const rollouts = new Map(
    await Promise.all(
      lower.map(
        async ({ name }) => [name, await collectRollouts(deps.records, { fleet, cluster: name })] as const,
      ),
    ),
  );
  const wanted = new Map(
    Object.entries(releaseDigests).map(([pool, digest]) => [digest, releases[pool]?.name ?? '']),
  );
  const lowerTiers = judgeLowerTiers(tiers, {
    tier,
    releases: [...wanted].map(([digest, name]) => ({ name, digest })),
    rolloutsOf: (cluster) => rollouts.get(cluster) ?? [],
    now: deps.now().toISOString(),
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
