// What a yes or a no to a gate does to a run: yeses are counted until they are a quorum of distinct people,
// one no rejects. Total: what means nothing now is rejected with its reason, and the same again is answered
// as such. Must never open a gate on fewer valid yeses than the policy asks for, nor on the requester's own
// where the policy counts none of theirs.
import { isSamePerson, rulesOf, shownName, tally, validYeses, whyNoVoice } from './approval-rules.ts';
import { answerCapacity, whyNotGivenUp } from './fleet-capacity.ts';
import { listBehindGate } from './fleet-canary.ts';
import type { PersonMessage } from './fleet-events.ts';
import { evidenceOf } from './fleet-evidence.ts';
import { expireYeses } from './fleet-expiry.ts';
import { dropNode, reasonText, stateText } from './fleet-nodes.ts';
import { aboutPlan, closeGate, giveYes, whyOtherPlan } from './fleet-quorum.ts';
import { approveMany } from './fleet-standing.ts';
import { decisionOf, moved, nodesWithCode, rejected, withEvent } from './fleet-state.ts';
import { answerForce, whyNotRead } from './fleet-force.ts';
import type { FleetMove, OpenGate, RunState, Scope } from './fleet-state.ts';
import { MANY_NODES_GATE } from '../messages.ts';
import { ROW_CODES } from '../row-codes.ts';

type Decide = PersonMessage & { kind: 'approve' | 'reject' };

/** Names of open gates told to somebody who named another; more would not be read. */
const GATES_NAMED_MAX = 10;
/** 1,000 yeses of 100 bytes are what a run can take along; a yes to many nodes needs no room at each. */
const PENDING_YESES_MAX = 1000;

export function decide(before: RunState, scope: Scope, event: Decide): FleetMove {
  const { message, at } = event;
  const state = expireYeses(before, scope, at);
  const name = shortGateName(state, message.gate);
  if (name === MANY_NODES_GATE && event.kind === 'approve') return approveMany(state, scope, event);
  const gate = state.gates.find((open) => open.name === name);
  if (gate === undefined) return notOpen(state, scope, name, event);
  const otherPlan = whyOtherPlan(state, message.planDigest);
  if (otherPlan !== undefined) return rejected(otherPlan);
  if (event.kind === 'approve') return approve(state, scope, gate, event);
  const move = reject(state, scope, gate, event);
  const decision = decisionOf(at, 'reject', aboutPlan(state, name, message), {
    evidence: evidenceOf(state, gate),
  });
  return { ...move, commands: [{ kind: 'record', decision }, ...move.commands] };
}

function approve(
  state: RunState,
  scope: Scope,
  gate: OpenGate,
  event: Decide & { kind: 'approve' },
): FleetMove {
  const { message, at } = event;
  const notRead = whyNotRead(gate, at) ?? whyNotGivenUp(state, gate, at);
  if (notRead !== undefined) return rejected(notRead);
  const rules = rulesOf(state, gate.about);
  const noVoice = whyNoVoice(state, rules, message.by);
  if (noVoice !== undefined) return rejected(noVoice);
  const valid = validYeses(gate, rules, at);
  const before = valid.find(({ by }) => isSamePerson(by, message.by));
  if (before !== undefined) {
    const text = `${before.by} has said yes to ${gate.name} already, at ${before.at}`;
    return { kind: 'same', effect: `${text}: ${tally(state, gate) ?? ''}` };
  }
  const pending = state.gates.reduce((sum, { yeses }) => sum + (yeses ?? []).length, 0);
  if (valid.length + 1 < rules.approvers && pending >= PENDING_YESES_MAX) {
    return rejected(
      `${String(pending)} yeses wait for others already: complete some of them first, gate by gate`,
    );
  }
  const given = giveYes(state, scope, gate, {
    yes: { by: shownName(message.by), at },
    at,
    said: reasonText(message.reason),
    planDigest: message.planDigest ?? null,
  });
  const decision = decisionOf(at, 'approve', aboutPlan(state, gate.name, message), {
    yeses: given.count,
    evidence: evidenceOf(state, gate),
  });
  return moved(given.state, given.effect, [{ kind: 'record', decision }, ...(given.commands ?? [])]);
}

function reject(state: RunState, scope: Scope, gate: OpenGate, event: Decide): FleetMove & { kind: 'moved' } {
  const { by, reason, planDigest } = event.message;
  const { at } = event;
  const decided = { gate: gate.name, decision: 'reject' as const, by, planDigest: planDigest ?? null, at };
  const why = `${gate.name} rejected by ${by}${reasonText(reason)}`;
  const told = withEvent(closeGate(state, gate, decided), at, why);
  const { about } = gate;
  switch (about.kind) {
    case 'adopt': {
      const aborting = { kind: 'rejected' as const, by, reason: why, at };
      return moved({ ...told, aborting }, 'the cluster is not taken over; the run ends');
    }
    case 'pool': {
      const nodes = nodesWithCode(told, scope, ROW_CODES.waiting).filter(
        (node) => scope.rows[scope.indexOf.get(node) ?? -1]?.pool === about.pool,
      );
      const dropped = nodes.reduce((so, node) => dropNode(so, scope, node, why, at), told);
      return moved(dropped, `${String(nodes.length)} nodes of pool ${about.pool} are skipped`);
    }
    case 'canary':
    case 'notReady':
    case 'noWayBack':
    case 'tier': {
      const nodes = listBehindGate(told, scope, { kind: about.kind, pool: about.pool });
      const dropped = nodes.reduce((so, node) => dropNode(so, scope, node, why, at), told);
      const whose = about.kind === 'tier' ? 'this run' : `pool ${about.pool}`;
      return moved(dropped, `${String(nodes.length)} nodes of ${whose} are skipped`);
    }
    case 'force': {
      const answer = { kind: 'noForce' as const, by, reason: reason ?? '' };
      const answered = answerForce(told, about, answer, at);
      return moved(answered.state, answered.effect, answered.commands);
    }
    case 'capacity': {
      const answer = { kind: 'mayNotLose' as const, by, reason: reason ?? '' };
      const answered = answerCapacity(told, about, answer, at);
      return moved(answered.state, answered.effect, answered.commands);
    }
    case 'node':
      return moved(dropNode(told, scope, about.node, why, at), `node ${about.node} is skipped`);
  }
}

function notOpen(state: RunState, scope: Scope, name: string, event: Decide): FleetMove {
  const { by, planDigest } = event.message;
  const before = state.decided.findLast((decided) => decided.gate === name);
  if (before !== undefined) {
    const his =
      (isSamePerson(before.by, by) && before.planDigest === (planDigest ?? null)) ||
      (before.others ?? []).some((other) => isSamePerson(other, by));
    const same = before.decision === event.kind && his;
    const people = [...(before.others ?? []), before.by].join(', ');
    const text = `${name} was decided already: ${before.decision} by ${people} at ${before.at}`;
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

/** `<cluster>/node/…` is the long form; in a run over one cluster the short one is the name. */
function shortGateName(state: RunState, gate: string): string {
  const prefix = `${state.definition?.cluster.name ?? ''}/`;
  return gate.startsWith(prefix) && prefix !== '/' ? gate.slice(prefix.length) : gate;
}
