// What PodDisruptionBudgets say of a pod.
import { describe, expect, it } from '@jest/globals';
import { checkBudget, findBudgets, whyNever } from '../../../domain/drain/budget.ts';
import { matchesSelector } from '../../../domain/drain/selector.ts';
import { pdb, pod } from './facts.ts';
import type { PdbFacts, PodFacts } from '../../../domain/drain/pod.ts';

const spent = { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2 };

function heldBy(changes: Partial<PodFacts>, budgets: readonly PdbFacts[]): string {
  const check = checkBudget(pod(changes), budgets);
  return check.kind === 'open' ? `open ${check.counted?.name ?? '-'}` : check.by;
}

describe('a PDB', () => {
  it('counts an eviction while it allows one', () => {
    expect(heldBy({}, [pdb()])).toBe('open web');
  });

  it.each(['Succeeded', 'Failed', 'Pending'])(
    'is not asked about a %s pod, as the eviction API does not',
    (phase) => {
      expect(heldBy({ phase }, [pdb(spent), pdb({ ...spent, name: 'other' })])).toBe('open -');
    },
  );

  it('holds a ready pod while it allows nothing', () => {
    expect(heldBy({}, [pdb(spent)])).toBe('pdb');
  });

  it('lets an unready pod go when enough are healthy, or when its policy is AlwaysAllow', () => {
    expect(heldBy({ ready: false }, [pdb(spent)])).toBe('open -');
    const unhealthy = { ...spent, currentHealthy: 1 };
    expect(heldBy({ ready: false }, [pdb(unhealthy)])).toBe('pdb');
    expect(heldBy({ ready: false }, [pdb({ ...unhealthy, alwaysAllowsUnhealthy: true })])).toBe('open -');
  });

  it('is told from a second one at once: the API refuses such a pod for ever', () => {
    expect(heldBy({}, [pdb(), pdb({ name: 'other' })])).toBe('twoPdbs');
  });

  it('whose controller has not seen its newest spec is waited for', () => {
    expect(heldBy({}, [pdb({ stale: true })])).toBe('pdbStale');
  });

  it.each<[Partial<PdbFacts>, boolean]>([
    [{ maxUnavailable: 0 }, true],
    [{ maxUnavailable: '0%' }, true],
    [{ maxUnavailable: 1 }, false],
    [{ maxUnavailable: '10%', expectedPods: 3 }, false],
    [{ maxUnavailable: null, minAvailable: '100%', expectedPods: 0 }, true],
    [{ maxUnavailable: null, minAvailable: 3, expectedPods: 3 }, true],
    [{ maxUnavailable: null, minAvailable: 5, expectedPods: 3 }, true],
    [{ maxUnavailable: null, minAvailable: 2, expectedPods: 3 }, false],
    // Percentages round up: 90 % of 5 are all 5.
    [{ maxUnavailable: null, minAvailable: '90%', expectedPods: 5 }, true],
    [{ maxUnavailable: null, minAvailable: '80%', expectedPods: 5 }, false],
    [{ maxUnavailable: null, minAvailable: 2, expectedPods: 0 }, false],
  ])('with %j can never allow anything: %s', (changes, never) => {
    expect(whyNever(pdb(changes)) !== undefined).toBe(never);
  });

  it('that can never allow it is told as such only while it allows nothing', () => {
    expect(heldBy({}, [pdb({ ...spent, maxUnavailable: 0 })])).toBe('pdbNever');
    // More pods than it knows of are healthy: the API server would let this one go.
    expect(heldBy({}, [pdb({ maxUnavailable: null, minAvailable: 3, disruptionsAllowed: 1 })])).toBe(
      'open web',
    );
  });
});

describe('a selector', () => {
  const any = { matchLabels: {}, matchExpressions: [] };
  const expression = (operator: string, values: string[] = []) => ({
    matchLabels: {},
    matchExpressions: [{ key: 'app', operator, values }],
  });

  it('that is empty covers every pod of the namespace, one that is absent none', () => {
    const budgets = [
      pdb({ name: 'all', selector: any }),
      pdb({ name: 'none', selector: null }),
      pdb({ name: 'elsewhere', selector: any, namespace: 'other' }),
    ];
    expect(findBudgets(pod(), budgets).map((each) => each.name)).toEqual(['all']);
  });

  it.each<[string, ReturnType<typeof expression>, Record<string, string>, boolean]>([
    ['In', expression('In', ['web']), { app: 'web' }, true],
    ['In, absent', expression('In', ['web']), {}, false],
    ['NotIn', expression('NotIn', ['web']), { app: 'web' }, false],
    ['NotIn, absent', expression('NotIn', ['web']), {}, true],
    ['Exists', expression('Exists'), { app: '' }, true],
    ['DoesNotExist', expression('DoesNotExist'), { app: '' }, false],
    ['an operator of the future', expression('Near', ['web']), { app: 'web' }, false],
  ])('matches by %s', (_name, selector, labels, expected) => {
    expect(matchesSelector(selector, labels)).toBe(expected);
  });

  it('takes no label from the prototype', () => {
    expect(
      matchesSelector(
        { matchLabels: {}, matchExpressions: [{ key: 'toString', operator: 'Exists', values: [] }] },
        {},
      ),
    ).toBe(false);
  });
});
