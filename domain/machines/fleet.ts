// A run over the nodes of one cluster, as a total machine over plain data.
//
//   preparing ─ planned ─▶ running ⇄ paused (by a person, or tripped by failures)
//       │                    │           │
//   waiting-for-cluster      └─ abort ───┴▶ aborting ─▶ ended
//
// Each row of the plan: waiting → active (gate, then child) → done | failed | skipped | left alone; a node
// that is put back because the run tripped waits again. The driver waits, calls and applies; every choice
// is made here. Must never hold two children for one node, nor start one while the run is held.
import { timeAfter } from './clock-math.ts';
import { completeDefinition } from '../complete-definition.ts';
import { askCapacity, strand, withoutCapacityGate } from './fleet-capacity.ts';
import { askForce, withoutForceGate } from './fleet-force.ts';
import { deferNode, withDeferralBegun, withoutDeferral } from './fleet-deferral.ts';
import type { FleetEvent, Happening } from './fleet-events.ts';
import { isApart, keepFailedApart } from './fleet-apart.ts';
import { countInRow, judgeFailure, judgeRates, mayEndNodes } from './fleet-failure.ts';
import { withDoneTold } from './fleet-nodes.ts';
import { withUntouched, withoutUntouched } from './fleet-back.ts';
import { closeForAbort } from './fleet-holding.ts';
import { backEnded, keepRollback } from './fleet-rollback.ts';
import { withNotBegun, withTimeOf } from './fleet-hours.ts';
import { clusterAnswered } from './fleet-cluster.ts';
import { keepCanaryClocks } from './fleet-canary.ts';
import { withEnded } from './fleet-evidence.ts';
import { expireYeses, isAskedFor } from './fleet-expiry.ts';
import { transitionByPerson } from './fleet-people.ts';
import { changePolicy, withoutStaleSteps } from './fleet-policy.ts';
import { withTold } from './fleet-news.ts';
import { giveStanding } from './fleet-standing.ts';
import {
  cut,
  cutGates,
  cutProgress,
  decisionOf,
  moved,
  rejected,
  withEvent,
  withNodeCode,
  withNote,
  without,
  withoutNote,
} from './fleet-state.ts';
import type { ActiveChild, FleetMove, RunState, Scope } from './fleet-state.ts';
import { applyOffer } from './fleet-steps.ts';
import type { NodeStateName } from '../node-state.ts';
import type { NodeStep, PlanRow } from '../plan.ts';
import { ROW_CODES } from '../row-codes.ts';
import type { RowCode } from '../row-codes.ts';
import { own } from '../own.ts';

/** One line of a status. */
const TROUBLE_CHARS_MAX = 300;
/** 40 reasons of 600 bytes at most: what a run takes along when it continues as new. */
const BLOCKERS_CARRIED_MAX = 40;

export function transition(state: RunState, scope: Scope, event: FleetEvent): FleetMove {
  const move = moveOf(state, scope, event);
  if (move.kind !== 'moved') return move;
  const known = keepRollback(state, move.state, scope, event);
  const kept = keepFailedApart(keepCanaryClocks(known, scope, event.at), scope);
  if (!mayEndNodes(event)) return { ...move, state: kept };
  const { state: judged, commands } = judgeRates(kept, scope, event.at);
  return moved(judged, move.effect, [...move.commands, ...commands]);
}

function moveOf(state: RunState, scope: Scope, event: FleetEvent): FleetMove {
  switch (event.kind) {
    case 'approve':
    case 'reject':
    case 'pause':
    case 'resume':
    case 'skipNode':
    case 'retryNode':
    case 'abort':
    case 'rollback':
    case 'changePolicy':
    case 'nextNode':
      return transitionByPerson(state, scope, event);
    case 'cancelled':
      return cancelled(state, scope, event.at);
    case 'resolved':
      return moved({ ...state, definition: completeDefinition(event.definition) }, 'resolved');
    case 'clusterHeld':
    case 'clusterHeldByOther':
    case 'adoptionNeeded':
      return clusterAnswered(state, event);
    case 'clusterSilent': {
      const { hold } = state;
      if (hold.kind !== 'waiting') return rejected('the run does not wait for its cluster');
      return moved({ ...state, hold: { ...hold, trouble: cut(event.why, TROUBLE_CHARS_MAX) } }, 'waits');
    }
    case 'planned':
      return planned(state, scope, event);
    case 'planAsked':
      return moved({ ...state, planWanted: false }, 'asked');
    case 'policyChanged':
      return changePolicy(state, scope, event);
    case 'stepsOffered':
      return offered(state, scope, withoutStaleSteps(state, event));
    case 'planFailed': {
      const since = state.planFailure?.since ?? event.at;
      return moved({ ...state, planWanted: false, planFailure: { since, why: event.why } }, 'waits');
    }
    case 'lookedAgain':
      return moved({ ...state, planWanted: true }, 'asks again');
    case 'yesesDue': {
      const given = giveStanding(expireYeses(state, scope, event.at), scope, event.at);
      return moved(given.state, 'noted', given.commands);
    }
    case 'handedOver':
      return moved(handedOver(state), 'handed over');
    case 'ended':
      return moved({ ...state, outcome: event.outcome, endedAt: event.at }, event.outcome);
    case 'reportRecorded':
      return moved({ ...state, reportDigest: event.digest }, 'recorded');
    case 'recordLost': {
      const text = `not recorded: ${event.what}: ${event.why}`;
      return moved(withEvent(state, event.at, text), 'noted');
    }
    case 'told':
      return moved(withTold(state, scope, event), 'noted');
    default:
      return transitionByNode(state, scope, event);
  }
}

function planned(state: RunState, scope: Scope, { summary, at }: Happening & { kind: 'planned' }): FleetMove {
  const codes = scope.rows.map(codeOfRow).join('');
  if (codes.length !== summary.rows) {
    return rejected(`the plan says ${String(summary.rows)} rows, its pages hold ${String(codes.length)}`);
  }
  const known: RunState = { ...state, plan: summary, codes, planWanted: true };
  const text = `planned: ${String(summary.counts.upgrade)} of ${String(codes.length)} nodes`;
  return moved(withEvent(known, at, text), 'planned');
}

type NodeHappening = Happening & {
  kind:
    | 'nodeStarted'
    | 'startRefused'
    | 'nodeStateReported'
    | 'progressReported'
    | 'nodeEnded'
    | 'skipAnswered'
    | 'forceAsked'
    | 'capacityAsked'
    | 'stranded';
};

function transitionByNode(state: RunState, scope: Scope, event: NodeHappening): FleetMove {
  switch (event.kind) {
    case 'nodeStarted':
      return nodeStarted(state, scope, event);
    case 'startRefused':
      return startRefused(state, scope, event);
    case 'nodeStateReported':
      return nodeStateReported(state, event);
    case 'progressReported': {
      const child = own(state.active, event.node);
      if (child === undefined) return rejected(`node ${event.node} is with no child`);
      const active = { ...state.active, [event.node]: { ...child, progress: event.progress } };
      return moved({ ...state, active }, 'noted');
    }
    case 'nodeEnded':
      return nodeEnded(state, scope, event);
    case 'skipAnswered':
      return skipAnswered(state, event);
    case 'forceAsked':
      return askForce(state, event);
    case 'capacityAsked':
      return askCapacity(state, event);
    case 'stranded':
      return strand(state, event);
  }
}

/** Void approvals are asked for again before anything is taken on them; what was said in advance counts at once. */
function offered(state: RunState, scope: Scope, event: Happening & { kind: 'stepsOffered' }): FleetMove {
  const asked = applyOffer(expireYeses(state, scope, event.at), scope, event.next, event.at);
  const given = giveStanding(asked, scope, event.at);
  return moved(given.state, 'offered', given.commands);
}

/** Made small enough to be one input, and true for a run that did not start these children itself. */
function handedOver(state: RunState): RunState {
  const children = cutProgress(Object.values(state.active), BLOCKERS_CARRIED_MAX);
  const active = Object.fromEntries(children.map((child) => [child.node, { ...child, adopted: true }]));
  const gates = cutGates(state.gates);
  return { ...state, active, gates, planWanted: true };
}

function cancelled(state: RunState, scope: Scope, at: string): FleetMove {
  const reason = 'the workflow was cancelled';
  const aborting = { kind: 'cancel' as const, by: 'temporal workflow cancel', reason, at };
  // A cancel after an abort changes only how the workflow is shown at its end.
  if (state.aborting !== null)
    return moved({ ...state, aborting: { ...state.aborting, kind: 'cancel' } }, reason);
  const { state: closed, commands } = closeForAbort(state, scope, aborting);
  const decision = decisionOf(at, 'cancel', { by: aborting.by, reason });
  return moved(withEvent(closed, at, reason), reason, [{ kind: 'record', decision }, ...commands]);
}

function nodeStarted(
  before: RunState,
  scope: Scope,
  event: { at: string; step: NodeStep; childId: string },
): FleetMove {
  const { step, at } = event;
  const state = expireYeses(before, scope, at);
  const isReady = (run: RunState) => run.ready.some((one) => one.step.node === step.node);
  if (isReady(before) && !isReady(state)) return moved(state, 'its approval is void: it is asked for again');
  if (isAskedFor(state, step)) {
    const ready = state.ready.filter((one) => one.step.node !== step.node);
    return moved({ ...state, ready }, 'it is asked for at a gate');
  }
  if (own(state.active, step.node) !== undefined)
    return rejected(`node ${step.node} is with a child already`);
  const child: ActiveChild = {
    node: step.node,
    pool: step.pool,
    childId: event.childId,
    attempt: step.attempt,
    ...(step.drain.deferrals === undefined ? {} : { deferrals: step.drain.deferrals }),
    retry: state.retries.some(({ node }) => node === step.node),
    // The cordon is part of the child's first task: what people see from here on is the drain.
    state: 'draining',
    since: at,
    until: timeAfter(at, step.drain.timeoutMs),
    progress: null,
    reimageTimeoutMs: step.reimage.timeoutMs,
    rejoinTimeoutMs: step.rejoinTimeoutMs,
    verifySoakMs: step.verifySoakMs,
    ...(step.back === undefined ? {} : { back: step.back.how }),
    told: null,
    adopted: false,
    startedAt: at,
  };
  const begun = withNodeCode(
    withoutNote(withDeferralBegun(withoutStep(state, step.node), step.node), step.node),
    scope,
    step.node,
    ROW_CODES.active,
  );
  const attempts = step.attempt > 1 ? { ...begun.attempts, [step.node]: step.attempt } : begun.attempts;
  const retries = begun.retries.filter(({ node }) => node !== step.node);
  const next = begun.next.filter((node) => node !== step.node);
  const started = { ...begun, attempts, retries, next, active: { ...begun.active, [step.node]: child } };
  const on =
    step.attempt === 1 || step.back !== undefined ? started : withoutUntouched(started, scope, step.node);
  const text = startText(step);
  return moved(withEvent(on, at, `${step.node}: ${text}`), 'started');
}

function startText({ attempt, back, release }: NodeStep): string {
  if (back !== undefined) return `goes back to ${release.name}, attempt ${String(attempt)}`;
  return attempt > 1 ? `started, attempt ${String(attempt)}` : 'started';
}

/** No child came to be: everything as before its start, and another try after a while. */
function startRefused(state: RunState, scope: Scope, event: Happening & { kind: 'startRefused' }): FleetMove {
  const { node, at, why } = event;
  const child = own(state.active, node);
  if (child === undefined) return rejected(`node ${node} is with no child`);
  const code =
    state.aborting !== null ? ROW_CODES.skipped : child.retry ? ROW_CODES.failed : ROW_CODES.waiting;
  const retries =
    child.retry && state.aborting === null
      ? [...state.retries, { node, attempt: child.attempt }]
      : state.retries;
  const waits: RunState = {
    ...withNodeCode(state, scope, node, code),
    active: without(state.active, node),
    asks: state.asks.filter((ask) => ask.node !== node),
    retries,
    // It was approved, or needed no approval: it is not asked for twice.
    nodesApproved: [...state.nodesApproved, node],
    planWanted: false,
    planFailure: { since: state.planFailure?.since ?? at, why },
  };
  return moved(withEvent(waits, at, `${node}: not started, ${why}`), 'waits');
}

/** States in which a node may stay for a time that the policy sets. */
function timeoutOf(child: ActiveChild, state: NodeStateName): number | undefined {
  if (state === 'reimaging') return child.reimageTimeoutMs;
  if (state === 'rejoining' || state === 'verifying') return child.rejoinTimeoutMs;
  if (state === 'soaking') return child.verifySoakMs;
  return undefined;
}

function nodeStateReported(state: RunState, event: { at: string; node: string; state: string }): FleetMove {
  const child = own(state.active, event.node);
  if (child === undefined) return rejected(`node ${event.node} is with no child`);
  if (child.state === event.state) return rejected(`node ${event.node} is ${event.state} already`);
  const name = event.state as NodeStateName;
  const timeoutMs = timeoutOf(child, name);
  const until = timeoutMs === undefined ? null : timeAfter(event.at, timeoutMs);
  const next = { ...child, state: name, since: event.at, until, progress: null };
  const told = withEvent(state, event.at, `${event.node}: ${event.state}`);
  return moved({ ...told, active: { ...told.active, [event.node]: next } }, 'noted');
}

function nodeEnded(state: RunState, scope: Scope, event: Happening & { kind: 'nodeEnded' }): FleetMove {
  const { node, outcome, at } = event;
  const child = own(state.active, node);
  // A deferred attempt comes again: the word of its earlier go must not end the one at work now.
  const isAnother = child?.attempt !== event.attempt || (child.deferrals ?? 0) !== (event.deferrals ?? 0);
  if (child === undefined || isAnother) {
    return rejected(`no attempt ${String(event.attempt)} of node ${node} is at work`);
  }
  const active = without(state.active, node);
  const asks = state.asks.filter((ask) => ask.node !== node);
  const ending = withoutForceGate({ ...state, active, asks, planWanted: true }, node);
  const unasked = withoutCapacityGate(ending, node);
  const told = withUntouched(unasked, scope, { child, outcome });
  const known = withEnded(told, child, outcome, at);
  if (child.back !== undefined) return backEnded(known, scope, { child, outcome, at });
  const ended = isApart(scope, node) ? known : countInRow(known, child.pool, outcome.kind);
  if (outcome.kind === 'deferred' && mayDefer(state, child)) {
    return moved(deferNode(ended, scope, { child, outcome, at }), 'deferred');
  }
  if (outcome.kind === 'putBack' && outcome.again === true && mayDefer(state, child)) {
    return moved(withNotBegun(ended, scope, { child, why: outcome.why, at }), 'waits again');
  }
  const closed = withoutDeferral(ended, node);
  if (outcome.kind === 'done') {
    const done = withTimeOf(withNodeCode(closed, scope, node, ROW_CODES.done), child, at);
    const acknowledged = done.acknowledged.filter((name) => name !== node);
    const told = withDoneTold(done, { node, outcome, at });
    return moved({ ...told, acknowledged }, 'done');
  }
  if (outcome.kind === 'putBack' || outcome.kind === 'deferred') {
    const code = codeOfPutBack(state, child);
    const coded = withEvent(withNodeCode(closed, scope, node, code), at, `${node}: put back, ${outcome.why}`);
    if (code === ROW_CODES.waiting) return moved(coded, 'waits again');
    const name = code === ROW_CODES.skipped ? 'skipped' : 'leftAlone';
    return moved(withNote(coded, node, { state: name, why: outcome.why, at }), name);
  }
  const failed = withNodeCode(closed, scope, node, ROW_CODES.failed);
  const why = `${outcome.at}: ${outcome.why}`;
  const noted = withNote(failed, node, { state: 'failed', why, at });
  const acknowledged = noted.acknowledged.filter((name) => name !== node);
  const failing = withEvent({ ...noted, acknowledged }, at, `${node}: failed while ${why}`);
  const { state: after, commands } = judgeFailure(failing, scope, { node, pool: child.pool }, at);
  return moved(after, 'failed', commands);
}

/** A wish that crossed the deferral is what counts. */
function mayDefer(state: RunState, child: ActiveChild): boolean {
  return state.aborting === null && child.told === null;
}

function codeOfPutBack(state: RunState, child: ActiveChild): RowCode {
  if (child.told === 'skip' || child.told === 'abort' || state.aborting !== null) return ROW_CODES.skipped;
  if (child.told === 'putBack') return ROW_CODES.waiting;
  // By the child's own finding (somebody's cordon, another node) or because its workflow was cancelled.
  return ROW_CODES.leftAlone;
}

function skipAnswered(state: RunState, event: Happening & { kind: 'skipAnswered' }): FleetMove {
  const ask = state.asks.find(({ askId }) => askId === event.askId);
  if (ask === undefined) return rejected(`nobody asked ${event.askId}`);
  const asks = state.asks.filter((other) => other !== ask);
  if (!event.accepted) return moved({ ...state, asks }, event.why);
  const child = own(state.active, ask.node);
  const active =
    child === undefined ? state.active : { ...state.active, [ask.node]: { ...child, told: 'skip' as const } };
  const told = withEvent(
    { ...state, asks, active },
    event.at,
    `${ask.node}: skipped by ${ask.by}: ${ask.reason}`,
  );
  const decision = decisionOf(event.at, 'skipNode', { subject: ask.node, by: ask.by, reason: ask.reason });
  const effect =
    child?.stranded !== undefined
      ? 'is given up: it counts as failed'
      : child?.back === undefined
        ? 'is put back and counts as skipped'
        : 'does not go back';
  return moved(told, `node ${ask.node} ${effect}`, [{ kind: 'record', decision }]);
}

function withoutStep(state: RunState, node: string): RunState {
  return {
    ...state,
    ready: state.ready.filter(({ step }) => step.node !== node),
    nodesApproved: state.nodesApproved.filter((name) => name !== node),
  };
}

function codeOfRow(row: PlanRow): RowCode {
  if (row.disposition.kind === 'upgrade') return ROW_CODES.waiting;
  return row.disposition.kind === 'upToDate' ? ROW_CODES.upToDate : ROW_CODES.leftAlone;
}
