// Commands' side of Temporal, by the real client. Every call has a deadline: a query to a run that no
// worker serves would otherwise hang. Must never start, signal or end anything that it was not told to.
import {
  ApplicationFailure,
  CancelledFailure,
  Client,
  Connection,
  NamespaceNotFoundError,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
  isGrpcServiceError,
} from '@temporalio/client';
import type { WorkflowExecutionInfo } from '@temporalio/client';
import type { StepTrouble } from '../../domain/step-trouble.ts';
import type { UpdateAnswer } from '../../domain/status.ts';
import type { ConnectionSettings } from './connection.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { QUERY_AHEAD_OF_TASK } from '../../workflows/messages.ts';
import { CliError, explainError } from './errors.ts';
import { createScheduleSide } from './schedule-client.ts';
import { ScheduleUnknown } from './schedule-side.ts';
import { stepTroublesOf } from './step-troubles.ts';
import {
  NoAnswer,
  RUN_TYPES,
  RunNotOpen,
  TASK_QUEUE,
  TemporalTrouble,
  UpdateRefused,
} from './temporal-side.ts';
import type { OpenRun, RunDescription, RunEnd, TemporalSide, Workers } from './temporal-side.ts';

// A person waits for a wrong address no longer than this; a slow TLS handshake takes well under 2 s.
const CONNECT_TIMEOUT_MS = 5_000;
const CALL_TIMEOUT_MS = 10_000;
// `skipNode` of a node at work waits up to 30 s for the node's own answer.
const UPDATE_TIMEOUT_MS = 40_000;
// A poll of a live worker lasts 60 s at most before it begins anew; older signs of life are of the dead.
const POLL_FRESH_MS = 70_000;
const OPEN_RUNS_MAX = 200;
// A plan that nobody waits for any more is not made when a worker comes back hours later.
const PLAN_LIFE_MS = 900_000;

// A call that was under way at its deadline may end as either.
const GRPC_CANCELLED = 1;
const GRPC_DEADLINE_EXCEEDED = 4;
const GRPC_NOT_FOUND = 5;
const GRPC_PERMISSION_DENIED = 7;
// What the server answers to a query when it knows that nobody polls.
const GRPC_FAILED_PRECONDITION = 9;
const GRPC_UNAUTHENTICATED = 16;
const UNANSWERED: readonly number[] = [GRPC_CANCELLED, GRPC_DEADLINE_EXCEEDED];
const TASK_QUEUE_TYPE_WORKFLOW = 1;

export async function connectTemporal(settings: ConnectionSettings): Promise<TemporalSide> {
  const connection = await openConnection(settings);
  const client = new Client({ connection, namespace: settings.namespace });
  const bounded = async <T>(timeoutMs: number, call: () => Promise<T>): Promise<T> => {
    try {
      return await connection.withDeadline(Date.now() + timeoutMs, call);
    } catch (error) {
      throw readable(error, settings);
    }
  };
  return {
    address: settings.address,
    namespace: settings.namespace,
    listOpenRuns: () => bounded(CALL_TIMEOUT_MS, () => listOpenRuns(client)),
    collectTroubles: (workflowId) => bounded(CALL_TIMEOUT_MS, () => collectTroubles(client, workflowId)),
    describe: (workflowId) => bounded(CALL_TIMEOUT_MS, () => describe(client, workflowId)),
    start: (o) => bounded(CALL_TIMEOUT_MS, () => start(client, o)),
    startPlan: (o) => bounded(CALL_TIMEOUT_MS, () => startPlan(client, o)),
    query: (workflowId, name, page) =>
      bounded(CALL_TIMEOUT_MS, () =>
        askAgain(() => client.workflow.getHandle(workflowId).query(name, page ?? {})),
      ),
    update: (o) => bounded(UPDATE_TIMEOUT_MS, () => update(client, o)),
    collectEnd: (workflowId) => bounded(CALL_TIMEOUT_MS, () => collectEnd(client, workflowId)),
    collectWorkers: () => bounded(CALL_TIMEOUT_MS, () => collectWorkers(client, settings.namespace)),
    schedules: createScheduleSide(client, (call) => bounded(CALL_TIMEOUT_MS, call)),
    close: () => connection.close(),
  };
}

const QUERY_TRIES = 5;
const QUERY_PAUSE_MS = 200;

/** A query that came ahead of a workflow task has failed for the run's sake: the next one is answered. */
async function askAgain<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = QUERY_TRIES - 1; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      const isAhead = error instanceof Error && error.message.includes(QUERY_AHEAD_OF_TASK);
      if (!isAhead || left === 0) throw error;
      await pause(QUERY_PAUSE_MS);
    }
  }
}

async function openConnection(settings: ConnectionSettings): Promise<Connection> {
  let connection: Connection;
  try {
    connection = await Connection.connect({
      address: settings.address,
      connectTimeout: CONNECT_TIMEOUT_MS,
      ...(settings.apiKey === undefined ? {} : { apiKey: settings.apiKey }),
      ...(settings.tls === undefined ? {} : { tls: settings.tls }),
      ...(settings.metadata === undefined ? {} : { metadata: settings.metadata }),
    });
  } catch (error) {
    throw new CliError(`Temporal does not answer at ${settings.address} (from ${settings.addressFrom})`, {
      hints: [
        'Name the right address by --address, TEMPORAL_ADDRESS or a profile; see refit status --help.',
        'In a sandbox: eval "$(refit sandbox env)"',
      ],
      cause: error,
    });
  }
  try {
    await connection.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
      connection.workflowService.describeNamespace({ namespace: settings.namespace }),
    );
  } catch (error) {
    await connection.close();
    throw readable(error, settings);
  }
  return connection;
}

/** Errors of the client library → what a person can act on. */
function readable(error: unknown, settings: ConnectionSettings): unknown {
  if (error instanceof CliError || error instanceof UpdateRefused) return error;
  if (error instanceof ScheduleUnknown) return error;
  if (error instanceof WorkflowUpdateFailedError) return new UpdateRefused(updateWhy(error));
  if (error instanceof NamespaceNotFoundError) return noNamespace(settings);
  if (error instanceof WorkflowNotFoundError) return new RunNotOpen(error.message, { cause: error });
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return new NoAnswer('', { cause: error });
  const grpc = grpcError(error);
  if (grpc === undefined) return error;
  if (UNANSWERED.includes(grpc.code) || isUnpolled(grpc)) return new NoAnswer('', { cause: error });
  if (grpc.code === GRPC_NOT_FOUND && /namespace/i.test(grpc.details)) return noNamespace(settings);
  if (grpc.code === GRPC_PERMISSION_DENIED || grpc.code === GRPC_UNAUTHENTICATED) {
    return new CliError(
      `Temporal at ${settings.address} refuses access to namespace "${settings.namespace}": ${grpc.details}`,
      { hints: ['Check the API key or the client certificate of the profile.'] },
    );
  }
  return new TemporalTrouble(`Temporal at ${settings.address}: ${grpc.details}`);
}

function grpcError(error: unknown): { code: number; details: string } | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (isGrpcServiceError(current)) return current;
  }
  return undefined;
}

function isUnpolled(grpc: { code: number; details: string }): boolean {
  return grpc.code === GRPC_FAILED_PRECONDITION && /poller/i.test(grpc.details);
}

/** Of a rejection the reason alone, not its wrapping. */
function updateWhy(error: WorkflowUpdateFailedError): string {
  return error.cause === undefined ? error.message : explainError(error.cause);
}

function noNamespace(settings: ConnectionSettings): CliError {
  return new CliError(
    `Temporal at ${settings.address} has no namespace "${settings.namespace}" (from ${settings.namespaceFrom})`,
    { hints: [`See which there are: temporal operator namespace list --address ${settings.address}`] },
  );
}

async function listOpenRuns(client: Client): Promise<readonly OpenRun[]> {
  const types = RUN_TYPES.map((type) => `'${type}'`).join(', ');
  const open: OpenRun[] = [];
  const query = `WorkflowType IN (${types}) AND ExecutionStatus = 'Running'`;
  for await (const info of client.workflow.list({ query })) {
    // A node's child belongs to its run; only runs that people steer are of interest here.
    if (info.parentExecution === undefined) open.push(openRun(info));
    if (open.length === OPEN_RUNS_MAX) break;
  }
  return open;
}

function openRun(info: Pick<WorkflowExecutionInfo, 'workflowId' | 'type' | 'startTime'>): OpenRun {
  return { workflowId: info.workflowId, type: info.type, startedAt: info.startTime.toISOString() };
}

async function describe(client: Client, workflowId: string): Promise<RunDescription | undefined> {
  try {
    const info = await client.workflow.getHandle(workflowId).describe();
    const searchAttributes = Object.fromEntries(
      info.typedSearchAttributes
        .getAll()
        .filter(({ key }) => key.name.startsWith('Refit'))
        .map(({ key, value }) => [key.name, typeof value === 'number' ? value : String(value)]),
    );
    return {
      ...openRun(info),
      status: info.status.name,
      closedAt: info.closeTime?.toISOString() ?? null,
      firstExecutionRunId: info.raw.workflowExecutionInfo?.firstRunId ?? info.runId,
      searchAttributes,
      troubles: stepTroublesOf(info.raw, Date.now()).map(({ step, text }) => `${step}: ${text}`),
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** A child that has just ended has none. */
async function collectTroubles(client: Client, workflowId: string): Promise<readonly StepTrouble[]> {
  try {
    const { raw } = await client.workflow.getHandle(workflowId).describe();
    return stepTroublesOf(raw, Date.now());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return [];
    throw error;
  }
}

async function start(
  client: Client,
  o: { workflowId: string; input: object },
): Promise<'started' | 'alreadyOpen'> {
  try {
    await client.workflow.start('fleetUpgrade', {
      workflowId: o.workflowId,
      taskQueue: TASK_QUEUE,
      args: [o.input],
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    });
    return 'started';
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return 'alreadyOpen';
    throw error;
  }
}

async function startPlan(client: Client, o: { workflowId: string; input: object }): Promise<void> {
  await client.workflow.start('planUpgrade', {
    workflowId: o.workflowId,
    taskQueue: TASK_QUEUE,
    args: [o.input],
    workflowExecutionTimeout: PLAN_LIFE_MS,
  });
}

async function update(
  client: Client,
  o: { workflowId: string; name: string; content: object; updateId: string },
): Promise<UpdateAnswer> {
  return client.workflow
    .getHandle(o.workflowId)
    .executeUpdate<UpdateAnswer, [object]>(o.name, { args: [o.content], updateId: o.updateId });
}

async function collectEnd(client: Client, workflowId: string): Promise<RunEnd> {
  try {
    return { kind: 'completed', result: await client.workflow.getHandle(workflowId).result() };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    const cause = error.cause;
    if (cause instanceof CancelledFailure) return { kind: 'cancelled' };
    if (cause instanceof TerminatedFailure) return { kind: 'terminated', reason: cause.message };
    if (cause instanceof TimeoutFailure) return { kind: 'timedOut' };
    const type = cause instanceof ApplicationFailure ? (cause.type ?? null) : null;
    return { kind: 'failed', type, message: cause?.message ?? error.message };
  }
}

async function collectWorkers(client: Client, namespace: string): Promise<Workers> {
  const answer = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: TASK_QUEUE },
    taskQueueType: TASK_QUEUE_TYPE_WORKFLOW,
  });
  const seen = (answer.pollers ?? []).map((poller) => Number(poller.lastAccessTime?.seconds ?? 0) * 1000);
  const newest = Math.max(0, ...seen);
  return {
    polling: seen.filter((at) => Date.now() - at < POLL_FRESH_MS).length,
    lastSeenAt: newest === 0 ? null : new Date(newest).toISOString(),
  };
}
