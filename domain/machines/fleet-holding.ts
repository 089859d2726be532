// What stops a run as a whole: abort, a trip over too many failures, and the way back from both.
import type { FleetCommand } from './fleet-events.ts';
import { nodesWithCode, withEvent } from './fleet-state.ts';
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

/** Everything that has not begun is dropped; what has begun is told, and decides by its own state. */
export function closeForAbort(
  state: RunState,
  scope: Scope,
  aborting: NonNullable<RunState['aborting']>,
): { state: RunState; commands: readonly FleetCommand[] } {
  const codes = [...state.codes]
    .map((code, index) => {
      const begun = Object.hasOwn(state.active, scope.rows[index]?.node ?? '');
      const atGate = code === ROW_CODES.active && !begun;
      return code === ROW_CODES.waiting || atGate ? ROW_CODES.skipped : code;
    })
    .join('');
  const closed: RunState = {
    ...state,
    aborting,
    codes,
    gates: [],
    ready: [],
    nodesApproved: [],
    retries: [],
  };
  const active = Object.fromEntries(
    Object.entries(closed.active).map(([node, child]) => [node, { ...child, told: 'abort' as const }]),
  );
  const why = `the run is aborted by ${aborting.by}: ${aborting.reason}`;
  return { state: { ...closed, active }, commands: tellAll(state, { kind: 'abort', why }) };
}

/** Counted for each pool against its own policy; what a person has acknowledged does not count again. */
export function tripIfTooMany(
  state: RunState,
  scope: Scope,
  pool: string,
  at: string,
): { state: RunState; commands: readonly FleetCommand[] } {
  const policy = state.definition?.pools.find(({ name }) => name === pool)?.policy;
  const failures = nodesWithCode(state, scope, ROW_CODES.failed).filter(
    (node) => scope.rows[scope.indexOf.get(node) ?? -1]?.pool === pool && !state.acknowledged.includes(node),
  );
  const failuresMax = policy?.failure.failuresMax ?? 0;
  if (failures.length <= failuresMax || state.tripped !== null || state.aborting !== null) {
    return { state, commands: [] };
  }
  const why = `${String(failures.length)} failed in pool ${pool}, ${String(failuresMax)} allowed: ${failures.slice(0, 5).join(', ')}`;
  const others = Object.values(state.active).filter((child) => !child.retry && child.told === null);
  const told = Object.fromEntries(
    others.map((child) => [child.node, { ...child, told: 'putBack' as const }]),
  );
  const tripped: RunState = { ...state, tripped: { at, why }, active: { ...state.active, ...told } };
  return {
    state: withEvent(tripped, at, `paused: ${why}`),
    commands: others.map(({ childId }) => ({
      kind: 'tell',
      childId,
      control: { kind: 'putBack', why: `the run is paused: ${why}` },
    })),
  };
}
