// What a drain of a node would meet, for a person who is asked about it: which pods it would move, which
// PodDisruptionBudgets guard them, which pods would hold it up. As old as the watches that it is read from,
// and decides nothing: the drain looks again at each pod. Bounded, whatever stands on the node.
import { findBudgets, whyNever } from './budget.ts';
import { chooseForDrain } from './choose.ts';
import type { ChooseContext } from './choose.ts';
import { isFinished } from './pod.ts';
import type { PdbFacts, PodFacts } from './pod.ts';
import type { DrainImpact } from '../plan.ts';

/** Six of each tell what kind of node it is, and fit a line. */
const KINDS_MAX = 6;
const PDBS_MAX = 6;
const BLOCKED_MAX = 3;
const WHY_CHARS_MAX = 120;

export function readImpact(
  pods: readonly PodFacts[],
  pdbs: readonly PdbFacts[],
  context: ChooseContext,
): DrainImpact {
  const left = pods
    .filter((pod) => !isFinished(pod))
    .map((pod) => ({ pod, choice: chooseForDrain(pod, context) }))
    .filter(({ choice }) => choice.kind !== 'skip');
  const kinds = new Map<string, { namespace: string; owner: string; pods: number }>();
  const guards = new Map<string, DrainImpact['pdbs'][number]>();
  for (const { pod } of left) {
    const { namespace } = pod;
    const owner = pod.controller === null ? 'bare' : `of a ${pod.controller.kind}`;
    const kind = kinds.get(`${namespace}/${owner}`);
    kinds.set(`${namespace}/${owner}`, { namespace, owner, pods: (kind?.pods ?? 0) + 1 });
    for (const pdb of findBudgets(pod, pdbs)) {
      const key = `${namespace}/${pdb.name}`;
      const { name, disruptionsAllowed } = pdb;
      const never = disruptionsAllowed <= 0 && whyNever(pdb) !== undefined;
      guards.set(key, { namespace, name, pods: (guards.get(key)?.pods ?? 0) + 1, disruptionsAllowed, never });
    }
  }
  const most = [...kinds.values()].sort((a, b) => b.pods - a.pods);
  const tightest = [...guards.values()].sort((a, b) => a.disruptionsAllowed - b.disruptionsAllowed);
  const blocked = left.flatMap(({ pod: { namespace, name }, choice }) =>
    choice.kind === 'blocked' ? [{ namespace, name, why: choice.why.slice(0, WHY_CHARS_MAX) }] : [],
  );
  return {
    podsTotal: left.length,
    pods: most.slice(0, KINDS_MAX),
    kindsLeft: Math.max(0, most.length - KINDS_MAX),
    pdbs: tightest.slice(0, PDBS_MAX),
    pdbsLeft: Math.max(0, tightest.length - PDBS_MAX),
    blocked: blocked.slice(0, BLOCKED_MAX),
  };
}
