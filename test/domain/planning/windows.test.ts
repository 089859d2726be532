// Windows and exclusions on the time line, held against a wall clock.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Exclusion, Window } from '../../../domain/policy.ts';
import { exclusionAt, openingAt, openings, renderLocal } from '../../../domain/planning/windows.ts';
import type { Calendar, Opening } from '../../../domain/planning/windows.ts';
import { openMinutes, watchClock, withoutExcluded } from './clock-oracle.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const ALL_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const windowOf = (changes: Partial<Window> = {}): Window => ({
  days: ALL_DAYS,
  start: '22:00',
  durationMs: 6 * HOUR_MS,
  timezone: 'UTC',
  ...changes,
});
const first = (calendar: Calendar, at: string, count: number): Opening[] => {
  const found: Opening[] = [];
  for (const opening of openings(calendar, at)) {
    found.push(opening);
    if (found.length === count) break;
  }
  return found;
};
const only = (...windows: Window[]): Calendar => ({ windows, exclusions: [] });

/** Weeks in which clocks do what they do: there and back, by half an hour, by a whole day, never. */
const weeks: [timezone: string, around: string][] = [
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Africa/Cairo', '2026-04-23T22:00:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['Asia/Kolkata', '2026-06-01T00:00:00Z'],
  ['UTC', '2026-12-31T00:00:00Z'],
  ['+05:30', '2026-02-28T00:00:00Z'],
];
/** The oracle needs to have seen the windows that began before; then twelve days are compared. */
const BEFORE_DAYS = 8;
const COMPARED_DAYS = 12;

const clocks = weeks.map(([timezone, around]) => {
  const fromMs = Math.floor(Date.parse(around) / DAY_MS) * DAY_MS - (BEFORE_DAYS + 5) * DAY_MS;
  return { timezone, clock: watchClock(timezone, fromMs, (BEFORE_DAYS + COMPARED_DAYS) * 1440) };
});

const arbitraryWindow = fc.record({
  days: fc.subarray([...ALL_DAYS], { minLength: 1 }),
  start: fc
    .tuple(
      fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 23 })),
      fc.integer({ min: 0, max: 59 }),
    )
    .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`),
  durationMs: fc
    .oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: 7 * 1440 }))
    .map((minutes) => minutes * MINUTE_MS),
});
const arbitraryExclusion = fc.tuple(
  fc.integer({ min: 0, max: (BEFORE_DAYS + COMPARED_DAYS) * 1440 }),
  fc.integer({ min: 1, max: 3 * 1440 }),
);

/** Where minutes of the oracle and the openings differ; empty when they agree. */
function disagreements(fromMs: number, expected: readonly boolean[], calendar: Calendar): string[] {
  const minutes = COMPARED_DAYS * 1440;
  const found = new Array<boolean>(minutes).fill(false);
  for (const { from, until } of openings(calendar, new Date(fromMs).toISOString())) {
    const start = (Date.parse(from) - fromMs) / MINUTE_MS;
    if (start >= minutes) break;
    found.fill(true, start, until === null ? minutes : (Date.parse(until) - fromMs) / MINUTE_MS);
  }
  return found.flatMap((open, index) =>
    open === expected[index]
      ? []
      : [`${new Date(fromMs + index * MINUTE_MS).toISOString()} is ${open ? 'open' : 'closed'}`],
  );
}

describe('openings', () => {
  it.each(clocks)(
    'in $timezone are what a wall clock shows, minute by minute [I125]',
    ({ timezone, clock }) => {
      const startMs = clock.fromMs + BEFORE_DAYS * DAY_MS;
      fc.assert(
        fc.property(
          fc.array(arbitraryWindow, { minLength: 1, maxLength: 4 }),
          fc.array(arbitraryExclusion, { maxLength: 3 }),
          (drawn, holes) => {
            const windows = drawn.map((window): Window => ({ ...window, timezone }));
            const exclusions = holes.map(([after, minutes]): Exclusion => ({
              from: new Date(clock.fromMs + after * MINUTE_MS).toISOString(),
              until: new Date(clock.fromMs + (after + minutes) * MINUTE_MS).toISOString(),
              why: 'freeze',
            }));
            const seen = withoutExcluded(clock, openMinutes(clock, windows), exclusions);
            const expected = seen.slice(BEFORE_DAYS * 1440);
            expect(disagreements(startMs, expected, { windows, exclusions }).slice(0, 3)).toEqual([]);
          },
        ),
        { numRuns: 30 },
      );
    },
  );

  it('say at any moment whether it is open, and until when, as their list does [I125]', () => {
    const [{ clock } = { clock: { fromMs: 0, minutes: 0, firstShown: new Map() } }] = clocks;
    fc.assert(
      fc.property(
        fc.array(arbitraryWindow, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: BEFORE_DAYS * 1440, max: (BEFORE_DAYS + COMPARED_DAYS) * 1440 - 1 }),
        (drawn, minute) => {
          const windows = drawn.map((window): Window => ({ ...window, timezone: 'Europe/Berlin' }));
          const at = new Date(clock.fromMs + minute * MINUTE_MS).toISOString();
          const open = openMinutes(clock, windows);
          const opening = openingAt(only(...windows), at);
          expect(opening !== undefined).toBe(open[minute]);
          const closes = open.indexOf(false, minute);
          if (opening === undefined || closes === -1 || opening.until === null) return;
          expect(opening.until).toBe(new Date(clock.fromMs + closes * MINUTE_MS).toISOString());
        },
      ),
    );
  });
});

describe('a window', () => {
  it('crosses midnight with the days on which it begins', () => {
    const calendar = only(windowOf({ days: ['mon'], start: '23:00', durationMs: 3 * HOUR_MS }));
    expect(first(calendar, '2026-11-22T00:00:00Z', 1)).toEqual([
      { from: '2026-11-23T23:00:00.000Z', until: '2026-11-24T02:00:00.000Z' },
    ]);
    expect(openingAt(calendar, '2026-11-24T01:59:59Z')?.until).toBe('2026-11-24T02:00:00.000Z');
    expect(openingAt(calendar, '2026-11-24T02:00:00Z')).toBeUndefined();
  });

  it('in the hour that does not exist opens at the first moment after it, for its whole duration [I125]', () => {
    const calendar = only(
      windowOf({ days: ['sun'], start: '02:30', durationMs: HOUR_MS, timezone: 'Europe/Berlin' }),
    );
    expect(first(calendar, '2026-03-28T12:00:00Z', 1)).toEqual([
      { from: '2026-03-29T01:00:00.000Z', until: '2026-03-29T02:00:00.000Z' },
    ]);
  });

  it('in the hour that exists twice opens once, at the first of the two [I125]', () => {
    const calendar = only(
      windowOf({ days: ['sun'], start: '02:30', durationMs: HOUR_MS, timezone: 'Europe/Berlin' }),
    );
    expect(first(calendar, '2026-10-24T12:00:00Z', 2)).toEqual([
      { from: '2026-10-25T00:30:00.000Z', until: '2026-10-25T01:30:00.000Z' },
      { from: '2026-11-01T01:30:00.000Z', until: '2026-11-01T02:30:00.000Z' },
    ]);
  });

  it('of six hours is open for six hours, also in the night in which clocks change [I125]', () => {
    const calendar = only(windowOf({ days: ['sat'], timezone: 'Europe/Berlin' }));
    expect(first(calendar, '2026-03-28T12:00:00Z', 1)).toEqual([
      { from: '2026-03-28T21:00:00.000Z', until: '2026-03-29T03:00:00.000Z' },
    ]);
    expect(first(calendar, '2026-10-24T12:00:00Z', 1)).toEqual([
      { from: '2026-10-24T20:00:00.000Z', until: '2026-10-25T02:00:00.000Z' },
    ]);
  });

  it('of a day that a zone left out opens at the first moment after that day', () => {
    const calendar = only(windowOf({ days: ['fri'], timezone: 'Pacific/Apia', durationMs: HOUR_MS }));
    expect(first(calendar, '2011-12-29T00:00:00Z', 1)).toEqual([
      { from: '2011-12-30T10:00:00.000Z', until: '2011-12-30T11:00:00.000Z' },
    ]);
  });

  it('that touches the next is one opening with it, and every day round the clock never closes', () => {
    const touching = only(
      windowOf({ days: ['mon'], start: '22:00', durationMs: 2 * HOUR_MS }),
      windowOf({ days: ['tue'], start: '00:00', durationMs: HOUR_MS }),
    );
    expect(first(touching, '2026-11-22T00:00:00Z', 1)).toEqual([
      { from: '2026-11-23T22:00:00.000Z', until: '2026-11-24T01:00:00.000Z' },
    ]);
    const always = only(windowOf({ start: '00:00', durationMs: 24 * HOUR_MS }));
    expect(first(always, '2026-11-22T00:00:00Z', 2)).toEqual([
      { from: '2026-11-22T00:00:00.000Z', until: null },
    ]);
  });
});

describe('an exclusion', () => {
  const freeze = { from: '2026-12-20T00:00:00+01:00', until: '2027-01-03T00:00:00Z', why: 'holiday freeze' };

  it('beats every window, and stands in instants of whatever offset [I126]', () => {
    const calendar = { windows: [windowOf()], exclusions: [freeze] };
    expect(first(calendar, '2026-12-19T21:00:00Z', 2)).toEqual([
      { from: '2026-12-19T22:00:00.000Z', until: '2026-12-19T23:00:00.000Z' },
      { from: '2027-01-03T00:00:00.000Z', until: '2027-01-03T04:00:00.000Z' },
    ]);
    expect(exclusionAt(calendar, '2026-12-19T23:00:00Z')).toBe(freeze);
    expect(exclusionAt(calendar, '2027-01-03T00:00:00Z')).toBeUndefined();
  });

  it('closes what has no windows at all', () => {
    const calendar = { windows: [], exclusions: [freeze] };
    expect(first(calendar, '2026-12-24T00:00:00Z', 2)).toEqual([
      { from: '2027-01-03T00:00:00.000Z', until: null },
    ]);
    expect(openingAt(calendar, '2026-12-19T22:00:00Z')?.until).toBe('2026-12-19T23:00:00.000Z');
  });

  it('that lasts for years leaves no opening within one', () => {
    const calendar = { windows: [windowOf()], exclusions: [{ ...freeze, until: '2030-01-01T00:00:00Z' }] };
    expect(first(calendar, '2026-12-24T00:00:00Z', 1)).toEqual([]);
  });
});

it('a moment is shown as the clocks of its zone show it', () => {
  expect(renderLocal('2026-11-23T21:00:00.000Z', 'Europe/Berlin')).toBe('2026-11-23 22:00 Europe/Berlin');
});
