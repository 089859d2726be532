// How many nodes may be away when one is started: counted anew over a picture of the cluster, for the pool, for
// the pool in the node's zone, for the whole cluster. Must never ask the planner how it counts.
import { policyOfPool, require } from './rollout-ledger.ts';
import type { Budget, Ledger, Picture, SeenNode } from './rollout-ledger.ts';

/** `node` stands as at work already, and so do those that were started before it. */
export function checkBudgets(ledger: Ledger, picture: Picture, node: string): void {
  const planned = ledger.planned.get(node);
  if (planned === undefined) return;
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
  const poolMax =
    amountOf(
      unavailableMax,
      countPlaces(picture, (seen) => seen.pool === pool),
    ) + surge;
  check(countAway(ledger, picture, ofPool), poolMax, `of pool ${pool}`, 'I91');
  if (unavailableMaxPerZone !== null) {
    const away = countAway(ledger, picture, ofZone);
    const places = countPlaces(picture, (seen) => seen.pool === pool && seen.zone === zone);
    const max =
      typeof unavailableMaxPerZone === 'number'
        ? unavailableMaxPerZone
        : amountOf(unavailableMaxPerZone, places);
    check(away, max, `of pool ${pool} in ${zone}`, 'I110');
  }
  if (ledger.clusterMax !== null) {
    const away = countAway(ledger, picture, () => true);
    check(
      away,
      amountOf(
        ledger.clusterMax,
        countPlaces(picture, () => true),
      ),
      'of the cluster',
      'I111',
    );
  }
}

function check(away: number, max: number, where: string, id: string): void {
  require(away <= max, `${String(away)} ${where} are away, ${String(max)} may be [${id}]`);
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
