// What one run did to one cluster, as the records keep it for good, and what a fleet's tiers are made of:
// the two things by which it is judged whether a release has soaked. Only facts; the judgement is
// domain/planning/soaked.ts.
import type { Promotion, Tier } from './fleet.ts';
import type { RunOutcome, RunReport } from './report.ts';

/** Which release a run laid on which pools. `releaseDigest` is over name, all images and expectations. */
export type RolloutScope = {
  tier: Tier;
  /** Only some nodes were asked for. */
  nodesNamed: boolean;
  pools: readonly { name: string; release: string; releaseDigest: string }[];
};

export type Rollout = RolloutScope & {
  workflowId: string;
  firstExecutionRunId: string;
  fleet: string;
  cluster: string;
  startedAt: string;
  endedAt: string;
  outcome: RunOutcome;
  /** What ended it before its work was done; null: nothing did. */
  outcomeWhy: string | null;
  counts: RunReport['counts'];
};

/** A cluster as its tier sees it. */
export type TierCluster = {
  name: string;
  tier: Tier;
  region: string;
  /** Has a pool with an SLA. */
  sla: boolean;
  /** Digest of the release that each pool should run, by the fleet file. */
  pools: readonly { name: string; releaseDigest: string }[];
};

export type FleetTiers = {
  promotion: Promotion;
  /** In the file's order. */
  clusters: readonly TierCluster[];
  /** Of the whole catalog. */
  releases: readonly { name: string; digest: string }[];
};

/** What a run is judged by: the clusters of the tiers below its own. */
export type TiersBelow = Pick<FleetTiers, 'promotion' | 'clusters'>;

/** From the first to the last. */
export const TIERS: readonly Tier[] = ['dev', 'qa', 'prod'];

/** What keeps a run from rolling out without a yes of its own; absent in a definition: nothing does. */
export type LowerTiers = {
  /**
   * When every cluster below will have soaked, if nothing else happens: the records are asked again then. Null:
   * time alone does not do it.
   */
  until: string | null;
  /** One line for each cluster that has not soaked, and more in words when there are many. */
  found: readonly string[];
};

/** Under this key the rollouts of a cluster stand among the records. */
export function rolloutKey(o: { fleet: string; cluster: string }): string {
  return `${o.fleet}/${o.cluster}`;
}
