// What is open in each minute, found out by looking at a wall clock once a minute: an oracle for windows
// that shares nothing with them. Knows of time zones only what Intl.DateTimeFormat shows.
import type { Exclusion, Window } from '../../../domain/policy.ts';

const MINUTE_MS = 60_000;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

export type WallClock = {
  fromMs: number;
  minutes: number;
  /** `mon 22:00` → the minutes in which the clock shows that for the first time, or has just left it out. */
  firstShown: ReadonlyMap<string, readonly number[]>;
};

export function watchClock(timezone: string, fromMs: number, minutes: number): WallClock {
  const format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
    timeZone: timezone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const firstShown = new Map<string, number[]>();
  let latest: number | undefined;
  for (let minute = 0; minute < minutes; minute += 1) {
    const parts = format.formatToParts(fromMs + minute * MINUTE_MS);
    const read = (type: string) => Number(parts.find((part) => part.type === type)?.value);
    // What the clock shows, written as if it were UTC.
    const now = Date.UTC(read('year'), read('month') - 1, read('day'), read('hour'), read('minute'));
    for (let shown = (latest ?? now - MINUTE_MS) + MINUTE_MS; shown <= now; shown += MINUTE_MS) {
      const date = new Date(shown);
      const key = `${DAYS[date.getUTCDay()] ?? ''} ${date.toISOString().slice(11, 16)}`;
      firstShown.set(key, [...(firstShown.get(key) ?? []), minute]);
    }
    latest = Math.max(latest ?? now, now);
  }
  return { fromMs, minutes, firstShown };
}

/** For each minute of the clock whether one of these windows is open then. */
export function openMinutes(clock: WallClock, windows: readonly Omit<Window, 'timezone'>[]): boolean[] {
  const open = new Array<boolean>(clock.minutes).fill(false);
  for (const { days, start, durationMs } of windows) {
    for (const day of days) {
      for (const minute of clock.firstShown.get(`${day} ${start}`) ?? []) {
        open.fill(true, minute, minute + durationMs / MINUTE_MS);
      }
    }
  }
  return open;
}

export function withoutExcluded(
  clock: WallClock,
  open: readonly boolean[],
  exclusions: readonly Exclusion[],
): boolean[] {
  const left = [...open];
  for (const { from, until } of exclusions) {
    const [first, end] = [from, until].map((at) => Math.ceil((Date.parse(at) - clock.fromMs) / MINUTE_MS));
    left.fill(false, Math.max(0, first ?? 0), Math.max(0, end ?? 0));
  }
  return left;
}
