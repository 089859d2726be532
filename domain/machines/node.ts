// One node's way through a run, as a total machine: every event has an answer in every state.
//
//   waiting ─ cordoned ─▶ draining ─ drained ─▶ reimaging ─ reimaged ─▶ rejoining ─ rejoined ─▶ verifying
//      │ ▲                  │   ▲                  │                        (burning-in before it, when asked)
//      │ └ held by the run  │   └ resumed          │ held by the run           │ verified
//      ▼                    ▼                      ▼                           ▼
//   puttingBack ◀─ skip, abort, trip ─ cordoned ◀──┘              soaking ─▶ verified ─ uncordoned ─▶ done
//      └▶ putBack, deferred any step that cannot go on ─▶ failed (stays cordoned)
//
// The drain and its timeout stand in node-drain.ts, the ways back in node-undo.ts, what comes before the cordon
// and after the drain of a node that another instance replaces in node-replacement.ts. From `reimaging` on there
// is no way back: a node is finished or fails where it stands. Pure; must never
// learn the time by itself, nor forget what a state was entered with.
import type { NodeStep } from '../plan.ts';
import { timeAfter } from './clock-math.ts';
import { failed, held, illegal, toPuttingBack, toReimaging } from './node-change.ts';
import type { Change } from './node-change.ts';
import { fromAskingForce, fromDraining, toDraining } from './node-drain.ts';
import {
  beforeService,
  failBeforeService,
  fromLaunching,
  fromReplacing,
  removeByWish,
  tellReplacement,
  toService,
  unverifiedReplacement,
} from './node-replacement.ts';
import { changeWhereFirst, goesFirst, nextWhereFirst } from './node-capacity.ts';
import { STATE_SHOWN } from './node-types.ts';
import { asItHadFailed, changeByFailure, changeByWish, fromPuttingBack } from './node-undo.ts';
import type { NextNodeStep, NodeEvent, NodeState, NodeWay } from './node-types.ts';

export type NodeMove = { kind: 'moved'; way: NodeWay; text: string } | { kind: 'rejected'; why: string };

/** More blocking pods than this in one reason text would make a note that nobody reads. */
const PODS_NAMED_MAX = 5;

export function newNodeWay(step: NodeStep): NodeWay {
  return {
    step,
    state: firstState(step),
    facts: { taskId: null, oldRootVolumeId: null, evidence: [] },
    trail: [],
  };
}

/** Where nothing but our cordon stands on a node, its way back is to lift it. */
function firstState(step: NodeStep): NodeState {
  const { back, launch } = step;
  if (goesFirst(step)) return { kind: 'checkingRoom' };
  if (back?.how !== 'uncordon') {
    return { kind: 'waiting', held: null, ...(launch === undefined ? {} : { launch: true }) };
  }
  return { kind: 'puttingBack', why: 'rolled back: its reimage had not begun' };
}

export function transition(way: NodeWay, event: NodeEvent): NodeMove {
  const change = asItHadFailed(way, tellReplacement(way, changeOf(way, event)));
  if ('rejected' in change) return { kind: 'rejected', why: change.rejected };
  const moved = change.state.kind !== way.state.kind || change.state.kind === 'cordoned';
  const entry = { at: event.at, state: STATE_SHOWN[change.state.kind], text: change.text };
  return {
    kind: 'moved',
    text: change.text,
    way: {
      step: change.attempt === undefined ? way.step : { ...way.step, attempt: change.attempt },
      state: change.state,
      facts: { ...way.facts, ...change.facts },
      // Progress of a drain is no move: it would fill the trail of a blocked node.
      trail: moved ? [...way.trail, entry] : way.trail,
    },
  };
}

function changeOf(way: NodeWay, event: NodeEvent): Change {
  const { state, step } = way;
  const first = goesFirst(step) ? changeWhereFirst(way, event) : undefined;
  if (first !== undefined) return first;
  if (event.kind === 'skipAsked' || event.kind === 'putBackAsked' || event.kind === 'abortAsked') {
    return beforeService(way) ? removeByWish(way, event) : changeByWish(state, event);
  }
  if (event.kind === 'stepFailed') {
    // A wish has overtaken that step: a drain that finds its node put back has not failed.
    if (event.of !== state.kind) return illegal(state, event);
    return beforeService(way) ? failBeforeService(state, event.why) : changeByFailure(state, event.why);
  }
  switch (state.kind) {
    case 'waiting':
      return state.launch === true ? fromLaunching(step, event) : fromWaiting(step, event);
    case 'joining':
    case 'inService':
    case 'terminating':
    case 'removing':
      return fromReplacing(way, state, event);
    case 'checkingRoom':
    case 'askingCapacity':
    case 'givingUp':
    case 'leaving':
    case 'launching':
    case 'stranded':
      return illegal(state, event);
    case 'draining':
      return fromDraining(step, state, event);
    case 'askingForce':
      return fromAskingForce(step, state, event);
    case 'cordoned':
      if (event.kind !== 'resumed') return illegal(state, event);
      return state.drained ? toReimaging(step, event.at, 'goes on') : toDraining(step, event.at, 'goes on');
    case 'reimaging':
      return fromReimaging(step, event);
    case 'rejoining':
      return fromRejoining(step, state, event);
    case 'burning-in':
      if (event.kind !== 'burnInPassed') return illegal(state, event);
      return toVerifying(step, event.at, state, 'burn-in passed');
    case 'verifying':
      if (event.kind === 'verifyFailed' && beforeService(way)) return unverifiedReplacement(state, event);
      return fromVerifying(step, state, event);
    case 'soaking':
      if (event.kind === 'verifyFailed') {
        return beforeService(way) ? unverifiedReplacement(state, event) : unverified(state, event);
      }
      if (event.kind !== 'soaked') return illegal(state, event);
      return { state: { kind: 'verified', bootId: state.bootId }, text: 'soaked' };
    case 'verified':
      return beforeService(way) ? toService(way, event) : fromVerified(step, state, event);
    case 'puttingBack':
      return fromPuttingBack(state, event);
    case 'done':
    case 'putBack':
    case 'deferred':
    case 'failed':
      return illegal(state, event);
  }
}

function fromWaiting(step: NodeStep, event: NodeEvent): Change {
  switch (event.kind) {
    case 'cordoned':
      return toDraining(step, event.at, 'cordoned');
    case 'cordonedByOther':
      return leftAlone(
        `cordoned by ${event.by}: left as it is. Uncordon it, then start the run again for it`,
      );
    case 'notTheNode':
      return leftAlone(`is not the node that was planned (${event.found}): left as it is`);
    case 'cameTooLate':
      return notBegun(event.why);
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return { state: { kind: 'waiting', held: event.why }, text: `held before the cordon: ${event.why}` };
    case 'resumed':
      return { state: { kind: 'waiting', held: null }, text: 'goes on' };
    default:
      return illegal({ kind: 'waiting' }, event);
  }
}

function fromReimaging(step: NodeStep, event: NodeEvent): Change {
  switch (event.kind) {
    case 'reimaged':
      return {
        state: {
          kind: 'rejoining',
          until: timeAfter(event.at, step.rejoinTimeoutMs),
          reimagedAt: event.startedAt,
        },
        text: event.taskId === null ? 'reimaged' : `reimaged by ${event.taskId}`,
        facts: { taskId: event.taskId, oldRootVolumeId: event.oldRootVolumeId },
      };
    case 'occupied':
      return failed(
        'reimaging',
        `right before reimage the node was not empty: ${podsText(event.pods)}`,
        false,
      );
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return held(true, event.why);
    default:
      return illegal({ kind: 'reimaging' }, event);
  }
}

function fromRejoining(step: NodeStep, state: NodeState & { kind: 'rejoining' }, event: NodeEvent): Change {
  if (event.kind !== 'rejoined') return illegal(state, event);
  const { reimagedAt } = state;
  const { bootId } = event;
  if (event.burnIn)
    return { state: { kind: 'burning-in', reimagedAt, bootId }, text: `rejoined, boot ${bootId}` };
  return toVerifying(step, event.at, { reimagedAt, bootId }, `rejoined, boot ${bootId}`);
}

function fromVerifying(step: NodeStep, state: NodeState & { kind: 'verifying' }, event: NodeEvent): Change {
  if (event.kind === 'verifyFailed') return unverified(state, event);
  if (event.kind !== 'verified') return illegal(state, event);
  const { reimagedAt, bootId } = state;
  const facts = { evidence: event.evidence };
  const text = `verified by ${String(event.evidence.length)} checks`;
  if (step.verifySoakMs === 0) return { state: { kind: 'verified', bootId }, text, facts };
  const until = timeAfter(event.at, step.verifySoakMs);
  return { state: { kind: 'soaking', until, reimagedAt, bootId }, text, facts };
}

function fromVerified(step: NodeStep, state: NodeState & { kind: 'verified' }, event: NodeEvent): Change {
  if (event.kind !== 'uncordoned') return illegal(state, event);
  const note = event.uncordoned ? {} : { note: `verified, but not uncordoned: ${event.why}` };
  const outcome = { kind: 'done' as const, release: step.release.name, bootId: state.bootId, ...note };
  return { state: { kind: 'done', outcome }, text: note.note ?? 'uncordoned' };
}

function toVerifying(
  step: NodeStep,
  at: string,
  o: { reimagedAt: string; bootId: string },
  text: string,
): Change {
  const until = timeAfter(at, step.rejoinTimeoutMs);
  return { state: { kind: 'verifying', until, reimagedAt: o.reimagedAt, bootId: o.bootId }, text };
}

/** What stood on the node stands there still: it comes again. */
function notBegun(why: string): Change {
  const outcome = { kind: 'putBack' as const, why, uncordoned: false, again: true as const };
  return { state: { kind: 'putBack', outcome }, text: why };
}

/** Nothing of ours stands on the node: no way back is needed. */
function leftAlone(why: string): Change {
  return { state: { kind: 'putBack', outcome: { kind: 'putBack', why, uncordoned: false } }, text: why };
}

function unverified(state: NodeState, event: NodeEvent & { kind: 'verifyFailed' }): Change {
  const change = failed(STATE_SHOWN[state.kind], event.why, true);
  return { ...change, facts: { evidence: event.evidence } } as Change;
}

function podsText(pods: readonly { namespace: string; name: string; why: string }[]): string {
  const named = pods.slice(0, PODS_NAMED_MAX).map((pod) => `${pod.namespace}/${pod.name} (${pod.why})`);
  const more = pods.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${String(more)} more` : named.join(', ');
}

export function nextStep(state: NodeState): NextNodeStep {
  switch (state.kind) {
    case 'waiting':
      if (state.held !== null) return { kind: 'awaitGrant' };
      return state.launch === true ? { kind: 'launch' } : { kind: 'cordon' };
    case 'joining':
      return { ...state, kind: 'awaitJoined' };
    case 'inService':
      return state.held === null ? { kind: 'cordon' } : { kind: 'awaitGrant' };
    case 'terminating':
      return { kind: 'terminate', until: state.until };
    case 'removing':
      return { kind: 'removeReplacement', until: state.until };
    case 'checkingRoom':
    case 'askingCapacity':
    case 'givingUp':
    case 'leaving':
    case 'launching':
    case 'stranded':
      return nextWhereFirst(state);
    case 'draining':
      return {
        kind: 'drain',
        until: state.until,
        ...(state.force === undefined ? {} : { force: state.force }),
      };
    case 'askingForce':
      return { kind: 'awaitForce', ask: state.ask, pods: state.pods, why: state.why };
    case 'cordoned':
      return { kind: 'awaitGrant' };
    case 'reimaging':
      return { kind: 'reimage', until: state.until };
    case 'rejoining':
      return { kind: 'awaitRejoined', until: state.until, reimagedAt: state.reimagedAt };
    case 'burning-in':
      return { kind: 'burnIn' };
    case 'verifying':
      return { kind: 'verify', until: state.until, reimagedAt: state.reimagedAt, bootId: state.bootId };
    case 'soaking':
      return { kind: 'soak', until: state.until, reimagedAt: state.reimagedAt, bootId: state.bootId };
    case 'verified':
      return { kind: 'uncordon' };
    case 'puttingBack':
      return { kind: 'putBack', why: state.why };
    case 'done':
    case 'putBack':
    case 'deferred':
    case 'failed':
      return { kind: 'end', outcome: state.outcome };
  }
}
