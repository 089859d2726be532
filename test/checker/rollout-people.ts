// What each accepted message of a person means, by what the reference says of it: written into the ledger as
// soon as the run has accepted it. A run that accepts and does something else is found out by the rules.
import { drop, dropWaiting, endAll, poolOfNode } from './rollout-ledger.ts';
import type { Ledger } from './rollout-ledger.ts';

export type AcceptedMessage =
  | { kind: 'approve' | 'reject'; gate: string; by: string }
  | { kind: 'pause' | 'resume' | 'abort' }
  | { kind: 'skipNode' | 'retryNode' | 'nextNode'; node: string };

export function noteMessage(ledger: Ledger, message: AcceptedMessage, now: number): void {
  switch (message.kind) {
    case 'approve':
      ledger.yeses.set(message.gate, [
        ...(ledger.yeses.get(message.gate) ?? []),
        { by: message.by, at: now },
      ]);
      return;
    case 'reject':
      noteNo(ledger, message.gate);
      return;
    case 'pause':
      ledger.paused = true;
      return;
    case 'resume':
      ledger.paused = false;
      ledger.tripped = false;
      ledger.acknowledged = new Set(
        [...ledger.stands].filter(([, stand]) => stand === 'failed').map(([name]) => name),
      );
      ledger.inRow.clear();
      return;
    case 'abort':
      endAll(ledger);
      return;
    case 'skipNode':
      // Of one at work its child decides; its answer is told by itself.
      if (ledger.stands.get(message.node) !== 'atWork') drop(ledger, message.node);
      return;
    case 'retryNode':
      ledger.retries.set(message.node, (ledger.attempts.get(message.node) ?? 1) + 1);
      return;
    case 'nextNode':
      ledger.next.push(message.node);
  }
}

function noteNo(ledger: Ledger, gate: string): void {
  const [kind = '', subject = ''] = gate.split('/');
  if (kind === 'node') drop(ledger, subject);
  else if (kind === 'pool') dropWaiting(ledger, ({ pool }) => pool === subject);
  else if (kind === 'notReady')
    dropWaiting(ledger, ({ pool, wasNotReady }) => pool === subject && wasNotReady);
  else if (kind === 'canary') {
    const pool = subject === '' ? poolThatAsks(ledger) : subject;
    dropWaiting(ledger, (one) => one.pool === pool);
  }
}

/** Of gate `canary` by its short name: the one pool that has canaries or asks after them. */
function poolThatAsks(ledger: Ledger): string | undefined {
  return ledger.pools.find(({ policy }) => {
    const { nodes } = policy.canary;
    return policy.approval.before === 'canary' || nodes.kind === 'percent' || nodes.count > 0;
  })?.name;
}

export function noteChildSkipped(ledger: Ledger, node: string): void {
  if (ledger.stands.get(node) === 'atWork') ledger.told.set(node, 'skip');
}

/** So many different people have said yes to it, none of them too long ago. */
export function hasQuorum(ledger: Ledger, gate: string, node: string, now: number): boolean {
  const pool = poolOfNode(ledger, node);
  const rules = ledger.pools.find(({ name }) => name === pool)?.policy.approval;
  if (rules === undefined) return false;
  const { approvers, expiresAfterMs } = rules;
  const valid = (ledger.yeses.get(gate) ?? []).filter(
    ({ at }) => expiresAfterMs === null || now - at <= expiresAfterMs,
  );
  return new Set(valid.map(({ by }) => by)).size >= approvers;
}
