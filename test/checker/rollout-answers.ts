// What must hold of each answer of the planner, by the picture that it was shown and by where each node stood
// when it was asked: whose turn it is, canaries first and watched, the ill last, the deferred in their time,
// each node that waits answered for exactly once.
import { checkBackAnswer } from './rollout-back.ts';
import { policyOfPool, require } from './rollout-ledger.ts';
import type { LeftToPods, Ledger, Picture, PlannedNode, Stand } from './rollout-ledger.ts';
import { hasQuorum } from './rollout-voices.ts';

/** As it was when the planner was asked; much may have happened before its answer. */
export type Asked = {
  now: number;
  picture: Picture;
  /** By these policies it answers, whatever they have become since. */
  pools: Ledger['pools'];
  stands: ReadonlyMap<string, Stand>;
  retries: ReadonlySet<string>;
  deferred: ReadonlyMap<string, LeftToPods>;
  canariesEndedAt: ReadonlyMap<string, number>;
  /** At a gate of its own, or about to be started. */
  held: ReadonlySet<string>;
  next: readonly string[];
  /** That can be laid. */
  images: ReadonlySet<string>;
  rolling: boolean;
  hadFailed: ReadonlySet<string>;
  doneOrder: readonly string[];
};

export type Answer = {
  steps: readonly {
    node: string;
    uid: string;
    pool: string;
    attempt: number;
    deferrals: number;
    back: boolean;
  }[];
  settled: readonly { node: string; kind: 'upToDate' | 'leftAlone' }[];
  /** One for each reason. */
  waiting: readonly { nodes: number; text: string }[];
};

export function askNow(
  ledger: Ledger,
  o: Pick<Asked, 'now' | 'picture' | 'next' | 'images'> & { held: readonly string[] },
): Asked {
  return {
    ...o,
    pools: ledger.pools,
    stands: new Map(ledger.stands),
    retries: new Set(ledger.retries.keys()),
    deferred: new Map(ledger.deferred),
    canariesEndedAt: new Map(ledger.canariesEndedAt),
    held: new Set(o.held),
    rolling: ledger.rolling,
    hadFailed: new Set(ledger.hadFailed),
    doneOrder: ledger.doneOrder,
  };
}

export function checkAnswer(ledger: Ledger, asked: Asked, answer: Answer): void {
  const starts = answer.steps.map(({ node }) => node);
  require(new Set(starts).size === starts.length, 'no node is offered twice in one answer [I92]');
  checkAccount(asked, answer);
  if (asked.rolling) checkBackAnswer(ledger, asked, answer);
  else checkForward(ledger, asked, answer);
}

function checkForward(ledger: Ledger, asked: Asked, answer: Answer): void {
  watchCanaries(ledger, asked);
  const starts = answer.steps.map(({ node }) => node);
  const free = answer.steps.filter(({ node }) => !asked.retries.has(node));
  for (const step of answer.steps) checkStep(asked, step);
  const settled = new Set(answer.settled.map(({ node }) => node));
  const turn = { asked, settled, starts: new Set(starts) };
  for (const { node } of free) {
    const planned = ledger.planned.get(node);
    if (planned === undefined) continue;
    checkPool(ledger, turn, planned);
    checkStage(ledger, turn, planned);
  }
  checkNotReadyLast(ledger, turn, new Set(free.map(({ pool }) => pool)));
  checkAskedFirst(
    ledger,
    asked,
    free.map(({ node }) => node),
  );
  for (const { node, kind } of answer.settled) checkSettled(ledger, asked, node, kind);
  if (!isTaken(ledger, asked)) return;
  for (const { node, pool } of free)
    if (ledger.planned.get(node)?.canary === false) ledger.followed.add(pool);
}

/** Nothing that came between question and answer lets its steps lie. */
function isTaken(ledger: Ledger, { pools }: Asked): boolean {
  return pools === ledger.pools && !ledger.paused && !ledger.tripped && !ledger.ending;
}

function checkStep(asked: Asked, { node, deferrals, back }: Answer['steps'][number]): void {
  require(!back, `${node} goes forward in a run that is not rolled back [I185]`);
  require(asked.stands.get(node) !== 'atWork' &&
    !asked.held.has(node), `${node} is not at work already [I92]`);
  const { times = 0, until = null } = asked.deferred.get(node) ?? {};
  require(until === null || asked.now >= until, `${node} is left to its pods until its time [I156]`);
  require(deferrals ===
    times, `${node} was deferred ${String(times)} times, not ${String(deferrals)} [I158]`);
}

type Turn = { asked: Asked; settled: ReadonlySet<string>; starts: ReadonlySet<string> };

function waits({ asked, settled }: Turn, node: string): boolean {
  return asked.stands.get(node) === 'waiting' && !settled.has(node);
}

/** Nothing of an earlier pool waits or is at work: the ill and the deferred aside. */
function checkPool(ledger: Ledger, turn: Turn, { pool }: PlannedNode): void {
  const names = ledger.pools.map(({ name }) => name);
  const earlier = names.slice(0, names.indexOf(pool));
  for (const other of ledger.planned.values()) {
    if (!earlier.includes(other.pool) || other.wasNotReady || turn.asked.deferred.has(other.node)) continue;
    const open = waits(turn, other.node) || turn.asked.stands.get(other.node) === 'atWork';
    require(!open, `pool ${pool} waits for ${other.node} [I97]`);
  }
}

function isOpen(turn: Turn, node: string): boolean {
  return waits(turn, node) || turn.asked.stands.get(node) === 'atWork' || turn.asked.retries.has(node);
}

function checkStage(ledger: Ledger, turn: Turn, { node, pool, canary, wasNotReady }: PlannedNode): void {
  const tier = ledger.tier;
  const isBelow = tier !== null && (tier.until === null || turn.asked.now < tier.until);
  require(!isBelow || hasQuorum(ledger, tier.gate, turn.asked.now), `${node} waits for lower tiers [I197]`);
  require(!isHeldForWayBack(ledger, node, turn.asked), `${node} has no way back, and nobody said yes [I191]`);
  if (canary) return;
  const inPool = [...ledger.planned.values()].filter((other) => other.pool === pool);
  if (wasNotReady) {
    const gate = `notReady/${pool}`;
    require(hasQuorum(ledger, gate, turn.asked.now), `${node} was not Ready: somebody said yes [I112]`);
    const holds = (one: PlannedNode) => !one.wasNotReady && !turn.asked.deferred.has(one.node);
    const before = inPool.find((one) => holds(one) && isOpen(turn, one.node));
    const name = before?.node ?? '';
    require(before === undefined, `${node} was not Ready and comes after ${name} [I112]`);
    return;
  }
  const policy = policyOfPool(turn.asked, pool);
  const { now, picture, stands } = turn.asked;
  if (['canary', `canary/${pool}`].some((gate) => hasQuorum(ledger, gate, now))) return;
  require(policy.approval.before !== 'canary', `${node} waits for gate canary [I114]`);
  const canaries = inPool.filter((one) => one.canary);
  if (canaries.length === 0 || ledger.followed.has(pool)) return;
  require(!canaries.some((one) => isOpen(turn, one.node)), `${node} waits for its canaries [I113]`);
  const proving = canaries.filter((one) => /^(done|upToDate)$/.test(stands.get(one.node) ?? ''));
  require(proving.length > 0, `${node} follows a canary that ended well [I113]`);
  require(!proving.some((one) =>
    isUnwell(ledger, one, picture),
  ), `${node} waits until its canaries are well [I113]`);
  const since = Math.max(turn.asked.canariesEndedAt.get(pool) ?? Infinity, ledger.unwellAt.get(pool) ?? 0);
  require(now - since >= policy.canary.soakMs, `${node} waits for the soak of its canaries [I113]`);
}

/** Where its image is gone, or the policy rolls back by itself. */
function isHeldForWayBack(
  ledger: Ledger,
  node: string,
  { now, pools }: Pick<Asked, 'now' | 'pools'>,
): boolean {
  const planned = ledger.planned.get(node);
  if (planned === undefined || planned.formerImage !== null) return false;
  const { onExceeded } = policyOfPool({ pools }, planned.pool).failure;
  const asks = planned.formerGone || onExceeded === 'rollback';
  return asks && !hasQuorum(ledger, `noWayBack/${planned.pool}`, now);
}

/** Of one whose place another has taken, that one is looked at. */
function isUnwell(ledger: Ledger, { node, uid }: PlannedNode, picture: Picture): boolean {
  const other = ledger.replacedBy.get(node);
  const seen = picture.get(other ?? node);
  const isIt = other === undefined ? seen?.uid === uid : seen?.replaces === node;
  return seen === undefined || !isIt || !seen.ready || seen.cordon !== 'none' || !seen.updated;
}

/** What the answer has seen of the canaries. */
function watchCanaries(ledger: Ledger, asked: Asked): void {
  for (const { name: pool } of ledger.pools) {
    const inPool = [...ledger.planned.values()].filter((one) => one.pool === pool);
    const proving = inPool.filter(
      (one) => one.canary && /^(done|upToDate)$/.test(asked.stands.get(one.node) ?? ''),
    );
    const followers = inPool.some((one) => !one.canary && asked.stands.get(one.node) === 'waiting');
    if (!asked.canariesEndedAt.has(pool) || !followers) continue;
    if (proving.some((one) => isUnwell(ledger, one, asked.picture))) ledger.unwellAt.set(pool, asked.now);
  }
}

/** After anything that happened: since when the canaries of each pool have all ended. */
export function keepCanaries(ledger: Ledger, now: number): void {
  const open = new Map<string, boolean>();
  for (const { node, pool, canary } of ledger.planned.values()) {
    if (!canary) continue;
    const isOpenNow = /^(waiting|atWork)$/.test(ledger.stands.get(node) ?? '') || ledger.retries.has(node);
    open.set(pool, isOpenNow || open.get(pool) === true);
  }
  for (const [pool, isOpenNow] of open) {
    if (isOpenNow) {
      ledger.canariesEndedAt.delete(pool);
    } else if (!ledger.canariesEndedAt.has(pool)) {
      ledger.canariesEndedAt.set(pool, now);
      ledger.unwellAt.delete(pool);
    }
  }
}

/** One that carries our own cordon stands idle already and goes first, Ready or not. */
function checkNotReadyLast(ledger: Ledger, turn: Turn, pools: ReadonlySet<string>): void {
  const { picture, deferred, next, now, held } = turn.asked;
  for (const pool of pools) {
    let illStarted: string | undefined;
    let wellWaits: string | undefined;
    let ours = false;
    for (const { node, canary, wasNotReady, pool: its } of ledger.planned.values()) {
      if (its !== pool || canary || wasNotReady || !waits(turn, node) || held.has(node)) continue;
      if (isHeldForWayBack(ledger, node, turn.asked)) continue;
      const seen = picture.get(node);
      if (seen?.cordon === 'ours' || next.includes(node)) ours = true;
      const left = (deferred.get(node)?.until ?? 0) > now;
      if (turn.starts.has(node) && seen?.ready !== true) illStarted = node;
      if (!turn.starts.has(node) && !left && seen?.ready === true) wellWaits = node;
    }
    const holds = ours || illStarted === undefined || wellWaits === undefined;
    require(holds, `${illStarted ?? ''} is not Ready and comes after ${wellWaits ?? ''} [I98]`);
  }
}

/** "This node next": before the others of its stage, in the order of asking. */
function checkAskedFirst(ledger: Ledger, { next }: Asked, starts: readonly string[]): void {
  const rank = (node: string) => (next.includes(node) ? next.indexOf(node) : next.length);
  const last = new Map<string, number>();
  for (const node of starts) {
    const planned = ledger.planned.get(node);
    if (planned === undefined) continue;
    const stage = `${planned.pool} ${String(planned.canary)} ${String(planned.wasNotReady)}`;
    require(rank(node) >=
      (last.get(stage) ?? 0), `${node} comes after those that were asked for next [I154]`);
    last.set(stage, rank(node));
  }
}

/** Nothing is given up, or called up to date, that does not look so. */
function checkSettled(
  ledger: Ledger,
  { picture }: Asked,
  node: string,
  kind: 'upToDate' | 'leftAlone',
): void {
  const seen = picture.get(node);
  const planned = ledger.planned.get(node);
  const isThere = seen !== undefined && seen.uid === planned?.uid && seen.pool === planned.pool;
  if (kind === 'upToDate')
    require(isThere &&
      seen.updated &&
      seen.cordon !== 'ours', `${node} is up to date only where it shows so`);
  else {
    const good = isThere && seen.cordon !== 'other' && !seen.quarantined && seen.runs;
    require(!good, `${node} is left alone only for a reason that can be seen [I90] [I104]`);
  }
}

function checkAccount(asked: Asked, { steps, settled, waiting }: Answer): void {
  let open = 0;
  for (const [node, stand] of asked.stands) {
    if (asked.held.has(node)) continue;
    if (stand === (asked.rolling ? 'waitsBack' : 'waiting') || asked.retries.has(node)) open += 1;
  }
  const told = waiting.reduce((sum, { nodes }) => sum + nodes, 0);
  const answered = steps.length + settled.length + told;
  require(answered ===
    open, `${String(open)} nodes wait, ${String(answered)} are answered for [I101] [I115]`);
}
