// When nodes may be begun: a policy's windows and exclusions, laid on the time line. Pure; the one place
// that knows of time zones, and for that alone it may use a library (docs/decisions/0115).
// Must never be loaded by workflow code: it is asked by activities, and its answers travel as data.
//
// What is meant, exactly:
// - A window opens on each of its days at its wall-clock time in its zone. Where that time does not exist
//   (clocks go forward, or a whole day is left out) it opens at the first moment after the gap; where it
//   exists twice (clocks go back), at the first of the two.
// - It stays open for its duration in elapsed time, across midnight and changes of the clock alike.
// - Windows that touch or overlap are one opening. No windows: always open.
// - An exclusion beats every window. From `from` on, until just before `until`, nothing is open.
import { Temporal } from 'temporal-polyfill';
import type { Exclusion, Policy, Window } from '../policy.ts';

export type Calendar = Pick<Policy, 'windows' | 'exclusions'>;

/** Open from `from` until just before `until`; null: for two weeks at least, or as long as was asked for. */
export type Opening = { from: string; until: string | null };

/** Milliseconds since the epoch; the second is not part of it. */
type Span = { fromMs: number; untilMs: number };

const DAY_MS = 86_400_000;
/** Windows are weekly: what does not open within a year is kept shut by exclusions that somebody should look at. */
export const HORIZON_DAYS = 366;
/** Two weeks show each window twice; what is open for longer than that is as good as always open. */
const LOOK_MS = 14 * DAY_MS;
/** A window lasts seven days at most; two more for the calendar's own jumps. */
const BEFORE_MS = 9 * DAY_MS;

const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export function isAlwaysOpen({ windows, exclusions }: Calendar): boolean {
  return windows.length === 0 && exclusions.length === 0;
}

/** The opening that holds `at`, from `at` on; undefined when it is closed then. */
export function openingAt(calendar: Calendar, at: string, lookMs = 0): Opening | undefined {
  const first = openings(calendar, at, lookMs).next();
  return first.done !== true && first.value.from === toText(Date.parse(at)) ? first.value : undefined;
}

/** Every opening from `at` on, the one that holds `at` cut to begin there. Ends after HORIZON_DAYS. */
export function* openings(calendar: Calendar, at: string, lookMs = 0): Generator<Opening, void, undefined> {
  const startMs = Date.parse(at);
  const endMs = startMs + HORIZON_DAYS * DAY_MS;
  const stepMs = Math.max(LOOK_MS, lookMs);
  let cursorMs = startMs;
  while (cursorMs < endMs) {
    const lookEndMs = cursorMs + stepMs;
    let nextMs = lookEndMs;
    for (const span of listSpans(calendar, cursorMs, lookEndMs)) {
      const fromMs = Math.max(span.fromMs, startMs);
      if (span.untilMs < lookEndMs) {
        yield { from: toText(fromMs), until: toText(span.untilMs) };
      } else if (fromMs <= cursorMs) {
        yield { from: toText(fromMs), until: null };
        return;
      } else {
        // Its end is not in sight: looked at again from its beginning.
        nextMs = fromMs;
      }
    }
    cursorMs = nextMs;
  }
}

/** The exclusion that holds `at`, the one that lasts longest. */
export function exclusionAt({ exclusions }: Calendar, at: string): Exclusion | undefined {
  const atMs = Date.parse(at);
  return exclusions
    .filter(({ from, until }) => Date.parse(from) <= atMs && atMs < Date.parse(until))
    .toSorted((a, b) => Date.parse(b.until) - Date.parse(a.until))[0];
}

/** `2026-11-23 22:00 Europe/Berlin` */
export function renderLocal(at: string, timezone: string): string {
  const local = Temporal.Instant.from(at).toZonedDateTimeISO(timezone);
  return `${local.toPlainDate().toString()} ${local.toPlainTime().toString({ smallestUnit: 'minute' })} ${timezone}`;
}

/** Open spans that end after `fromMs` and begin before `toMs`, merged, in order; their ends are cut at `toMs`. */
function listSpans({ windows, exclusions }: Calendar, fromMs: number, toMs: number): readonly Span[] {
  const around = { fromMs: fromMs - BEFORE_MS, untilMs: toMs };
  const open =
    windows.length === 0 ? [around] : merge(windows.flatMap((window) => listOfWindow(window, around)));
  const closed = merge(
    exclusions.map(({ from, until }) => ({ fromMs: Date.parse(from), untilMs: Date.parse(until) })),
  );
  return closed
    .reduce(cutOut, open)
    .filter((span) => span.untilMs > fromMs && span.fromMs < toMs)
    .map((span) => ({ ...span, untilMs: Math.min(span.untilMs, toMs) }));
}

function listOfWindow(window: Window, { fromMs, untilMs }: Span): readonly Span[] {
  const days = new Set(window.days.map((day) => WEEKDAYS.indexOf(day) + 1));
  const time = Temporal.PlainTime.from(window.start);
  const dayOf = (ms: number) =>
    Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(window.timezone).toPlainDate();
  const spans: Span[] = [];
  const last = dayOf(untilMs);
  for (let day = dayOf(fromMs); Temporal.PlainDate.compare(day, last) <= 0; day = day.add({ days: 1 })) {
    if (!days.has(day.dayOfWeek)) continue;
    const opensMs = momentOf(day.toPlainDateTime(time), window.timezone);
    spans.push({ fromMs: opensMs, untilMs: opensMs + window.durationMs });
  }
  return spans;
}

/** The first moment at which the clocks of the zone show this time, or have passed it. */
function momentOf(local: Temporal.PlainDateTime, timezone: string): number {
  const moment = local.toZonedDateTime(timezone, { disambiguation: 'earlier' });
  if (moment.toPlainDateTime().equals(local)) return moment.epochMilliseconds;
  // In a gap `earlier` counts back from the clock after it: the gap is the very next change.
  const gap = moment.getTimeZoneTransition('next');
  return (gap ?? local.toZonedDateTime(timezone, { disambiguation: 'later' })).epochMilliseconds;
}

function merge(spans: readonly Span[]): readonly Span[] {
  const merged: Span[] = [];
  for (const span of spans.filter((s) => s.untilMs > s.fromMs).toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = merged.at(-1);
    if (last === undefined || span.fromMs > last.untilMs) merged.push({ ...span });
    else last.untilMs = Math.max(last.untilMs, span.untilMs);
  }
  return merged;
}

function cutOut(spans: readonly Span[], hole: Span): readonly Span[] {
  return spans.flatMap((span) =>
    hole.untilMs <= span.fromMs || span.untilMs <= hole.fromMs
      ? [span]
      : [
          { fromMs: span.fromMs, untilMs: hole.fromMs },
          { fromMs: hole.untilMs, untilMs: span.untilMs },
        ].filter(({ fromMs, untilMs }) => fromMs < untilMs),
  );
}

function toText(ms: number): string {
  return new Date(ms).toISOString();
}
