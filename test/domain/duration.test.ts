// Durations and amounts: what is read back is what was written.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatAmount, parseAmount, resolveAmount } from '../../domain/amount.ts';
import { formatDuration, parseDuration } from '../../domain/duration.ts';

describe('durations', () => {
  it.each([
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['0s', 0],
    ['1d2h3m4s', 93_784_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '30', 's', '1m1h', '1h1h', '-1s', '1.5h', ' 1s', '1s ', '1w', '10ms', '9999999s'])(
    'refuses %p',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it('reads back every duration that it writes [I60]', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 * 86_400 }), (seconds) => {
        expect(parseDuration(formatDuration(seconds * 1000))).toBe(seconds * 1000);
      }),
    );
  });

  it('writes what lies in the past as nothing, and rounds down to the second', () => {
    expect(formatDuration(-5000)).toBe('0s');
    expect(formatDuration(1999)).toBe('1s');
  });
});

describe('amounts', () => {
  it.each([0, -1, 1.5, 5001, '0%', '101%', '10', '10 %', '1.5%', null, undefined, true, {}])(
    'refuses %p',
    (value) => {
      expect(parseAmount(value)).toBeUndefined();
    },
  );

  it('reads back every amount that it writes [I60]', () => {
    const amounts = fc.oneof(
      fc.integer({ min: 1, max: 5000 }).map((count) => ({ kind: 'count' as const, count })),
      fc.integer({ min: 1, max: 100 }).map((percent) => ({ kind: 'percent' as const, percent })),
    );
    fc.assert(
      fc.property(amounts, (amount) => {
        expect(parseAmount(formatAmount(amount))).toEqual(amount);
      }),
    );
  });

  it('takes a percentage of the pool, rounded down, at least 1 [I60]', () => {
    expect(resolveAmount({ kind: 'percent', percent: 10 }, 24)).toBe(2);
    expect(resolveAmount({ kind: 'percent', percent: 10 }, 4)).toBe(1);
    expect(resolveAmount({ kind: 'percent', percent: 29 }, 100)).toBe(29);
    expect(resolveAmount({ kind: 'count', count: 3 }, 1)).toBe(3);
  });
});
