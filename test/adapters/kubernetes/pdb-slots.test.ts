// How many evictions of one PDB may be in flight.
import { describe, expect, it } from '@jest/globals';
import { PdbSlots } from '../../../adapters/kubernetes/pdb-slots.ts';
import { pdb } from '../../domain/drain/facts.ts';

describe('the slots of a PDB', () => {
  it('are as many as it was seen to allow, and no more than ten [I25]', () => {
    const few = new PdbSlots();
    const taken = [1, 2, 3].map(() => few.take(pdb({ disruptionsAllowed: 2 }), false));
    expect(taken.map((each) => each !== undefined)).toEqual([true, true, false]);
    const many = new PdbSlots();
    const all = Array.from({ length: 12 }, () => many.take(pdb({ disruptionsAllowed: 50 }), false));
    expect(all.filter((each) => each !== undefined)).toHaveLength(10);
  });

  it('are not given out again for the same view once used up, but for a new one [I25]', () => {
    const slots = new PdbSlots();
    slots.take(pdb({ disruptionsAllowed: 1 }), false)?.({ spent: true });
    expect(slots.take(pdb({ disruptionsAllowed: 1 }), false)).toBeUndefined();
    expect(slots.take(pdb({ disruptionsAllowed: 1, resourceVersion: '2' }), false)).toBeDefined();
  });

  it('come back when nothing was used up, and wake those who wait', () => {
    const slots = new PdbSlots();
    let woken = 0;
    const stop = slots.onFreed(() => (woken += 1));
    slots.take(pdb({ disruptionsAllowed: 1 }), false)?.({ spent: false });
    expect(slots.take(pdb({ disruptionsAllowed: 1 }), false)).toBeDefined();
    stop();
    expect(woken).toBe(1);
  });

  it('are there for the floor although the view allows nothing', () => {
    expect(new PdbSlots().take(pdb({ disruptionsAllowed: 0 }), true)).toBeDefined();
  });
});
