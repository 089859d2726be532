// May this node be started now, and if not: why? The one place that answers it, one typed reason at a
// time, in the order in which a person should hear them. Pause, trip and approval are the workflow's,
// which asks nothing here while they hold. Must never let a node through that would take one more
// away from the pool than its budget allows.
//
// Racy by nature: between this answer and the cordon anybody may cordon another node. What this run
// itself takes is counted before it is cordoned, so its own share never exceeds the budget.
import type { NodeFacts } from '../inventory.ts';
import type { Why } from '../plan.ts';
import type { OwnerMark } from '../run.ts';
import type { Unavailable } from './budget.ts';
import { cordonOf, isReady } from './node-reading.ts';

/** Where a pool stands, counting what was chosen in this very answer. */
export type PoolSituation = {
  pool: string;
  /** Nodes of the pool, in scope of the run or not. */
  nodes: number;
  unavailableMax: number;
  /** By node name. */
  unavailable: ReadonlyMap<string, Unavailable['why']>;
  /** Ready nodes of the pool that still wait for their turn. */
  readyWaiting: number;
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
export function whyNotNow(node: NodeFacts, situation: PoolSituation, asked: Asked): Why | undefined {
  if (!asked.retry) {
    const why = whyNotItsTurn(node, situation);
    if (why !== undefined) return why;
  }
  return whyOverBudget(node, situation, asked);
}

function whyNotItsTurn(node: NodeFacts, { pool, readyWaiting }: PoolSituation): Why | undefined {
  // A node that is not Ready may well come back by itself; a drain of it would wait for its kubelet.
  if (!isReady(node) && readyWaiting > 0) {
    return {
      kind: 'nodeNotReady',
      text:
        `not Ready: taken when it is Ready again, or last, after the ${readyWaiting} Ready nodes of ` +
        `pool ${pool} that wait; to go on without it: refit skip ${node.name}`,
    };
  }
  return undefined;
}

function whyOverBudget(node: NodeFacts, situation: PoolSituation, asked: Asked): Why | undefined {
  const { pool, nodes, unavailableMax, unavailable } = situation;
  // A failed node stays cordoned by us: to take it again takes nothing more away. Only for retries:
  // a node that was put back a moment ago may still look cordoned, and would slip past the budget.
  if (asked.retry && cordonOf(node, asked.owner).kind === 'ours') return undefined;
  const others = unavailable.size - Number(unavailable.has(node.name));
  if (others + 1 <= unavailableMax) return undefined;
  return {
    kind: 'budget',
    text:
      `${unavailable.size} of the ${nodes} nodes of pool ${pool} are away and unavailableMax allows ` +
      `${unavailableMax}: ${nameUnavailable(unavailable)}; freed when one of them is Ready and uncordoned`,
  };
}

const UNAVAILABLE_WORDS: Readonly<Record<Unavailable['why'], string>> = {
  atWork: 'at work',
  failed: 'failed in this run: retry or skip it',
  notReady: 'not Ready',
  cordoned: 'cordoned',
};

/** Three tell what it is about. */
const NAMED_MAX = 3;

function nameUnavailable(unavailable: PoolSituation['unavailable']): string {
  const named: string[] = [];
  for (const [node, why] of unavailable) {
    if (named.length === NAMED_MAX) break;
    named.push(`${node} (${UNAVAILABLE_WORDS[why]})`);
  }
  const left = unavailable.size - named.length;
  return left > 0 ? `${named.join(', ')} and ${left} more` : named.join(', ');
}
