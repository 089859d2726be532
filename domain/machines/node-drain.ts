// The part of a node's way in which its pods leave: the drain, and what its timeout leads to.
//
//   draining ─ drained ─▶ reimaging
//    ▲ └ timed out ─▶ failed                    onTimeout: fail, or no deferral left
//    │             ├▶ puttingBack ─▶ deferred   onTimeout: defer
//    │             └▶ askingForce               onTimeout: force, and force would add pods
//    └─ approved ────────┘ │ └ rejected ─▶ as under defer
//       pods are others ▶──┘
//
// Must never let the attempt rise: a deferral is the same attempt, taken up again later. Must never force a pod
// that the person who said yes did not see.
import { FORCE_PODS_MAX } from '../node-state.ts';
import type { ForcePods } from '../node-state.ts';
import type { NodeStep } from '../plan.ts';
import { timeAfter } from './clock-math.ts';
import { failed, held, illegal, toPuttingBack, toReimaging } from './node-change.ts';
import type { Change } from './node-change.ts';
import type { NodeEvent, NodeState } from './node-types.ts';

type Draining = NodeState & { kind: 'draining' };
type AskingForce = NodeState & { kind: 'askingForce' };

export function toDraining(step: NodeStep, at: string, text: string): Change {
  return { state: { kind: 'draining', until: timeAfter(at, step.drain.timeoutMs), progress: null }, text };
}

export function fromDraining(step: NodeStep, state: Draining, event: NodeEvent): Change {
  switch (event.kind) {
    case 'progressed':
      return {
        state: { ...state, progress: event.progress },
        text: `${String(event.progress.podsLeft)} pods left`,
      };
    case 'drained':
      return toReimaging(step, event.at, `drained, ${String(event.evicted)} evicted`);
    case 'drainTimedOut':
      return timedOut(step, state, event);
    case 'forceOutdated': {
      if (state.force === undefined) return illegal(state, event);
      const { force } = event;
      return askForce(state, force, 'its bare pods are others than those that force was approved for');
    }
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return held(false, event.why);
    default:
      return illegal(state, event);
  }
}

export function fromAskingForce(step: NodeStep, state: AskingForce, event: NodeEvent): Change {
  switch (event.kind) {
    case 'forceApproved': {
      // An answer to an earlier question was about other pods.
      if (event.ask !== state.ask) return illegal(state, event);
      const force = state.pods.map(({ uid }) => uid);
      const until = timeAfter(event.at, step.drain.timeoutMs);
      return {
        state: { kind: 'draining', until, progress: null, force, asked: state.ask },
        text: `force approved by ${event.by} for ${String(force.length)} pods`,
      };
    }
    case 'forceRejected': {
      if (event.ask !== state.ask) return illegal(state, event);
      const reason = event.reason === '' ? '' : `: ${event.reason}`;
      return deferOrFail(step, `${state.why}; force rejected by ${event.by}${reason}`);
    }
    case 'withheld':
      // A question holds nothing up that a pause would have to stop.
      if (event.grant === 'paused') return illegal(state, event);
      return toPuttingBack(event.why);
    default:
      return illegal(state, event);
  }
}

function timedOut(step: NodeStep, state: Draining, event: NodeEvent & { kind: 'drainTimedOut' }): Change {
  const why = timeoutText(event);
  const { force = { pods: [], total: 0 } } = event;
  const { onTimeout = 'fail' } = step.drain;
  switch (onTimeout) {
    case 'fail':
      return failed('draining', why, false);
    case 'defer':
      return deferOrFail(step, why);
    case 'force':
      if (force.total > 0) return askForce(state, force, why);
      return failed('draining', `${why}; force would change nothing: no bare pod holds the node`, false);
  }
}

function askForce(state: Draining, { pods, total }: ForcePods, why: string): Change {
  if (total > FORCE_PODS_MAX || pods.length < total) {
    const text = `${why}; ${String(total)} bare pods are more than the ${String(FORCE_PODS_MAX)} that force is asked for`;
    return failed('draining', text, false);
  }
  const ask = (state.asked ?? 0) + 1;
  return {
    state: { kind: 'askingForce', ask, pods, why },
    text: `asks for force for ${String(pods.length)} pods: ${why}`,
  };
}

function deferOrFail(step: NodeStep, why: string): Change {
  const { deferrals = 0, deferralsLeft = 0 } = step.drain;
  if (deferralsLeft > 0) {
    return { state: { kind: 'puttingBack', why, deferring: true }, text: `is deferred: ${why}` };
  }
  const often = deferrals === 1 ? 'once' : `${String(deferrals)} times`;
  return failed('draining', deferrals === 0 ? why : `${why}; it was deferred ${often} before`, false);
}

function timeoutText(event: NodeEvent & { kind: 'drainTimedOut' }): string {
  const first = event.progress?.blockers[0];
  if (event.progress === null || first === undefined) return event.why;
  return `${event.why}; ${String(event.progress.podsLeft)} pods left, first ${first.namespace}/${first.pod}: ${first.text}`;
}
