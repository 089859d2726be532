// The part of a node's way in which its pods leave: the drain, and what its timeout leads to.
//
//   draining ─ drained ─▶ reimaging
//      └ timed out ─▶ failed                    onTimeout: fail, or no deferral left
//                  └▶ puttingBack ─▶ deferred   onTimeout: defer
//
// Must never let the attempt rise: a deferral is the same attempt, taken up again later.
import type { NodeStep } from '../plan.ts';
import { timeAfter } from './clock-math.ts';
import { failed, held, illegal, toPuttingBack, toReimaging } from './node-change.ts';
import type { Change } from './node-change.ts';
import type { NodeEvent, NodeState } from './node-types.ts';

export function toDraining(step: NodeStep, at: string, text: string): Change {
  return { state: { kind: 'draining', until: timeAfter(at, step.drain.timeoutMs), progress: null }, text };
}

export function fromDraining(
  step: NodeStep,
  state: NodeState & { kind: 'draining' },
  event: NodeEvent,
): Change {
  switch (event.kind) {
    case 'progressed':
      return {
        state: { ...state, progress: event.progress },
        text: `${String(event.progress.podsLeft)} pods left`,
      };
    case 'drained':
      return toReimaging(step, event.at, `drained, ${String(event.evicted)} evicted`);
    case 'drainTimedOut':
      return timedOut(step, event);
    case 'withheld':
      if (event.grant !== 'paused') return toPuttingBack(event.why);
      return held(false, event.why);
    default:
      return illegal(state, event);
  }
}

function timedOut(step: NodeStep, event: NodeEvent & { kind: 'drainTimedOut' }): Change {
  const why = timeoutText(event);
  const { onTimeout = 'fail' } = step.drain;
  return onTimeout === 'defer' ? deferOrFail(step, why) : failed('draining', why, false);
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
