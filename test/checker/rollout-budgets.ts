// How many nodes may be away when one is started: counted anew over a picture of the cluster, for the pool, for
// the pool in the node's zone, for the whole cluster. Must never ask the planner how it counts.
import { policyOfPool, require } from './rollout-ledger.ts';
import type { Budget, Ledger, Picture, SeenNode } from './rollout-ledger.ts';

/** `node` stands as at work already, and so do those that were started before it. */
export function checkBudgets(ledger: Ledger, picture: Picture, node: string): void {
  const planned = ledger.planned.get(node);
  if (planned === undefined) return;
  const { pool } = planned;
  const { unavailableMax, unavailableMaxPerZone } = policyOfPool(ledger, pool).disruption;
  const zone = picture.get(node)?.zone ?? planned.zone;
  const ofPool = (name: string, seen?: SeenNode) =>
    seen === undefined || ledger.stands.get(name) === 'atWork'
      ? ledger.planned.get(name)?.pool === pool
      : seen.pool === pool;
  const ofZone = (name: string, seen?: SeenNode) =>
    ofPool(name, seen) && (seen?.zone ?? ledger.planned.get(name)?.zone) === zone;
  const sizeOfPool = [...picture.values()].filter((seen) => seen.pool === pool).length;
  check(countAway(ledger, picture, ofPool), amountOf(unavailableMax, sizeOfPool), `of pool ${pool}`, 'I91');
  if (unavailableMaxPerZone !== null) {
    const away = countAway(ledger, picture, ofZone);
    check(away, unavailableMaxPerZone, `of pool ${pool} in ${zone}`, 'I110');
  }
  if (ledger.clusterMax !== null) {
    const away = countAway(ledger, picture, () => true);
    check(away, amountOf(ledger.clusterMax, picture.size), 'of the cluster', 'I111');
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
    const isAway = !seen.ready || seen.cordon !== 'none' || ledger.stands.get(name) === 'failed';
    if (isAway && counts(name, seen)) away.add(name);
  }
  return away.size;
}

/** At least one, whatever the percent. */
function amountOf(amount: Budget, nodes: number): number {
  return amount.kind === 'count' ? amount.count : Math.max(1, Math.floor((nodes * amount.percent) / 100));
}
