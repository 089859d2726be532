// A run that is rolled back: nothing goes forward any more, what is done or has failed waits to go back, and
// the run ends when all of it has. Each way back is a child of its own, by an attempt of its own. Must never
// go on by itself after a way back that failed: a person decides.
import { droppedCode, formerName, hasWayBack, rollbackText, withDoneOrder } from './fleet-back.ts';
import type { Rollback } from './fleet-back.ts';
import type { FleetCommand, FleetEvent } from './fleet-events.ts';
import { closeAll } from './fleet-holding.ts';
import { withNotBegun } from './fleet-hours.ts';
import {
  codeOf,
  decisionOf,
  moved,
  rejected,
  withEvent,
  withNodeCode,
  withNote,
  without,
} from './fleet-state.ts';
import type { ActiveChild, FleetMove, RunState, Scope } from './fleet-state.ts';
import type { MessageByName } from '../messages.ts';
import type { NodeOutcome } from '../node-state.ts';
import type { Disposition } from '../plan.ts';
import { ROW_CODES, countCodes } from '../row-codes.ts';
import { own } from '../own.ts';

type Started = { state: RunState; commands: readonly FleetCommand[] };

/** What has begun is told to stop, and decides by its own state; whatever is done all the same goes back later. */
export function startRollback(before: RunState, scope: Scope, o: Omit<Rollback, 'failed'>): Started {
  const rollback: Rollback = { ...o, failed: [] };
  const { state: closed, commands } = closeAll(before, scope, `the run is ${rollbackText(rollback)}`);
  const rolling: RunState = {
    ...closed,
    rollback,
    standing: [],
    next: [],
    acknowledged: [],
    failuresInRow: {},
    // What was planned before goes forward: it is not begun.
    policyChanges: closed.policyChanges + 1,
    planWanted: true,
  };
  const told = withEvent(rolling, o.at, rollbackText(rollback));
  const sent = scope.rows.reduce((so, { node }) => sendBack(so, scope, node, o.at), told);
  const decision = decisionOf(o.at, 'rollback', { by: o.by, reason: o.reason });
  return { state: sent, commands: [{ kind: 'record', decision }, ...commands] };
}

/** A person's word: it also ends a pause, and answers a trip. */
export function rollBack(
  state: RunState,
  scope: Scope,
  at: string,
  { by, reason }: MessageByName['rollback'],
): FleetMove {
  const { aborting, rollback } = state;
  if (aborting !== null) return rejected(`the run is being aborted by ${aborting.by}`);
  if (rollback !== null) {
    const text = `rolled back already by ${rollback.by} at ${rollback.at}: ${rollback.reason}`;
    return rollback.by === by ? { kind: 'same', effect: text } : rejected(text);
  }
  if (state.plan === null) return rejected('the run has no plan yet, and nothing to take back: abort it');
  const free: RunState = { ...state, paused: null, tripped: null };
  const { state: rolling, commands } = startRollback(free, scope, { kind: 'person', by, reason, at });
  const counts = countCodes(rolling.codes);
  const stay = counts.done + counts.failed;
  const dropped = counts.skipped - countCodes(state.codes).skipped;
  const effect =
    `${String(counts.waiting)} nodes go back${stay === 0 ? '' : `, ${String(stay)} have no way back`}; ` +
    `${String(dropped)} waiting nodes are dropped; ${String(commands.length - 1)} at work are put back or finished`;
  return moved(rolling, effect, commands);
}

/** Keeps what a rollback needs to know, before and while there is one. */
export function keepRollback(before: RunState, after: RunState, scope: Scope, event: FleetEvent): RunState {
  if (event.kind !== 'nodeEnded' && event.kind !== 'startRefused') return after;
  const { node, at } = event;
  const ordered = withDoneOrder(after, scope, node);
  const child = own(before.active, node);
  const isForward = child !== undefined && child.back === undefined;
  if (ordered.rollback === null || ordered.aborting !== null || !isForward) return ordered;
  const code = codeOf(ordered, scope, node);
  // Whoever was asked, was asked about its way forward.
  const nodesApproved = ordered.nodesApproved.filter((name) => name !== node);
  const unasked: RunState = { ...ordered, nodesApproved };
  if (event.kind === 'startRefused' && code === ROW_CODES.waiting) {
    return withNodeCode(unasked, scope, node, ROW_CODES.skipped);
  }
  const retries = unasked.retries.filter((retry) => retry.node !== node);
  // A retry that was put back: what its earlier attempt left on the node is there still.
  const isRetry = child.attempt > 1 && code === ROW_CODES.skipped;
  const ended = isRetry ? withNodeCode(unasked, scope, node, ROW_CODES.failed) : unasked;
  // One that was past its reimage when the rollback began has ended on the new release.
  return sendBack({ ...ended, retries }, scope, node, at);
}

/** Lets a node that is done or has failed wait for its way back, where it has one. */
function sendBack(state: RunState, scope: Scope, node: string, at: string): RunState {
  const index = scope.indexOf.get(node);
  const row = index === undefined ? undefined : scope.rows[index];
  const code = codeOf(state, scope, node);
  const ended = code === ROW_CODES.done || code === ROW_CODES.failed;
  if (index === undefined || row === undefined || state.rollback === null || !ended) return state;
  const { rollback } = state;
  const noted: RunState =
    code === ROW_CODES.failed
      ? { ...state, rollback: { ...rollback, failed: [...rollback.failed, index] } }
      : state;
  if (hasWayBack(state, row, index)) {
    return { ...withNodeCode(noted, scope, node, ROW_CODES.waiting), planWanted: true };
  }
  const why = `no way back: ${row.noWayBack ?? 'what it ran before was not recorded'}`;
  return withNote(noted, node, { state: 'notBack', why, at });
}

/** The end of a way back. `closed`: the run without that child. */
export function backEnded(
  closed: RunState,
  scope: Scope,
  o: { child: ActiveChild; outcome: NodeOutcome; at: string },
): FleetMove {
  const { child, outcome, at } = o;
  const { node } = child;
  switch (outcome.kind) {
    case 'done':
      return wentBack(closed, scope, { node, at, note: outcome.note });
    case 'putBack':
      if (outcome.again === true && child.told === null) {
        return moved(withNotBegun(closed, scope, { child, why: outcome.why, at }), 'waits again');
      }
      if (child.back === 'uncordon' && outcome.uncordoned) return wentBack(closed, scope, { node, at });
      return moved(stays(closed, scope, { node, why: outcome.why, at }), 'stays');
    case 'deferred':
      return moved(stays(closed, scope, { node, why: outcome.why, at }), 'stays');
    case 'failed':
      return backFailed(closed, scope, { child, outcome, at });
  }
}

function wentBack(
  state: RunState,
  scope: Scope,
  { node, at, note }: { node: string; at: string; note?: string | undefined },
): FleetMove {
  const row = scope.rows[scope.indexOf.get(node) ?? -1];
  const name = row === undefined ? '' : `, ${formerName(row)}`;
  const coded = withNodeCode(state, scope, node, ROW_CODES.wentBack);
  // Nothing more comes of it: 5,000 attempts would be a burden to take along.
  const known: RunState = { ...coded, attempts: without(coded.attempts, node) };
  const why = note === undefined ? '' : `; ${note}`;
  const noted =
    note === undefined ? known : withNote(known, node, { state: 'wentBack', why: `went back${why}`, at });
  return moved(withEvent(noted, at, `${node}: went back${name}${why}`), 'went back');
}

/** As it stood before its way back. */
function stays(
  state: RunState,
  scope: Scope,
  { node, why, at }: { node: string; why: string; at: string },
): RunState {
  const index = scope.indexOf.get(node) ?? -1;
  const coded = withNodeCode(state, scope, node, droppedCode(state, index));
  const noted = withNote(coded, node, { state: 'notBack', why, at });
  return withEvent(noted, at, `${node}: does not go back, ${why}`);
}

function backFailed(
  closed: RunState,
  scope: Scope,
  o: { child: ActiveChild; outcome: NodeOutcome & { kind: 'failed' }; at: string },
): FleetMove {
  const { child, outcome, at } = o;
  const { node } = child;
  const { rollback } = closed;
  const index = scope.indexOf.get(node) ?? -1;
  const listed = rollback === null || rollback.failed.includes(index);
  const failed: RunState = {
    ...withNodeCode(closed, scope, node, ROW_CODES.failed),
    rollback: listed ? rollback : { ...rollback, failed: [...rollback.failed, index] },
    acknowledged: closed.acknowledged.filter((name) => name !== node),
  };
  const why = `on its way back, ${outcome.at}: ${outcome.why}`;
  const told = withEvent(
    withNote(failed, node, { state: 'failed', why, at }),
    at,
    `${node}: failed on its way back while ${outcome.at}: ${outcome.why}`,
  );
  // Somebody stopped it, or the run ends anyway: nobody needs to be asked.
  if (child.told !== null || closed.aborting !== null || closed.tripped !== null)
    return moved(told, 'failed');
  const trip = `node ${node} could not go back: ${outcome.at}: ${outcome.why}`;
  return moved(withEvent({ ...told, tripped: { at, why: trip } }, at, `paused: ${trip}`), 'failed');
}

/** What the planner found of a row that was to go back. */
export function settleBack(
  state: RunState,
  scope: Scope,
  { node, disposition }: { node: string; disposition: Disposition },
  at: string,
): RunState {
  if (disposition.kind === 'upgrade') return state;
  const settled: RunState = {
    ...state,
    retries: state.retries.filter((retry) => retry.node !== node),
    nodesApproved: state.nodesApproved.filter((name) => name !== node),
  };
  if (disposition.kind === 'leftAlone') {
    return stays(settled, scope, { node, why: disposition.why.text, at });
  }
  const move = wentBack(settled, scope, { node, at, note: 'it showed that already' });
  return move.kind === 'moved' ? move.state : settled;
}
