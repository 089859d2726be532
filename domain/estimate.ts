// What a plan is expected to take, before anything has begun: time, GPUs that stand idle, people. Pure data;
// made by domain/planning/estimate.ts, shown by domain/render. A range, never a promise.
// Waiting for people is of unknown length and in none of it.

/** How long a node is away. `measured`: on how many nodes; 0: assumed from the policy. */
export type NodeSpan = { lowMs: number; highMs: number; measured: number };

/** All that the plan and the report of a run keep of it; about 150 bytes. */
export type ExpectedRun = {
  lowMs: number;
  /** Null: by what is known now it may never end. */
  highMs: number | null;
  gpuHours: { low: number; high: number };
  /** Nodes of earlier runs that it was measured on; 0: all of it is assumed from the policies. */
  measured: number;
};

/** A pool with work, from when its turn comes. */
export type PoolEstimate = {
  pool: string;
  nodes: number;
  node: NodeSpan;
  /** Watching of its canaries, once; 0: none. */
  soakMs: number;
  /** As if each node took as little, or as much, as it may. */
  earliest: { begin: string; end: string };
  /** Null: it may never end; `unending` says why. */
  latest: { begin: string; end: string } | null;
  unending?: string;
};

/** How many nodes begin in an opening, at the least and at the most; `until` null: no end is near. */
export type OpeningEstimate = {
  pool: string;
  from: string;
  until: string | null;
  nodesLow: number;
  nodesHigh: number;
};

/** A question to people. */
export type ApprovalNeed = {
  /** `node/…` stands for each of `times` nodes. */
  gate: string;
  pool: string;
  times: number;
  /** Distinct people for each. */
  approvers: number;
  /** Whoever asks for the run is none of them. */
  notRequester: boolean;
  /** Asked only then; absent: always. */
  onlyWhen?: string;
};

export type PlanEstimate = {
  /** What the time is counted from: the observation of the plan. */
  from: string;
  whole: ExpectedRun;
  pools: readonly PoolEstimate[];
  /** Of pools with windows or exclusions, at most OPENINGS_ESTIMATED_MAX. */
  openings: readonly OpeningEstimate[];
  openingsLeft: number;
  approvals: readonly ApprovalNeed[];
};

/** Two weeks of nightly windows, in a list that is read. */
export const OPENINGS_ESTIMATED_MAX = 14;
