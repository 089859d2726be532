// What a run remembers of nodes whose pods did not leave in time: how often, until when, by which attempt.
// A deferral is no failure and no success, and asks nobody again: the node was approved, or needed no approval.
// Must never let a deferred node come back by another attempt than its own: by a lower one an older reimage
// would be taken for this one's.
import { timeAfter } from './clock-math.ts';
import { withEvent, withNodeCode, withNote, without } from './fleet-state.ts';
import type { ActiveChild, RunState, Scope } from './fleet-state.ts';
import { defaultPolicy } from '../default-policy.ts';
import type { NodeOutcome } from '../node-state.ts';
import type { DeferredNode } from '../planning/deferral.ts';
import { ROW_CODES } from '../row-codes.ts';
import { own } from '../own.ts';

/** What the planner is told of them. */
export function listDeferred(state: RunState): readonly DeferredNode[] {
  return Object.entries(state.deferred).map(([node, { times, until, lacks }]) => ({
    node,
    ...(lacks === undefined ? {} : { lacks }),
    attempt: own(state.attempts, node) ?? 1,
    times,
    until,
  }));
}

/** The child has put its node back; `closed`: the run without that child. */
export function deferNode(
  closed: RunState,
  scope: Scope,
  o: { child: ActiveChild; outcome: NodeOutcome & { kind: 'deferred' }; at: string },
): RunState {
  const { child, outcome, at } = o;
  const { node } = child;
  const until = timeAfter(at, deferForMsOf(closed, child.pool));
  const times = (child.deferrals ?? 0) + 1;
  const { why, lacks } = outcome;
  const deferral = { times, until, ...(lacks === undefined ? {} : { lacks }) };
  const waits: RunState = {
    ...withNodeCode(closed, scope, node, ROW_CODES.waiting),
    deferred: { ...closed.deferred, [node]: deferral },
    nodesApproved: [...closed.nodesApproved, node],
  };
  const noted = withNote(waits, node, { state: 'deferred', why, at });
  return withEvent(noted, at, `${node}: deferred until ${until}, ${nth(times)}: ${why}`);
}

/** It is taken up again: how often it was deferred stays known until its way ends. */
export function withDeferralBegun(state: RunState, node: string): RunState {
  const known = own(state.deferred, node);
  if (known === undefined) return state;
  return { ...state, deferred: { ...state.deferred, [node]: { ...known, until: null } } };
}

export function withoutDeferral(state: RunState, node: string): RunState {
  return Object.hasOwn(state.deferred, node) ? { ...state, deferred: without(state.deferred, node) } : state;
}

/** Left to its pods now: neither with a child nor about to be. */
export function deferralNow(
  state: RunState,
  node: string,
): { since: string; until: string; text: string; lacks?: 'capacity' } | undefined {
  const known = own(state.deferred, node);
  if (known === undefined || known.until === null) return undefined;
  const { times, until, lacks } = known;
  const note = own(state.notes, node);
  const why = note === undefined ? '' : `: ${note.why}`;
  return {
    since: note?.at ?? state.startedAt,
    until,
    text: `deferred until ${until}, ${nth(times)}${why}`,
    ...(lacks === undefined ? {} : { lacks }),
  };
}

function nth(times: number): string {
  return times === 1 ? 'for the first time' : `${String(times)} times so far`;
}

function deferForMsOf(state: RunState, pool: string): number {
  const policy = state.definition?.pools.find(({ name }) => name === pool)?.policy ?? defaultPolicy;
  return policy.drain.deferForMs;
}
