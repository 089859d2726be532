// Medians, ratios and goals: a figure that is reported must be the figure that was measured.
import { describe, expect, it } from '@jest/globals';
import {
  judge,
  median,
  percentile,
  ratios,
  renderNumber,
  renderTable,
  renderVerdict,
  spread,
} from '../../bench/figures.ts';

describe('figures of the bench', () => {
  it('takes the middle of an odd number of rounds and the mean of the two middle ones of an even number', () => {
    expect(median([9, 1, 4])).toBe(4);
    expect(median([9, 1, 4, 6])).toBe(5);
    expect(median([])).toBeNaN();
  });

  it('takes the worst of few values for their last percent, and leaves out one of a hundred', () => {
    expect(percentile([3, 1, 2], 0.99)).toBe(3);
    expect(
      percentile(
        Array.from({ length: 100 }, (_, at) => at + 1),
        0.99,
      ),
    ).toBe(99);
    expect(percentile([], 0.99)).toBeNaN();
  });

  it('calls the slowest round the worst', () => {
    expect(spread([20, 5, 30])).toEqual({ median: 20, worst: 5, best: 30 });
  });

  it('compares round with round, never the best of one with the worst of another', () => {
    expect(ratios([30, 10], [10, 5])).toEqual([3, 2]);
    expect(() => ratios([30, 10], [10])).toThrow('2 rounds of ours against 1 of theirs');
  });

  it('meets a goal at its very limit and misses it just beyond, unrounded', () => {
    expect(judge({ what: 'rate', atLeast: 8 }, 8).met).toBe(true);
    expect(judge({ what: 'rate', atLeast: 8 }, 7.999).met).toBe(false);
    expect(judge({ what: 'requests', atMost: 9.2 }, 9.2).met).toBe(true);
    expect(judge({ what: 'requests', atMost: 9.2 }, 9.2001).met).toBe(false);
    expect(judge({ what: 'rate', atLeast: 8 }, Number.NaN).met).toBe(false);
  });

  it('tells a missed goal as missed, with what was wanted', () => {
    const missed = judge({ what: 'rate', atLeast: 8 }, 7.5);
    expect(renderVerdict(missed)).toBe('MISSED rate: 7.50 (goal ≥ 8)');
  });

  it('shows three digits that count', () => {
    expect([0.123, 3.456, 34.56, 345.6, 7, Number.NaN].map(renderNumber)).toEqual([
      '0.12',
      '3.46',
      '34.6',
      '346',
      '7',
      '–',
    ]);
  });

  it('aligns names to the left and numbers to the right', () => {
    expect(
      renderTable([
        ['', 'rate'],
        ['a tool', '7'],
      ]),
    ).toEqual(['        rate', 'a tool     7']);
  });
});
