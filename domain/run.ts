// One run: what was asked, and the definition that it keeps from its first activity to its end.
// A change of the fleet file, or another worker's copy of it, changes nothing in a run that has begun.
import type { Amount } from './policy.ts';
import type { PolicyOrigins } from './policy-origins.ts';
import type { NotificationTarget } from './notification.ts';
import type { ClusterRef, Pool, Release, Tier } from './fleet.ts';
import type { LowerTiers, TiersBelow } from './rollout.ts';

/** Input of `fleetUpgrade`, as typed by people. */
export type FleetUpgradeInput = {
  fleet: string;
  cluster: string;
  pools?: readonly string[];
  release?: string;
  nodes?: readonly string[];
  /** Overrides of the pools' policies, in the fleet file's own form (`{"disruption": {"unavailableMax": 3}}`). */
  policy?: Readonly<Record<string, unknown>>;
  planDigest?: string;
  requestedBy?: string;
};

/** Input of `nodeUpgrade` when a person starts it. */
export type NodeUpgradeInput = {
  fleet: string;
  cluster: string;
  node: string;
  release?: string;
  requestedBy?: string;
};

/** What a run was given to do; immutable. At most 64 KB as JSON. */
export type RunDefinition = {
  fleet: string;
  cluster: ClusterRef;
  tier: Tier;
  /** Nodes of the whole cluster that may be away at once; null: no such bound. */
  clusterUnavailableMax: Amount | null;
  /** Pools in scope, in the order in which they are taken. Policies are effective (overrides merged). */
  pools: readonly Pool[];
  /** Release of each pool by pool name; `--release` sets it for all pools in scope. */
  releases: Readonly<Record<string, Release>>;
  /** The whole catalog, to name what nodes show now. */
  catalog: readonly Release[];
  /** Only these nodes, when the input named some. */
  nodes: readonly string[] | null;
  /** The digest that the starter demanded, when he did. */
  planDigest: string | null;
  requestedBy: string | null;
  /** Digest of the release of each pool in scope, for the records. Absent: begun by an older version. */
  releaseDigests?: Readonly<Record<string, string>>;
  /** What has not soaked in the tiers below, when last judged; absent: nothing that the run would roll out. */
  lowerTiers?: LowerTiers;
  /**
   * The clusters by whose records that is judged again. `inFile`: too many for a run to keep, they are read from
   * the fleet's file. Absent: there are none, or begun by an older version.
   */
  tiersBelow?: TiersBelow | 'inFile';
  /** Absent: nobody is told of anything, and nothing of it stands in the history. */
  notifications?: readonly NotificationTarget[];
  /** Where the values of the policies come from; absent: an older version, or more than a run may keep. */
  origins?: PolicyOrigins;
};

/** `<namespace>/<workflowId>/<firstExecutionRunId>`: stands on nodes and in the Lease. */
export type OwnerMark = string;
