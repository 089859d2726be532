// Nodes that were not Ready before the run are counted apart: their failure tells of themselves, not of the
// release, so it trips no run and is named by itself in status and report. Must never leave out a failure
// of any other node.
import type { RunState, Scope } from './fleet-state.ts';
import { ROW_CODES } from '../row-codes.ts';

export function isApart(scope: Scope, node: string): boolean {
  return scope.rows[scope.indexOf.get(node) ?? -1]?.wasNotReady === true;
}

/** How many of the failed ones were not Ready before the run. */
export function keepFailedApart(state: RunState, scope: Scope): RunState {
  if (state.plan?.pools.some(({ notReady }) => notReady !== undefined) !== true) return state;
  const failed = scope.rows.filter(
    (row, index) => row.wasNotReady === true && state.codes[index] === ROW_CODES.failed,
  );
  return failed.length === state.failedNotReady ? state : { ...state, failedNotReady: failed.length };
}
