// Since when each reason of the planner has held: every answer tells its reasons anew, and a wait of hours would
// look like one of seconds. Kept beside the last answer's reasons alone, so it is as bounded as they are.
// Must never let a reason that was gone in between, or one of the other direction, lend its time.
import { msBetween } from './clock-math.ts';
import type { RunState } from './fleet-state.ts';
import type { WaitingNodes } from '../plan.ts';

/** `since`: when an answer told it first; absent: told by an older version. */
export type StandingReason = WaitingNodes & { since?: string };

/** The last answer's reasons, those that the one before told as well by its time. */
export function withSince(before: RunState, after: RunState, at: string): RunState {
  const { lastPlan } = after;
  if (lastPlan === null || lastPlan === before.lastPlan) return after;
  const known = new Map<string, string>();
  for (const reason of before.lastPlan?.waiting ?? []) {
    known.set(keyOf(reason), reason.since ?? before.lastPlan?.at ?? at);
  }
  // What nodes waited for on their way there says nothing of their way back.
  const from = after.rollback?.at ?? after.startedAt;
  const waiting = lastPlan.waiting.map((reason) => {
    const since = known.get(keyOf(reason)) ?? at;
    return { ...reason, since: msBetween(from, since) < 0 ? at : since };
  });
  return { ...after, lastPlan: { ...lastPlan, waiting } };
}

/** The text tells counts, which change while the reason stays. Without a pool it is about its example alone. */
function keyOf({ why, pool, zone, example }: WaitingNodes): string {
  return [why.kind, pool ?? example, zone ?? ''].join('\n');
}
