// What must hold of a node whatever the run says of it, and of the run once it has ended: by what was done to
// the nodes themselves.
import { require } from './rollout-ledger.ts';
import type { Ledger, Picture, Stand } from './rollout-ledger.ts';

/** What a child does to its node. */
export type Act = 'cordon' | 'reimage' | 'uncordon' | 'putBack';

/** Acts of one go of an attempt, in their order. */
export type Acts = Map<string, Act[]>;

export function noteAct(acts: Acts, node: string, act: Act): void {
  const before = acts.get(node) ?? [];
  const has = (one: Act) => before.includes(one);
  if (act === 'reimage') {
    require(has('cordon') && !has('reimage'), `${node} is reimaged once, after its cordon [I4] [I84]`);
    require(!has('putBack'), `${node} is not reimaged once it was put back [I84]`);
  }
  if (act === 'uncordon') require(has('reimage'), `${node} is uncordoned after its reimage [I3] [I84]`);
  if (act === 'putBack') require(!has('reimage'), `${node} is not put back after its reimage [I76] [I84]`);
  acts.set(node, [...before, act]);
}

/** Of a go that has ended. */
export function checkActs(acts: Acts, node: string, kind: string): void {
  const done = acts.get(node) ?? [];
  if (kind === 'done') require(done.at(-1) === 'uncordon', `${node} is done once it is uncordoned [I84]`);
  if (kind === 'putBack' || kind === 'deferred')
    require(!done.includes('reimage'), `${node} was put back before any reimage [I84]`);
  acts.delete(node);
}

const LETTERS: Readonly<Record<Stand, string>> = {
  waiting: 'w',
  atWork: 'a',
  done: 'd',
  failed: 'f',
  skipped: 's',
  upToDate: 'u',
  leftAlone: 'l',
};

/** The run tells of each node what has happened to it. `held`: at a gate of their own, or about to start. */
export function checkCodes(ledger: Ledger, codes: string, held: ReadonlySet<string>): void {
  let index = 0;
  require(codes.length === ledger.planned.size, 'a run loses no row of its plan [I86]');
  for (const [node, stand] of ledger.stands) {
    const code = codes[index];
    index += 1;
    if (code === LETTERS[stand]) continue;
    const atGate = code === 'a' && stand === 'waiting' && held.has(node);
    require(atGate, `${node} is ${stand}, and the run says ${code ?? 'nothing'} [I86]`);
  }
}

export function checkOutcome(ledger: Ledger, outcome: string, picture: Picture): void {
  const stands = [...ledger.stands.values()];
  const count = (stand: Stand) => stands.filter((one) => one === stand).length;
  require(count('atWork') === 0 && count('waiting') === 0, 'a run ends when no node waits or is at work');
  if (!ledger.ending) {
    const good = count('done') > 0 ? 'succeeded' : 'failed';
    const quiet = count('upToDate') === stands.length ? 'nothingToDo' : good;
    const expected = count('failed') > 0 ? 'failed' : quiet;
    require(outcome === expected, `it has ${expected}, and says ${outcome}`);
  } else {
    require(/^(aborted|failed)$/.test(outcome), `it was ended, and says ${outcome}`);
  }
  for (const [node, stand] of ledger.stands) {
    const seen = picture.get(node);
    const planned = ledger.planned.get(node);
    if (stand !== 'done' || seen?.uid !== planned?.uid) continue;
    require(seen?.cordon !== 'ours', `${node} is done and carries no cordon of ours`);
  }
}
