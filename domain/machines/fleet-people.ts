// What each message of a person does to a run. Total: whatever means nothing now is rejected with its
// reason, and the very same decision again is answered as such; neither changes anything.
import { msBetween } from './clock-math.ts';
import type { FleetCommand, PersonMessage } from './fleet-events.ts';
import { closeForAbort, nudgeAll } from './fleet-holding.ts';
import {
  DECIDED_KEPT,
  STEP_FRESH_MS,
  codeOf,
  decisionOf,
  moved,
  nodesWithCode,
  own,
  rejected,
  withEvent,
  withNodeCode,
  withNote,
} from './fleet-state.ts';
import type { FleetMove, OpenGate, RunState, Scope } from './fleet-state.ts';
import type { MessageByName } from '../messages.ts';
import { ROW_CODES, countCodes } from '../row-codes.ts';

type Decide = PersonMessage & { kind: 'approve' | 'reject' };

/** Names of open gates told to somebody who named another; more would not be read. */
const GATES_NAMED_MAX = 10;

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
      return rejected(
        'rollback is not in force in this version: abort without it, or start an upgrade to the former release',
      );
  }
}

function decide(state: RunState, scope: Scope, event: Decide): FleetMove {
  const { by } = event.message;
  const name = shortGateName(state, event.message.gate);
  const planDigest = event.message.planDigest ?? null;
  const gate = state.gates.find((open) => open.name === name);
  if (gate === undefined) return notOpen(state, scope, name, event);
  if (planDigest !== null && state.plan !== null && planDigest !== state.plan.digest) {
    return rejected(`this run's plan is ${state.plan.digest}; the message was for ${planDigest}`);
  }
  const decided = { gate: name, decision: event.kind, by, planDigest, at: event.at };
  const closed: RunState = {
    ...state,
    gates: state.gates.filter((open) => open !== gate),
    decided: [...state.decided, decided].slice(-DECIDED_KEPT),
    planWanted: true,
  };
  const verb = event.kind === 'approve' ? 'approved' : 'rejected';
  const told = withEvent(closed, event.at, `${name} ${verb} by ${by}${reasonText(event.message.reason)}`);
  const move =
    event.kind === 'approve' ? approveGate(told, scope, gate, event) : rejectGate(told, scope, gate, event);
  if (move.kind !== 'moved') return move;
  const decision = decisionOf(event.at, event.kind, { ...event.message, subject: name });
  return { ...move, commands: [{ kind: 'record', decision }, ...move.commands] };
}

function approveGate(state: RunState, scope: Scope, gate: OpenGate, event: Decide): FleetMove {
  const { about } = gate;
  switch (about.kind) {
    case 'adopt':
      return moved({ ...state, adoptFrom: about.holder }, `takes the cluster over from ${about.holder}`);
    case 'pool':
      return moved(
        { ...state, poolsApproved: [...state.poolsApproved, about.pool] },
        `pool ${about.pool} is begun`,
      );
    case 'node': {
      const { node, step, observedAt } = about;
      const held = state.paused !== null || state.tripped !== null;
      if (!held && step !== null && msBetween(observedAt, event.at) < STEP_FRESH_MS) {
        return moved({ ...state, ready: [...state.ready, { step, observedAt }] }, `node ${node} is started`);
      }
      const waiting = withNodeCode(state, scope, node, ROW_CODES.waiting);
      const approved = { ...waiting, nodesApproved: [...waiting.nodesApproved, node] };
      return moved(
        approved,
        held ? `node ${node} starts after resume` : `node ${node} is looked at again, then started`,
      );
    }
  }
}

function rejectGate(state: RunState, scope: Scope, gate: OpenGate, event: Decide): FleetMove {
  const { about } = gate;
  const why = `${gate.name} rejected by ${event.message.by}${reasonText(event.message.reason)}`;
  switch (about.kind) {
    case 'adopt': {
      const by = event.message.by;
      const aborting = { kind: 'rejected' as const, by, reason: why, at: event.at };
      return moved({ ...state, aborting }, 'the cluster is not taken over; the run ends');
    }
    case 'pool': {
      const nodes = nodesWithCode(state, scope, ROW_CODES.waiting).filter(
        (node) => scope.rows[scope.indexOf.get(node) ?? -1]?.pool === about.pool,
      );
      const dropped = nodes.reduce((so, node) => dropNode(so, scope, node, why, event.at), state);
      return moved(dropped, `${String(nodes.length)} nodes of pool ${about.pool} are skipped`);
    }
    case 'node':
      return moved(dropNode(state, scope, about.node, why, event.at), `node ${about.node} is skipped`);
  }
}

function notOpen(state: RunState, scope: Scope, name: string, event: Decide): FleetMove {
  const before = state.decided.findLast((decided) => decided.gate === name);
  if (before !== undefined) {
    const same =
      before.decision === event.kind &&
      before.by === event.message.by &&
      before.planDigest === (event.message.planDigest ?? null);
    const text = `${name} was decided already: ${before.decision} by ${before.by} at ${before.at}`;
    return same ? { kind: 'same', effect: text } : rejected(text);
  }
  const node = name.startsWith('node/') ? name.slice('node/'.length) : undefined;
  const index = node === undefined ? undefined : scope.indexOf.get(node);
  if (node !== undefined && index !== undefined) {
    return rejected(`no gate is open for node ${node}: it is ${stateText(state, scope, node)}`);
  }
  const open = state.gates.slice(0, GATES_NAMED_MAX).map((gate) => gate.name);
  return rejected(`no gate ${name}: ${open.length === 0 ? 'none is open' : `open are ${open.join(', ')}`}`);
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
    ...state,
    paused: null,
    tripped: null,
    acknowledged,
    planWanted: true,
    // What was approved long ago is planned again before it starts.
    ready: [],
    nodesApproved: [...state.nodesApproved, ...state.ready.map(({ step }) => step.node)],
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
  return moved(dropped, `node ${node} is skipped`, [record]);
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
  if (message.rollback) {
    return rejected('abort with rollback is not in force in this version: send it with "rollback": false');
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

function dropNode(state: RunState, scope: Scope, node: string, why: string, at: string): RunState {
  const skipped = withNodeCode(state, scope, node, ROW_CODES.skipped);
  const cleared: RunState = {
    ...skipped,
    gates: skipped.gates.filter(({ about }) => about.kind !== 'node' || about.node !== node),
    ready: skipped.ready.filter(({ step }) => step.node !== node),
    nodesApproved: skipped.nodesApproved.filter((name) => name !== node),
    retries: skipped.retries.filter((retry) => retry.node !== node),
    planWanted: true,
  };
  return withEvent(withNote(cleared, node, { state: 'skipped', why, at }), at, `${node}: ${why}`);
}

function whyUnknown(state: RunState, scope: Scope, node: string): string | undefined {
  if (state.plan === null) return 'the run has no plan yet';
  if (scope.indexOf.has(node)) return undefined;
  return `no node ${node} is in this run's plan`;
}

function stateText(state: RunState, scope: Scope, node: string): string {
  const child = own(state.active, node);
  if (child !== undefined) return child.state;
  const code = codeOf(state, scope, node);
  const name = Object.entries(ROW_CODES).find(([, value]) => value === code)?.[0] ?? 'unknown';
  return name === 'active' ? 'at its gate' : name;
}

/** `<cluster>/node/…` is the long form; in a run over one cluster the short one is the name. */
function shortGateName(state: RunState, gate: string): string {
  const prefix = `${state.definition?.cluster.name ?? ''}/`;
  return gate.startsWith(prefix) && prefix !== '/' ? gate.slice(prefix.length) : gate;
}

function reasonText(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
