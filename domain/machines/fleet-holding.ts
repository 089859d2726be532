// What ends or resumes a run as a whole: told to every child. When failures do so: fleet-failure.ts.
import { droppedCode } from './fleet-back.ts';
import type { FleetCommand } from './fleet-events.ts';
import type { RunState, Scope } from './fleet-state.ts';
import { ROW_CODES } from '../row-codes.ts';

function tellAll(
  state: RunState,
  control: (FleetCommand & { kind: 'tell' })['control'],
): readonly FleetCommand[] {
  return Object.values(state.active).map(({ childId }) => ({ kind: 'tell', childId, control }));
}

export function nudgeAll(state: RunState): readonly FleetCommand[] {
  return tellAll(state, { kind: 'nudge' });
}

export function closeForAbort(
  state: RunState,
  scope: Scope,
  aborting: NonNullable<RunState['aborting']>,
): { state: RunState; commands: readonly FleetCommand[] } {
  return closeAll({ ...state, aborting }, scope, `the run is ${abortText(aborting)}`);
}

/** Everything that has not begun is dropped; what has begun is told, and decides by its own state. */
export function closeAll(
  state: RunState,
  scope: Scope,
  why: string,
): { state: RunState; commands: readonly FleetCommand[] } {
  const codes = [...state.codes]
    .map((code, index) => {
      const begun = Object.hasOwn(state.active, scope.rows[index]?.node ?? '');
      const atGate = code === ROW_CODES.active && !begun;
      return code === ROW_CODES.waiting || atGate ? droppedCode(state, index) : code;
    })
    .join('');
  const closed: RunState = {
    ...state,
    codes,
    gates: [],
    ready: [],
    nodesApproved: [],
    retries: [],
    deferred: {},
  };
  const active = Object.fromEntries(
    Object.entries(closed.active).map(([node, child]) => [node, { ...child, told: 'abort' as const }]),
  );
  return { state: { ...closed, active }, commands: tellAll(state, { kind: 'abort', why }) };
}

/** Who ends the run, and why. */
export function abortText({ kind, by, reason }: NonNullable<RunState['aborting']>): string {
  return `${kind === 'stopped' ? 'stopped' : 'aborted'} by ${by}: ${reason}`;
}
