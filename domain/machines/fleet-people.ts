// What each message of a person does to a run. Total: whatever means nothing now is rejected with its
// reason, and the very same decision again is answered as such; neither changes anything.
import { decide } from './fleet-approval.ts';
import type { FleetCommand, PersonMessage } from './fleet-events.ts';
import { relaunch } from './fleet-capacity.ts';
import { closeForAbort, nudgeAll } from './fleet-holding.ts';
import { nextNode } from './fleet-next.ts';
import { dropNode, stateText, whyUnknown } from './fleet-nodes.ts';
import { askPolicyChange, replanReady } from './fleet-policy.ts';
import { rollBack } from './fleet-rollback.ts';
import { codeOf, decisionOf, moved, nodesWithCode, rejected, withEvent } from './fleet-state.ts';
import type { FleetMove, RunState, Scope } from './fleet-state.ts';
import type { MessageByName } from '../messages.ts';
import { ROW_CODES, countCodes } from '../row-codes.ts';
import { own } from '../own.ts';

export function transitionByPerson(state: RunState, scope: Scope, event: PersonMessage): FleetMove {
  if (state.outcome !== null) return rejected(`the run has ended: ${state.outcome}`);
  switch (event.kind) {
    case 'approve':
    case 'reject':
      return decide(state, scope, event);
    case 'pause':
      return pause(state, event.at, event.message);
    case 'resume':
      return resume(state, scope, event.at, event.message.by);
    case 'skipNode':
      return skipNode(state, scope, event);
    case 'retryNode':
      return retryNode(state, scope, event.at, event.message);
    case 'abort':
      return abort(state, scope, event.at, event.message);
    case 'rollback':
      return rollBack(state, scope, event.at, event.message);
    case 'changePolicy':
      return askPolicyChange(state);
    case 'nextNode':
      return nextNode(state, scope, event.at, event.message);
  }
}

function pause(state: RunState, at: string, message: MessageByName['pause']): FleetMove {
  if (state.aborting !== null) return rejected(`the run is being aborted by ${state.aborting.by}`);
  if (state.paused !== null) {
    const text = `paused already by ${state.paused.by} at ${state.paused.at}: ${state.paused.reason}`;
    const same = state.paused.by === message.by && state.paused.reason === message.reason;
    return same ? { kind: 'same', effect: text } : rejected(text);
  }
  const paused = withEvent(
    { ...state, paused: { by: message.by, reason: message.reason, at } },
    at,
    `paused by ${message.by}: ${message.reason}`,
  );
  const active = Object.keys(state.active).length;
  const effect = `no node is started; ${String(active)} at work run on as far as the reimage check`;
  return moved(paused, effect, [{ kind: 'record', decision: decisionOf(at, 'pause', message) }]);
}

function resume(state: RunState, scope: Scope, at: string, by: string): FleetMove {
  if (state.aborting !== null) return rejected(`the run is being aborted by ${state.aborting.by}`);
  if (state.paused === null && state.tripped === null) return rejected('the run is not paused');
  const acknowledged = nodesWithCode(state, scope, ROW_CODES.failed);
  const resumed: RunState = {
    // What was approved long ago is planned again before it starts.
    ...replanReady(state, scope),
    paused: null,
    tripped: null,
    acknowledged,
    failuresInRow: {},
    resumedAt: at,
    planWanted: true,
  };
  const failures = acknowledged.length === 0 ? '' : ` in spite of ${String(acknowledged.length)} failed`;
  return moved(withEvent(resumed, at, `resumed by ${by}${failures}`), `the run goes on${failures}`, [
    { kind: 'record', decision: decisionOf(at, 'resume', { by }) },
    ...nudgeAll(state),
  ]);
}

function skipNode(state: RunState, scope: Scope, event: PersonMessage & { kind: 'skipNode' }): FleetMove {
  const { node, by, reason } = event.message;
  const { at } = event;
  const unknown = whyUnknown(state, scope, node);
  if (unknown !== undefined) return rejected(unknown);
  const child = own(state.active, node);
  if (child !== undefined) {
    if (child.told === 'skip') return { kind: 'same', effect: `node ${node} is being put back already` };
    const ask = { askId: event.askId, node, by, reason, at };
    const control = { kind: 'skip' as const, askId: event.askId, by, reason };
    const asked = { ...state, asks: [...state.asks, ask] };
    return moved(asked, `node ${node} is asked`, [{ kind: 'tell', childId: child.childId, control }]);
  }
  const code = codeOf(state, scope, node);
  const record: FleetCommand = {
    kind: 'record',
    decision: decisionOf(at, 'skipNode', { subject: node, by, reason }),
  };
  if (code === ROW_CODES.failed) {
    const failure = own(state.notes, node)?.why ?? 'it failed';
    const why = `skipped by ${by}: ${reason}; it stays cordoned (${failure})`;
    return moved(dropNode(state, scope, node, why, at), `node ${node} counts as skipped and stays cordoned`, [
      record,
    ]);
  }
  if (code !== ROW_CODES.waiting && code !== ROW_CODES.active) {
    return rejected(`node ${node} is ${stateText(state, scope, node)}`);
  }
  const dropped = dropNode(state, scope, node, `skipped by ${by}: ${reason}`, at);
  const effect = state.rollback === null ? 'is skipped' : 'does not go back';
  return moved(dropped, `node ${node} ${effect}`, [record]);
}

function retryNode(
  state: RunState,
  scope: Scope,
  at: string,
  message: MessageByName['retryNode'],
): FleetMove {
  const { node, by } = message;
  if (state.aborting !== null) return rejected(`the run is being aborted by ${state.aborting.by}`);
  const unknown = whyUnknown(state, scope, node);
  if (unknown !== undefined) return rejected(unknown);
  const child = own(state.active, node);
  if (child?.stranded !== undefined) return relaunch(state, child, at, message);
  const pending = state.retries.find((retry) => retry.node === node);
  if (pending !== undefined) {
    return { kind: 'same', effect: `attempt ${String(pending.attempt)} of node ${node} is to come already` };
  }
  if (codeOf(state, scope, node) !== ROW_CODES.failed) {
    return rejected(`node ${node} is ${stateText(state, scope, node)}: only a failed node is retried`);
  }
  const attempt = (own(state.attempts, node) ?? 1) + 1;
  const retries = [...state.retries, { node, attempt }];
  const told = withEvent({ ...state, retries, planWanted: true }, at, `retry of node ${node} by ${by}`);
  const when = state.paused === null ? '' : ' after resume';
  return moved(told, `node ${node} is taken again${when}, attempt ${String(attempt)}`, [
    { kind: 'record', decision: decisionOf(at, 'retryNode', { subject: node, by }) },
  ]);
}

function abort(state: RunState, scope: Scope, at: string, message: MessageByName['abort']): FleetMove {
  // Before there is a plan nothing is upgraded: both end the run.
  if (message.rollback && state.aborting === null && state.plan !== null) {
    return rollBack(state, scope, at, message);
  }
  if (state.aborting !== null) {
    const text = `aborted already by ${state.aborting.by} at ${state.aborting.at}: ${state.aborting.reason}`;
    return state.aborting.by === message.by ? { kind: 'same', effect: text } : rejected(text);
  }
  const aborting = { kind: 'abort' as const, by: message.by, reason: message.reason, at };
  const { state: closed, commands } = closeForAbort(state, scope, aborting);
  // With those that were asked about at a gate, or approved and not begun.
  const dropped = countCodes(closed.codes).skipped - countCodes(state.codes).skipped;
  const effect = `${String(dropped)} waiting nodes are dropped; ${String(commands.length)} at work are put back or finished`;
  return moved(withEvent(closed, at, `aborted by ${message.by}: ${message.reason}`), effect, [
    { kind: 'record', decision: decisionOf(at, 'abort', message) },
    ...commands,
  ]);
}
