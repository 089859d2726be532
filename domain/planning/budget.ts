// How many nodes of a pool may be away, and which are: not Ready, cordoned by anybody, or at work in
// this run. Each node counts once. Must never forget a node that this run holds, even when the
// observation does not show it (any more).
//
// The observation may be seconds old: a node that this run has just cordoned may still look free,
// which is why the nodes at work are handed in and counted whatever the observation says.
import { resolveAmount } from '../amount.ts';
import type { Pool } from '../fleet.ts';
import type { NodeFacts } from '../inventory.ts';
import { isReady } from './node-reading.ts';

export type Unavailable = { node: string; why: 'atWork' | 'failed' | 'notReady' | 'cordoned' };

export function unavailableMaxOf(pool: Pool, nodes: number): number {
  return resolveAmount(pool.policy.disruption.unavailableMax, nodes);
}

/** The nodes of one pool that do not take pods now, or soon will not. */
export function listUnavailable(
  nodes: readonly NodeFacts[],
  atWork: ReadonlySet<string>,
  /** Failed in this run and neither retried nor skipped: cordoned by us, seen or not. */
  failed: ReadonlySet<string> = new Set(),
): readonly Unavailable[] {
  const unavailable: Unavailable[] = [...atWork].map((node) => ({ node, why: 'atWork' }));
  for (const node of nodes) {
    if (atWork.has(node.name)) continue;
    if (failed.has(node.name)) unavailable.push({ node: node.name, why: 'failed' });
    else if (node.unschedulable) unavailable.push({ node: node.name, why: 'cordoned' });
    else if (!isReady(node)) unavailable.push({ node: node.name, why: 'notReady' });
  }
  return unavailable;
}
