// May the child at work on a node still act? Its activities ask before each step that changes the world.
import { rollbackText } from './fleet-back.ts';
import { abortText } from './fleet-holding.ts';
import type { RunState } from './fleet-state.ts';
import { own } from '../own.ts';

export function grantOf(
  state: RunState,
  node: string,
): { kind: 'granted' | 'paused' | 'aborted'; why: string } {
  if (state.outcome !== null) return { kind: 'aborted', why: `the run has ended: ${state.outcome}` };
  const { aborting, paused, tripped, rollback } = state;
  if (aborting !== null) return { kind: 'aborted', why: `the run is ${abortText(aborting)}` };
  const child = own(state.active, node);
  if (child === undefined) return { kind: 'aborted', why: `the run has no child at work on node ${node}` };
  if (child.told === 'skip') return { kind: 'aborted', why: 'the node is skipped' };
  if (child.told === 'putBack')
    return { kind: 'aborted', why: `the run is paused: ${tripped?.why ?? 'it tripped'}` };
  if (rollback !== null && child.back === undefined) {
    return { kind: 'aborted', why: `the run is ${rollbackText(rollback)}` };
  }
  if (paused !== null) return { kind: 'paused', why: `paused by ${paused.by}: ${paused.reason}` };
  if (tripped !== null && !child.retry) return { kind: 'paused', why: tripped.why };
  return { kind: 'granted', why: '' };
}
