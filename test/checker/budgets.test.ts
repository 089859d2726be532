// The witness of PodDisruptionBudgets must be able to say no.
import { describe, expect, it } from '@jest/globals';
import { budgetViolations, deepestDisruption, parseBudgetLines } from './budgets.ts';

const violations = (...lines: string[]) =>
  budgetViolations(parseBudgetLines(lines.join('\n'))).map((one) => `${one.budget} ${String(one.healthy)}`);

describe('PodDisruptionBudgets as a kubectl watch saw them', () => {
  it('sees health that fell below what is desired, each time that it fell', () => {
    expect(violations('a/x 4 3 4', 'a/x 2 3 4', 'a/x 3 3 4')).toEqual(['a/x 2']);
    expect(violations('a/x 3 3 4', 'a/x 2 3 4', 'a/x 1 3 4')).toEqual(['a/x 2', 'a/x 1']);
  });

  it('blames no budget that allows it, rises again, was raised, or was never satisfied', () => {
    expect(violations('a/x 4 3 4', 'a/x 3 3 4')).toEqual([]);
    expect(violations('a/x 0 3 4', 'a/x 1 3 4', 'a/x 4 3 4')).toEqual([]);
    expect(violations('a/x 4 3 4', 'a/x 4 6 8')).toEqual([]);
  });

  it('keeps budgets apart, skips lines without a status, and tells how deep it went', () => {
    const samples = parseBudgetLines('a/x 4 3 4\nb/x   \nb/x 2 1 2\na/x 3 3 4\nb/x 2');
    expect(samples).toHaveLength(3);
    expect(budgetViolations(samples)).toEqual([]);
    expect(deepestDisruption(samples)).toEqual({ 'a/x': 1, 'b/x': 0 });
  });
});
