// How many nodes may be away when one is started: counted anew over a picture of the cluster, for the pool, for
// the pool in the node's zone, for the whole cluster. Must never ask the planner how it counts.
import { policyOfPool, require } from './rollout-ledger.ts';
import type { Budget, Ledger, Picture, SeenNode } from './rollout-ledger.ts';

/** How many are away under one bound by one picture, and how many may be. */
type Count = { id: string; where: string; away: number; max: number };

/**
 * `node` stands as at work already, and so do those that were started before it. `pictures`: the one that it was
 * chosen by, then those by which others were begun since. They counted it, too, while it waited at its gate, and
 * whatever had come back meanwhile may have made room for them: each bound must hold by one of these.
 */
export function checkBudgets(ledger: Ledger, pictures: readonly Picture[], node: string): void {
  const counts = pictures.map((picture) => countAll(ledger, picture, node));
  for (const { id, where, away, max } of counts[0] ?? []) {
    const holds = counts.some((some) => some.some((one) => one.id === id && one.away <= one.max));
    require(holds, `${String(away)} ${where} are away, ${String(max)} may be [${id}]`);
  }
}

function countAll(ledger: Ledger, picture: Picture, node: string): readonly Count[] {
  const planned = ledger.planned.get(node);
  if (planned === undefined) return [];
  const { pool } = planned;
  const { disruption, reimage } = policyOfPool(ledger, pool);
  const { unavailableMax, unavailableMaxPerZone } = disruption;
  // Another node stands ready for each of them before it is taken.
  const surge = reimage.method === 'replaceInstance' ? disruption.surge : 0;
  const zone = picture.get(node)?.zone ?? planned.zone;
  const ofPool = (name: string, seen?: SeenNode) =>
    seen === undefined || ledger.stands.get(name) === 'atWork'
      ? ledger.planned.get(name)?.pool === pool
      : seen.pool === pool;
  const ofZone = (name: string, seen?: SeenNode) =>
    ofPool(name, seen) && (seen?.zone ?? ledger.planned.get(name)?.zone) === zone;
  const places = countPlaces(picture, (seen) => seen.pool === pool);
  const counts: Count[] = [
    {
      id: 'I91',
      where: `of pool ${pool}`,
      away: countAway(ledger, picture, ofPool),
      max: amountOf(unavailableMax, places) + surge,
    },
  ];
  if (unavailableMaxPerZone !== null) {
    const there = countPlaces(picture, (seen) => seen.pool === pool && seen.zone === zone);
    counts.push({
      id: 'I110',
      where: `of pool ${pool} in ${zone}`,
      away: countAway(ledger, picture, ofZone),
      max:
        typeof unavailableMaxPerZone === 'number'
          ? unavailableMaxPerZone
          : amountOf(unavailableMaxPerZone, there),
    });
  }
  if (ledger.clusterMax !== null) {
    const all = countPlaces(picture, () => true);
    counts.push({
      id: 'I111',
      where: 'of the cluster',
      away: countAway(ledger, picture, () => true),
      max: amountOf(ledger.clusterMax, all),
    });
  }
  return counts;
}

/** At work, or seen as cordoned, as not Ready, or as one that failed in this run: each once. */
function countAway(
  ledger: Ledger,
  picture: Picture,
  counts: (name: string, seen?: SeenNode) => boolean,
): number {
  const away = new Set<string>();
  for (const [name, stand] of ledger.stands) {
    if (stand === 'atWork' && counts(name, picture.get(name))) away.add(name);
  }
  for (const [name, seen] of picture) {
    const failed = /^(failed|waitsBack)$/.test(ledger.stands.get(name) ?? '') && isFailed(ledger, name);
    const isAway = !seen.joins && (!seen.ready || seen.cordon !== 'none' || failed);
    if (isAway && counts(name, seen)) away.add(name);
  }
  return away.size;
}

/** One that waits to go back is as far away as it was before. */
function isFailed(ledger: Ledger, name: string): boolean {
  return ledger.stands.get(name) === 'failed' || ledger.hadFailed.has(name);
}

/** A node and the one that is to take its place are one. */
function countPlaces(picture: Picture, counts: (seen: SeenNode) => boolean): number {
  const places = new Set<string>();
  for (const [name, seen] of picture) if (counts(seen)) places.add(seen.replaces ?? name);
  return places.size;
}

/** At least one, whatever the percent. */
function amountOf(amount: Budget, nodes: number): number {
  return amount.kind === 'count' ? amount.count : Math.max(1, Math.floor((nodes * amount.percent) / 100));
}
