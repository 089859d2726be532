// `refit worker`: connects, composes, and takes work until it is asked to stop. One clear error and exit 1
// when it cannot begin; prose goes to stderr.
import { fileURLToPath } from 'node:url';
import { Client } from '@temporalio/client';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  makeTelemetryFilterString,
} from '@temporalio/worker';
import type { LogEntry, WorkerOptions } from '@temporalio/worker';
import { createActivities } from '../activities/create.ts';
import { createDeps } from './compose.ts';
import { startReaper } from './reaper.ts';
import { createRuns } from './runs.ts';
import { SearchAttributesMissing, ensureSearchAttributes } from './search-attributes.ts';
import { SettingsError, readSettings } from './settings.ts';
import type { WorkerSettings } from './settings.ts';

/** Without an answer for this long the address is wrong or the server is down. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What a worker may do at once. */
export const WORKER_LIMITS = {
  // A cached child costs about 100 KB, a run over 5,000 nodes a few MB; beyond it, histories are read again.
  maxCachedWorkflows: 500,
  // Activities wait for other servers and cost next to nothing; a drain that evicts holds one slot, a stalled
  // one none. 200 drains at once are more than any sane budget; fewer would make one run wait for another.
  maxConcurrentActivityTaskExecutions: 200,
  // Cordons, uncordons and records: a second each. More at once would only queue at the API server.
  maxConcurrentLocalActivityExecutions: 50,
  maxConcurrentWorkflowTaskExecutions: 40,
  // Left to itself the SDK holds beats back for 24 s of the 30 s that the server waits for one.
  maxHeartbeatThrottleInterval: '5s',
  // Activities get 5 s to save where they are, then they are abandoned to another worker.
  shutdownGraceTime: '5s',
  shutdownForceTime: '12s',
} as const satisfies Partial<WorkerOptions>;

export async function runWorker(settings: WorkerSettings): Promise<void> {
  installRuntime();
  const connection = await connect(settings);
  const { namespace, taskQueue } = settings;
  await checkNamespace(connection, settings);
  await ensureSearchAttributes(connection, namespace);
  // A closed run must not answer as if it were open: its children ask it for their grant.
  const client = new Client({ connection, namespace, workflow: { queryRejectCondition: 'NOT_OPEN' } });
  const deps = createDeps(settings.env, { runs: createRuns(client), namespace });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
    dataConverter: {
      payloadConverterPath: fileURLToPath(new URL('../workflows/payload-converter.ts', import.meta.url)),
    },
    interceptors: {
      workflowModules: [fileURLToPath(new URL('../workflows/query-guard.ts', import.meta.url))],
    },
    activities: createActivities(deps),
    ...WORKER_LIMITS,
  });
  say(`worker takes work of queue ${taskQueue} in namespace ${namespace} at ${settings.connection.address}`);
  const stopReaper = startReaper(deps, say);
  try {
    await worker.run();
  } finally {
    stopReaper();
    await deps.kubernetes.close();
    await connection.close();
    say('worker has stopped');
  }
}

function installRuntime(): void {
  Runtime.install({
    logger: new DefaultLogger('INFO', logLine),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) } },
    shutdownSignals: ['SIGINT', 'SIGTERM'],
  });
}

/** Temporal's own lines in the same form as ours, and only what a person would act upon. */
function logLine(entry: LogEntry): void {
  const { activityType, workflowId, error } = (entry.meta ?? {}) as Record<string, unknown>;
  const about = [activityType, workflowId].filter((part) => typeof part === 'string').join(' of ');
  const cause = error instanceof Error ? `: ${error.message}` : '';
  if (entry.level === 'INFO' && about === '') return;
  say(`${entry.level.toLowerCase()}: ${entry.message}${about === '' ? '' : ` (${about})`}${cause}`);
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${text}\n`);
}

async function connect({ connection }: WorkerSettings): Promise<NativeConnection> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer in ${String(CONNECT_TIMEOUT_MS / 1000)} s`));
    }, CONNECT_TIMEOUT_MS);
  });
  try {
    return await Promise.race([NativeConnection.connect(connection), timeout]);
  } catch (error) {
    throw new SettingsError(
      `Temporal cannot be reached at ${connection.address}: ${textOf(error)}. ` +
        'Is it running, and are TEMPORAL_ADDRESS or the profile right?',
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function checkNamespace(connection: NativeConnection, settings: WorkerSettings): Promise<void> {
  const { namespace } = settings;
  try {
    await connection.workflowService.describeNamespace({ namespace });
  } catch (error) {
    if (!/not ?found/i.test(textOf(error))) throw error;
    throw new SettingsError(
      `there is no namespace ${namespace} at ${settings.connection.address}: set TEMPORAL_NAMESPACE, or create it ` +
        `with: temporal operator namespace create --namespace ${namespace}`,
      { cause: error },
    );
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function main(): Promise<void> {
  try {
    await runWorker(readSettings(process.env));
  } catch (error) {
    const known = error instanceof SettingsError || error instanceof SearchAttributesMissing;
    process.stderr.write(
      `error: ${known || !(error instanceof Error) ? textOf(error) : (error.stack ?? error.message)}\n`,
    );
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();
