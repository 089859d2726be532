// Where the dead time of a slot goes, by the times in the histories of the run and of its children. Pure, but for
// reading the histories. Must never leave a share of the time out: the parts of a refill add up to all of it.
import type { WorkflowHandle } from '@temporalio/client';
import { renderNumber } from './figures.ts';

/** A slot that one node left, and the node that took it; both in milliseconds, by the API server's clock. */
export type Refill = { node: string; freedAt: number; takenAt: number };

/** From the history of the run. */
type RunTimes = {
  plans: readonly { askedAt: number; answeredAt: number }[];
  /** When the child of each node was asked for. */
  startedAt: ReadonlyMap<string, number>;
};

export const PART_NAMES = [
  'until the planner is asked',
  'the planner',
  'until the child is asked for',
  'until the child is at work',
  'grant and cordon',
] as const;

/** Seconds of each part, in the order of their names; undefined when the histories do not tell them. */
export function partsOf(
  { node, freedAt, takenAt }: Refill,
  { plans, startedAt }: RunTimes,
  workAt: ReadonlyMap<string, number>,
): readonly number[] | undefined {
  const start = startedAt.get(node);
  const work = workAt.get(node);
  const plan = plans.findLast(({ answeredAt }) => start !== undefined && answeredAt <= start);
  if (start === undefined || work === undefined || plan === undefined) return undefined;
  const marks = [freedAt, plan.askedAt, plan.answeredAt, start, work, takenAt];
  return marks.slice(1).map((at, index) => (at - (marks[index] ?? Number.NaN)) / 1000);
}

export function renderParts(title: string, parts: readonly number[]): string {
  const told = PART_NAMES.map((name, index) => `${name} ${renderNumber(parts[index] ?? Number.NaN)} s`);
  return `${title}: ${told.join(', ')}`;
}

type Event = NonNullable<Awaited<ReturnType<WorkflowHandle['fetchHistory']>>['events']>[number];

function timeOf({ eventTime }: Event): number {
  return Number(eventTime?.seconds ?? Number.NaN) * 1000 + Number(eventTime?.nanos ?? 0) / 1e6;
}

export function readRunTimes(events: readonly Event[], runId: string): RunTimes {
  const asked = new Map<string, number>();
  const plans: { askedAt: number; answeredAt: number }[] = [];
  const startedAt = new Map<string, number>();
  for (const event of events) {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === 'planNext') asked.set(String(event.eventId), timeOf(event));
    const askedAt = asked.get(String(event.activityTaskCompletedEventAttributes?.scheduledEventId));
    if (askedAt !== undefined) plans.push({ askedAt, answeredAt: timeOf(event) });
    const child = event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowId ?? '';
    const prefix = `${runId}/node/`;
    if (child.startsWith(prefix)) startedAt.set(child.slice(prefix.length), timeOf(event));
  }
  return { plans, startedAt };
}

/** When a worker took the child's first task. */
export function readWorkAt(events: readonly Event[]): number {
  const first = events.find((event) => event.workflowTaskStartedEventAttributes);
  return first === undefined ? Number.NaN : timeOf(first);
}
