// Which pool a node belongs to: every label of the pool's selector, exactly. A node in two pools would
// be counted against two budgets and a pool without nodes is a typing error; both refuse the run.
// Must never fall back: a node that matches no pool is none of ours.
import type { Pool } from '../fleet.ts';
import type { NodeFacts } from '../inventory.ts';
import type { Refusal } from '../plan.ts';

export type PoolMatch = {
  /** By node name; nodes that match no pool are absent. */
  poolOf: ReadonlyMap<string, Pool>;
  /** By pool name, in the inventory's order. */
  nodesOf: ReadonlyMap<string, readonly NodeFacts[]>;
  refusals: readonly Refusal[];
};

/** An empty selector matches nothing: it would otherwise take the control plane along. */
export function matches(node: NodeFacts, pool: Pool): boolean {
  const wanted = Object.entries(pool.matchLabels);
  return wanted.length > 0 && wanted.every(([key, value]) => node.labels[key] === value);
}

export function matchPools(nodes: readonly NodeFacts[], pools: readonly Pool[]): PoolMatch {
  const poolOf = new Map<string, Pool>();
  const nodesOf = new Map<string, NodeFacts[]>(pools.map((pool) => [pool.name, []]));
  const refusals: Refusal[] = [];
  const claiming = new Set<string>();
  for (const node of nodes) {
    const candidates = pools.filter((candidate) => matches(node, candidate));
    const [pool, other] = candidates;
    for (const candidate of candidates) claiming.add(candidate.name);
    if (pool === undefined) continue;
    if (other !== undefined) {
      refusals.push({
        kind: 'nodeInTwoPools',
        where: node.name,
        text:
          `matches the selectors of pools ${pool.name} and ${other.name}; a node belongs to one pool: ` +
          'make the selectors disjoint, or correct the labels of the node',
      });
    }
    poolOf.set(node.name, pool);
    nodesOf.get(pool.name)?.push(node);
  }
  for (const pool of pools) {
    if (claiming.has(pool.name)) continue;
    refusals.push({
      kind: 'poolWithoutNodes',
      where: `pool ${pool.name}`,
      text:
        `its selector ${renderSelector(pool)} matches none of the cluster's ${nodes.length} nodes; ` +
        'correct spec.clusters[].pools[].selector.matchLabels, or label the nodes',
    });
  }
  return { poolOf, nodesOf, refusals };
}

function renderSelector(pool: Pool): string {
  const labels = Object.entries(pool.matchLabels).map(([key, value]) => `${key}=${value}`);
  return labels.length === 0 ? '(empty)' : labels.join(',');
}
