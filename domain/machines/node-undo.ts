// The ways back of a node: people's wishes, steps that cannot go on, and the end of being put back.
// Must never undo a node from its reimage on.
import { failed, illegal, toPuttingBack } from './node-change.ts';
import type { Change } from './node-change.ts';
import { STATE_SHOWN } from './node-types.ts';
import type { NodeEvent, NodeState, NodeWay } from './node-types.ts';

/** States from which no reimage of this attempt has begun. */
const BEFORE_REIMAGE: ReadonlySet<NodeState['kind']> = new Set([
  'waiting',
  'draining',
  'askingForce',
  'cordoned',
  'checkingRoom',
  'askingCapacity',
  'puttingBack',
]);

/**
 * A node that had failed before its way back is not let go by whoever stops that: what is on it is not known to
 * be good. And a failure says whether it left the node as it was.
 */
export function asItHadFailed({ step, state }: NodeWay, change: Change): Change {
  if ('rejected' in change || !BEFORE_REIMAGE.has(state.kind)) return change;
  const { state: next } = change;
  if (next.kind === 'failed') {
    return { ...change, state: { ...next, outcome: { ...next.outcome, untouched: true } } };
  }
  if (next.kind !== 'puttingBack' || step.back?.hadFailed !== true) return change;
  return failed(STATE_SHOWN[state.kind], `${next.why}; it stays cordoned, for it had failed`, false);
}

/** Skip, abort and trip undo what can be undone; from reimage on nothing can. */
export function changeByWish(
  state: NodeState,
  event: NodeEvent & { kind: 'skipAsked' | 'putBackAsked' | 'abortAsked' },
): Change {
  const why = event.kind === 'skipAsked' ? `skipped by ${event.by}: ${event.reason}` : event.why;
  switch (state.kind) {
    case 'waiting':
    case 'draining':
    case 'askingForce':
    case 'cordoned':
    case 'inService':
      return toPuttingBack(why);
    case 'terminating':
      return { rejected: 'the node is empty and its instance is about to go: it is taken on to its end' };
    case 'puttingBack':
      // It is on its way back already; that it would come again is what the wish changes.
      if (state.deferring === true) return toPuttingBack(why);
      return { rejected: `the node is being put back already (${state.why})` };
    case 'done':
    case 'putBack':
    case 'deferred':
    case 'failed':
      return { rejected: `the node's way has ended: ${state.kind}` };
    default:
      return {
        rejected: `the node is ${STATE_SHOWN[state.kind]}: its old root is gone, so it is taken on until it is verified or has failed`,
      };
  }
}

export function changeByFailure(state: NodeState, why: string): Change {
  switch (state.kind) {
    case 'done':
    case 'putBack':
    case 'deferred':
    case 'failed':
      return { rejected: `the node's way has ended: ${state.kind}` };
    case 'waiting':
    case 'inService':
      // The cordon may have happened although its answer never came: take it back.
      return toPuttingBack(why);
    case 'puttingBack':
      return failed('cordoned', `could not be put back (${state.why}): ${why}`, false);
    case 'draining':
    case 'askingForce':
      return failed('draining', why, false);
    case 'cordoned':
      return failed('cordoned', why, state.drained);
    default:
      return failed(STATE_SHOWN[state.kind], why, true);
  }
}

export function fromPuttingBack(state: NodeState & { kind: 'puttingBack' }, event: NodeEvent): Change {
  if (event.kind !== 'wasPutBack') return illegal(state, event);
  const { why, uncordoned } = event;
  if (state.deferring === true) {
    return {
      state: { kind: 'deferred', outcome: { kind: 'deferred', why: state.why, uncordoned } },
      text: why,
    };
  }
  return {
    state: { kind: 'putBack', outcome: { kind: 'putBack', why: state.why, uncordoned } },
    text: why,
  };
}
