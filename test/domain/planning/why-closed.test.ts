// When the nodes of a pool may be begun, what they are expected to take, and what is said when they may not.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import { expectedTime, renderExpected } from '../../../domain/planning/expected-time.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import { hoursOf, listOpenings, whyNeverOpen } from '../../../domain/planning/why-closed.ts';
import { openingAt } from '../../../domain/planning/windows.ts';
import type { Policy, Window } from '../../../domain/policy.ts';
import {
  OBSERVED_AT,
  OWNER,
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

const night: Window = {
  days: ['mon', 'tue'],
  start: '22:00',
  durationMs: 6 * HOUR_MS,
  timezone: 'Europe/Berlin',
};
const freeze = { from: '2026-11-23T00:00:00Z', until: '2026-11-25T02:30:00Z', why: 'holiday freeze' };
const poolOf = (policy: Partial<Policy>) => samplePool('h100', { policy: samplePolicy(policy) });
const closed = (policy: Partial<Policy>, at: string, times: readonly number[] = []) => {
  const hours = hoursOf(poolOf(policy), at, times);
  return hours.kind === 'closed' ? hours.why : undefined;
};

describe('a pool with windows', () => {
  it('is begun only in them, never outside: a window says when nodes may be taken [I127]', () => {
    // A Friday; the window is on Mondays and Tuesdays.
    expect(closed({ windows: [night] }, '2026-11-20T10:00:00Z')).toEqual({
      kind: 'window',
      text:
        'pool h100 is begun only in its windows, mon, tue 22:00 for 6h (Europe/Berlin); ' +
        'goes on 2026-11-23T21:00:00.000Z (2026-11-23 22:00 Europe/Berlin)',
      until: '2026-11-23T21:00:00.000Z',
      freedBy: 'it goes on by itself then; refit abort, or another policy',
    });
    expect(hoursOf(poolOf({ windows: [night] }), '2026-11-23T21:00:00Z', [])).toEqual({
      kind: 'open',
      startBefore: '2026-11-24T02:00:00.000Z',
    });
  });

  it('and one without any is begun at any time', () => {
    expect(hoursOf(poolOf({}), OBSERVED_AT, [])).toEqual({ kind: 'open', startBefore: null });
    expect(whyNeverOpen(poolOf({}), OBSERVED_AT)).toBeUndefined();
  });

  it('begins nothing that is not expected to end inside, and says when it goes on [I128]', () => {
    const at = '2026-11-24T02:00:01Z';
    const why = closed({ windows: [night] }, at);
    expect(why).toMatchObject({ kind: 'window', until: '2026-11-24T21:00:00.000Z' });
    expect(why?.text).toContain(
      'its window closes 2026-11-24T03:00:00.000Z (2026-11-24 04:00 Europe/Berlin)',
    );
    expect(why?.text).toContain('a node is expected to take 1h (as its policy gives it');
    // This run's own nodes turn out quicker: there is time again.
    expect(closed({ windows: [night] }, at, [600, 700])).toBeUndefined();
  });

  it('is not begun in an exclusion, and goes on at the first window after it that leaves time [I126]', () => {
    const policy = { windows: [night], exclusions: [freeze] };
    expect(closed(policy, '2026-11-23T21:30:00Z')).toMatchObject({
      kind: 'exclusion',
      until: '2026-11-30T21:00:00.000Z',
      text: expect.stringContaining('2026-11-23T00:00:00Z to 2026-11-25T02:30:00Z: holiday freeze'),
    });
    const before = closed({ exclusions: [freeze] }, '2026-11-22T23:30:00Z');
    expect(before).toMatchObject({ kind: 'exclusion', until: '2026-11-25T02:30:00.000Z' });
    expect(before?.text).toContain('an exclusion begins');
  });

  it('whose windows are too short for what nodes took says so, and what to change [I129]', () => {
    const why = closed({ windows: [night] }, '2026-11-23T21:00:00Z', [7 * 3600]);
    expect(why).toMatchObject({ kind: 'windowTooShort' });
    expect(why).not.toHaveProperty('until');
    expect(why?.text).toContain('a node is expected to take 7h (as the one measured of its pool');
    expect(why?.text).toContain('the longest is 6h');
    expect(why?.freedBy).toBe('windows of at least 7h1m');
  });

  it('whose windows leave no minute for the start are too short, and not tried in vain each night [I129]', () => {
    const ofLength = (minutes: number) =>
      poolOf({ windows: [{ ...night, durationMs: minutes * MINUTE_MS }] });
    expect(whyNeverOpen(ofLength(60), OBSERVED_AT)).toMatchObject({ kind: 'windowTooShort' });
    expect(whyNeverOpen(ofLength(61), OBSERVED_AT)).toBeUndefined();
    expect(hoursOf(ofLength(60), OBSERVED_AT, [])).toMatchObject({ why: { kind: 'windowTooShort' } });
  });

  it('that is kept shut for more than a year says that no window opens [I129]', () => {
    const exclusions = [{ from: '2026-01-01T00:00:00Z', until: '2028-01-01T00:00:00Z', why: 'frozen' }];
    const why = closed({ windows: [night], exclusions }, OBSERVED_AT);
    expect(why).toMatchObject({ kind: 'exclusion' });
    expect(why?.text).toContain('no window opens in the next 366 days');
    expect(why?.text).toContain('frozen');
  });

  it('names an end only where one is, and is open until then for whatever begins before [I128]', () => {
    const start = Date.parse('2026-03-23T00:00:00Z');
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 14 * 1440 }),
        fc.array(fc.integer({ min: 60, max: 8 * 3600 }), { maxLength: 20 }),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 20 * 1440 }), fc.integer({ min: 1, max: 2880 })), {
          maxLength: 3,
        }),
        (minute, times, holes) => {
          const at = new Date(start + minute * MINUTE_MS).toISOString();
          const exclusions = holes.map(([after, minutes]) => ({
            from: new Date(start + after * MINUTE_MS).toISOString(),
            until: new Date(start + (after + minutes) * MINUTE_MS).toISOString(),
            why: 'freeze',
          }));
          const pool = poolOf({ windows: [night, { ...night, days: ['sat'], start: '01:30' }], exclusions });
          const { ms } = expectedTime(pool.policy, times);
          const hours = hoursOf(pool, at, times);
          const opening = openingAt(pool.policy, at);
          if (hours.kind === 'open') {
            expect(Date.parse(opening?.until ?? '')).toBe(Date.parse(hours.startBefore ?? '') + ms);
            expect(Date.parse(hours.startBefore ?? '')).toBeGreaterThanOrEqual(Date.parse(at));
            return;
          }
          const { until } = hours.why;
          if (until === undefined) {
            expect(hours.why.kind).toBe('windowTooShort');
            return;
          }
          // At that moment it is open, and not before.
          expect(Date.parse(until)).toBeGreaterThan(Date.parse(at));
          expect(hoursOf(pool, until, times).kind).toBe('open');
          const justBefore = new Date(Date.parse(until) - 1).toISOString();
          expect(hoursOf(pool, justBefore, times).kind).toBe('closed');
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('what a node is expected to take', () => {
  it('comes from the policy before any was measured: never a long timeout, but a short one and the soak [I128]', () => {
    expect(expectedTime(defaultPolicy, [])).toEqual({ ms: HOUR_MS, nodes: 0 });
    const policy = samplePolicy({
      drain: { ...defaultPolicy.drain, timeoutMs: 24 * HOUR_MS },
      reimage: { ...defaultPolicy.reimage, timeoutMs: 5 * MINUTE_MS },
      verify: { checks: [], soakMs: 10 * MINUTE_MS },
    });
    expect(expectedTime(policy, [])).toEqual({ ms: 45 * MINUTE_MS, nodes: 0 });
  });

  it('is what nine of ten took, and the longest of fewer than ten', () => {
    const twenty = Array.from({ length: 20 }, (_, index) => 100 + index);
    expect(expectedTime(defaultPolicy, twenty)).toEqual({ ms: 117_000, nodes: 20 });
    expect(expectedTime(defaultPolicy, [30, 10, 20])).toEqual({ ms: 30_000, nodes: 3 });
    expect(renderExpected({ ms: 117_000, nodes: 20 })).toBe(
      'a node is expected to take 1m57s (as 9 of 10 of the last 20 of its pool did in this run)',
    );
  });
});

describe('a plan', () => {
  const plan = (policy: Partial<Policy>) => {
    const definition = sampleDefinition({ pools: [poolOf(policy)] });
    return planRun(definition, sampleInventory(sampleNodes('h100', 3)), OWNER);
  };

  it('is refused where no node could ever begin, naming the times and what would help [I129]', () => {
    const plans = [
      plan({ windows: [{ ...night, durationMs: 30 * MINUTE_MS }] }),
      plan({ exclusions: [{ from: '2026-01-01T00:00:00Z', until: '2030-01-01T00:00:00Z', why: 'frozen' }] }),
    ];
    expect(plans).toMatchObject([
      {
        kind: 'refused',
        refusals: [
          {
            kind: 'windowTooShort',
            where: 'pool h100',
            text: expect.stringContaining('the longest is 30m; what would help: windows of at least 1h1m'),
          },
        ],
      },
      {
        kind: 'refused',
        refusals: [{ kind: 'exclusion', text: expect.stringContaining('frozen') }],
      },
    ]);
  });

  it('tells the next openings that leave time, and none where nodes may be begun at any time', () => {
    const planned = plan({ windows: [night] });
    expect(planned.kind === 'planned' && planned.draft.pools).toMatchObject([
      {
        openings: [
          { from: '2026-11-23T21:00:00.000Z', until: '2026-11-24T03:00:00.000Z' },
          { from: '2026-11-24T21:00:00.000Z', until: '2026-11-25T03:00:00.000Z' },
          { from: '2026-11-30T21:00:00.000Z', until: '2026-12-01T03:00:00.000Z' },
        ],
        expectedMs: HOUR_MS,
      },
    ]);
    const anyTime = plan({});
    expect(anyTime.kind === 'planned' && anyTime.draft.pools[0]).not.toHaveProperty('openings');
    expect(listOpenings(poolOf({}), OBSERVED_AT, 3)).toEqual([]);
  });
});
