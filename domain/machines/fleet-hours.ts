// What windows and exclusions mean to a run. It knows none of them: the planner tells it a reason with a
// moment, and with each step the last moment at which that may begin. Must never begin a step after it.
import { msBetween, timeAfter } from './clock-math.ts';
import { withEvent, withNodeCode } from './fleet-state.ts';
import type { ActiveChild, RunState, Scope } from './fleet-state.ts';
import type { NodeStep, Why } from '../plan.ts';
import { own } from '../own.ts';
import { ROW_CODES } from '../row-codes.ts';

/** Enough to tell what nine of ten do; 20 numbers for each of 100 pools are 12 KB. */
const TIMES_KEPT = 20;
/** The planner's clock and the run's differ by less than this, or its answer was long on its way. */
const ASK_AGAIN_MS = 15_000;

export function isOfHours({ kind }: Why): boolean {
  return kind === 'window' || kind === 'exclusion' || kind === 'windowTooShort';
}

/** The window that the step was planned for leaves it no time any more. */
export function isTooLate({ startBefore }: NodeStep, at: string): boolean {
  return startBefore !== undefined && msBetween(startBefore, at) > 0;
}

/** Why a step that came too late is let go: its node waits until the planner is asked again. */
export function whyTooLate({ startBefore }: NodeStep, at: string): Why {
  return {
    kind: 'window',
    text: `its window left it time until ${startBefore ?? at}, and it is later now: it is planned again`,
    until: timeAfter(at, ASK_AGAIN_MS),
  };
}

/** Its child came too late and touched nothing: as before its start. What was approved is not asked for twice. */
export function withNotBegun(
  state: RunState,
  scope: Scope,
  { child, why, at }: { child: ActiveChild; why: string; at: string },
): RunState {
  const { node, attempt, retry } = child;
  const coded = withNodeCode(state, scope, node, retry ? ROW_CODES.failed : ROW_CODES.waiting);
  const retries = retry ? [...coded.retries, { node, attempt }] : coded.retries;
  const nodesApproved = [...coded.nodesApproved, node];
  return withEvent({ ...coded, retries, nodesApproved }, at, `${node}: not begun, ${why}`);
}

/** What holds nodes back by windows and exclusions, if anything does. */
export function hoursWhyOf({ lastPlan }: RunState): Why | undefined {
  return lastPlan?.waiting.find(({ why }) => isOfHours(why))?.why;
}

/** What a node took that is done, unless a retry, a pause or a trip makes it say nothing of the next. */
export function withTimeOf(state: RunState, child: ActiveChild, at: string): RunState {
  const { startedAt, pool, attempt } = child;
  const wasHeld =
    state.paused !== null ||
    state.tripped !== null ||
    (state.resumedAt !== null && startedAt !== undefined && msBetween(state.resumedAt, startedAt) < 0);
  if (startedAt === undefined || attempt > 1 || wasHeld) return state;
  const seconds = Math.max(1, Math.round(msBetween(startedAt, at) / 1000));
  const times = [...(own(state.nodeTimes, pool) ?? []), seconds].slice(-TIMES_KEPT);
  return { ...state, nodeTimes: { ...state.nodeTimes, [pool]: times } };
}

/** What the planner is told of them: of pools that have hours; null: of none. */
export function nodeTimesOf({ definition, nodeTimes }: RunState): RunState['nodeTimes'] | null {
  const told = (definition?.pools ?? []).flatMap(({ name, policy }) => {
    const times = own(nodeTimes, name);
    const hasHours = policy.windows.length > 0 || policy.exclusions.length > 0;
    return times === undefined || !hasHours ? [] : [[name, times] as const];
  });
  return told.length === 0 ? null : Object.fromEntries(told);
}
