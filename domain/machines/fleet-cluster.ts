// Whether a run holds its cluster: what it is told when it asks, and the gate at which a person lets it take
// over from a dead run. Must never take over by itself what a dead run has left its mark on.
import type { Happening } from './fleet-events.ts';
import { moved, withEvent } from './fleet-state.ts';
import type { FleetMove, OpenGate, RunState } from './fleet-state.ts';

/** Nodes that carry a dead run's mark, as told at gate `adopt`; more would not be read. */
const NODES_NAMED_MAX = 20;

export function clusterAnswered(
  state: RunState,
  event: Happening & { kind: 'clusterHeld' | 'clusterHeldByOther' | 'adoptionNeeded' },
): FleetMove {
  const { at } = event;
  const gates = state.gates.filter(({ about }) => about.kind !== 'adopt');
  if (event.kind === 'clusterHeld') {
    return moved(withEvent({ ...state, hold: { kind: 'held' }, gates }, at, 'holds the cluster'), 'held');
  }
  const told = state.hold.kind === 'waiting' && state.hold.holder === event.holder;
  const since = event.kind === 'clusterHeldByOther' ? event.since : told ? holdSince(state, at) : at;
  const waiting: RunState = { ...state, hold: { kind: 'waiting', holder: event.holder, since } };
  if (event.kind === 'clusterHeldByOther') {
    const so = { ...waiting, gates };
    return moved(told ? so : withEvent(so, at, `waits for the cluster, held by ${event.holder}`), 'waits');
  }
  // The gate stays as it was opened, and one that a person has answered is not asked again.
  if (state.gates.length > gates.length || state.adoptFrom === event.holder) return moved(waiting, 'waits');
  const nodes = event.nodes.slice(0, NODES_NAMED_MAX).join(', ');
  const gate: OpenGate = {
    name: 'adopt',
    openedAt: at,
    about: { kind: 'adopt', holder: event.holder },
    evidence: [
      `the cluster is held by ${event.holder}, whose workflow is closed`,
      `${String(event.nodes.length)} nodes carry its mark: ${nodes}`,
      'approve: this run takes the cluster over and leaves those nodes cordoned; reject: this run ends',
    ],
  };
  return moved(withEvent({ ...waiting, gates: [gate] }, at, 'gate adopt opened'), 'asks');
}

function holdSince(state: RunState, at: string): string {
  return state.hold.kind === 'waiting' ? state.hold.since : at;
}
