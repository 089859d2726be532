// Whose yes counts, for which gate and for how long, written down once more from the reference: distinct people,
// never whoever asked for the run where the policy counts none of theirs, a yes to many nodes for no more of them
// than it was said for.
import { poolOfNode, require } from './rollout-ledger.ts';
import type { Ledger, ManyYes } from './rollout-ledger.ts';

type Rules = { approvers: number; expiresAfterMs: number | null; selfApproval: boolean };
type Yes = { by: string; at: number };

/** Of the pool that a gate is about; of all pools the strictest. */
function rulesOfPool(ledger: Ledger, pool: string | null): Rules {
  const asked = ledger.pools
    .filter(({ name }) => pool === null || name === pool)
    .map(({ policy }) => policy.approval);
  const times = asked.flatMap(({ expiresAfterMs }) => (expiresAfterMs === null ? [] : [expiresAfterMs]));
  return {
    approvers: Math.max(...asked.map(({ approvers }) => approvers)),
    expiresAfterMs: times.length === 0 ? null : Math.min(...times),
    selfApproval: !asked.some(({ selfApproval }) => !selfApproval),
  };
}

function rulesOfGate(ledger: Ledger, gate: string): Rules {
  const [kind = '', subject = ''] = gate.split('/');
  if (kind === 'tier') return rulesOfPool(ledger, null);
  if (kind === 'node' || kind === 'force') return rulesOfPool(ledger, poolOfNode(ledger, subject));
  return rulesOfPool(ledger, subject === '' ? (poolThatAsks(ledger) ?? null) : subject);
}

/** Of gate `canary` by its short name: the one pool that has canaries or asks after them. */
export function poolThatAsks(ledger: Ledger): string | undefined {
  return ledger.pools.find(({ policy }) => {
    const { nodes } = policy.canary;
    return policy.approval.before === 'canary' || nodes.kind === 'percent' || nodes.count > 0;
  })?.name;
}

function personOf(by: string): string {
  return by.trim().toLowerCase();
}

function mayVote({ requestedBy }: Ledger, { selfApproval }: Rules, by: string): boolean {
  return selfApproval || (requestedBy !== null && personOf(requestedBy) !== personOf(by));
}

/** Accepted of one person for one gate. */
export function noteYes(ledger: Ledger, gate: string, yes: Yes): void {
  require(mayVote(ledger, rulesOfGate(ledger, gate), yes.by), `${yes.by} may not say yes to ${gate} [I241]`);
  ledger.yeses.set(gate, [...(ledger.yeses.get(gate) ?? []), yes]);
}

export function noteManyYes(
  ledger: Ledger,
  { by, next, pool, zone }: Pick<ManyYes, 'by' | 'next' | 'pool' | 'zone'>,
  at: number,
): void {
  require(mayVote(ledger, rulesOfPool(ledger, pool), by), `${by} may not say yes to many nodes [I241]`);
  ledger.manyYeses.push({ by, at, next, pool, zone, given: 0 });
}

/** The run says that what somebody said of many nodes counts at this gate. */
export function noteManyGiven(ledger: Ledger, given: { gate: string; by: string; saidAt: number }): void {
  const { gate, by, saidAt } = given;
  const planned = ledger.planned.get(gate.slice('node/'.length));
  require(gate.startsWith('node/') && planned !== undefined, `${gate} is one of the nodes that were meant`);
  const said = ledger.manyYeses.find(
    (yes) =>
      personOf(yes.by) === personOf(by) &&
      yes.at === saidAt &&
      (yes.pool === null || yes.pool === planned.pool) &&
      (yes.zone === null || yes.zone === planned.zone) &&
      (yes.next === null || yes.given < yes.next),
  );
  require(said !== undefined, `${by} said yes to ${gate}, and to no more nodes than that [I241]`);
  said.given += 1;
  noteYes(ledger, gate, { by, at: saidAt });
}

/** So many different people have said yes to it whose yes counts, none of them too long ago. */
export function hasQuorum(ledger: Ledger, gate: string, now: number): boolean {
  const rules = rulesOfGate(ledger, gate);
  const { approvers, expiresAfterMs } = rules;
  const valid = (ledger.yeses.get(gate) ?? []).filter(
    ({ by, at }) => (expiresAfterMs === null || now - at <= expiresAfterMs) && mayVote(ledger, rules, by),
  );
  return new Set(valid.map(({ by }) => personOf(by))).size >= approvers;
}
