// What moves of the node machine are made of: a state with the text of how it came to be, or a rejection.
// Shared by the parts of the machine; no part decides here.
import type { NodeOutcome } from '../node-state.ts';
import type { NodeStep } from '../plan.ts';
import { timeAfter } from './clock-math.ts';
import type { NodeEvent, NodeFactsKnown, NodeState } from './node-types.ts';

export type Change =
  | { state: NodeState; text: string; facts?: Partial<NodeFactsKnown>; attempt?: number }
  | { rejected: string };

export function illegal(state: { kind: NodeState['kind'] }, event: NodeEvent): Change {
  return { rejected: `"${event.kind}" means nothing while the node is ${state.kind}` };
}

export function failed(
  at: (NodeOutcome & { kind: 'failed' })['at'],
  why: string,
  nodeEmpty: boolean,
): Change {
  return { state: { kind: 'failed', outcome: { kind: 'failed', at, why, nodeEmpty } }, text: why };
}

export function held(drained: boolean, why: string): Change {
  return { state: { kind: 'cordoned', drained, held: why }, text: `held: ${why}` };
}

export function toPuttingBack(why: string): Change {
  return { state: { kind: 'puttingBack', why }, text: `is put back: ${why}` };
}

export function toReimaging(step: NodeStep, at: string, text: string): Change {
  if (step.launch?.mayLoseCapacity === true) {
    return { state: { kind: 'askingCapacity', ask: 0, room: null }, text };
  }
  const until = timeAfter(at, step.reimage.timeoutMs);
  // What replaces it stands there already: of its own instance nothing is laid anew.
  if (step.launch !== undefined) return { state: { kind: 'terminating', until }, text };
  return { state: { kind: 'reimaging', until }, text };
}
