// When a run has to stop for failures, written down once more from the reference: by how many of a pool have
// failed and nobody has acknowledged, how many one after another, which share has succeeded, whether a canary
// was among them.
import { beginRollback } from './rollout-back.ts';
import { endAll, policyOfPool, poolOfNode, require } from './rollout-ledger.ts';
import type { Ledger } from './rollout-ledger.ts';

/** How a node's way ended. */
export type End = {
  node: string;
  attempt: number;
  kind: 'done' | 'failed' | 'putBack' | 'deferred';
  /** It came too late for its window, untouched. */
  again: boolean;
  /** Failed before anything was laid. */
  untouched: boolean;
  /** Put back, and our cordon lifted. */
  uncordoned: boolean;
  replacedBy: string | undefined;
};

/** What the run shows of being stopped by failures. */
export type Shown = { tripped: boolean; ending: boolean; rolling: boolean };

const RATED_FROM = 20;

export function noteEnd(ledger: Ledger, end: End, now: number): void {
  const { node } = end;
  require(ledger.stands.get(node) === 'atWork', `${node} was at work before it ended [I92]`);
  const told = ledger.told.get(node);
  ledger.told.delete(node);
  const pool = poolOfNode(ledger, node);
  const apart = ledger.planned.get(node)?.wasNotReady === true;
  if (end.kind === 'done' && !apart) ledger.inRow.delete(pool);
  if (end.kind === 'failed' && !apart) ledger.inRow.set(pool, (ledger.inRow.get(pool) ?? 0) + 1);
  if (end.kind === 'done' || end.kind === 'failed') {
    ledger.stands.set(node, end.kind);
    if (end.kind === 'failed' && end.untouched && end.attempt === 1) ledger.untouched.add(node);
    if (end.kind === 'done') ledger.doneOrder = [...ledger.doneOrder.filter((name) => name !== node), node];
    if (end.replacedBy !== undefined) ledger.replacedBy.set(node, end.replacedBy);
    ledger.deferred.delete(node);
    ledger.acknowledged.delete(node);
    if (end.kind === 'done') noteTime(ledger, node, pool, now);
    return;
  }
  const comesBack = told === undefined && !ledger.ending;
  if (end.kind === 'deferred' && comesBack) {
    const times = (ledger.deferred.get(node)?.times ?? 0) + 1;
    ledger.deferred.set(node, { times, until: now + policyOfPool(ledger, pool).drain.deferForMs });
    ledger.stands.set(node, 'waiting');
    return;
  }
  if (end.again && comesBack) {
    const retry = ledger.wasRetry.has(node);
    ledger.stands.set(node, retry ? 'failed' : 'waiting');
    if (retry) ledger.retries.set(node, end.attempt);
    return;
  }
  ledger.deferred.delete(node);
  if (told === 'skip' || told === 'abort' || ledger.ending) ledger.stands.set(node, 'skipped');
  else ledger.stands.set(node, told === 'putBack' ? 'waiting' : 'leftAlone');
  // It is asked about once more: what was said before is used up.
  if (ledger.stands.get(node) === 'waiting') ledger.yeses.delete(`node/${node}`);
}

function noteTime(ledger: Ledger, node: string, pool: string, now: number): void {
  const took = now - (ledger.startedAt.get(node) ?? now);
  ledger.shortestMs.set(pool, Math.min(took, ledger.shortestMs.get(pool) ?? Infinity));
}

/** After anything that may have ended nodes: the run shows that it is stopped when it must be, and only then. */
export function judgeFailures(ledger: Ledger, shown: Shown, failed: string | undefined): void {
  if (ledger.rolling) {
    require(shown.tripped === ledger.tripped, 'only a failed way back stops a rollback [I189]');
    return;
  }
  if (ledger.tripped || ledger.ending) return;
  const why = whyTrip(ledger, failed);
  const stopped = shown.tripped || shown.ending || shown.rolling;
  require(!stopped || why !== undefined, 'nothing stops a run but failures and people [I77] [I145] [I147]');
  if (why === undefined) return;
  const planned = failed === undefined ? undefined : ledger.planned.get(failed);
  // Once others were offered, its canary is a node like any other.
  const must = why !== 'canary' || !ledger.followed.has(planned?.pool ?? '');
  require(stopped || !must, `a run is stopped by ${why} [I77] [I117] [I145] [I147] [I148]`);
  if (shown.ending) endAll(ledger);
  else if (shown.rolling) {
    const promised = ledger.pools.some(({ policy }) => policy.failure.onExceeded === 'rollback');
    require(promised, 'a run is rolled back by itself where its policy says so [I185]');
    beginRollback(ledger);
  } else if (shown.tripped) {
    ledger.tripped = true;
    for (const [name, stand] of ledger.stands) {
      if (stand === 'atWork' && !ledger.wasRetry.has(name) && !ledger.told.has(name))
        ledger.told.set(name, 'putBack');
    }
  }
}

function whyTrip(ledger: Ledger, failed: string | undefined): string | undefined {
  const planned = failed === undefined ? undefined : ledger.planned.get(failed);
  if (planned !== undefined && !planned.wasNotReady) {
    const { failuresMax, consecutiveMax } = policyOfPool(ledger, planned.pool).failure;
    if (listFailed(ledger, planned.pool).length > failuresMax) return 'too many failures';
    if (consecutiveMax !== null && (ledger.inRow.get(planned.pool) ?? 0) >= consecutiveMax)
      return 'failures one after another';
  }
  if (ledger.pools.some(({ name }) => isBelowRate(ledger, name))) return 'too few successes';
  return planned?.canary === true && !planned.wasNotReady ? 'canary' : undefined;
}

/** Failed ones of the pool that nobody has said to go on in spite of. */
function listFailed(ledger: Ledger, pool: string): readonly string[] {
  return [...ledger.stands]
    .filter(([name, stand]) => stand === 'failed' && !ledger.acknowledged.has(name))
    .map(([name]) => name)
    .filter((name) => {
      const planned = ledger.planned.get(name);
      return planned?.pool === pool && !planned.wasNotReady;
    });
}

function isBelowRate(ledger: Ledger, pool: string): boolean {
  const min = policyOfPool(ledger, pool).failure.successMinPercent;
  const failed = listFailed(ledger, pool).length;
  if (min === null || failed === 0) return false;
  let done = 0;
  let open = [...ledger.retries.keys()].some((name) => ledger.planned.get(name)?.pool === pool);
  for (const planned of ledger.planned.values()) {
    if (planned.pool !== pool || planned.wasNotReady) continue;
    const stand = ledger.stands.get(planned.node);
    if (stand === 'done') done += 1;
    if (stand === 'waiting' || stand === 'atWork') open = true;
  }
  const ended = done + failed;
  if (open && ended < RATED_FROM) return false;
  return (100 * done) / ended < min;
}
