// The way of a node whose instance goes first, for pools that have no room for one more: its policy says that
// capacity may be lost (reimage.mayLoseCapacity).
//
//   checkingRoom ─ room ─▶ waiting ─ cordoned ─▶ draining ─ drained ─▶ askingCapacity ─ approved ─▶ givingUp
//      └ no room ─▶ puttingBack ◀─ no room any more, rejected, skip, abort, trip ──┴───── no room ────┘ │ ordered
//   done ◀─ uncordoned ─ verified ◀─ verifying ◀─ joining ◀─ launched ─ launching ◀─ terminated ─ leaving
//                                                    └── nothing launched, not joined, not verified ──▶ stranded
//   stranded ─ relaunchAsked ─▶ where it stood            └ skip, abort, its run is gone ─▶ failed
//
// Must never let an instance go before a person has said yes to this very question, nor end a way by itself that
// has given capacity up and nothing in its place: that waits for a person.
import { failed, held, illegal, toPuttingBack } from './node-change.ts';
import type { Change } from './node-change.ts';
import { timeAfter } from './clock-math.ts';
import type { NextNodeStep, NodeEvent, NodeState, NodeWay } from './node-types.ts';
import { renderRoom } from '../reimage/reservation.ts';
import type { NodeStep } from '../plan.ts';

type Capacity = NodeState & {
  kind: 'checkingRoom' | 'askingCapacity' | 'givingUp' | 'leaving' | 'launching' | 'stranded';
};

/** Its instance goes before another one is launched. */
export function goesFirst({ launch }: NodeStep): boolean {
  return launch?.mayLoseCapacity === true;
}

/** What this way does otherwise than others; undefined where it does not differ. */
export function changeWhereFirst(way: NodeWay, event: NodeEvent): Change | undefined {
  const { state } = way;
  switch (state.kind) {
    case 'checkingRoom':
    case 'askingCapacity':
    case 'givingUp':
    case 'leaving':
    case 'launching':
    case 'stranded':
      return isWish(event) ? byWish(state, event) : byEvent(way, state, event);
    case 'joining':
    case 'verifying':
    case 'soaking':
    case 'verified':
      return afterLaunch(way, event);
    default:
      return undefined;
  }
}

type Wish = NodeEvent & { kind: 'skipAsked' | 'putBackAsked' | 'abortAsked' };

function isWish(event: NodeEvent): event is Wish {
  return event.kind === 'skipAsked' || event.kind === 'putBackAsked' || event.kind === 'abortAsked';
}

function byWish(state: Capacity, event: Wish): Change {
  const why = event.kind === 'skipAsked' ? `skipped by ${event.by}: ${event.reason}` : event.why;
  switch (state.kind) {
    case 'askingCapacity':
      if (state.unsure !== true) return toPuttingBack(why);
      return { rejected: 'whether its instance was told to go is looked at: say it again after that' };
    case 'checkingRoom':
      return toPuttingBack(why);
    case 'stranded':
      if (event.kind === 'putBackAsked') {
        return { rejected: `nothing stands in its place (${state.why}): it waits for a person` };
      }
      return lost(state.why, why);
    default:
      return { rejected: 'its instance goes or is gone: it is taken on until another one takes its place' };
  }
}

/** Given up by people: the pool has one node less until somebody launches one. */
function lost(why: string, by: string): Change {
  return failed('reimaging', `${why}; ${by}; nothing was launched in its place: the pool has one less`, true);
}

function byEvent(way: NodeWay, state: Capacity, event: NodeEvent): Change {
  if (event.kind === 'stepFailed') return stepFailed(state, event);
  switch (state.kind) {
    case 'checkingRoom':
      return fromCheckingRoom(event);
    case 'askingCapacity':
      return fromAsking(way, state, event);
    case 'givingUp':
      return fromGivingUp(way.step, event);
    case 'leaving':
      if (event.kind !== 'terminated') return illegal(state, event);
      return toLaunching(way.step, event.at, `${way.step.instanceId} terminated, the Node deleted`);
    case 'launching':
      return fromLaunching(way.step, event);
    case 'stranded':
      return fromStranded(way, state, event);
  }
}

function stepFailed(state: Capacity, event: NodeEvent & { kind: 'stepFailed' }): Change {
  if (event.of !== state.kind) return illegal(state, event);
  switch (state.kind) {
    // Nothing was given up: whatever could not be read or asked, the node takes pods again.
    case 'checkingRoom':
      return toPuttingBack(event.why);
    case 'askingCapacity':
      return state.unsure === true ? strand('givingUp', event.why) : toPuttingBack(event.why);
    case 'givingUp':
    case 'leaving':
    case 'launching':
      return strand(state.kind, event.why);
    case 'stranded':
      return illegal(state, event);
  }
}

function strand(at: (NodeState & { kind: 'stranded' })['at'], why: string): Change {
  return { state: { kind: 'stranded', at, why }, text: `waits for a person: ${why}` };
}

/** Before the cordon: nothing is touched. */
function fromCheckingRoom(event: NodeEvent): Change {
  switch (event.kind) {
    case 'roomSeen':
      return {
        state: { kind: 'waiting', held: null },
        text: `there is room in ${renderRoom(event.room)}`,
        facts: { was: event.was },
      };
    case 'noRoom':
    case 'instanceGone':
      return toPuttingBack(event.why);
    default:
      return illegal({ kind: 'checkingRoom' }, event);
  }
}

function fromAsking(
  { step, facts }: NodeWay,
  state: NodeState & { kind: 'askingCapacity' },
  event: NodeEvent,
): Change {
  switch (event.kind) {
    case 'roomSeen': {
      if (state.room !== null) return illegal(state, event);
      const ask = (facts.asked ?? 0) + 1;
      return {
        state: { kind: 'askingCapacity', ask, room: event.room },
        text: `asks whether its capacity may be lost; room in ${renderRoom(event.room)}`,
        facts: { was: event.was, asked: ask },
      };
    }
    case 'noRoom':
      return toPuttingBack(event.why);
    // Somebody else has done it: what is left is to put another one in its place.
    case 'instanceGone': {
      const until = timeAfter(event.at, step.reimage.timeoutMs);
      return { state: { kind: 'leaving', until }, text: event.why };
    }
    case 'capacityApproved':
      // An answer to an earlier question was about another moment.
      if (state.room === null || event.ask !== state.ask) return illegal(state, event);
      return {
        state: { kind: 'givingUp', until: timeAfter(event.at, step.reimage.timeoutMs) },
        text: `that its capacity may be lost was approved by ${event.by}`,
      };
    case 'capacityRejected': {
      if (state.room === null || event.ask !== state.ask) return illegal(state, event);
      const reason = event.reason === '' ? '' : `: ${event.reason}`;
      return toPuttingBack(`that its capacity may be lost was rejected by ${event.by}${reason}`);
    }
    case 'withheld':
      // A question holds nothing up that a pause would have to stop, and what is looked at asks for no grant.
      if (event.grant === 'paused' || state.room === null) return illegal(state, event);
      return toPuttingBack(event.why);
    default:
      return illegal(state, event);
  }
}

function fromGivingUp(step: NodeStep, event: NodeEvent): Change {
  switch (event.kind) {
    case 'terminationOrdered':
      return {
        state: { kind: 'leaving', until: timeAfter(event.at, step.reimage.timeoutMs) },
        text: `${step.instanceId} was told to terminate`,
      };
    case 'noRoom':
      return toPuttingBack(event.why);
    case 'occupied': {
      const named = event.pods.slice(0, 5).map((pod) => `${pod.namespace}/${pod.name} (${pod.why})`);
      const why = `right before its instance was to go the node was not empty: ${named.join(', ')}`;
      return failed('draining', why, false);
    }
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return held(true, event.why);
    default:
      return illegal({ kind: 'givingUp' }, event);
  }
}

function toLaunching(step: NodeStep, at: string, text: string): Change {
  return { state: { kind: 'launching', until: timeAfter(at, step.reimage.timeoutMs) }, text };
}

function fromLaunching(step: NodeStep, event: NodeEvent): Change {
  switch (event.kind) {
    case 'launched': {
      const { instanceId, launchedAt } = event;
      const until = timeAfter(event.at, step.rejoinTimeoutMs);
      return {
        state: { kind: 'joining', until, instanceId, launchedAt },
        text: `${instanceId} launched in its place`,
      };
    }
    case 'noCapacity':
      return strand('launching', `its instance is gone, and another one could not be launched: ${event.why}`);
    default:
      return illegal({ kind: 'launching' }, event);
  }
}

/** Whatever is wrong with what was launched: nothing in its place takes pods. */
function afterLaunch({ step, state, facts }: NodeWay, event: NodeEvent): Change | undefined {
  const named = state.kind === 'joining' ? state.instanceId : (facts.replacement?.node ?? 'its replacement');
  switch (event.kind) {
    case 'stepFailed':
      if (event.of !== state.kind) return undefined;
      return strand('launching', `${named}, launched in its place, does not serve: ${event.why}`);
    case 'verifyFailed':
      if (state.kind !== 'verifying' && state.kind !== 'soaking') return undefined;
      return {
        ...strand(
          'launching',
          `${named}, launched in its place, is not what its release promises: ${event.why}`,
        ),
        facts: { evidence: event.evidence },
      };
    case 'uncordoned': {
      if (state.kind !== 'verified') return undefined;
      if (!event.uncordoned)
        return strand('launching', `${named} is verified, but takes no pods: ${event.why}`);
      const { replacement } = facts;
      const replacedBy = replacement === undefined ? {} : { replacedBy: replacement.node };
      const outcome = {
        kind: 'done' as const,
        release: step.release.name,
        bootId: state.bootId,
        ...replacedBy,
      };
      return { state: { kind: 'done', outcome }, text: `${named} takes pods` };
    }
    default:
      return undefined;
  }
}

function fromStranded({ step }: NodeWay, state: NodeState & { kind: 'stranded' }, event: NodeEvent): Change {
  if (event.kind === 'relaunchAsked') return again(step, state, event);
  if (event.kind !== 'withheld' || event.grant === 'paused') return illegal(state, event);
  return lost(state.why, event.why);
}

/** A retry is of this very node: nothing else is given up by it. */
function again(
  step: NodeStep,
  { at }: NodeState & { kind: 'stranded' },
  event: NodeEvent & { kind: 'relaunchAsked' },
): Change {
  const { attempt } = event;
  if (attempt <= step.attempt) return { rejected: `attempt ${String(attempt)} was made already` };
  const text = `taken again by ${event.by}, attempt ${String(attempt)}`;
  switch (at) {
    // Whether its instance was told to go is looked at; when it was not, a person is asked again.
    case 'givingUp':
      return { state: { kind: 'askingCapacity', ask: 0, room: null, unsure: true }, text, attempt };
    case 'leaving':
      return {
        state: { kind: 'leaving', until: timeAfter(event.at, step.reimage.timeoutMs) },
        text,
        attempt,
      };
    case 'launching':
      return { ...toLaunching(step, event.at, text), attempt };
  }
}

export function nextWhereFirst(state: Capacity): NextNodeStep {
  switch (state.kind) {
    case 'checkingRoom':
      return { kind: 'checkRoom' };
    case 'askingCapacity':
      if (state.room === null) return { kind: 'checkRoom' };
      return { kind: 'awaitCapacity', ask: state.ask, room: state.room };
    case 'givingUp':
      return { kind: 'giveUp', until: state.until };
    case 'leaving':
      return { kind: 'awaitTerminated', until: state.until };
    case 'launching':
      return { kind: 'launchInPlace', until: state.until };
    case 'stranded':
      return { kind: 'awaitRelaunch', why: state.why };
  }
}
