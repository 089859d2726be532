// What becomes of yeses as time passes: one that is void no longer counts, an approval of which one yes is
// void is void as a whole, and its gate opens again for what has not started. What is at work runs on.
// Must never touch a run whose policy lets no yes expire.
import { isOver, isVoid, rulesOf, rulesOfPool, validYeses, voidAt } from './approval-rules.ts';
import type { Approval } from './approval-state.ts';
import { earliestOf } from './clock-math.ts';
import { poolEvidence, rowEvidence } from './fleet-evidence.ts';
import { withEvent, withNodeCode, without } from './fleet-state.ts';
import type { OpenGate, RunState, Scope } from './fleet-state.ts';
import { ROW_CODES } from '../row-codes.ts';
import { own } from '../own.ts';

export function expireYeses(state: RunState, scope: Scope, at: string): RunState {
  if (state.outcome !== null || state.aborting !== null) return state;
  const due = nextExpiry(state);
  if (due === null || !isOver(due, at)) return state;
  const pending = dropStanding(dropPending(state, at), at);
  return listApproved(pending)
    .filter(({ approval }) => isOver(approval.until, at))
    .reduce((so, one) => askAgain(so, scope, one, at), pending);
}

/** When the next yes or approval is void; null: none that counts for anything will be. */
export function nextExpiry(state: RunState): string | null {
  if (state.outcome !== null || state.aborting !== null) return null;
  const times = [
    ...state.gates.flatMap((gate) => {
      if (gate.yeses === undefined) return [];
      const rules = rulesOf(state, gate.about);
      return gate.yeses.map(({ at }) => voidAt(at, rules));
    }),
    ...state.standing.flatMap((yes) =>
      yes.left === 0 ? [] : [voidAt(yes.at, rulesOfPool(state, yes.pool))],
    ),
    ...listApproved(state).map(({ approval }) => approval.until),
  ].filter((until) => until !== null);
  return earliestOf(times);
}

type Approved = { kind: 'node' | 'pool' | 'wished'; name: string; gate: string; approval: Approval };

/** Approved and not begun. A retry is a person's own wish and needs no approval. */
function listApproved(state: RunState): readonly Approved[] {
  const retried = new Set(state.retries.map(({ node }) => node));
  const ready = state.ready.map(({ step }) => step.node).filter((node) => !retried.has(node));
  return [
    ...state.gatesOpened.map((name) => ({ kind: 'wished' as const, name })),
    ...[...new Set(state.poolsApproved)].map((name) => ({ kind: 'pool' as const, name })),
    ...[...new Set([...state.nodesApproved, ...ready])].map((name) => ({ kind: 'node' as const, name })),
  ].flatMap(({ kind, name }) => {
    const gate = kind === 'wished' ? name : `${kind}/${name}`;
    const approval = own(state.approvals, gate);
    return approval === undefined ? [] : [{ kind, name, gate, approval }];
  });
}

function dropPending(state: RunState, at: string): RunState {
  let told = state;
  const gates = state.gates.map((gate) => {
    if (gate.yeses === undefined || gate.yeses.length === 0) return gate;
    const valid = validYeses(gate, rulesOf(state, gate.about), at);
    if (valid.length === gate.yeses.length) return gate;
    const gone = gate.yeses.filter((yes) => !valid.includes(yes)).map(({ by }) => by);
    told = withEvent(told, at, `${gate.name}: the yes of ${gone.join(' and ')} is void, its time is up`);
    return { ...gate, yeses: valid };
  });
  return { ...told, gates };
}

function dropStanding(state: RunState, at: string): RunState {
  const gone = state.standing.filter((yes) => isVoid(state, yes, at));
  if (gone.length === 0) return state;
  const standing = state.standing.filter((yes) => !gone.includes(yes));
  return gone
    .filter(({ left }) => left !== 0)
    .reduce<RunState>((so, { by }) => withEvent(so, at, `node/*: the yes of ${by} is void, its time is up`), {
      ...state,
      standing,
    });
}

function askAgain(
  state: RunState,
  scope: Scope,
  { kind, name, gate, approval }: Approved,
  at: string,
): RunState {
  const people = approval.by.join(', ');
  const isRetry = (node: string) => state.retries.some((retry) => retry.node === node);
  if (kind === 'wished') {
    // The planner wishes it again, with what is known by then, as long as it holds anything back.
    const gatesOpened = state.gatesOpened.filter((opened) => opened !== gate);
    const forgotten: RunState = {
      ...state,
      gatesOpened,
      approvals: without(state.approvals, gate),
      ready: state.ready.filter(({ step }) => isRetry(step.node)),
      planWanted: true,
    };
    return withEvent(forgotten, at, `${gate}: the approval by ${people} is void, its time is up`);
  }
  const why = `asked again: the approval by ${people} is void, its time is up`;
  const cleared: RunState = {
    ...state,
    approvals: without(state.approvals, gate),
    poolsApproved:
      kind === 'pool' ? state.poolsApproved.filter((pool) => pool !== name) : state.poolsApproved,
    nodesApproved:
      kind === 'node' ? state.nodesApproved.filter((node) => node !== name) : state.nodesApproved,
    ready: state.ready.filter(
      ({ step }) => (kind === 'node' ? step.node : step.pool) !== name || isRetry(step.node),
    ),
    planWanted: true,
  };
  if (kind === 'pool') {
    const waits = scope.rows.some(
      (row, index) => row.pool === name && state.codes[index] === ROW_CODES.waiting,
    );
    if (!waits) return cleared;
    const evidence = [...poolEvidence(state, scope, name), why];
    return opened(cleared, { name: gate, openedAt: at, about: { kind: 'pool', pool: name }, evidence }, at);
  }
  const pool = scope.rows[scope.indexOf.get(name) ?? -1]?.pool;
  // A retry that was not begun stands as failed, and needs no approval: nobody is asked about it.
  if (pool === undefined || Object.hasOwn(state.active, name) || isRetry(name)) return cleared;
  const evidence = [...rowEvidence(state, scope, name), why];
  // Without a step: the planner is asked for a fresh one when the gate has opened.
  const about = { kind: 'node' as const, node: name, pool, step: null, observedAt: at };
  const asked = withNodeCode(cleared, scope, name, ROW_CODES.active);
  return opened(asked, { name: gate, openedAt: at, about, evidence }, at);
}

/** At an open gate of its own, or of its pool: no retry is. */
export function isAskedFor(state: RunState, { node, pool }: { node: string; pool: string }): boolean {
  const retry = state.retries.some((one) => one.node === node);
  return state.gates.some(({ about }) =>
    about.kind === 'node' ? about.node === node : about.kind === 'pool' && about.pool === pool && !retry,
  );
}

function opened(state: RunState, gate: OpenGate, at: string): RunState {
  return withEvent({ ...state, gates: [...state.gates, gate] }, at, `gate ${gate.name} opened again`);
}
