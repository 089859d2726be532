// What the eviction API will say about a pod, told from the watched PodDisruptionBudgets: go, or held
// and by what. The API server has the last word; this only spares it requests that it must refuse,
// and tells people at once what can never be satisfied.
import { isFinished } from './pod.ts';
import { matchesSelector } from './selector.ts';
import type { PdbFacts, PodFacts } from './pod.ts';

export type BudgetCheck =
  /** `counted`: the one PDB whose allowance this eviction uses up; null when none is asked. */
  | { kind: 'open'; counted: PdbFacts | null }
  | { kind: 'held'; by: 'pdb' | 'pdbNever' | 'twoPdbs' | 'pdbStale'; text: string };

export function findBudgets(pod: PodFacts, pdbs: readonly PdbFacts[]): readonly PdbFacts[] {
  return pdbs.filter(
    (pdb) =>
      pdb.namespace === pod.namespace && pdb.selector !== null && matchesSelector(pdb.selector, pod.labels),
  );
}

/** In the order in which the API server asks (pkg/registry/core/pod/storage/eviction.go). */
export function checkBudget(pod: PodFacts, covering: readonly PdbFacts[]): BudgetCheck {
  // It does not run, or ends already: its end disrupts nothing.
  if (isFinished(pod) || pod.phase === 'Pending' || pod.deletionTimestamp !== null) {
    return { kind: 'open', counted: null };
  }
  const [pdb, second] = covering;
  if (pdb === undefined) return { kind: 'open', counted: null };
  if (second !== undefined) {
    const names = covering.map((each) => each.name).join(', ');
    return {
      kind: 'held',
      by: 'twoPdbs',
      text: `covered by ${covering.length} PDBs (${names}): the eviction API refuses such a pod for ever; leave one`,
    };
  }
  const healthyEnough = pdb.currentHealthy >= pdb.desiredHealthy && pdb.desiredHealthy > 0;
  if (!pod.ready && (pdb.alwaysAllowsUnhealthy || healthyEnough)) return { kind: 'open', counted: null };
  const never = whyNever(pdb);
  if (pdb.disruptionsAllowed <= 0 && never !== undefined)
    return { kind: 'held', by: 'pdbNever', text: never };
  if (pdb.stale) {
    return { kind: 'held', by: 'pdbStale', text: `PDB ${pdb.name} was changed and is still being processed` };
  }
  if (pdb.disruptionsAllowed > 0) return { kind: 'open', counted: pdb };
  return {
    kind: 'held',
    by: 'pdb',
    text:
      `PDB ${pdb.name} allows 0 disruptions: ${pdb.currentHealthy} of ${pdb.expectedPods} pods healthy, ` +
      `${pdb.desiredHealthy} needed`,
  };
}

/** Why the PDB as it stands, with all its pods healthy, would still allow nothing. */
export function whyNever(pdb: PdbFacts): string | undefined {
  const { expectedPods } = pdb;
  const remedy = 'relax it, or scale its workload up';
  if (pdb.maxUnavailable !== null) {
    if (scale(pdb.maxUnavailable, expectedPods) > 0 || isPositive(pdb.maxUnavailable)) return undefined;
    return `PDB ${pdb.name} can never allow it: maxUnavailable is ${pdb.maxUnavailable}; ${remedy}`;
  }
  if (pdb.minAvailable === null) return undefined;
  const whole = percentOf(pdb.minAvailable) === 100;
  if (!whole && (expectedPods === 0 || scale(pdb.minAvailable, expectedPods) < expectedPods))
    return undefined;
  return (
    `PDB ${pdb.name} can never allow it: minAvailable is ${pdb.minAvailable} ` +
    `and it covers ${expectedPods} pods; ${remedy}`
  );
}

function isPositive(amount: number | string): boolean {
  return typeof amount === 'number' ? amount > 0 : (percentOf(amount) ?? 0) > 0;
}

/** The disruption controller rounds percentages up, of both fields. */
function scale(amount: number | string, expectedPods: number): number {
  if (typeof amount === 'number') return amount;
  return Math.ceil(((percentOf(amount) ?? 0) * expectedPods) / 100);
}

function percentOf(amount: number | string): number | undefined {
  if (typeof amount === 'number') return undefined;
  const match = /^(\d+)%$/.exec(amount);
  return match === null ? undefined : Number(match[1]);
}
