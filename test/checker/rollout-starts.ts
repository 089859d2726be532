// What must hold at the very moment at which a node is begun: nobody has said stop, whoever had to be asked has
// said yes, the node is the one that was planned and nobody else's, its hours are open, its budgets hold.
import type { Policy } from '../../domain/policy.ts';
import { checkBudgets } from './rollout-budgets.ts';
import { policyOfPool, require } from './rollout-ledger.ts';
import type { Ledger, Picture } from './rollout-ledger.ts';
import { noteBackStart } from './rollout-back.ts';
import { hasQuorum } from './rollout-voices.ts';

export type Start = {
  node: string;
  uid: string;
  pool: string;
  attempt: number;
  imageId: string;
  /** Null: it goes forward. */
  back: 'reimage' | 'uncordon' | null;
};

/** An answer of the planner is acted upon within a minute, or not at all. */
const FRESH_MS = 60_000;
/** What the planner itself may take, and what lies between its answer and the start. */
const ON_ITS_WAY_MS = 10_000;

export function noteStart(
  ledger: Ledger,
  start: Start,
  o: { picture: Picture; observedAt: number; now: number },
): void {
  const { node, uid, pool, back } = start;
  const { picture, now } = o;
  const planned = ledger.planned.get(node);
  const seen = picture.get(node);
  const retry = ledger.retries.get(node);
  require(!ledger.ending, `${node} is not begun in a run that is ending [I78]`);
  require(!ledger.paused, `${node} is not begun while the run is paused [I74]`);
  require(!ledger.tripped ||
    retry !== undefined, `${node} is not begun in a run that failures stopped [I77]`);
  require(planned?.uid === uid && planned.pool === pool, `${node} is the node that was planned [I104]`);
  require(seen?.uid === uid && seen.pool === pool, `${node} is the node that was seen [I104]`);
  require(seen.cordon !== 'other', `${node} is cordoned by nobody else [I90]`);
  require(now - o.observedAt <= FRESH_MS + ON_ITS_WAY_MS, `${node} was looked at a short while ago`);
  // To lift our own cordon disturbs nobody, at any hour.
  if (back !== 'uncordon') checkHours(ledger, pool, now);
  if (retry === undefined) checkAsked(ledger, start, now);
  const since = ledger.begunBy.filter(({ observedAt }) => observedAt > o.observedAt);
  const pictures = [picture, ...since.map((one) => one.picture)];
  if (back === null) noteForwardStart(ledger, start, { picture, pictures, retry });
  else noteBackStart(ledger, { ...start, how: back }, { picture, pictures });
  ledger.startedAt.set(node, now);
  noteBegunBy(ledger, o);
}

/** Older ones are of no use to any start to come. */
function noteBegunBy(
  ledger: Ledger,
  { picture, observedAt, now }: { picture: Picture; observedAt: number; now: number },
): void {
  const known = ledger.begunBy.filter((one) => now - one.observedAt <= FRESH_MS + ON_ITS_WAY_MS);
  const isKnown = known.some((one) => one.observedAt === observedAt);
  ledger.begunBy = isKnown ? known : [...known, { picture, observedAt }];
}

function noteForwardStart(
  ledger: Ledger,
  start: Start,
  { picture, pictures, retry }: { picture: Picture; pictures: readonly Picture[]; retry: number | undefined },
): void {
  const { node, attempt } = start;
  const seen = picture.get(node);
  require(!ledger.rolling, `${node} is not begun in a run that is rolled back [I185]`);
  require(seen?.quarantined !== true, `${node} is not quarantined [I90]`);
  // One that failed after its reimage shows it, too, and carries our cordon.
  const isOurs = seen?.cordon === 'ours';
  require(seen?.updated === false || isOurs, `${node} needs what it is begun for [I93]`);
  require(seen?.runs === true, `${node} has an instance that runs`);
  const stand = ledger.stands.get(node);
  const expected = retry === undefined ? 'waiting' : 'failed';
  require(stand === expected, `${node} stands as ${expected}, not ${stand ?? 'unknown'} [I92]`);
  checkAttempt(ledger, node, attempt, retry);
  begin(ledger, node, attempt);
  // One that failed and stays cordoned takes nothing more away.
  if (retry === undefined || !isOurs) checkBudgets(ledger, pictures, node);
}

function begin(ledger: Ledger, node: string, attempt: number): void {
  ledger.stands.set(node, 'atWork');
  ledger.attempts.set(node, attempt);
  if (attempt > 1) ledger.untouched.delete(node);
  if (ledger.retries.delete(node)) ledger.wasRetry.add(node);
  else ledger.wasRetry.delete(node);
  const left = ledger.deferred.get(node);
  if (left !== undefined) ledger.deferred.set(node, { ...left, until: null });
  ledger.next = ledger.next.filter((name) => name !== node);
}

/** A retry is a new attempt, everything else the one that the node had; never a lower one. */
function checkAttempt(ledger: Ledger, node: string, attempt: number, retry: number | undefined): void {
  const before = ledger.attempts.get(node) ?? 1;
  const expected = retry ?? before;
  require(attempt ===
    expected, `${node} comes by attempt ${String(expected)}, not ${String(attempt)} [I158]`);
}

function checkAsked(ledger: Ledger, { node, pool }: Start, now: number): void {
  const { before, firstNodes } = policyOfPool(ledger, pool).approval;
  if (before === 'pool') require(hasQuorum(ledger, `pool/${pool}`, now), `${pool} was approved [I135]`);
  if (before !== 'node' || hasQuorum(ledger, `node/${node}`, now)) return;
  // A retry is a person's own wish; deferred, it comes back by that.
  if (ledger.wasRetry.has(node) && ledger.deferred.has(node)) return;
  const asked = ledger.nodeGatesOpened;
  require(firstNodes !== null && asked >= firstNodes, `${node} was approved [I72] [I135]`);
}

/** Open now, and until it ends even if it is as quick as the quickest of its pool. */
function checkHours(ledger: Ledger, pool: string, now: number): void {
  const policy = policyOfPool(ledger, pool);
  if (policy.windows.length === 0 && policy.exclusions.length === 0) return;
  const { drain, reimage, verify } = policy;
  const expectedMs =
    Math.min(drain.timeoutMs, 1_800_000) + Math.min(reimage.timeoutMs, 1_800_000) + verify.soakMs;
  const tookMs = Math.min(expectedMs, ledger.shortestMs.get(pool) ?? Infinity);
  // Its start may lie a little behind the moment for which it was planned.
  const endMs = now + Math.max(0, tookMs - ON_ITS_WAY_MS);
  for (let ms = now; ms <= endMs; ms += 60_000)
    require(isOpen(policy, ms), `pool ${pool} is open at ${new Date(ms).toISOString()} [I126] [I127] [I128]`);
}

/** Windows of these rollouts are daily and in UTC. */
function isOpen({ windows, exclusions }: Policy, ms: number): boolean {
  if (exclusions.some(({ from, until }) => Date.parse(from) <= ms && ms < Date.parse(until))) return false;
  const minute = (ms / 60_000) % 1440;
  const isIn = ({ start, durationMs }: Policy['windows'][number]) => {
    const opens = Number(start.slice(0, 2)) * 60 + Number(start.slice(3));
    return (minute - opens + 1440) % 1440 < durationMs / 60_000;
  };
  return windows.length === 0 || windows.some(isIn);
}
