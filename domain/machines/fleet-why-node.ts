// Why one node of a plan waits, for whoever asks for it by name: the run's reasons stand for many nodes each
// and name one of them. Must have an answer for every node that waits.
import { phaseWhyOf } from './fleet-phase.ts';
import { codeOf, occupiedNodes } from './fleet-state.ts';
import type { RunState, Scope } from './fleet-state.ts';
import type { PlanRow, WaitingNodes, WhyKind } from '../plan.ts';
import { own } from '../own.ts';
import { ROW_CODES } from '../row-codes.ts';
import type { WaitingItem } from '../status.ts';

/** Empty when the node does not wait: it is at work, has ended, or stands at a gate of its own. */
export function listWhyNode(state: RunState, scope: Scope, node: string): readonly WaitingItem[] {
  const row = scope.rows[scope.indexOf.get(node) ?? -1];
  const retried = state.retries.some((retry) => retry.node === node);
  const waits = codeOf(state, scope, node) === ROW_CODES.waiting || retried;
  if (row === undefined || !waits || state.outcome !== null) return [];
  const item = (on: string, since: string, until: string | null, freedBy: string): WaitingItem => ({
    subject: `node/${node}`,
    on,
    since,
    until,
    freedBy,
  });
  const since = state.lastPlan?.at ?? state.startedAt;
  if (occupiedNodes(state).some((one) => one.node === node)) {
    return [item('is about to be started', since, null, 'it goes on by itself')];
  }
  const { paused, tripped, aborting, planFailure } = state;
  const held = paused ?? tripped ?? aborting;
  if (held !== null || planFailure !== null || state.lastPlan === null) {
    const why = phaseWhyOf(state) ?? 'the run is being prepared';
    const freedBy = held === null ? 'it goes on by itself' : 'refit resume, or refit abort';
    return [item(`the run: ${why}`, held?.at ?? planFailure?.since ?? since, null, freedBy)];
  }
  const reasons = state.lastPlan.waiting.filter((one) => mayConcern(one, row, state, retried));
  const several = reasons.length > 1 ? `one of ${String(reasons.length)} reasons of its pool: ` : '';
  const told = reasons.map(({ why, since: from = since }) => ({
    ...item(
      `${several}${why.text}`,
      from,
      why.until ?? null,
      why.freedBy ?? 'it is looked at again by itself',
    ),
    kind: why.kind,
  }));
  // It came back after the planner had answered, by a retry or put back; the next answer tells of it.
  return told.length > 0 ? told : [item('the run is about to plan again', since, null, 'the next plan')];
}

const OF_OTHERS: ReadonlySet<WhyKind> = new Set(['canary', 'soak', 'canaryUnwell']);

function mayConcern(
  { why, pool, zone, nodes, example }: WaitingNodes,
  row: PlanRow,
  state: RunState,
  retried: boolean,
): boolean {
  if (example === row.node) return true;
  if (nodes === 1 || (pool !== undefined && pool !== row.pool)) return false;
  if (zone !== undefined && zone !== row.zone) return false;
  if (why.kind === 'deferred' || why.kind === 'noCapacity') {
    const lacks = why.kind === 'noCapacity' ? 'capacity' : undefined;
    const deferral = own(state.deferred, row.node);
    return deferral !== undefined && deferral.lacks === lacks;
  }
  if (why.kind === 'notReadyBefore') return row.wasNotReady === true && !retried;
  if (OF_OTHERS.has(why.kind)) return row.canary !== true && row.wasNotReady !== true && !retried;
  return why.kind !== 'order' || !retried;
}
