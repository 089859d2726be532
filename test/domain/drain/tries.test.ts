// When an eviction may be tried again.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkBudget } from '../../../domain/drain/budget.ts';
import { FLOOR_MS, afterRefusal, firstSight, tryAtMs } from '../../../domain/drain/tries.ts';
import { pdb, pod } from './facts.ts';

const nothing = checkBudget(pod(), [pdb({ disruptionsAllowed: 0, resourceVersion: '7' })]);
const allowing = checkBudget(pod(), [pdb({ disruptionsAllowed: 1, resourceVersion: '8' })]);

describe('when an eviction is tried', () => {
  it('at once, while the budget is open', () => {
    expect(tryAtMs(firstSight(1_000, 0.5), allowing)).toBe(1_000);
  });

  it('not before the floor while the PDB is seen to allow nothing [I24]', () => {
    expect(tryAtMs(firstSight(0, 0), nothing)).toBe(FLOOR_MS);
  });

  it('at once when the PDB has changed since it refused, and allows [I24]', () => {
    const refused = afterRefusal(firstSight(0, 0), {
      nowMs: 60_000,
      chance: 1,
      pdbVersion: '7',
      retryAfterMs: null,
    });
    expect(tryAtMs(refused, allowing)).toBeLessThanOrEqual(60_000);
  });

  it('later when the very PDB that allows has just refused', () => {
    const refused = afterRefusal(firstSight(0, 0), {
      nowMs: 60_000,
      chance: 0,
      pdbVersion: '8',
      retryAfterMs: null,
    });
    expect(tryAtMs(refused, allowing)).toBe(60_250);
    const told = afterRefusal(firstSight(0, 0), {
      nowMs: 60_000,
      chance: 0,
      pdbVersion: '8',
      retryAfterMs: 10_000,
    });
    expect(tryAtMs(told, allowing)).toBe(70_000);
  });

  it('at most once in 30 s for a PDB that allows nothing, however long that lasts [I24]', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 40 }),
        (chances) => {
          let tries = firstSight(0, chances[0] ?? 0);
          let before = 0;
          for (const chance of chances) {
            const nowMs = tryAtMs(tries, nothing);
            expect(nowMs - before).toBeGreaterThanOrEqual(FLOOR_MS);
            expect(nowMs - before).toBeLessThanOrEqual(40_000);
            before = nowMs;
            tries = afterRefusal(tries, { nowMs, chance, pdbVersion: '7', retryAfterMs: null });
          }
        },
      ),
    );
  });
});
