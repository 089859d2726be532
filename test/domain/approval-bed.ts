// A run whose nodes are asked for, and the few moves that tests of approvals make. Time is handed in as
// minutes since the start.
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetCommand, FleetEvent } from '../../domain/machines/fleet-events.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { FleetMove, RunState } from '../../domain/machines/fleet-state.ts';
import type { ApproveMessage } from '../../domain/messages.ts';
import type { NodeStep } from '../../domain/plan.ts';
import type { Policy } from '../../domain/policy.ts';
import type { Decision } from '../../domain/report.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
export const PLAN = 'sha256:plan';

export function minute(minutes: number): string {
  return new Date(START_MS + minutes * 60_000).toISOString();
}

export type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

/** Half of the nodes stand in each zone. */
export function createApprovalBed(o: {
  nodes: readonly string[];
  approval?: Partial<Policy['approval']>;
  requestedBy?: string;
}) {
  const policy = policyOf({ unavailableMax: 10, approval: { before: 'node', ...o.approval } });
  const zoneOf = (node: string) => (o.nodes.indexOf(node) % 2 === 0 ? 'us-east-1a' : 'us-east-1b');
  const scope = newScope(o.nodes.map((node) => ({ ...rowOf(node), zone: zoneOf(node) })));
  const input = { fleet: 'training', cluster: 'prod-east' };
  const definition = definitionOf(policy, {
    ...input,
    ...(o.requestedBy === undefined ? {} : { requestedBy: o.requestedBy }),
  });
  const counts = { upgrade: o.nodes.length, upToDate: 0, leftAlone: 0 };
  const summary = {
    digest: PLAN,
    observedAt: minute(0),
    pages: ['p'],
    rows: o.nodes.length,
    counts,
    pools: [],
    oldRootVolumes: null,
    warnings: [],
  };

  function tell(state: RunState, event: Unstamped<FleetEvent>, at = minute(0)): FleetMove {
    return transition(state, scope, { ...event, at } as FleetEvent);
  }

  /** Fails the test when the event changes nothing. */
  function after(state: RunState, event: Unstamped<FleetEvent>, at = minute(0)): RunState {
    const move = tell(state, event, at);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }

  function offer(nodes: readonly string[], at = minute(0), step: Partial<NodeStep> = {}) {
    const steps = nodes.map((node) => ({ ...stepOf(node, policy, 1), zone: zoneOf(node), ...step }));
    const next = { observedAt: at, slots: [], steps, settled: [], waiting: [] };
    return { kind: 'stepsOffered', next } as const;
  }

  const begun: RunState = { ...newRunState(minute(0)), definition, hold: { kind: 'held' } };
  const planned = after(begun, { kind: 'planned', summary });
  return { scope, policy, zoneOf, tell, after, offer, planned };
}

export function yes(gate: string, by: string, more: Partial<ApproveMessage> = {}) {
  return { kind: 'approve', askId: 'a', message: { gate, by, ...more } } as const;
}

export function no(gate: string, by: string) {
  return { kind: 'reject', askId: 'a', message: { gate, by } } as const;
}

export function textOf(move: FleetMove): string {
  return move.kind === 'rejected' ? move.why : move.effect;
}

export function recorded(commands: readonly FleetCommand[]): readonly Decision[] {
  return commands.flatMap((command) => (command.kind === 'record' ? [command.decision] : []));
}
