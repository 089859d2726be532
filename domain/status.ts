// What a run answers when people ask: the shapes of the queries `status`, `table`, `plan`, `why` and
// `report`. Every list is bounded; no answer is larger than 256 KB at 5,000 nodes.
import type { DrainBlocker, DrainProgress, NodeStateName } from './node-state.ts';
import type { PlanRow, PlanSummary, WhyKind } from './plan.ts';
import type { PromotionRow } from './promotion.ts';
import type { RunOutcome, RunReport } from './report.ts';

export type RunPhase =
  | 'preparing'
  | 'waiting-for-cluster'
  | 'running'
  | 'paused'
  /** Nodes that are done or have failed go back to what they ran before. */
  | 'rolling-back'
  /** A person said abort, or cancelled: nodes at work are put back or finished. */
  | 'aborting'
  | 'ended';

/** A question that only a person may answer. */
export type Gate = {
  /** As the contract names them: `pool/h100`, `node/ip-…`, `adopt`. */
  name: string;
  openedAt: string;
  /** What a person should know before answering, one fact a line. */
  evidence: readonly string[];
  /** Commands that answer it. */
  answers: readonly string[];
  /** How many people must say yes. Absent from runs of older versions: one. */
  approvers?: number;
  /** Who has said so, and until when it counts; null: for good. */
  yeses?: readonly { by: string; at: string; until: string | null }[];
  /** Who may not answer with yes: the requester, where the policy says so. */
  notBy?: string;
};

/** A yes to many nodes that is not used up. */
export type StandingApproval = {
  by: string;
  at: string;
  until: string | null;
  /** `node/* (the next 5 of pool h100)` */
  what: string;
  /** To how many nodes it may still be given; null: to all that it is for. */
  left: number | null;
};

/** A node that is with a child now. */
export type ActiveNode = {
  node: string;
  pool: string;
  childId: string;
  attempt: number;
  state: NodeStateName;
  since: string;
  /** When this state's time is up, RFC 3339; null when it has none. */
  until: string | null;
  progress: DrainProgress | null;
};

/** One thing that waits. */
export type WaitingItem = {
  /** `node/ip-…`, `gate/…`, `pool/…` or `run`. */
  subject: string;
  /** What it waits for, in one word, for programs. Absent in answers of older versions. */
  kind?: WaitingKind;
  on: string;
  since: string;
  until: string | null;
  freedBy: string;
};

export type WaitingKind =
  | WhyKind
  | DrainBlocker['kind']
  /** The state that a node at work is in. */
  | NodeStateName
  | 'anotherRun'
  /** The planner cannot be asked: the API server or EC2 does not answer, or a right is missing. */
  | 'planning'
  /** A step of a node at work fails and is tried again: domain/step-trouble.ts. */
  | 'unreachable'
  | 'throttled'
  | 'forbidden'
  | 'failing';

/** A message that changed nothing, and why. Fields are cut at 1 KB. */
export type IgnoredMessage = { at: string; message: string; content: string; why: string };

export type RunEvent = { at: string; text: string };

export type RunStatus = {
  workflowId: string;
  fleet: string;
  cluster: string;
  requestedBy: string | null;
  startedAt: string;
  phase: RunPhase;
  /** Why it is paused, aborting, or waiting; null while it simply runs. */
  phaseWhy: string | null;
  outcome: RunOutcome | null;
  planDigest: string | null;
  counts: {
    total: number;
    waiting: number;
    active: number;
    done: number;
    failed: number;
    /** Of the failed, those that were not Ready before the run; absent: none. */
    failedNotReady?: number;
    skipped: number;
    upToDate: number;
    leftAlone: number;
    /** Are back on what they ran before; absent: none. */
    wentBack?: number;
  };
  /** At most 100; `counts.active` says how many there are. */
  active: readonly ActiveNode[];
  /** At most 50. */
  waiting: readonly WaitingItem[];
  /** At most 100. */
  gates: readonly Gate[];
  /** Said in advance; at most 20. Absent: nothing. */
  standing?: readonly StandingApproval[];
  /** The last 50. */
  ignored: readonly IgnoredMessage[];
  /** The last 50. */
  events: readonly RunEvent[];
  reportDigest: string | null;
  /** Of a run over several clusters: where each of them stands. */
  promotion?: { release: string | null; rows: readonly PromotionRow[] };
};

export type TableRow = {
  node: string;
  pool: string;
  zone: string;
  state: NodeStateName;
  since: string | null;
  from: string | null;
  to: string;
  attempt: number;
  /** Progress, reason or outcome in one line. */
  note: string;
};

/** `after` is the node name of the last row of the page before. */
export type PageQuery = { pool?: string; node?: string; after?: string; limit?: number };
/** 100 rows when nothing is said, 500 at most: 500 rows of 400 bytes stay under 256 KB. */
export const PAGE_LIMIT_DEFAULT = 100;
export const PAGE_LIMIT_MAX = 500;

export type TablePage = { rows: readonly TableRow[]; total: number; next: string | null };
export type PlanPage = {
  summary: PlanSummary | null;
  rows: readonly PlanRow[];
  total: number;
  next: string | null;
};
export type WhyPage = { items: readonly WaitingItem[]; total: number; next: string | null };
/** `next` continues the report's notes. */
export type ReportAnswer = { report: RunReport | null; digest: string | null; next: string | null };

/** What an accepted Update answers; a rejected one throws with the reason. */
export type UpdateAnswer = { effect: string };
