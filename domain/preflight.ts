// What the drains of a plan would meet, node by node and in all: plain data, made once with the plan by
// domain/planning/preflight.ts. As old as the plan; a drain looks again at each pod, and decides by that alone.

/** The gravest first. */
export const RISK_KINDS = [
  /** Covered by two PodDisruptionBudgets: the eviction API refuses it for ever. */
  'twoPdbs',
  /** Its PodDisruptionBudget, as it stands, can never allow an eviction. */
  'pdbNever',
  /** No controller would bring it back. */
  'bare',
  /** Its DaemonSet is gone. */
  'daemonSetMissing',
  /** refit.dev/drain: skip, or a value that nobody knows. */
  'annotation',
  /** No other node fits its selector, affinity, tolerations and volumes. */
  'pinned',
  /** Other nodes fit, but none has the room that it asks for. */
  'noRoom',
  /** refit.dev/drain: wait. It holds the node until it has ended by itself. */
  'wait',
  /** Its PodDisruptionBudget allows no eviction now. */
  'pdbNow',
  /** A drain rule of the policy lets it wait for its end or for a checkpoint. */
  'rule',
  /** What it keeps in an emptyDir is lost. */
  'localStorage',
] as const;

export type RiskKind = (typeof RISK_KINDS)[number];

/** These hold a drain until a person deals with them; they are part of the plan's digest. */
export const BLOCK_KINDS: readonly RiskKind[] = [
  'twoPdbs',
  'pdbNever',
  'bare',
  'daemonSetMissing',
  'annotation',
];

/** One kind of trouble on one node. */
export type NodeRisk = {
  kind: RiskKind;
  pods: number;
  /** `namespace/name` of one of them. */
  example: string;
  /** Why, of that one; cut to RISK_TEXT_CHARS_MAX. */
  text: string;
};

/** What the drain of one node would meet. */
export type NodeMeets = {
  /** Pods that would be evicted, or would block. */
  pods: number;
  /** At most one of each kind, the gravest first. */
  risks: readonly NodeRisk[];
};

/** One kind of trouble over all nodes that the plan would drain. */
export type PlanRisk = {
  kind: RiskKind;
  nodes: number;
  pods: number;
  example: { node: string; pod: string; text: string };
};

/** What the drains of one pool would move, as it stood when the plan was made. */
export type PoolMoves = {
  pool: string;
  nodes: number;
  pods: number;
  /** Of the pods: owned by a Job. */
  ofJobs: number;
  /** Of the pods: under a PodDisruptionBudget. */
  guarded: number;
};

export type PlanPreflight = {
  /** The gravest first; at most one of each kind. */
  risks: readonly PlanRisk[];
  /** What the drains would move, by pool; absent: made by an older version. */
  moves?: readonly PoolMoves[];
  /** What was not looked at, and what the search for a place leaves out. */
  limits: readonly string[];
  /** Records with the `meets` of the rows, in pages; empty until somebody stores them. */
  pages: readonly string[];
};

export const RISK_TEXT_CHARS_MAX = 200;

/** The `meets` of one row, as a page of them is stored. */
export type MeetsRow = { node: string; meets: NodeMeets };

/** Of the JSON of one page: in UTF-8 it stays below the 256 KB of a payload. */
export const MEETS_PAGE_CHARS_MAX = 80_000;
