// What a run remembers of its canaries and of the gates that the planner wishes: when the canaries of a pool
// had all ended, since when one of them looks unwell, and which gates people have said yes to. Keeps the
// planner's gates as its last answer wished them. Must never call canaries watched while one of them is open.
import { withEvent } from './fleet-state.ts';
import type { OpenGate, RunState, Scope } from './fleet-state.ts';
import type { CanaryLook, GateWish, PlanRow } from '../plan.ts';
import type { CanaryClock } from '../planning/canary-clock.ts';
import { ROW_CODES } from '../row-codes.ts';
import { asksForWayBack } from '../way-back-asked.ts';
import { own } from '../own.ts';

/** The clock of each pool begins when its last canary ends, and is undone when one is taken up again. */
export function keepCanaryClocks(state: RunState, scope: Scope, at: string): RunState {
  if (state.plan?.pools.some(({ canaries }) => canaries !== undefined) !== true) return state;
  // Nobody follows them any more.
  if (state.rollback !== null) return state;
  const open = new Map<string, boolean>();
  scope.rows.forEach((row, index) => {
    if (row.canary !== true) return;
    const code = state.codes[index];
    const waits = code === ROW_CODES.waiting || code === ROW_CODES.active;
    const isOpen = waits || state.retries.some(({ node }) => node === row.node);
    open.set(row.pool, (open.get(row.pool) ?? false) || isOpen);
  });
  let { canaries } = state;
  for (const [pool, isOpen] of open) {
    const clock = own(canaries, pool);
    if (!isOpen && clock === undefined) canaries = { ...canaries, [pool]: newClock(at) };
    // Once the others were let go, a canary that is taken again is a node like any other.
    if (isOpen && clock !== undefined && !clock.passed) {
      canaries = Object.fromEntries(Object.entries(canaries).filter(([name]) => name !== pool));
    }
  }
  return canaries === state.canaries ? state : { ...state, canaries };
}

function newClock(endedAt: string): CanaryClock {
  return { endedAt, unwellSince: null, unwellLast: null, passed: false };
}

/** What a look at the ended canaries found. */
export function noteCanaryLooks(state: RunState, looks: readonly CanaryLook[], at: string): RunState {
  return looks.reduce<RunState>((so, { pool, found, boots }) => {
    const clock = own(so.canaries, pool);
    if (clock === undefined || clock.passed) return so;
    const remembered = boots === undefined ? clock : { ...clock, boots };
    const noted = { ...so, canaries: { ...so.canaries, [pool]: clockAfter(remembered, found, at) } };
    if (found === 'passed') return withEvent(noted, at, `the canaries of pool ${pool} are passed`);
    if (found === 'well' || clock.unwellSince !== null) return noted;
    return withEvent(noted, at, `a canary of pool ${pool} is not well`);
  }, state);
}

/** Of an answer whose steps are not taken: nobody was let go by it, so the canaries are watched on. */
export function watchedOn(looks: readonly CanaryLook[]): readonly CanaryLook[] {
  return looks.map((look) => (look.found === 'passed' ? { ...look, found: 'well' } : look));
}

function clockAfter(clock: CanaryClock, found: CanaryLook['found'], at: string): CanaryClock {
  switch (found) {
    case 'well':
      return { ...clock, unwellSince: null };
    case 'unwell':
      return { ...clock, unwellSince: clock.unwellSince ?? at, unwellLast: at };
    case 'passed':
      return { ...clock, unwellSince: null, passed: true };
  }
}

/** Opens what is wished, with what is known now, and closes what holds nothing back any more. */
export function openWishedGates(state: RunState, wishes: readonly GateWish[], at: string): RunState {
  const wished = new Map(wishes.map((wish) => [wish.name, wish]));
  const gates = state.gates.flatMap((gate) => {
    if (!isWishedKind(gate.about)) return [gate];
    const wish = wished.get(gate.name);
    return wish === undefined ? [] : [{ ...gate, evidence: wish.evidence }];
  });
  const closed = state.gates.filter((gate) => !gates.some(({ name }) => name === gate.name));
  const told = closed.reduce<RunState>(
    (so, { name }) => withEvent(so, at, `gate ${name} closed: it holds nothing back any more`),
    { ...state, gates },
  );
  return wishes
    .filter(({ name }) => !gates.some((gate) => gate.name === name))
    .reduce<RunState>((so, { name, kind, pool, evidence }) => {
      const gate: OpenGate = { name, openedAt: at, about: { kind, pool }, evidence };
      return withEvent({ ...so, gates: [...so.gates, gate] }, at, `gate ${name} opened`);
    }, told);
}

function isWishedKind({ kind }: OpenGate['about']): boolean {
  return kind === 'canary' || kind === 'notReady' || kind === 'noWayBack' || kind === 'tier';
}

/** Whom a no at one of these gates leaves out. */
export function listBehindGate(
  state: RunState,
  scope: Scope,
  { kind, pool }: Pick<GateWish, 'kind' | 'pool'>,
): readonly string[] {
  return scope.rows
    .filter(({ node }, index) => isNotBegun(state, node, state.codes[index]))
    .filter((row) => kind === 'tier' || row.pool === pool)
    .filter((row) => isBehind(state, scope, row, kind))
    .map(({ node }) => node);
}

/** Also one that stands at a gate of its own, or is about to start: a gate may open behind it. */
function isNotBegun(state: RunState, node: string, code: string | undefined): boolean {
  if (code === ROW_CODES.waiting) return true;
  return code === ROW_CODES.active && own(state.active, node) === undefined;
}

function isBehind(state: RunState, scope: Scope, row: PlanRow, kind: GateWish['kind']): boolean {
  switch (kind) {
    case 'canary':
    case 'tier':
      return true;
    case 'notReady':
      return row.wasNotReady === true;
    case 'noWayBack': {
      if (row.noWayBack === undefined) return false;
      const pool = state.definition?.pools.find(({ name }) => name === row.pool);
      // Rows of an older version tell no image that is gone: there the gate held all of them.
      const tells = scope.rows.some(({ formerGone }) => formerGone === true);
      return !tells || pool === undefined || asksForWayBack(row, pool);
    }
  }
}
