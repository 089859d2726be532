// What a node that nothing blocks leaves in Temporal's histories. What people are told of a blocked node comes on
// top, and is taken out here: it grows with the trouble, not with the fleet.
import type { WorkflowHandle } from '@temporalio/client';

/** A report is a signal and the workflow task that it starts. */
const EVENTS_PER_REPORT = 4;
/** Scheduled, started, and its end. */
const EVENTS_PER_TASK = 3;

export type HistoryCost = {
  /** Of a machine that keeps up. */
  events: number;
  /** Of what blocks a drain. */
  reports: number;
  /** That a verification keeps people waiting. */
  late: number;
};

type Event = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

/**
 * What a machine that is too slow adds: workflow tasks that were given up and begun anew, and those that only go on
 * with a local activity of the one before.
 */
function eventsOfSlowness(events: readonly Event[]): number {
  return events.reduce((sum, event, at) => {
    const { workflowTaskTimedOutEventAttributes: late, workflowTaskFailedEventAttributes: failed } = event;
    // One that no worker took has no start.
    if (late) return sum + (Number(late.startedEventId ?? 0) === 0 ? EVENTS_PER_TASK - 1 : EVENTS_PER_TASK);
    if (failed) return sum + EVENTS_PER_TASK;
    const goesOn =
      event.workflowTaskCompletedEventAttributes && events[at + 1]?.workflowTaskScheduledEventAttributes;
    return goesOn ? sum + EVENTS_PER_TASK : sum;
  }, 0);
}

export async function readHistoryCost(handle: WorkflowHandle): Promise<HistoryCost> {
  const { events } = await handle.fetchHistory();
  const signals = (events ?? []).flatMap((event) => event.workflowExecutionSignaledEventAttributes ?? []);
  const states = signals.filter(({ signalName }) => signalName === 'nodeState');
  return {
    events: (events?.length ?? 0) - eventsOfSlowness(events ?? []),
    reports: signals.filter(({ signalName }) => signalName === 'nodeProgress').length,
    late: states.filter(({ input }) => {
      return Buffer.from(input?.payloads?.[0]?.data ?? []).includes('"verifying"');
    }).length,
  };
}

export type CostPerNode = { parent: number; child: number; unblocked: number; late: number };

/** The children that told of no blocker, and the parent (each of its runs) without such telling. */
export function costPerNode(parents: readonly HistoryCost[], children: readonly HistoryCost[]): CostPerNode {
  const unblocked = children.filter(({ reports }) => reports === 0);
  const sum = (costs: readonly HistoryCost[], of: (cost: HistoryCost) => number) =>
    costs.reduce((total, cost) => total + of(cost), 0);
  const told = (cost: HistoryCost) => (cost.reports + cost.late) * EVENTS_PER_REPORT;
  return {
    parent: sum(parents, (cost) => cost.events - told(cost)) / children.length,
    child: sum(unblocked, ({ events }) => events) / unblocked.length,
    unblocked: unblocked.length,
    late: sum(parents, ({ late }) => late),
  };
}
