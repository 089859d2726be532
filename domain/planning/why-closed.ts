// May a node of this pool be begun now, by its windows and exclusions, and if not: when? A step is begun
// only where it is expected to end inside; what has begun goes on to its end. Must never let a pool wait
// without a reason: what can never fit says so, and what to change.
//
// The clock is the worker's, and may be seconds off: what is answered names the last moment at which a
// step may begin, and the run compares it with its own clock.
import { formatDuration } from '../duration.ts';
import type { Pool } from '../fleet.ts';
import type { Why } from '../plan.ts';
import type { Policy } from '../policy.ts';
import { renderExclusion, renderWindows } from '../window-words.ts';
import { expectedTime, renderExpected } from './expected-time.ts';
import type { ExpectedTime, NodeTimes } from './expected-time.ts';
import { HORIZON_DAYS, exclusionAt, isAlwaysOpen, openingAt, openings, renderLocal } from './windows.ts';
import type { Opening } from './windows.ts';

/** From the opening of a window to its first start: the run's timer, its question, the answer. */
export const START_MARGIN_MS = 60_000;
/** More windows than this in one sentence are read by nobody. */
const WINDOWS_TOLD_MAX = 3;

export type PoolHours =
  /** `startBefore`: the last moment at which a node may begin; null: no end is near. */
  { kind: 'open'; startBefore: string | null } | { kind: 'closed'; why: Why };

export function hoursOf({ name, policy }: Pool, at: string, times: NodeTimes): PoolHours {
  if (isAlwaysOpen(policy)) return { kind: 'open', startBefore: null };
  const expected = expectedTime(policy, times);
  const now = openingAt(policy, at, expected.ms);
  if (now?.until === null) return { kind: 'open', startBefore: null };
  if (now !== undefined && Date.parse(now.until ?? '') - Date.parse(at) >= expected.ms) {
    return { kind: 'open', startBefore: timeBefore(now.until ?? '', expected.ms) };
  }
  return { kind: 'closed', why: whyClosed(name, policy, { at, now, expected }) };
}

/** What refuses a run before anything is touched: a pool in which nothing could ever begin. */
export function whyNeverOpen({ name, policy }: Pool, at: string): Why | undefined {
  if (isAlwaysOpen(policy)) return undefined;
  const expected = expectedTime(policy, []);
  const fitting = nextFitting(policy, at, expected.ms);
  return fitting === undefined ? whyNever(name, policy, { at, expected }) : undefined;
}

/** The next openings that leave time for a node, for people who plan. */
export function listOpenings({ policy }: Pool, at: string, openingsMax: number): readonly Opening[] {
  if (isAlwaysOpen(policy)) return [];
  const expected = expectedTime(policy, []);
  const listed: Opening[] = [];
  for (const opening of openings(policy, at, expected.ms)) {
    if (leaves(opening, expected.ms + START_MARGIN_MS)) listed.push(opening);
    if (listed.length === openingsMax) break;
  }
  return listed;
}

function whyClosed(
  pool: string,
  policy: Policy,
  { at, now, expected }: { at: string; now: Opening | undefined; expected: ExpectedTime },
): Why {
  const next = nextFitting(policy, at, expected.ms);
  if (next === undefined) return whyNever(pool, policy, { at, expected });
  const until = next.from;
  const goesOn = `goes on ${until}${renderLocalOf(policy, until)}`;
  const freedBy = `it goes on by itself then; refit abort, or another policy`;
  if (now === undefined) {
    const exclusion = exclusionAt(policy, at);
    const text =
      exclusion === undefined
        ? `pool ${pool} is begun only in its windows, ${renderWindows(policy.windows, WINDOWS_TOLD_MAX)}; ${goesOn}`
        : `pool ${pool} is not begun in an exclusion, ${renderExclusion(exclusion)}; ${goesOn}`;
    return { kind: exclusion === undefined ? 'window' : 'exclusion', text, until, freedBy };
  }
  const closesAt = now.until ?? at;
  const exclusion = exclusionAt(policy, closesAt);
  const closing =
    exclusion === undefined
      ? `its window closes ${closesAt}${renderLocalOf(policy, closesAt)}`
      : `an exclusion begins, ${renderExclusion(exclusion)}`;
  return {
    kind: exclusion === undefined ? 'window' : 'exclusion',
    text: `pool ${pool}: ${closing}, and ${renderExpected(expected)}; ${goesOn}`,
    until,
    freedBy,
  };
}

function whyNever(
  pool: string,
  policy: Policy,
  { at, expected }: { at: string; expected: ExpectedTime },
): Why {
  const longest = longestOpening(policy, at, expected.ms + START_MARGIN_MS);
  if (longest === 0) {
    return {
      kind: exclusionAt(policy, at) === undefined ? 'window' : 'exclusion',
      text: `pool ${pool}: no window opens in the next ${HORIZON_DAYS} days` + renderCause(policy, at),
      freedBy: 'other windows or exclusions in the policy',
    };
  }
  return {
    kind: 'windowTooShort',
    text:
      `pool ${pool}: ${renderExpected(expected)}, and no window of the next ${HORIZON_DAYS} days leaves that much: ` +
      `the longest is ${formatDuration(longest)}`,
    freedBy: `windows of at least ${formatDuration(expected.ms + START_MARGIN_MS)}${
      expected.nodes === 0 ? ', or a shorter drain.timeout, reimage.timeout or verify.soak' : ''
    }`,
  };
}

function renderCause(policy: Policy, at: string): string {
  const exclusion = exclusionAt(policy, at);
  if (exclusion !== undefined) return `, excluded from ${renderExclusion(exclusion)}`;
  return `; its windows are ${renderWindows(policy.windows, WINDOWS_TOLD_MAX)}`;
}

function nextFitting(policy: Policy, at: string, expectedMs: number): Opening | undefined {
  for (const opening of openings(policy, at, expectedMs + START_MARGIN_MS)) {
    if (leaves(opening, expectedMs + START_MARGIN_MS)) return opening;
  }
  return undefined;
}

function leaves({ from, until }: Opening, ms: number): boolean {
  return until === null || Date.parse(until) - Date.parse(from) >= ms;
}

/** 0: there is none. */
function longestOpening(policy: Policy, at: string, lookMs: number): number {
  let longest = 0;
  for (const { from, until } of openings(policy, at, lookMs)) {
    if (until !== null) longest = Math.max(longest, Date.parse(until) - Date.parse(from));
  }
  return longest;
}

/** In the zone of the windows, when they agree on one; people think in it. */
function renderLocalOf({ windows }: Policy, at: string): string {
  const zones = new Set(windows.map(({ timezone }) => timezone));
  const [zone] = zones;
  return zone === undefined || zones.size > 1 ? '' : ` (${renderLocal(at, zone)})`;
}

function timeBefore(at: string, ms: number): string {
  return new Date(Date.parse(at) - ms).toISOString();
}
