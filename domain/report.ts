// What happened: decisions of people, the way of each node, the end of a run. Written once, kept as
// records, rendered by domain/render. Never holds what is not known: an absent field is unknown.
import type { NodeOutcome } from './node-state.ts';
import type { PlanSummary } from './plan.ts';
import type { PromotionRow } from './promotion.ts';
import type { RolloutScope } from './rollout.ts';

/** One thing that a person (or, named as such, the policy) decided. */
export type Decision = {
  at: string;
  kind:
    | 'approve'
    | 'reject'
    | 'pause'
    | 'resume'
    | 'skipNode'
    | 'retryNode'
    | 'abort'
    | 'cancel'
    | 'stop'
    | 'rollback'
    | 'changePolicy'
    | 'nextNode';
  /** Gate or node that it was about; null for the whole run. */
  subject: string | null;
  /** What the sender says of himself; not authenticated. */
  by: string;
  reason: string | null;
  /** Of the plan that it was about. */
  planDigest: string | null;
  /** Of a yes: which one of how many it was, `1 of 2`; absent before quorums were counted. */
  yeses?: string;
  /** What stood on the screen of whoever was asked, one fact a line. */
  evidence?: readonly string[];
  /** Of a yes that was given to many nodes in advance: when it was said. */
  saidAt?: string;
  /** Of a change of policy. */
  changes?: readonly PolicyChange[];
};

/** One field, as a fleet file writes it. */
export type PolicyChange = { field: string; from: string; to: string; pools: readonly string[] };

/** The node that has taken another one's place. */
export type Replacement = { node: string; uid: string; instanceId: string; bootId: string };

/** One entry of a node's way: when it entered a state, and what was known then. */
export type NodeTransition = { at: string; state: string; text: string };

export type NodeHistory = {
  workflowId: string;
  node: string;
  uid: string;
  pool: string;
  instanceId: string;
  attempt: number;
  from: string | null;
  to: string;
  startedAt: string;
  endedAt: string;
  transitions: readonly NodeTransition[];
  outcome: NodeOutcome;
  /** Root-volume task and the volume that was replaced, when there was one. */
  taskId: string | null;
  oldRootVolumeId: string | null;
  evidence: readonly { check: string; subject: string; expected: string; found: string; ok: boolean }[];
  /** Absent: it kept its instance, or none has joined. */
  replacement?: Replacement;
};

export type RunOutcome =
  /** No node failed, and at least one was done. What was skipped or left alone stands in `notes`, by name. */
  | 'succeeded'
  /** Every node was up to date already. */
  | 'nothingToDo'
  /** Ended with failures, or with work left and none done. */
  | 'failed'
  /** Nodes that had been done or had failed went back, as far as they could: `counts.wentBack`, `notes`. */
  | 'rolledBack'
  | 'aborted'
  | 'cancelled';

/** The end of a run. Node histories are referred to, not contained: they are read by workflow id. */
export type RunReport = {
  workflowId: string;
  firstExecutionRunId: string;
  fleet: string;
  cluster: string;
  requestedBy: string | null;
  startedAt: string;
  /** Of a run that goes on: when the report was asked for. */
  endedAt: string;
  /** Null while the run goes on; a recorded report has one. */
  outcome: RunOutcome | null;
  /** What ended it before its work was done, with its reason; null or absent: nothing did. */
  outcomeWhy?: string | null;
  plan: PlanSummary | null;
  counts: {
    total: number;
    done: number;
    failed: number;
    /** Of the failed, those that were not Ready before the run; absent: none. */
    failedNotReady?: number;
    skipped: number;
    upToDate: number;
    leftAlone: number;
    /** Are back on what they ran before; absent: none. */
    wentBack?: number;
    waiting: number;
  };
  /** Nodes that are not done and need a person's eye: why. At most REPORT_NOTES_MAX; `notesTotal` says how many. */
  notes: readonly { node: string; state: string; why: string }[];
  notesTotal: number;
  /** What it laid on which pools; absent: recorded by an older version, and proves nothing. */
  scope?: RolloutScope;
  /** Of a run over several clusters: how each of them ended, in the order of tiers. */
  promotion?: { release: string; releaseDigest: string; rows: readonly PromotionRow[] };
};

/** 500 notes of 300 characters stay under the 256 KB that a payload may have. */
export const REPORT_NOTES_MAX = 500;
