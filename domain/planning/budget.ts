// How many nodes of a pool may be away, and which are: not Ready, cordoned by anybody, or at work in
// this run. Each node counts once. Must never forget a node that this run holds, even when the
// observation does not show it (any more).
//
// The observation may be seconds old: a node that this run has just cordoned may still look free,
// which is why the nodes at work are handed in and counted whatever the observation says.
import type { Pool } from '../fleet.ts';
import type { NodeFacts } from '../inventory.ts';
import type { Amount } from '../policy.ts';
import { isReady } from './node-reading.ts';

export type Unavailable = { node: string; why: 'atWork' | 'notReady' | 'cordoned' };

/** `10%` of the pool is rounded down, and at least 1. */
export function amountOf(amount: Amount, nodes: number): number {
  if (amount.kind === 'count') return amount.count;
  return Math.max(1, Math.floor((amount.percent * nodes) / 100));
}

export function unavailableMaxOf(pool: Pool, nodes: number): number {
  return amountOf(pool.policy.disruption.unavailableMax, nodes);
}

/** The nodes of one pool that do not take pods now, or soon will not. */
export function listUnavailable(
  nodes: readonly NodeFacts[],
  atWork: ReadonlySet<string>,
): readonly Unavailable[] {
  const unavailable: Unavailable[] = [...atWork].map((node) => ({ node, why: 'atWork' }));
  for (const node of nodes) {
    if (atWork.has(node.name)) continue;
    if (node.unschedulable) unavailable.push({ node: node.name, why: 'cordoned' });
    else if (!isReady(node)) unavailable.push({ node: node.name, why: 'notReady' });
  }
  return unavailable;
}

/** Percentages that are not integers of nodes surprise people; told in the plan. */
export function renderAmount(amount: Amount): string {
  return amount.kind === 'count' ? String(amount.count) : `${amount.percent}%`;
}
