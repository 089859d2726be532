// In which order nodes are taken: pool by pool as the definition lists them (those without an SLA
// first); in a pool its canaries (canary.ts), then zone by zone so that one zone at a time is disturbed,
// empty nodes first, then the fewest pods to move, then by name. Nodes that are not Ready come last.
// Must be total and stable: two plans of one observation are equal.
//
// `podsToMove` changes with every pod; the order is fixed when the run is planned and kept from then on.
import type { NodeFacts } from '../inventory.ts';
import type { Disposition } from '../plan.ts';
import { isReady, zoneOf } from './node-reading.ts';

export type Orderable = { node: NodeFacts; disposition: Disposition };

const RANK: Readonly<Record<Disposition['kind'], number>> = { upgrade: 0, upToDate: 1, leftAlone: 2 };

/** Within one pool. */
export function compareNodes(a: Orderable, b: Orderable): number {
  return (
    RANK[a.disposition.kind] - RANK[b.disposition.kind] ||
    Number(isReady(b.node)) - Number(isReady(a.node)) ||
    compareText(zoneOf(a.node), zoneOf(b.node)) ||
    a.node.podsToMove - b.node.podsToMove ||
    compareText(a.node.name, b.node.name)
  );
}

/** By code unit, not by locale: workers in two countries must agree. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
