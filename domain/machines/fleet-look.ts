// When a run that waits looks at its cluster again although nobody tells it anything. Must never look often
// where only a moment is awaited: over a closed window of days that would fill its history.
import { earliestOf, timeAfter } from './clock-math.ts';
import { isOfHours } from './fleet-hours.ts';
import { mayPlan, othersAreAway, waitsForOutside } from './fleet-phase.ts';
import type { RunState } from './fleet-state.ts';
import type { Why, WhyKind } from '../plan.ts';

export type NextLook =
  /** A message or the end of a node brings it on. */
  | { kind: 'none' }
  /** Something outside must change, and nothing tells when it does; at the latest at `by`. */
  | { kind: 'soon'; by: string | null }
  /** Nothing changes before this moment. */
  | { kind: 'at'; at: string };

/** A reason of the calendar that names no end may only end by something that is not foreseen. */
const NO_END_LOOK_MS = 86_400_000;

const BUDGETS: ReadonlySet<WhyKind> = new Set(['budget', 'zoneBudget', 'clusterBudget']);
/** These end by a message, by a node's end, or at their own time; to look changes nothing. */
const QUIET: ReadonlySet<WhyKind> = new Set<WhyKind>([
  ...BUDGETS,
  'order',
  'canary',
  'notReadyBefore',
  'approval',
  'lowerTier',
  'slots',
  'deferred',
  'noCapacity',
  'deferralBudget',
]);

export function nextLookOf(state: RunState): NextLook {
  const { lastPlan } = state;
  const waiting = (lastPlan?.waiting ?? []).map(({ why }) => why);
  const asks = mayPlan({ ...state, planWanted: true });
  if (!asks || state.planFailure !== null || lastPlan === null || !waiting.some(isOfTime)) {
    const times = waiting.flatMap(({ until }) => (until === undefined ? [] : [until]));
    const by = state.planFailure === null ? earliestOf(times) : null;
    return waitsForOutside(state) ? { kind: 'soon', by } : { kind: 'none' };
  }
  const times = waiting.flatMap((why) => {
    if (why.until !== undefined) return [why.until];
    return isOfHours(why) ? [timeAfter(lastPlan.at, NO_END_LOOK_MS)] : [];
  });
  const at = earliestOf(times);
  if (at === null) return { kind: 'soon', by: null };
  const watched = waiting.some((why) => !isOfTime(why) && !QUIET.has(why.kind));
  const slotsMatter = waiting.some(({ kind }) => BUDGETS.has(kind)) && othersAreAway(state);
  return watched || slotsMatter ? { kind: 'soon', by: at } : { kind: 'at', at };
}

/** It ends at a moment that is known. */
function isOfTime(why: Why): boolean {
  const hasEnd = why.kind === 'deferred' || why.kind === 'noCapacity' || why.kind === 'lowerTier';
  return isOfHours(why) || (hasEnd && why.until !== undefined);
}
