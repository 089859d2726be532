// What must hold of a run that is rolled back, by what has happened alone: nothing goes forward, a node goes back
// only after it was done or had failed, to what it ran before, failed ones first and then the newest, and never one
// that is quarantined or that somebody else has cordoned.
import type { Answer, Asked } from './rollout-answers.ts';
import { checkBudgets } from './rollout-budgets.ts';
import type { End } from './rollout-failures.ts';
import { require, stay } from './rollout-ledger.ts';
import type { Ledger, Picture } from './rollout-ledger.ts';

export function beginRollback(ledger: Ledger): void {
  ledger.rolling = true;
  ledger.retries.clear();
  ledger.deferred.clear();
  ledger.manyYeses = [];
  ledger.next = [];
  ledger.acknowledged.clear();
  ledger.inRow.clear();
  for (const [node, stand] of ledger.stands) {
    // Whoever is asked about its way back is asked anew.
    ledger.yeses.delete(`node/${node}`);
    if (stand === 'waiting') ledger.stands.set(node, 'skipped');
    if (stand === 'atWork') ledger.told.set(node, 'abort');
    sendBack(ledger, node);
  }
}

/** What is done or has failed waits to go back, where there is a way. */
function sendBack(ledger: Ledger, node: string): void {
  const stand = ledger.stands.get(node);
  if (stand !== 'done' && stand !== 'failed') return;
  if (stand === 'failed') ledger.hadFailed.add(node);
  const { formerImage = null } = ledger.planned.get(node) ?? {};
  if (formerImage !== null || ledger.untouched.has(node)) ledger.stands.set(node, 'waitsBack');
}

/** One that still went forward when the rollback began has ended. */
export function noteForwardEnd(ledger: Ledger, node: string): void {
  if (ledger.ending) return;
  // What an earlier attempt left on it is there still.
  const tried = (ledger.attempts.get(node) ?? 1) > 1;
  if (tried && ledger.stands.get(node) === 'skipped') ledger.stands.set(node, 'failed');
  ledger.retries.delete(node);
  sendBack(ledger, node);
}

export type BackStart = {
  node: string;
  uid: string;
  pool: string;
  attempt: number;
  imageId: string;
  how: 'reimage' | 'uncordon';
};

/** True when nothing keeps it from being taken: what a picture shows of it. */
function isTakeable(ledger: Ledger, picture: Picture, node: string): boolean {
  const seen = picture.get(node);
  const planned = ledger.planned.get(node);
  const isIt = seen !== undefined && seen.uid === planned?.uid && seen.pool === planned.pool;
  return isIt && seen.cordon !== 'other' && !seen.quarantined;
}

/** At the very moment at which it is begun; who may be held at all is asked by whoever calls. */
export function noteBackStart(
  ledger: Ledger,
  { node, attempt, imageId, how }: BackStart,
  { picture, pictures }: { picture: Picture; pictures: readonly Picture[] },
): void {
  const retry = ledger.retries.get(node);
  const seen = picture.get(node);
  require(ledger.rolling, `${node} goes back in a run that is rolled back [I185]`);
  require(isTakeable(ledger, picture, node), `${node} may not be taken back [I186]`);
  const stand = ledger.stands.get(node);
  const expected = retry === undefined ? 'waitsBack' : 'failed';
  require(stand === expected, `${node} was done or had failed, not ${stand ?? 'unknown'} [I240]`);
  const next = retry ?? (ledger.attempts.get(node) ?? 1) + 1;
  require(attempt === next, `${node} goes back by attempt ${String(next)}, not ${String(attempt)} [I188]`);
  const hadFailed = ledger.hadFailed.has(node);
  if (how === 'uncordon') require(hadFailed && !ledger.laid.has(node), `nothing was laid on ${node} [I190]`);
  else {
    require(seen?.runs === true, `${node} has an instance that runs`);
    require(imageId === ledger.planned.get(node)?.formerImage, `${node} goes back to what it ran [I240]`);
  }
  ledger.stands.set(node, 'atWork');
  ledger.back.set(node, how);
  ledger.attempts.set(node, attempt);
  if (ledger.retries.delete(node)) ledger.wasRetry.add(node);
  else ledger.wasRetry.delete(node);
  // One that stays cordoned takes nothing more away; to lift a cordon even less.
  if (how === 'reimage' && !(hadFailed && seen?.cordon === 'ours')) checkBudgets(ledger, pictures, node);
}

export function noteBackEnd(ledger: Ledger, end: End): void {
  const { node } = end;
  require(ledger.stands.get(node) === 'atWork', `${node} was at work before it ended [I92]`);
  const told = ledger.told.get(node);
  const how = ledger.back.get(node);
  ledger.told.delete(node);
  ledger.back.delete(node);
  const again = end.kind === 'putBack' && end.again && told === undefined;
  if (end.kind === 'done') ledger.stands.set(node, 'wentBack');
  else if (end.kind === 'failed') {
    ledger.stands.set(node, 'failed');
    ledger.hadFailed.add(node);
    ledger.acknowledged.delete(node);
    if (told === undefined && !ledger.ending) ledger.tripped = true;
  } else if (again) {
    const retry = ledger.wasRetry.has(node);
    ledger.stands.set(node, retry ? 'failed' : 'waitsBack');
    if (retry) ledger.retries.set(node, end.attempt);
  } else if (how === 'uncordon' && end.uncordoned) ledger.stands.set(node, 'wentBack');
  else stay(ledger, node);
}

/** Of an answer to a question that was asked in a run that is rolled back. */
export function checkBackAnswer(ledger: Ledger, asked: Asked, answer: Answer): void {
  const settled = new Set(answer.settled.map(({ node }) => node));
  const offered = new Set(answer.steps.map(({ node }) => node));
  for (const { node, back } of answer.steps) {
    require(back, `${node} does not go forward any more [I185]`);
    const stand = asked.stands.get(node);
    const waits = stand === 'waitsBack' || (stand === 'failed' && asked.retries.has(node));
    require(waits && !asked.held.has(node), `${node} waits to go back [I240]`);
    if (!asked.retries.has(node)) checkOrder(ledger, asked, node, new Set([...settled, ...offered]));
  }
  for (const { node, kind } of answer.settled) checkStays(ledger, asked, node, kind);
}

/** Those that had failed first, then the newest: among nodes that stand under the very same bounds. */
function checkOrder(ledger: Ledger, asked: Asked, node: string, answered: ReadonlySet<string>): void {
  const planned = ledger.planned.get(node);
  const seen = asked.picture.get(node);
  // One that is away already takes nothing more away: it goes although the bounds hold others.
  if (seen?.ready !== true || seen.cordon !== 'none') return;
  const rank = (name: string) => (asked.hadFailed.has(name) ? Infinity : asked.doneOrder.indexOf(name));
  for (const other of ledger.planned.values()) {
    if (other.pool !== planned?.pool || asked.stands.get(other.node) !== 'waitsBack') continue;
    if (asked.picture.get(other.node)?.zone !== seen.zone) continue;
    if (asked.held.has(other.node) || answered.has(other.node)) continue;
    require(rank(other.node) <= rank(node), `${node} goes back after ${other.node} [I186]`);
  }
}

/** Nothing is left as it is, or called back, that does not look so. */
function checkStays(ledger: Ledger, asked: Asked, node: string, kind: 'upToDate' | 'leftAlone'): void {
  const { picture, images } = asked;
  const seen = picture.get(node);
  const takeable = isTakeable(ledger, picture, node);
  if (kind === 'upToDate') {
    const isBack = seen !== undefined && !seen.updated && seen.cordon !== 'ours';
    // What is seen of a failed one may be from before its cordon.
    require(isBack && !asked.hadFailed.has(node), `${node} is back only where it shows so [I240]`);
    return;
  }
  const { formerImage = null } = ledger.planned.get(node) ?? {};
  const way = ledger.untouched.has(node) || (formerImage !== null && images.has(formerImage));
  require(!(
    takeable &&
    way &&
    seen?.runs === true
  ), `${node} stays only for a reason that can be seen [I240]`);
}
