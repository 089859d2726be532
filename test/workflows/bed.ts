// A real Temporal development server, a worker with fake activities, and the few moves that tests make.
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, ServiceError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  DefaultLogger,
  Runtime,
  Worker,
  bundleWorkflowCode,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import type { WorkerOptions, WorkflowBundleWithSourceMap } from '@temporalio/worker';
import type { RunStatus, UpdateAnswer } from '../../domain/status.ts';
import { createRuns } from '../../workers/runs.ts';
import { QUERY_AHEAD_OF_TASK } from '../../workflows/messages.ts';
import { FakeWorld } from './fake-world.ts';
import type { WorldOptions } from './fake-world.ts';
import { TEST_NAMESPACE, startTestServer } from './server.ts';
import type { TestServer } from './server.ts';

/** Far above what anything here takes, far below what makes a hanging test unbearable. */
const WAIT_TIMEOUT_MS = 600_000;
/** What bundling takes on two cores that nothing else needs: the yardstick of how slow a machine is. */
const BUNDLED_USUALLY_MS = 5_000;
const SLOWNESS_MAX = 20;

export type Bed = {
  env: TestWorkflowEnvironment;
  client: Client;
  bundle: WorkflowBundleWithSourceMap;
  server: TestServer;
  /** Calls of activities that are under way: they end by their own deadlines. */
  calls: Set<Promise<unknown>>;
  /** How long something must last, in milliseconds, so that a machine as slow as this one surely sees it. */
  lasting: (ms: number) => number;
};

export async function startBed(o: { continueAfterEvents?: number } = {}): Promise<Bed> {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  });
  const { continueAfterEvents } = o;
  const server = await startTestServer(
    continueAfterEvents === undefined
      ? []
      : [`limit.historyCount.suggestContinueAsNew=${String(continueAfterEvents)}`],
  );
  try {
    return await connect(server);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function connect(server: TestServer): Promise<Bed> {
  const env = await TestWorkflowEnvironment.createFromExistingServer({
    address: server.address,
    namespace: TEST_NAMESPACE,
  });
  const begun = performance.now();
  const bundle = await bundleWorkflowCode({
    workflowsPath: pathOf('index.ts'),
    workflowInterceptorModules: [pathOf('query-guard.ts')],
    logger: new DefaultLogger('ERROR'),
  });
  const client = new Client({
    connection: env.connection,
    namespace: env.namespace ?? 'default',
    workflow: { queryRejectCondition: 'NOT_OPEN' },
  });
  const calls = new Set<Promise<unknown>>();
  const withDeadline = client.withDeadline.bind(client);
  client.withDeadline = async <R>(deadline: number | Date, work: () => Promise<R>): Promise<R> => {
    const call = withDeadline(deadline, work);
    calls.add(call);
    try {
      return await call;
    } finally {
      calls.delete(call);
    }
  };
  const slowness = Math.min(SLOWNESS_MAX, Math.max(1, (performance.now() - begun) / BUNDLED_USUALLY_MS));
  // Whole seconds: policies are written in them.
  const lasting = (ms: number) => Math.ceil((ms * slowness) / 1000) * 1000;
  return { env, client, bundle, server, calls, lasting };
}

function pathOf(file: string): string {
  return fileURLToPath(new URL(`../../workflows/${file}`, import.meta.url));
}

/** Asked too early, by the guard of queries, or of a server that was busy: to be asked again. */
function unlessAgain(error: unknown): undefined {
  const isAhead = error instanceof Error && error.message.includes(QUERY_AHEAD_OF_TASK);
  if (!isAhead && !(error instanceof ServiceError)) throw error;
}

export async function stopBed(bed: Bed | undefined): Promise<void> {
  if (bed === undefined) return;
  // A call that is tried again on a connection that is closed by then ends the whole process.
  await Promise.allSettled(bed.calls);
  await bed.env.teardown();
  await bed.server.stop();
}

export type Running = {
  world: FakeWorld;
  handle: WorkflowHandle;
  id: string;
  /** Of the first of its runs. */
  firstRunId: string;
  status: () => Promise<RunStatus>;
  until: (what: string, found: (status: RunStatus) => boolean) => Promise<RunStatus>;
  child: (node: string) => WorkflowHandle;
  /** Until so many signals of this name stand in the history of the node's child. */
  untilTold: (node: string, name: string, times?: number) => Promise<void>;
  signal: (name: string, content: unknown) => Promise<void>;
  update: (name: string, content: unknown) => Promise<UpdateAnswer>;
  /** Stops the worker as a machine's death would look to the server, and starts another. */
  restartWorker: () => Promise<void>;
};

let runs = 0;

/**
 * Starts a run with its own worker and queue, lets `work` steer it, and stops the worker. What `work` makes of
 * the world before it first waits stands before anything of the run is done.
 */
export async function withRun<T>(
  bed: Bed,
  o: WorldOptions & {
    type?: string;
    input?: unknown;
    worker?: Partial<WorkerOptions>;
    name?: string;
    /** A signal that is there before the run's first moment. */
    early?: { name: string; content: unknown };
  },
  work: (running: Running) => Promise<T>,
): Promise<T> {
  runs += 1;
  const id = `upgrade.test.${o.name ?? String(runs)}`;
  const taskQueue = `queue-${String(runs)}`;
  const world = new FakeWorld(o, createRuns(bed.client));
  const create = async () =>
    await Worker.create({
      connection: bed.env.nativeConnection,
      ...(bed.env.namespace === undefined ? {} : { namespace: bed.env.namespace }),
      taskQueue,
      workflowBundle: bed.bundle,
      activities: world.activities(),
      maxCachedWorkflows: 100,
      // A worker that is cut off by force goes on polling for a while, and what it takes then is lost.
      shutdownForceTime: '60s',
      ...o.worker,
    });
  const begin = (worker: Worker) => ({ worker, ended: worker.run() });
  const first = await create();
  const type = o.type ?? 'fleetUpgrade';
  const args = [o.input ?? { fleet: 'training', cluster: 'prod-east' }];
  const options = { taskQueue, workflowId: id, args };
  if (o.early !== undefined) {
    const { name: signal, content } = o.early;
    await bed.client.workflow.signalWithStart(type, { ...options, signal, signalArgs: [content] });
  } else await bed.client.workflow.start(type, options);
  const handle = bed.client.workflow.getHandle(id);
  const firstRunId = (await handle.describe()).runId;
  const running = steer(bed, { handle, id, world, firstRunId });
  let current: ReturnType<typeof begin> | undefined;
  const stop = async () => {
    current?.worker.shutdown();
    // A test that has ended may leave an activity that is held: it is cut off by force.
    await current?.ended.catch(() => undefined);
  };
  const restartWorker = async () => {
    await stop();
    current = begin(await create());
  };
  try {
    const working = work({ ...running, restartWorker });
    current = begin(first);
    return await working;
  } finally {
    await bed.client.workflow
      .getHandle(id)
      .terminate('test over')
      .catch(() => undefined);
    await stop();
  }
}

function steer(
  bed: Bed,
  o: { handle: WorkflowHandle; id: string; world: FakeWorld; firstRunId: string },
): Omit<Running, 'restartWorker'> {
  // Without a run id: what continues as new is still the same run to a person.
  const latest = () => bed.client.workflow.getHandle(o.id);
  const ask = async () => (await latest().query('status')) as RunStatus;
  const until = async (what: string, found: (status: RunStatus) => boolean) => {
    const deadline = Date.now() + WAIT_TIMEOUT_MS;
    let last: RunStatus | undefined;
    while (Date.now() < deadline) {
      last = (await ask().catch(unlessAgain)) ?? last;
      if (last !== undefined && found(last)) return last;
      await pause(50);
    }
    throw new Error(`${what}: not within ${String(WAIT_TIMEOUT_MS)} ms; last ${JSON.stringify(last)}`);
  };
  return {
    ...o,
    status: () => until('an answer', () => true),
    child: (node) => bed.client.workflow.getHandle(`${o.id}/node/${node}`),
    signal: (name, content) => latest().signal(name, content),
    update: async (name, content) =>
      (await latest().executeUpdate(name, { args: [content] })) as UpdateAnswer,
    untilTold: async (node, name, times = 1) => {
      const deadline = Date.now() + WAIT_TIMEOUT_MS;
      const told = async () => {
        const { events } = await bed.client.workflow.getHandle(`${o.id}/node/${node}`).fetchHistory();
        const names = (events ?? []).map((each) => each.workflowExecutionSignaledEventAttributes?.signalName);
        return names.filter((each) => each === name).length;
      };
      while ((await told()) < times) {
        if (Date.now() > deadline) throw new Error(`the child of ${node} was never told: ${name}`);
        await pause(50);
      }
    },
    until,
  };
}
