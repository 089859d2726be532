// Promotions by chance: whatever clusters, records and people do, no tier is begun before all below have soaked,
// nothing after a failure, and every promotion ends.
import { describe, expect, it } from '@jest/globals';
import { simulatePromotion } from './promotion.ts';

const SEEDS = 1_000;

describe('promotions by chance', () => {
  it('begin a cluster only on what has soaked below, have a reason for each that waits, and end [I199] [I200] [I243]', () => {
    const outcomes = new Map<string, number>();
    let begun = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      try {
        const story = simulatePromotion(seed);
        outcomes.set(story.outcome, (outcomes.get(story.outcome) ?? 0) + 1);
        begun += story.begun;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`seed ${String(seed)}: ${why}`, { cause: error });
      }
    }
    // Promotions that never get anywhere would keep every rule, too.
    expect(begun).toBeGreaterThan(2 * SEEDS);
    for (const outcome of ['succeeded', 'failed', 'aborted', 'nothingToDo'])
      expect(outcomes.get(outcome) ?? 0).toBeGreaterThan(0);
  });
});
