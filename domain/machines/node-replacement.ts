// The way of a node that another instance replaces. The other one is launched, joins, is verified and takes
// pods; only then is anything taken from the node itself.
//
//   waiting ─ launched ─▶ joining ─ joined ─▶ verifying ▶ soaking ▶ verified ─ uncordoned ─▶ inService
//      │ └ no capacity ─▶ deferred, putBack     │                                               │ cordoned
//      └──── skip, abort, trip ─▶ removing ◀────┘     done ◀─ terminated ─ terminating ◀─ drained ─ draining
//                                    └▶ putBack
//
// Must never touch the node before its replacement takes pods, nor take away a replacement that does: from then
// on a way back leaves both.
import { failed, held, illegal, toPuttingBack } from './node-change.ts';
import type { Change } from './node-change.ts';
import { timeAfter } from './clock-math.ts';
import { STATE_SHOWN } from './node-types.ts';
import type { NodeEvent, NodeState, NodeWay } from './node-types.ts';
import type { NodeStep } from '../plan.ts';

type Replacing = NodeState & { kind: 'joining' | 'inService' | 'terminating' | 'removing' };

/** True as long as its replacement takes no pods: the node stands there as it was. */
export function beforeService({ step, state }: NodeWay): boolean {
  if (step.launch === undefined || step.launch.mayLoseCapacity === true) return false;
  switch (state.kind) {
    case 'waiting':
    case 'joining':
    case 'verifying':
    case 'soaking':
    case 'verified':
    case 'removing':
      return true;
    default:
      return false;
  }
}

export function fromLaunching(step: NodeStep, event: NodeEvent): Change {
  switch (event.kind) {
    case 'launched': {
      const { instanceId, launchedAt } = event;
      const until = timeAfter(event.at, step.rejoinTimeoutMs);
      return {
        state: { kind: 'joining', until, instanceId, launchedAt },
        text: `${instanceId} launched to replace it`,
      };
    }
    case 'noCapacity':
      return withoutCapacity(step, event.why);
    case 'cameTooLate': {
      const outcome = { kind: 'putBack' as const, why: event.why, uncordoned: true, again: true as const };
      return { state: { kind: 'putBack', outcome }, text: event.why };
    }
    case 'withheld':
      if (event.grant !== 'paused') return untouched(event.why);
      return {
        state: { kind: 'waiting', held: event.why, launch: true },
        text: `held before the launch: ${event.why}`,
      };
    case 'resumed':
      return { state: { kind: 'waiting', held: null, launch: true }, text: 'goes on' };
    default:
      return illegal({ kind: 'waiting' }, event);
  }
}

export function fromReplacing(way: NodeWay, state: Replacing, event: NodeEvent): Change {
  switch (state.kind) {
    case 'joining':
      return fromJoining(way.step, state, event);
    case 'inService':
      return fromInService(way.step, event);
    case 'terminating':
      return fromTerminating(way, event);
    case 'removing':
      if (event.kind !== 'replacementRemoved') return illegal(state, event);
      return untouched(`${state.why}; ${event.why}`);
  }
}

function fromJoining(step: NodeStep, state: NodeState & { kind: 'joining' }, event: NodeEvent): Change {
  if (event.kind !== 'joined') return illegal(state, event);
  const { instanceId, launchedAt } = state;
  const { node, uid, bootId } = event;
  const until = timeAfter(event.at, step.rejoinTimeoutMs);
  return {
    state: { kind: 'verifying', until, reimagedAt: launchedAt, bootId },
    text: `${instanceId} joined as ${node}, boot ${bootId}`,
    facts: { replacement: { node, uid, instanceId, bootId } },
  };
}

/** Its replacement is verified, and its cordon lifted. */
export function toService({ state, facts }: NodeWay, event: NodeEvent): Change {
  if (event.kind !== 'uncordoned') return illegal(state, event);
  const name = facts.replacement?.node ?? 'its replacement';
  // Pods that leave the node must have a place to go: without one nothing is taken from it.
  if (!event.uncordoned) {
    return failUntouched(state, `${name} is verified, but takes no pods: ${event.why}`, facts.evidence);
  }
  return { state: { kind: 'inService', held: null }, text: `${name} takes pods` };
}

function fromInService(step: NodeStep, event: NodeEvent): Change {
  switch (event.kind) {
    case 'cordoned':
      return {
        state: { kind: 'draining', until: timeAfter(event.at, step.drain.timeoutMs), progress: null },
        text: 'cordoned',
      };
    case 'cordonedByOther':
      return leftAlone(`cordoned by ${event.by}: left as it is`);
    case 'notTheNode':
      return leftAlone(`is not the node that was planned (${event.found}): left as it is`);
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return {
        state: { kind: 'inService', held: event.why },
        text: `held before the cordon: ${event.why}`,
      };
    case 'resumed':
      return { state: { kind: 'inService', held: null }, text: 'goes on' };
    default:
      return illegal({ kind: 'inService' }, event);
  }
}

function fromTerminating({ step, facts }: NodeWay, event: NodeEvent): Change {
  switch (event.kind) {
    case 'terminated': {
      const { replacement } = facts;
      const { bootId = '' } = replacement ?? {};
      const replacedBy = replacement === undefined ? {} : { replacedBy: replacement.node };
      const outcome = { kind: 'done' as const, release: step.release.name, bootId, ...replacedBy };
      return { state: { kind: 'done', outcome }, text: `${step.instanceId} terminated, the Node deleted` };
    }
    case 'occupied': {
      const named = event.pods.slice(0, 5).map((pod) => `${pod.namespace}/${pod.name} (${pod.why})`);
      const why = `right before its instance was to go the node was not empty: ${named.join(', ')}`;
      return failed('draining', why, false);
    }
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return held(true, event.why);
    default:
      return illegal({ kind: 'terminating' }, event);
  }
}

/** Skip, abort and trip: what was launched takes no pods yet, and is taken away again. */
export function removeByWish(
  { state, step }: NodeWay,
  event: NodeEvent & { kind: 'skipAsked' | 'putBackAsked' | 'abortAsked' },
): Change {
  const why = event.kind === 'skipAsked' ? `skipped by ${event.by}: ${event.reason}` : event.why;
  // Held before its launch: nothing of ours is there.
  if (state.kind === 'waiting' && state.held !== null) return untouched(why);
  if (state.kind === 'removing') {
    return { rejected: `its replacement is being taken away already (${state.why})` };
  }
  // Its own cordon is being lifted at this moment: it may have pods by now.
  if (state.kind === 'verified') {
    return { rejected: 'its replacement is about to take pods: say it again when the node is drained' };
  }
  const until = timeAfter(event.at, step.reimage.timeoutMs);
  return {
    state: { kind: 'removing', until, why },
    text: `its replacement is taken away: ${why}`,
  };
}

export function failBeforeService(state: NodeState, why: string): Change {
  return failUntouched(state, why);
}

export function unverifiedReplacement(state: NodeState, event: NodeEvent & { kind: 'verifyFailed' }): Change {
  return failUntouched(state, event.why, event.evidence);
}

/** What is left of a way that ends before its node is gone: people must know that there are two. */
export function tellReplacement({ facts, state: before }: NodeWay, change: Change): Change {
  const { replacement } = facts;
  if (replacement === undefined || 'rejected' in change || before.kind === 'removing') return change;
  const { state } = change;
  const { node, instanceId } = replacement;
  const also = (outcome: { why: string }) =>
    `${outcome.why}; ${node} (${instanceId}), launched to replace it, is there as well`;
  switch (state.kind) {
    case 'putBack':
      return { ...change, state: { ...state, outcome: { ...state.outcome, why: also(state.outcome) } } };
    case 'deferred':
      return { ...change, state: { ...state, outcome: { ...state.outcome, why: also(state.outcome) } } };
    case 'failed':
      return { ...change, state: { ...state, outcome: { ...state.outcome, why: also(state.outcome) } } };
    default:
      return change;
  }
}

function failUntouched(
  state: NodeState,
  why: string,
  evidence?: (NodeEvent & { kind: 'verifyFailed' })['evidence'],
): Change {
  const where = state.kind === 'joining' ? `${state.instanceId}: ${why}` : why;
  const outcome = {
    kind: 'failed' as const,
    at: state.kind === 'waiting' ? ('reimaging' as const) : STATE_SHOWN[state.kind],
    why: where,
    nodeEmpty: false,
    untouched: true as const,
    serving: true as const,
  };
  return {
    state: { kind: 'failed', outcome },
    text: where,
    ...(evidence === undefined ? {} : { facts: { evidence } }),
  };
}

/** No failure: nothing was tried of the release. */
function withoutCapacity(step: NodeStep, why: string): Change {
  if ((step.launch?.deferralsLeft ?? 0) > 0) {
    return {
      state: { kind: 'deferred', outcome: { kind: 'deferred', why, uncordoned: true, lacks: 'capacity' } },
      text: `is deferred: ${why}`,
    };
  }
  return untouched(why);
}

function untouched(why: string): Change {
  return { state: { kind: 'putBack', outcome: { kind: 'putBack', why, uncordoned: true } }, text: why };
}

function leftAlone(why: string): Change {
  return { state: { kind: 'putBack', outcome: { kind: 'putBack', why, uncordoned: false } }, text: why };
}
