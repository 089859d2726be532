// What must hold of a node whatever the run says of it, and of the run once it has ended: by what was done to
// the nodes themselves.
import { policyOfPool, poolOfNode, require } from './rollout-ledger.ts';
import type { Ledger, Picture, Stand } from './rollout-ledger.ts';

/** What a child does to its node. */
export type Act =
  | 'cordon'
  | 'reimage'
  | 'uncordon'
  | 'putBack'
  /** Of a node that another one replaces: that one is launched, takes pods, is taken away again. */
  | 'launch'
  | 'serve'
  | 'remove'
  | 'terminate';

/** Acts of one go of an attempt, in their order. */
export type Acts = Map<string, Act[]>;

export function noteAct(ledger: Ledger, acts: Acts, node: string, act: Act): void {
  const before = acts.get(node) ?? [];
  const has = (one: Act) => before.includes(one);
  const replaced = policyOfPool(ledger, poolOfNode(ledger, node)).reimage.method === 'replaceInstance';
  if (act === 'reimage' || act === 'terminate') ledger.laid.add(node);
  if (act === 'launch') require(!has('launch'), `one node is launched to replace ${node} [I242]`);
  if (act === 'serve') require(has('launch'), `what takes the place of ${node} was launched [I242]`);
  if (act === 'remove') require(!has('serve'), `what takes pods of ${node} is not taken away [I242]`);
  if (act === 'cordon') require(!replaced || has('serve'), `${node} is replaced before its cordon [I242]`);
  if (act === 'terminate') {
    require(has('serve') && has('cordon'), `${node} goes once another takes its pods [I242]`);
    require(!has('putBack'), `${node} does not go once it was put back [I242]`);
  }
  const stays = ledger.back.get(node) === 'reimage' && ledger.hadFailed.has(node);
  if (act === 'putBack') require(!stays, `${node} had failed and stays cordoned [I190]`);
  if (act === 'reimage') {
    require(has('cordon') && !has('reimage'), `${node} is reimaged once, after its cordon [I4] [I84]`);
    require(!has('putBack'), `${node} is not reimaged once it was put back [I84]`);
  }
  if (act === 'uncordon') require(has('reimage'), `${node} is uncordoned after its reimage [I3] [I84]`);
  if (act === 'putBack')
    require(!has('reimage') && !has('terminate'), `${node} is not put back after its reimage [I76] [I84]`);
  acts.set(node, [...before, act]);
}

/** Of a go that has ended. */
export function checkActs(acts: Acts, node: string, kind: string): void {
  const done = acts.get(node) ?? [];
  const last = done.includes('launch') ? 'terminate' : 'uncordon';
  if (kind === 'done') require(done.at(-1) === last, `${node} is done once it is uncordoned, or gone [I84]`);
  const laid = done.includes('reimage') || done.includes('terminate');
  if (kind === 'putBack' || kind === 'deferred')
    require(!laid, `${node} was put back before any reimage [I84]`);
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
  waitsBack: 'w',
  wentBack: 'b',
};

/** The run tells of each node what has happened to it. `held`: at a gate of their own, or about to start. */
export function checkCodes(ledger: Ledger, codes: string, held: ReadonlySet<string>): void {
  let index = 0;
  require(codes.length === ledger.planned.size, 'a run loses no row of its plan [I86]');
  for (const [node, stand] of ledger.stands) {
    const code = codes[index];
    index += 1;
    if (code === LETTERS[stand]) continue;
    const atGate = code === 'a' && /^waiting$|^waitsBack$/.test(stand) && held.has(node);
    require(atGate, `${node} is ${stand}, and the run says ${code ?? 'nothing'} [I86]`);
  }
}

export function checkOutcome(ledger: Ledger, outcome: string, picture: Picture): void {
  const stands = [...ledger.stands.values()];
  const count = (stand: Stand) => stands.filter((one) => one === stand).length;
  const open = count('atWork') + count('waiting') + count('waitsBack');
  require(open === 0, 'a run ends when no node waits or is at work');
  if (ledger.rolling && !ledger.ending) {
    require(outcome === 'rolledBack', `it was rolled back, and says ${outcome} [I185]`);
  } else if (!ledger.ending) {
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
    if (!/^(done|wentBack)$/.test(stand) || seen?.quarantined === true || seen?.uid !== planned?.uid)
      continue;
    require(seen?.cordon !== 'ours', `${node} is ${stand} and carries no cordon of ours`);
  }
}
