// What follows from a run's state: its phase, what it waits on, whether it is over and how it ended.
// Derived each time, never stored.
import { rollbackText } from './fleet-back.ts';
import { abortText } from './fleet-holding.ts';
import { hoursWhyOf } from './fleet-hours.ts';
import { hasCode, occupiedNodes } from './fleet-state.ts';
import type { RunState } from './fleet-state.ts';
import type { WhyKind } from '../plan.ts';
import { countCodes } from '../row-codes.ts';
import type { RunOutcome } from '../report.ts';
import type { RunPhase } from '../status.ts';

export function phaseOf(state: RunState): RunPhase {
  if (state.outcome !== null) return 'ended';
  if (state.aborting !== null) return 'aborting';
  if (state.paused !== null || state.tripped !== null) return 'paused';
  if (state.hold.kind === 'waiting') return 'waiting-for-cluster';
  if (state.rollback !== null) return 'rolling-back';
  return state.plan === null ? 'preparing' : 'running';
}

export function phaseWhyOf(state: RunState): string | null {
  const { aborting, paused, tripped, hold } = state;
  if (aborting !== null) return abortText(aborting);
  if (paused !== null) return `paused by ${paused.by}: ${paused.reason}`;
  if (tripped !== null) {
    // A retry that succeeded proves one node, not the image: a person still says that the run goes on.
    const settled = !hasCode(state, 'failed') && state.retries.length === 0;
    return `${tripped.why}; ${settled ? 'none is failed any more: resume' : 'retry or skip them, then resume'}; or abort`;
  }
  if (hold.kind === 'waiting') {
    const trouble = hold.trouble === undefined ? '' : `; the cluster cannot be asked now: ${hold.trouble}`;
    return `held by ${hold.holder}${trouble}`;
  }
  if (state.planFailure !== null) return `no node can be started: ${state.planFailure.why}`;
  const hours = hoursWhyOf(state)?.text;
  if (state.rollback === null) return hours ?? null;
  return `${rollbackText(state.rollback)}${hours === undefined ? '' : `; ${hours}`}`;
}

/** One word for lists of workflows: the search attribute RefitWaitingOn. */
export function waitingOnOf(state: RunState): string {
  if (state.outcome !== null) return 'nothing';
  const [gate] = state.gates;
  if (gate !== undefined) return `gate:${gate.name}`;
  if (state.hold.kind === 'waiting') return 'cluster';
  if (state.aborting === null && (state.paused !== null || state.tripped !== null)) return 'resume';
  if (state.planFailure !== null) return 'cluster-api';
  const nothingAtWork = Object.keys(state.active).length === 0;
  return nothingAtWork ? (hoursWhyOf(state)?.kind ?? 'nothing') : 'nothing';
}

/** No message of a person can make it go on: everything is decided. */
export function isOver(state: RunState): boolean {
  if (state.plan === null) return state.aborting !== null;
  const atWork = occupiedNodes(state).length > 0;
  if (state.aborting !== null) return !atWork;
  if (atWork || hasCode(state, 'waiting') || state.retries.length > 0) return false;
  // Failures that stopped the run, or that somebody paused to look at, are for people to decide.
  return !((state.tripped !== null || state.paused !== null) && hasCode(state, 'failed'));
}

export function outcomeOf(state: RunState): RunOutcome {
  switch (state.aborting?.kind) {
    case 'cancel':
      return 'cancelled';
    case 'abort':
    case 'rejected':
      return 'aborted';
    case 'stopped':
      return 'failed';
    case undefined:
      break;
  }
  if (state.rollback !== null) return 'rolledBack';
  const counts = countCodes(state.codes);
  if (counts.failed > 0) return 'failed';
  if (counts.done > 0) return 'succeeded';
  return counts.upToDate === state.codes.length ? 'nothingToDo' : 'failed';
}

/** Whether the planner should be asked now. */
export function mayPlan(state: RunState): boolean {
  if (!state.planWanted || state.plan === null || state.outcome !== null) return false;
  if (state.aborting !== null || state.paused !== null) return false;
  if (state.retries.length > 0) return true;
  return state.tripped === null && hasCode(state, 'waiting');
}

/** Something that no message tells of must change before the run goes on: look again after a while. */
export function waitsForOutside(state: RunState): boolean {
  if (!mayPlan({ ...state, planWanted: true })) return false;
  if (state.planFailure !== null) return true;
  if (state.lastPlan === null) return false;
  if (othersAreAway(state)) return true;
  return state.lastPlan.waiting.some(({ why }) => !FREED_BY_US.has(why.kind)) || state.retries.length > 0;
}

/** Nodes that are away and not ours: somebody else's cordon, a broken node, a failed one of this run. */
export function othersAreAway(state: RunState): boolean {
  if (state.lastPlan === null) return false;
  const { slots, cluster } = state.lastPlan;
  const occupied = occupiedNodes(state);
  const ofPool = (name: string) => occupied.filter(({ pool }) => pool === name).length;
  if (slots.some((slot) => slot.unavailable > ofPool(slot.pool))) return true;
  return cluster !== undefined && cluster.unavailable > occupied.length;
}

/** What only an end of our own nodes, an answer of a person or the next plan frees: each is heard of. */
const FREED_BY_US: ReadonlySet<WhyKind> = new Set([
  'budget',
  'zoneBudget',
  'clusterBudget',
  'order',
  'approval',
  'canary',
  'notReadyBefore',
  'lowerTier',
  'slots',
]);
