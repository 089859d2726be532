// How workflows call activities: timeouts and retries, each with its reason. Must never wait for ever:
// every call has an end after which the workflow decides.
import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import type {
  DriftActivities,
  FleetActivities,
  NodeActivities,
  NotifyActivities,
} from '../activities/api.ts';
import { workflowNow } from './clock.ts';
import { msBetween } from '../domain/machines/clock-math.ts';

const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/** They beat every 10 s at least: one lost beat is no death, and a dead worker is noticed soon. */
const HEARTBEAT_TIMEOUT = '30s';

/** Before anything is touched: a cluster or a file that cannot be read ends the run with its reason. */
export const preparing = proxyActivities<FleetActivities>({
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '5m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: RETRY,
});

/** Four tries are 7 s: then the run says what is wrong, and asks again by itself after a while. */
export const planning = proxyActivities<FleetActivities>({
  startToCloseTimeout: '1m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { ...RETRY, maximumAttempts: 4 },
});

/** Somebody waits for the answer: a run that cannot check within half a minute says so. */
export const answering = proxyActivities<FleetActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '30s',
  retry: RETRY,
});

/** What a run cannot go on without, and cannot be wrong about for good. */
export const reading = proxyActivities<FleetActivities>({ startToCloseTimeout: '30s', retry: RETRY });

/** The end of a run: an hour for a full disk or an API server that is away, then the run says so and ends. */
export const closing = proxyActivities<FleetActivities>({
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '1h',
  retry: RETRY,
});

/** What a worker does once an hour in any case: a cloud that refuses it must not hold the cluster. */
export const reaping = proxyActivities<FleetActivities>({
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '2m',
  retry: RETRY,
});

/** A watch comes again by itself: a cluster that does not answer within five minutes is told as such. */
export const looking = proxyActivities<DriftActivities>({
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '5m',
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: RETRY,
});

/** Nobody waits for it: ten minutes for a webhook that is away, then the run says that nobody was told. */
export function notifying(summary: string) {
  return proxyActivities<NotifyActivities>({
    summary,
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '10m',
    retry: { ...RETRY, maximumInterval: '1m' },
  });
}

/** Local: one marker in history instead of six events. Falls back to the server's patience. */
const RECORD_LOCAL = { startToCloseTimeout: '5s', scheduleToCloseTimeout: '10s', retry: RETRY } as const;
export const recordingLocally = proxyLocalActivities<FleetActivities & NodeActivities>(RECORD_LOCAL);

/** A PATCH and a grant: seconds. When the API server is away, the ordinary activity takes over. */
export const shortLocally = proxyLocalActivities<NodeActivities>({
  startToCloseTimeout: '10s',
  scheduleToCloseTimeout: '20s',
  retry: RETRY,
});

/** A cordon that cannot be had in a quarter of an hour is given up; nothing has happened by then. */
export const cordoning = proxyActivities<NodeActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '15m',
  retry: RETRY,
});

/** A way back must come to its end: a day for somebody to repair the API server. */
export const undoing = proxyActivities<NodeActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '24h',
  retry: { ...RETRY, maximumInterval: '1m' },
});

/** The activity itself ends at its deadline; this is how much later the server ends it when no worker lives. */
const GRACE_MS = 60_000;

function untilDeadlineMs(deadline: string): number {
  return Math.max(0, msBetween(workflowNow(), deadline)) + GRACE_MS;
}

/** One attempt may last as long as it makes progress; a stalled one ends by itself and is tried again. */
export function draining(o: { node: string; deadline: string }) {
  const ms = untilDeadlineMs(o.deadline);
  return proxyActivities<NodeActivities>({
    summary: o.node,
    startToCloseTimeout: ms,
    scheduleToCloseTimeout: ms,
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '1s', backoffCoefficient: 1.5, maximumInterval: '15s' },
  });
}

/** Looks once and fails benignly until the world is there: the server's retries write no history. */
export function polling(o: { node: string; deadline: string }) {
  return proxyActivities<NodeActivities>({
    summary: o.node,
    startToCloseTimeout: '2m',
    scheduleToCloseTimeout: untilDeadlineMs(o.deadline),
    heartbeatTimeout: HEARTBEAT_TIMEOUT,
    retry: { initialInterval: '2s', backoffCoefficient: 1.5, maximumInterval: '15s' },
  });
}

/** A held node asks for its grant as long as the run is paused: the server's retries write no history. */
export function holding(node: string) {
  return proxyActivities<NodeActivities>({
    summary: `${node}: held by the run`,
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '24h',
    retry: { ...RETRY, backoffCoefficient: 1.5 },
  });
}

/** A question to a person stands as long as it takes: the server asks for the grant, and writes no history. */
export function asking(node: string) {
  return proxyActivities<NodeActivities>({
    summary: `${node}: somebody is asked`,
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '24h',
    retry: { ...RETRY, backoffCoefficient: 1.5 },
  });
}

/** Locally when that works at once; with the server's patience when the other side is away. */
export async function firstLocally<T>(locally: () => Promise<T>, patiently: () => Promise<T>): Promise<T> {
  try {
    return await locally();
  } catch (error) {
    if (isFinal(error)) throw error;
    return await patiently();
  }
}

function isFinal(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof ApplicationFailure &&
    !!error.cause.nonRetryable
  );
}

/** What an activity's failure says to a person. */
export function failureText(error: unknown): string {
  if (!(error instanceof ActivityFailure)) return error instanceof Error ? error.message : String(error);
  const { cause } = error;
  if (cause instanceof TimeoutFailure) {
    const last = cause.cause instanceof Error ? `; last: ${cause.cause.message}` : '; no worker answered';
    return `${error.activityType}: no answer in time${last}`;
  }
  return cause === undefined ? error.message : `${error.activityType}: ${cause.message}`;
}

/** Ends the workflow with what ended the activity: people and scripts know the failure by its type. */
export function asWorkflowFailure(error: unknown): ApplicationFailure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const type = cause instanceof ApplicationFailure ? (cause.type ?? 'Unexpected') : 'Unexpected';
  const message = cause instanceof ApplicationFailure ? cause.message : failureText(error);
  return ApplicationFailure.nonRetryable(message, type);
}
