// May this node be started now, and if not: why? The one place that answers it, one typed reason at a
// time, in the order in which a person should hear them. Pause, trip and approval are the workflow's,
// which asks nothing here while they hold. Must never let a node through that would take one more
// away than one of the bounds allows.
//
// Racy by nature: between this answer and the cordon anybody may cordon another node. What this run
// itself takes is counted before it is cordoned, so its own share never exceeds the budget.
import type { NodeFacts } from '../inventory.ts';
import type { PlanRow, Why } from '../plan.ts';
import { OCCUPIED_MAX } from '../plan.ts';
import type { OwnerMark } from '../run.ts';
import { whyOverBudget } from './budget.ts';
import type { Bound } from './budget.ts';
import { cordonOf, isReady } from './node-reading.ts';

/** Where a node's pool stands, counting what was chosen in this very answer. */
export type Situation = {
  pool: string;
  /** All that the node must keep. */
  bounds: readonly Bound[];
  /** Ready nodes of the pool that still wait for their turn and would be taken before one that is not. */
  readyWaiting: number;
  /** Nodes that the whole run holds, with those of this answer. */
  occupied: number;
};

/** A pool that comes earlier and is not done. */
export type PoolBefore = { pool: string; waiting: number; atWork: number };

export type Asked = {
  owner: OwnerMark;
  /** A person asked for this very node: order does not hold it, the budget does. */
  retry: boolean;
};

/** Why no node of this pool is looked at yet. */
export function whyNotThePoolsTurn(pool: string, before: PoolBefore): Why {
  return {
    kind: 'order',
    text:
      `pool ${pool} begins when nothing of pool ${before.pool} waits or is at work any more ` +
      `(${before.waiting} waiting, ${before.atWork} at work)`,
  };
}

/** Asked of a node of the pool whose turn it is, or of one to be retried. Undefined: it may be started now. */
export function whyNotNow(
  row: PlanRow,
  node: NodeFacts,
  situation: Situation,
  asked: Asked,
): Why | undefined {
  if (!asked.retry) {
    const why = whyNotItsTurn(row, node, situation);
    if (why !== undefined) return why;
  }
  if (situation.occupied >= OCCUPIED_MAX) {
    return {
      kind: 'slots',
      text:
        `the run holds ${situation.occupied} nodes, at work or at their gates, and one run holds at most ` +
        `${OCCUPIED_MAX}; freed when one of them ends`,
    };
  }
  // A failed node stays cordoned by us: to take it again takes nothing more away. Only for retries:
  // a node that was put back a moment ago may still look cordoned, and would slip past the budget.
  if (asked.retry && cordonOf(node, asked.owner).kind === 'ours') return undefined;
  return whyOverBudget(node.name, situation.bounds);
}

function whyNotItsTurn(row: PlanRow, node: NodeFacts, { pool, readyWaiting }: Situation): Why | undefined {
  if (isReady(node)) return undefined;
  // A canary tells of the release; one that is ill already would tell of itself.
  if (row.canary === true) {
    return {
      kind: 'nodeNotReady',
      text: `not Ready: a canary is taken when it is Ready again; to go on without it: refit skip ${node.name}`,
    };
  }
  // A node that is not Ready may well come back by itself; a drain of it would wait for its kubelet.
  if (readyWaiting > 0) {
    return {
      kind: 'nodeNotReady',
      text:
        `not Ready: taken when it is Ready again, or last, after the ${readyWaiting} Ready nodes of ` +
        `pool ${pool} that wait; to go on without it: refit skip ${node.name}`,
    };
  }
  return undefined;
}
