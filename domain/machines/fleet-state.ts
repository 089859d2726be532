// Everything that a run knows of itself, as plain JSON: it survives continue-as-new as it stands.
// Bounded at 5,000 nodes: one character a node, and lists that are cut. Rows of the plan are not here;
// they are records, read again by each run of the workflow, and handed in as the scope.
import type { DecisionName, FleetCommand } from './fleet-events.ts';
import type { DrainProgress, NodeStateName } from '../node-state.ts';
import type { NextSteps, NodeStep, PlanRow, PlanSummary } from '../plan.ts';
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
  /** Started because a person said retry: a trip does not hold it. */
  retry: boolean;
  state: NodeStateName;
  since: string;
  until: string | null;
  progress: DrainProgress | null;
  /** Policy's times, to say until when a state may last. */
  reimageTimeoutMs: number;
  rejoinTimeoutMs: number;
  /** What it was told last: decides what "put back" means when it ends so. */
  told: 'skip' | 'putBack' | 'abort' | null;
  /** Started by an earlier run of this workflow: its end comes by signal, not as a result. */
  adopted: boolean;
};

export type OpenGate = {
  name: string;
  openedAt: string;
  evidence: readonly string[];
  about:
    | { kind: 'adopt'; holder: OwnerMark }
    | { kind: 'pool'; pool: string }
    /** `step` is null once the run has continued as new: it would be too old to act upon. */
    | { kind: 'node'; node: string; pool: string; step: NodeStep | null; observedAt: string };
};

export type DecidedGate = {
  gate: string;
  decision: DecisionName;
  by: string;
  planDigest: string | null;
  at: string;
};

/** A skip that a child must answer. */
export type Ask = { askId: string; node: string; by: string; reason: string; at: string };

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
  aborting: { kind: 'abort' | 'cancel' | 'rejected'; by: string; reason: string; at: string } | null;
  active: Readonly<Record<string, ActiveChild>>;
  gates: readonly OpenGate[];
  decided: readonly DecidedGate[];
  poolsApproved: readonly string[];
  /** Approved, to be planned again: what was known when they were asked for had grown old. */
  nodesApproved: readonly string[];
  /** May start as soon as nothing holds the run. */
  ready: readonly { step: NodeStep; observedAt: string }[];
  /** How many node gates were opened; `firstNodes` counts them. */
  asked: number;
  retries: readonly { node: string; attempt: number }[];
  /** Only those above 1. */
  attempts: Readonly<Record<string, number>>;
  /** Failed nodes that a person has said to go on in spite of. */
  acknowledged: readonly string[];
  /** Why a node is not done, for nodes that are not simply waiting. */
  notes: Readonly<Record<string, { state: string; why: string; at: string }>>;
  asks: readonly Ask[];
  /** What the planner said last; null before it was asked. */
  lastPlan: { at: string; slots: NextSteps['slots']; waiting: NextSteps['waiting'] } | null;
  /** The planner's last answer found something to do, or something has changed since. */
  planWanted: boolean;
  planFailure: { since: string; why: string } | null;
  ignored: readonly IgnoredMessage[];
  events: readonly RunEvent[];
  outcome: RunOutcome | null;
  endedAt: string | null;
  reportDigest: string | null;
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
/** 200 children with long names and their states are 110 KB: more would not fit what a run takes along. */
export const OCCUPIED_MAX = 200;
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
    active: {},
    gates: [],
    decided: [],
    poolsApproved: [],
    nodesApproved: [],
    ready: [],
    asked: 0,
    retries: [],
    attempts: {},
    acknowledged: [],
    notes: {},
    asks: [],
    lastPlan: null,
    planWanted: true,
    planFailure: null,
    ignored: [],
    events: [],
    outcome: null,
    endedAt: null,
    reportDigest: null,
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

/** By its own names alone: a node may be called "constructor", and a stranger's message may name anything. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
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
): Decision {
  return {
    at,
    kind,
    subject: o.subject ?? null,
    by: o.by,
    reason: o.reason ?? null,
    planDigest: o.planDigest ?? null,
  };
}
