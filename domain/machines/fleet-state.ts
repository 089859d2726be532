// Everything that a run knows of itself, as plain JSON: it survives continue-as-new as it stands.
// Bounded at 5,000 nodes: one character a node, and lists that are cut. Rows of the plan are not here;
// they are records, read again by each run of the workflow, and handed in as the scope.
import { completeDefinition } from '../complete-definition.ts';
import type { Approval, StandingYes, Yes } from './approval-state.ts';
import type { DecisionName, FleetCommand } from './fleet-events.ts';
import type { DrainProgress, NodeStateName } from '../node-state.ts';
import type { CanaryClock } from '../planning/canary-clock.ts';
import type { Rollback } from './fleet-back.ts';
import type { StandingReason } from './fleet-since.ts';
import type { BackStep, NextSteps, NodeStep, PlanRow, PlanSummary } from '../plan.ts';
import type { Decision, RunOutcome } from '../report.ts';
import { ROW_CODES, withCode } from '../row-codes.ts';
import type { RowCode } from '../row-codes.ts';
import type { OwnerMark, RunDefinition } from '../run.ts';
import type { IgnoredMessage, RunEvent } from '../status.ts';

export type ActiveChild = {
  node: string;
  pool: string;
  childId: string;
  attempt: number;
  /** How often this attempt had been deferred before; absent: never. */
  deferrals?: number;
  /** Started because a person said retry: a trip does not hold it. */
  retry: boolean;
  state: NodeStateName;
  since: string;
  until: string | null;
  progress: DrainProgress | null;
  /** Policy's times, to say until when a state may last. */
  reimageTimeoutMs: number;
  rejoinTimeoutMs: number;
  /** Absent: begun by an older version, which knew no soak. */
  verifySoakMs?: number;
  /** It goes back; absent: forward. */
  back?: BackStep['how'];
  /** What it was told last: decides what "put back" means when it ends so. */
  told: 'skip' | 'putBack' | 'abort' | null;
  /** Started by an earlier run of this workflow: its end comes by signal, not as a result. */
  adopted: boolean;
  /** Absent: begun by an older version. */
  startedAt?: string;
  /** Somebody has said that its capacity may be lost, and nothing is in its place yet; absent: it stands. */
  givesUp?: true;
  /** Its capacity is given up, and it waits for a person. Absent: it does not. */
  stranded?: { why: string; at: string };
};

export type OpenGate = {
  name: string;
  openedAt: string;
  /** What was known when it was opened; what has happened since is added by fleet-evidence.ts. */
  evidence: readonly string[];
  /** Fewer than the gate needs; some may be void by now. Absent: none. */
  yeses?: readonly Yes[];
  about:
    | { kind: 'adopt'; holder: OwnerMark }
    | { kind: 'pool'; pool: string }
    /** Wished by the planner: fleet-canary.ts. */
    | { kind: 'canary' | 'notReady' | 'noWayBack' | 'tier'; pool: string }
    /** `step` is null once the run has continued as new: it would be too old to act upon. */
    | { kind: 'node'; node: string; pool: string; step: NodeStep | null; observedAt: string }
    /** `ask`: which of the child's questions it is; the child holds the pods that were listed. */
    | { kind: 'force'; node: string; pool: string; ask: number }
    /** As with `force`: the child holds what was looked at. */
    | { kind: 'capacity'; node: string; pool: string; ask: number };
};

export type DecidedGate = {
  gate: string;
  decision: DecisionName;
  by: string;
  planDigest: string | null;
  at: string;
  /** Who said yes before the last of a quorum did. */
  others?: readonly string[];
};

/** How a node's way ended, for those who are asked about the next one. */
export type EndedNode = { node: string; text: string };

/** A skip that a child must answer. */
export type Ask = { askId: string; node: string; by: string; reason: string; at: string };

/** Why stands in its note, as far as there is room for one. */
export type Deferral = { times: number; until: string | null; lacks?: 'capacity' };

export type Hold =
  | { kind: 'none' }
  /** `trouble`: why nobody could be asked when it was tried last. */
  | { kind: 'waiting'; holder: OwnerMark; since: string; trouble?: string }
  | { kind: 'held' };

export type RunState = {
  startedAt: string;
  definition: RunDefinition | null;
  hold: Hold;
  /** Whose Lease a person said to take over. */
  adoptFrom: OwnerMark | null;
  plan: PlanSummary | null;
  /** One character for each row of the plan, in its order. */
  codes: string;
  paused: { by: string; reason: string; at: string } | null;
  /** Latched until somebody says resume: a retry that succeeds proves one node, not the image. */
  tripped: { at: string; why: string } | null;
  /** `stopped`: by its policy, after too many failures. */
  aborting: {
    kind: 'abort' | 'cancel' | 'rejected' | 'stopped';
    by: string;
    reason: string;
    at: string;
  } | null;
  /** Null: it goes forward. */
  rollback: Rollback | null;
  /** Rows that were done, by their index in the plan, the newest last. */
  doneOrder: readonly number[];
  /** Rows whose only attempt failed before its reimage, by their index. */
  untouched: readonly number[];
  active: Readonly<Record<string, ActiveChild>>;
  gates: readonly OpenGate[];
  decided: readonly DecidedGate[];
  poolsApproved: readonly string[];
  /** Gates of the planner that people have said yes to, by name. */
  gatesOpened: readonly string[];
  /** By pool, of those whose canaries have all ended. */
  canaries: Readonly<Record<string, CanaryClock>>;
  /** Failed nodes that were not Ready before the run: fleet-apart.ts. */
  failedNotReady: number;
  /** Approved, to be planned again: what was known when they were asked for had grown old. */
  nodesApproved: readonly string[];
  /** By whose yeses pools and nodes were approved, by gate. Some may be void, or of nodes at work by now. */
  approvals: Readonly<Record<string, Approval>>;
  /** Yeses to many nodes; those that are used up stay a while, to tell a repetition. */
  standing: readonly StandingYes[];
  /** May start as soon as nothing holds the run. */
  ready: readonly { step: NodeStep; observedAt: string }[];
  /** How many node gates were opened; `firstNodes` counts them. */
  asked: number;
  /** To be taken before the others of their pools, in the order of asking. */
  next: readonly string[];
  /** How often its policies were changed: what was planned by former ones does not start. */
  policyChanges: number;
  retries: readonly { node: string; attempt: number }[];
  /** Only those above 1. */
  attempts: Readonly<Record<string, number>>;
  /** Failed nodes that a person has said to go on in spite of. */
  acknowledged: readonly string[];
  /** Failures since the last success or resume, by pool; a pool without any is absent. */
  failuresInRow: Readonly<Record<string, number>>;
  /**
   * Nodes whose pods did not leave in time, until they end; the planner begins no others above DEFERRED_MAX.
   * `until` is null while the node is taken up again.
   */
  deferred: Readonly<Record<string, Deferral>>;
  /** Why a node is not done, for nodes that are not simply waiting. */
  notes: Readonly<Record<string, { state: string; why: string; at: string }>>;
  asks: readonly Ask[];
  /** The last few nodes that ended, oldest first. */
  lastEnded: readonly EndedNode[];
  /** Nodes that turned out, since the plan, to need nothing or to be left alone; the last few by name. */
  settledSince: { nodes: number; last: readonly string[] };
  /** The last changes of policy since the plan: by whom, and what. */
  policyTold: readonly string[];
  /** What the last nodes that were done took, in seconds, by pool. */
  nodeTimes: Readonly<Record<string, readonly number[]>>;
  /** When it was resumed last: nodes begun before may have been held. */
  resumedAt: string | null;
  /** What the planner said last; null before it was asked. */
  lastPlan:
    (Pick<NextSteps, 'slots' | 'cluster'> & { at: string; waiting: readonly StandingReason[] }) | null;
  /** The planner's last answer found something to do, or something has changed since. */
  planWanted: boolean;
  planFailure: { since: string; why: string } | null;
  ignored: readonly IgnoredMessage[];
  events: readonly RunEvent[];
  outcome: RunOutcome | null;
  endedAt: string | null;
  reportDigest: string | null;
  /** What people were told of and is still so, by fleet-news.ts. */
  told: readonly string[];
};

/** The plan's rows with where each stands among them. Not carried over; read again from the records. */
export type Scope = { rows: readonly PlanRow[]; indexOf: ReadonlyMap<string, number> };

export type FleetMove =
  | { kind: 'moved'; state: RunState; effect: string; commands: readonly FleetCommand[] }
  /** Decided so before: nothing changes, and the sender has what he wished. */
  | { kind: 'same'; effect: string }
  | { kind: 'rejected'; why: string };

/** What a person may still want to read of the past; more stands in the history and in the records. */
const EVENTS_KEPT = 50;
const IGNORED_KEPT = 50;
/** Enough to tell a double-click from a second thought; older ones are told by the node's state. */
export const DECIDED_KEPT = 100;
const NOTE_CHARS_MAX = 300;
/** 200 notes of 300 characters are a third of what one payload should hold; the records have the rest. */
const NOTES_KEPT = 200;
/** An observation older than this is not acted upon after an approval: the planner is asked again. */
export const STEP_FRESH_MS = 60_000;

export function newRunState(startedAt: string): RunState {
  return {
    startedAt,
    definition: null,
    hold: { kind: 'none' },
    adoptFrom: null,
    plan: null,
    codes: '',
    paused: null,
    tripped: null,
    aborting: null,
    rollback: null,
    doneOrder: [],
    untouched: [],
    active: {},
    gates: [],
    decided: [],
    poolsApproved: [],
    gatesOpened: [],
    canaries: {},
    failedNotReady: 0,
    nodesApproved: [],
    approvals: {},
    standing: [],
    ready: [],
    asked: 0,
    next: [],
    policyChanges: 0,
    retries: [],
    attempts: {},
    acknowledged: [],
    failuresInRow: {},
    deferred: {},
    notes: {},
    asks: [],
    lastEnded: [],
    settledSince: { nodes: 0, last: [] },
    policyTold: [],
    nodeTimes: {},
    resumedAt: null,
    lastPlan: null,
    planWanted: true,
    planFailure: null,
    ignored: [],
    events: [],
    outcome: null,
    endedAt: null,
    reportDigest: null,
    told: [],
  };
}

/** A run carried over from an older version lacks the fields that this version added. */
export function completeRunState(carried: RunState): RunState {
  const { definition, startedAt } = carried;
  return {
    ...newRunState(startedAt),
    ...carried,
    definition: definition === null ? null : completeDefinition(definition),
  };
}

export function newScope(rows: readonly PlanRow[]): Scope {
  return { rows, indexOf: new Map(rows.map((row, index) => [row.node, index])) };
}

export const NO_SCOPE: Scope = newScope([]);

export function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}

export function moved(
  state: RunState,
  effect: string,
  commands: readonly FleetCommand[] = [],
): FleetMove & { kind: 'moved' } {
  return { kind: 'moved', state, effect, commands };
}

export function rejected(why: string): FleetMove & { kind: 'rejected' } {
  return { kind: 'rejected', why };
}

export function withEvent(state: RunState, at: string, text: string): RunState {
  const events = [...state.events, { at, text: cut(text, NOTE_CHARS_MAX) }].slice(-EVENTS_KEPT);
  return { ...state, events };
}

/** At most `blockersMax` reasons over all children: what travels in one payload. */
export function cutProgress<T extends { progress: DrainProgress | null }>(
  children: readonly T[],
  blockersMax: number,
): readonly T[] {
  const each = Math.max(1, Math.floor(blockersMax / Math.max(1, children.length)));
  let left = blockersMax;
  return children.map((child) => {
    if (child.progress === null) return child;
    const blockers = child.progress.blockers.slice(0, Math.min(each, left));
    left -= blockers.length;
    return { ...child, progress: { ...child.progress, blockers } };
  });
}

/** Shown one by one in the status; a gate further back is told by its first line alone. */
const GATES_CARRIED_WHOLE = 40;

/** Steps would be too old to act upon, and the evidence of 200 gates would not fit. */
export function cutGates(gates: readonly OpenGate[]): readonly OpenGate[] {
  return gates.map((gate, index) => {
    const { about } = gate;
    // Of force the list of pods is the question; there are never many of these.
    const whole = index < GATES_CARRIED_WHOLE || about.kind === 'force' || about.kind === 'capacity';
    const evidence = whole ? gate.evidence : gate.evidence.slice(0, 1);
    return { ...gate, evidence, about: about.kind === 'node' ? { ...about, step: null } : about };
  });
}

export function withIgnored(state: RunState, message: IgnoredMessage): RunState {
  return { ...state, ignored: [...state.ignored, message].slice(-IGNORED_KEPT) };
}

/** A node that is in no plan changes nothing. */
export function withNodeCode(state: RunState, scope: Scope, node: string, code: RowCode): RunState {
  const index = scope.indexOf.get(node);
  if (index === undefined) return state;
  return { ...state, codes: withCode(state.codes, index, code) };
}

export function withNote(
  state: RunState,
  node: string,
  note: { state: string; why: string; at: string },
): RunState {
  if (!Object.hasOwn(state.notes, node) && Object.keys(state.notes).length >= NOTES_KEPT) return state;
  return { ...state, notes: { ...state.notes, [node]: { ...note, why: cut(note.why, NOTE_CHARS_MAX) } } };
}

export function withoutNote(state: RunState, node: string): RunState {
  if (!Object.hasOwn(state.notes, node)) return state;
  return { ...state, notes: without(state.notes, node) };
}

export function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}

export function codeOf(state: RunState, scope: Scope, node: string): RowCode | undefined {
  const index = scope.indexOf.get(node);
  return index === undefined ? undefined : (state.codes[index] as RowCode | undefined);
}

export function nodesWithCode(state: RunState, scope: Scope, code: RowCode): readonly string[] {
  return scope.rows.filter((_, index) => state.codes[index] === code).map((row) => row.node);
}

export function hasCode(state: RunState, name: keyof typeof ROW_CODES): boolean {
  return state.codes.includes(ROW_CODES[name]);
}

/** Nodes that hold a slot: with a child, at an open gate, or approved and about to start. */
export function occupiedNodes(state: RunState): readonly { node: string; pool: string }[] {
  const children = Object.values(state.active).map(({ node, pool }) => ({ node, pool }));
  const atGates = state.gates.flatMap(({ about }) =>
    about.kind === 'node' ? [{ node: about.node, pool: about.pool }] : [],
  );
  const ready = state.ready.map(({ step }) => ({ node: step.node, pool: step.pool }));
  return [...children, ...atGates, ...ready];
}

export function decisionOf(
  at: string,
  kind: Decision['kind'],
  o: { subject?: string; by: string; reason?: string; planDigest?: string },
  asked: Pick<Decision, 'yeses' | 'evidence' | 'saidAt'> = {},
): Decision {
  return {
    at,
    kind,
    subject: o.subject ?? null,
    by: o.by,
    reason: o.reason ?? null,
    planDigest: o.planDigest ?? null,
    ...asked,
  };
}
