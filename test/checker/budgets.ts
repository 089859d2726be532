// A witness of PodDisruptionBudgets: every status that a kubectl watch saw, and whether one was violated.
// It must be able to say no: pods that die with their node show as health that fell below what is desired.

export type BudgetSample = { budget: string; healthy: number; desired: number; expected: number };

/** What kubectl is asked to print, one line for each change that its watch sees. */
export const BUDGET_LINE =
  'jsonpath={.metadata.namespace}/{.metadata.name} {.status.currentHealthy} ' +
  '{.status.desiredHealthy} {.status.expectedPods}{"\\n"}';

const LINE = /^(\S+) (\d+) (\d+) (\d+)$/;

/** Lines of a budget without a status yet say nothing. */
export function parseBudgetLines(text: string): BudgetSample[] {
  return text.split('\n').flatMap((line) => {
    const [, budget, healthy, desired, expected] = LINE.exec(line) ?? [];
    if (budget === undefined) return [];
    return [{ budget, healthy: Number(healthy), desired: Number(desired), expected: Number(expected) }];
  });
}

/** Budgets whose health fell below what they desire; one that was never satisfied, or that was raised, did not fall. */
export function budgetViolations(samples: readonly BudgetSample[]): BudgetSample[] {
  const before = new Map<string, BudgetSample>();
  return samples.filter((sample) => {
    const last = before.get(sample.budget);
    before.set(sample.budget, sample);
    if (last === undefined || sample.healthy >= sample.desired) return false;
    return sample.healthy < last.healthy;
  });
}

/** How far below its full strength each budget was seen: 0 means that the watch saw no disruption at all. */
export function deepestDisruption(samples: readonly BudgetSample[]): Record<string, number> {
  const deepest: Record<string, number> = {};
  for (const { budget, healthy, expected } of samples) {
    deepest[budget] = Math.max(deepest[budget] ?? 0, expected - healthy);
  }
  return deepest;
}
