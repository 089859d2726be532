// What each accepted message of a person means, by what the reference says of it: written into the ledger as
// soon as the run has accepted it. A run that accepts and does something else is found out by the rules.
import { beginRollback } from './rollout-back.ts';
import { drop, dropWaiting, endAll, policyOfPool } from './rollout-ledger.ts';
import type { Ledger } from './rollout-ledger.ts';
import { noteManyYes, noteYes, poolThatAsks } from './rollout-voices.ts';

export type AcceptedMessage =
  | { kind: 'approve' | 'reject'; gate: string; by: string }
  | { kind: 'approveMany'; by: string; next: number | null; pool: string | null; zone: string | null }
  | { kind: 'pause' | 'resume' | 'abort' | 'rollback' }
  | { kind: 'skipNode' | 'retryNode' | 'nextNode'; node: string };

export function noteMessage(ledger: Ledger, message: AcceptedMessage, now: number): void {
  switch (message.kind) {
    case 'approve':
      noteYes(ledger, message.gate, { by: message.by, at: now });
      return;
    case 'approveMany':
      noteManyYes(ledger, message, now);
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
    case 'rollback':
      ledger.paused = false;
      ledger.tripped = false;
      beginRollback(ledger);
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
  else if (kind === 'noWayBack')
    dropWaiting(ledger, ({ pool, formerImage, formerGone }) => {
      const promised = policyOfPool(ledger, subject).failure.onExceeded === 'rollback';
      return pool === subject && formerImage === null && (formerGone || promised);
    });
  else if (kind === 'tier') dropWaiting(ledger, () => true);
  else if (kind === 'canary') {
    const pool = subject === '' ? poolThatAsks(ledger) : subject;
    dropWaiting(ledger, (one) => one.pool === pool);
  }
}

export function noteChildSkipped(ledger: Ledger, node: string): void {
  if (ledger.stands.get(node) === 'atWork') ledger.told.set(node, 'skip');
}
