// What a run that is rolled back knows of its rows: which go back, in which order, and what stands there when
// one does not. Pure reading. In such a run a row that waits, waits to go back.
import type { ActiveChild, RunState, Scope } from './fleet-state.ts';
import type { NodeOutcome } from '../node-state.ts';
import type { PlanRow } from '../plan.ts';
import type { BackQuestion } from '../planning/way-back.ts';
import { ROW_CODES } from '../row-codes.ts';
import type { RowCode } from '../row-codes.ts';

export type Rollback = {
  kind: 'person' | 'policy';
  by: string;
  reason: string;
  at: string;
  /** Rows that have failed, before it or on their way back, by their index in the plan. */
  failed: readonly number[];
};

export function rollbackText({ by, reason }: Rollback): string {
  return `rolled back by ${by}: ${reason}`;
}

/** What a row is that is dropped before it begins. */
export function droppedCode({ rollback }: RunState, index: number): RowCode {
  if (rollback === null) return ROW_CODES.skipped;
  return rollback.failed.includes(index) ? ROW_CODES.failed : ROW_CODES.done;
}

/** Where nothing was laid, nothing needs to be known to go back. */
export function hasWayBack(state: RunState, row: PlanRow, index: number): boolean {
  return row.former !== undefined || state.untouched.includes(index);
}

/** How what it goes back to is called. */
export function formerName({ former, from }: PlanRow): string {
  return former?.release ?? former?.imageId ?? from ?? 'what it ran before';
}

/** What the planner is told; null: the run goes forward. */
export function backQuestionOf(state: RunState, scope: Scope): BackQuestion | null {
  const { rollback, doneOrder, untouched } = state;
  if (rollback === null) return null;
  const waits = (index: number) => state.codes[index] === ROW_CODES.waiting;
  const failed = rollback.failed.filter(waits);
  const hadFailed = new Set(failed);
  const known = new Set(doneOrder);
  // Of what an older version did the order is not known: the plan's stands for it.
  const unknown = scope.rows.flatMap((_, index) => (known.has(index) ? [] : [index]));
  const done = [...unknown, ...doneOrder].filter((index) => waits(index) && !hadFailed.has(index));
  return {
    order: [...failed.toReversed(), ...done.toReversed()],
    failed,
    untouched: untouched.filter(waits),
    attempts: state.attempts,
  };
}

/** Keeps in which order nodes were done, each by its last time. */
export function withDoneOrder(state: RunState, scope: Scope, node: string): RunState {
  const index = scope.indexOf.get(node);
  if (index === undefined || state.codes[index] !== ROW_CODES.done) return state;
  return { ...state, doneOrder: [...state.doneOrder.filter((other) => other !== index), index] };
}

/** A first attempt that failed before its reimage left the node as it was, but for our cordon. */
export function withUntouched(
  state: RunState,
  scope: Scope,
  { child, outcome }: { child: ActiveChild; outcome: NodeOutcome },
): RunState {
  const index = scope.indexOf.get(child.node);
  const isUntouched = outcome.kind === 'failed' && outcome.untouched === true && child.attempt === 1;
  if (index === undefined || !isUntouched) return state;
  return { ...state, untouched: [...state.untouched, index] };
}

/** A retry may reimage: from then on nothing is known of it. */
export function withoutUntouched(state: RunState, scope: Scope, node: string): RunState {
  const index = scope.indexOf.get(node) ?? -1;
  if (!state.untouched.includes(index)) return state;
  return { ...state, untouched: state.untouched.filter((other) => other !== index) };
}
