// A promotion: one release through the tiers of a fleet, cluster by cluster. What was asked, what it was
// resolved to, and what its parent knows of the run of each cluster. Plain data.
import type { Promotion, Tier } from './fleet.ts';
import type { NotificationTarget } from './notification.ts';
import type { RunOutcome } from './report.ts';
import type { Gate, RunPhase, RunStatus, WaitingItem } from './status.ts';

/** Input of `fleetUpgrade` over all clusters of a fleet. */
export type PromotionInput = {
  fleet: string;
  promote: true;
  /** Absent: the one that all pools of the fleet should run. */
  release?: string;
  /** Overrides of the pools' policies, for the runs of all clusters. */
  policy?: Readonly<Record<string, unknown>>;
  requestedBy?: string;
};

export type PromotionDefinition = {
  fleet: string;
  release: string;
  releaseDigest: string;
  requestedBy: string | null;
  promotion: Promotion;
  /** In the order in which they are taken; tiers without clusters are left out. */
  tiers: readonly { tier: Tier; clusters: readonly string[] }[];
  /** Who is told; absent: nobody. */
  notifications?: readonly NotificationTarget[];
};

/** What was seen of a cluster's run when it was looked at last. */
export type ClusterSeen = {
  at: string;
  phase: RunPhase;
  phaseWhy: string | null;
  counts: RunStatus['counts'];
  gates: readonly Gate[];
  waiting: readonly WaitingItem[];
};

/** How a cluster's run ended; `outcome` null: it failed as a workflow, was terminated, or is not known any more. */
export type ClusterEnd = { outcome: RunOutcome | null; why: string; counts: RunStatus['counts'] | null };

/** One cluster in the answer of a status. */
export type PromotionRow = {
  tier: Tier;
  cluster: string;
  workflowId: string;
  state: 'waiting' | 'running' | 'ended' | 'soaking' | 'soaked' | 'failed';
  since: string | null;
  until: string | null;
  note: string;
};
