// The test bed of the end-to-end tests: one sandbox, real workers as processes of their own, and the
// stock tools. It asks only what an operator or an auditor could ask, never Refit's own memory.
import { expect } from '@jest/globals';
import { Client, Connection, ServiceError } from '@temporalio/client';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunStatus, TablePage, WhyPage } from '../../domain/status.ts';
import { down, environment, status, up } from '../../sandbox/sandbox.ts';
import type { Ec2Call } from '../../sandbox/ec2/calls.ts';
import type { SandboxStatus } from '../../sandbox/status.ts';
import { waitUntil } from '../../sandbox/waiting.ts';
import { keepHistories } from '../replay/keep-histories.ts';
import { readAuditLog } from '../checker/audit-log.ts';
import type { Request } from '../checker/audit-log.ts';
import { QUERY_AHEAD_OF_TASK } from '../../workflows/messages.ts';
import { sayUntilHeard } from './busy-servers.ts';
import type { Said } from './busy-servers.ts';

const root = join(import.meta.dirname, '..', '..');

/** It bundles the workflows first: 5 s alone, more than a minute was seen on two busy cores. */
const WORKER_STARTS_WITHIN_MS = 900_000;
/** A command that hangs ends at last; how fast one is, is judged nowhere by this. */
const COMMAND_ENDS_WITHIN_MS = 600_000;
const STATUS_SHOWS_WITHIN_MS = 900_000;
const CONNECTS_WITHIN_MS = 120_000;
const QUERY_TRIES = 20;
const QUERY_PAUSE_MS = 250;

export type { Said } from './busy-servers.ts';

export type WorkerProcess = { process: ChildProcess; log: string; ended: Promise<number | null> };

export type Bed = {
  dir: string;
  env: NodeJS.ProcessEnv;
  sandbox: SandboxStatus;
  client: Client;
  workers: WorkerProcess[];
  close: () => Promise<void>;
};

/** A fresh sandbox of so many nodes in a folder of its own. */
export async function openBed(o: { nodes: number; seed?: number; clusters?: number }): Promise<Bed> {
  const dir = join(mkdtempSync(join(tmpdir(), 'refit-e2e-')), 'sandbox');
  const trace: string[] = [];
  try {
    await up({ dir, ...o, onProgress: (progress) => trace.push(JSON.stringify(progress)) });
  } catch (error) {
    await rm(join(dir, '..'), { recursive: true, force: true });
    throw error;
  }
  try {
    return await connect(dir);
  } catch (error) {
    await down({ dir });
    throw error;
  }
}

async function connect(dir: string): Promise<Bed> {
  const sandbox = (await status({ dir })).status;
  const { set, unset } = await environment({ dir });
  const env: NodeJS.ProcessEnv = { ...process.env, ...set, NO_COLOR: '1' };
  for (const name of [...unset, 'NODE_OPTIONS', 'JEST_WORKER_ID']) delete env[name];
  const { address } = sandbox.temporal;
  const connection = await Connection.connect({ address, connectTimeout: CONNECTS_WITHIN_MS });
  const bed: Bed = {
    dir,
    env,
    sandbox,
    client: new Client({ connection, namespace: sandbox.temporal.namespace }),
    workers: [],
    close: async () => {
      await recordHistories(bed);
      await Promise.all(bed.workers.map((worker) => stopWorker(worker)));
      await connection.close();
      await down({ dir });
      await rm(join(dir, '..'), { recursive: true, force: true });
    },
  };
  return bed;
}

/** For test/replay/record.ts: what the server knows of this test's runs, before it is gone. */
async function recordHistories(bed: Bed): Promise<void> {
  const folder = process.env['REFIT_RECORD_HISTORIES'] ?? '';
  if (folder === '') return;
  const test = basename(expect.getState().testPath ?? 'unknown', '.test.ts');
  await keepHistories({ client: bed.client, dir: join(bed.dir, '..') }, folder, test).catch(
    (error: unknown) => {
      process.stderr.write(`histories of ${test} were not kept: ${String(error)}\n`);
    },
  );
}

/** Starts `refit worker` as a process of its own and waits until it polls. */
export async function startWorker(bed: Bed): Promise<WorkerProcess> {
  const log = join(bed.dir, '..', `worker-${String(bed.workers.length + 1)}.log`);
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, [join(root, 'clients/cli/main.ts'), 'worker'], {
    cwd: root,
    env: bed.env,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const worker = { process: child, log, ended };
  bed.workers.push(worker);
  const tail = () => readFileSync(log, 'utf8').slice(-4000);
  await waitUntil({
    condition: async () => {
      const end = child.exitCode ?? child.signalCode;
      if (end !== null) throw new Error(`the worker ended with ${String(end)}:\n${tail()}`);
      return (await pollers(bed)).includes(child.pid ?? 0);
    },
    timeoutMs: WORKER_STARTS_WITHIN_MS,
    onTimeout: () => new Error(`the worker does not poll after a quarter of an hour:\n${tail()}`),
  });
  return worker;
}

/** Process ids of the workers that the task queue knows; identities begin with the pid. */
async function pollers(bed: Bed): Promise<number[]> {
  const asked = bed.client.workflowService.describeTaskQueue({
    namespace: bed.sandbox.temporal.namespace,
    taskQueue: { name: 'refit' },
    taskQueueType: 2,
  });
  // A server that does not answer now knows of none yet.
  const answer = await asked.catch(() => undefined);
  return (answer?.pollers ?? []).map((poller) => Number.parseInt(poller.identity ?? '', 10));
}

export async function stopWorker(
  worker: WorkerProcess,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  if (worker.process.exitCode === null && worker.process.signalCode === null) worker.process.kill(signal);
  await worker.ended;
}

/** Runs a command to its end, with the sandbox's environment. */
export const say = (
  bed: Bed,
  command: string,
  args: readonly string[],
  timeoutMs = COMMAND_ENDS_WITHIN_MS,
): Promise<Said> => beginSaying(bed, command, args, timeoutMs).ended;

export type Saying = { ended: Promise<Said>; soFar: () => string };

/** The same, for what is listened to while it speaks. */
export function beginSaying(bed: Bed, command: string, args: readonly string[], timeoutMs: number): Saying {
  const child = spawn(command, args, { cwd: root, env: bed.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const ended = new Promise<Said>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
  return { ended, soFar: () => stdout };
}

async function must(said: Promise<Said>, what: string): Promise<string> {
  const { code, stdout, stderr } = await said;
  if (code !== 0) throw new Error(`${what} ended with ${String(code)}:\n${stdout}\n${stderr}`);
  return stdout;
}

/** Asked again where a busy server let it wait, if it only reads. */
export const refit = (bed: Bed, ...args: string[]): Promise<Said> =>
  sayUntilHeard('refit', args, { say: () => refitOnce(bed, ...args), timeoutMs: COMMAND_ENDS_WITHIN_MS });

const refitOnce = (bed: Bed, ...args: string[]): Promise<Said> =>
  say(bed, process.execPath, [join(root, 'clients/cli/main.ts'), ...args]);

/** A stock tool, whatever it answers; what a busy server refuses is asked for again. */
export const stock = (
  bed: Bed,
  tool: 'temporal' | 'kubectl',
  args: readonly string[],
  timeoutMs = COMMAND_ENDS_WITHIN_MS,
): Promise<Said> => sayUntilHeard(tool, args, { say: () => say(bed, tool, args, timeoutMs), timeoutMs });

/** The stock Temporal CLI; throws unless it ends with 0. */
export const temporal = (bed: Bed, ...args: string[]): Promise<string> =>
  must(stock(bed, 'temporal', args), `temporal ${args.join(' ')}`);

/** As `temporal`, for a command that waits. */
export const temporalWithin = (bed: Bed, timeoutMs: number, ...args: string[]): Promise<string> =>
  must(stock(bed, 'temporal', args, timeoutMs), `temporal ${args.join(' ')}`);

export const kubectl = (bed: Bed, ...args: string[]): Promise<string> =>
  must(stock(bed, 'kubectl', args), `kubectl ${args.join(' ')}`);

/** Applied as a list; what stands there already is changed. */
export async function apply(bed: Bed, items: readonly object[]): Promise<void> {
  const file = join(bed.dir, '..', 'applied.json');
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await kubectl(bed, 'apply', '-f', file);
}

export const fault = (bed: Bed, ...args: string[]): Promise<string> =>
  must(refit(bed, 'sandbox', 'fault', ...args), `refit sandbox fault ${args.join(' ')}`);

/** A query that came ahead of a workflow task, or met a busy server, is asked again. */
async function query<T>(bed: Bed, workflowId: string, name: string, page: object = {}): Promise<T> {
  for (let left = QUERY_TRIES; ; left -= 1) {
    try {
      return await bed.client.workflow.getHandle(workflowId).query<T, [object]>(name, page);
    } catch (error) {
      const isAhead = error instanceof Error && error.message.includes(QUERY_AHEAD_OF_TASK);
      if (left === 0 || (!isAhead && !(error instanceof ServiceError))) throw error;
      await pause(QUERY_PAUSE_MS);
    }
  }
}

export const runStatus = (bed: Bed, workflowId: string): Promise<RunStatus> =>
  query<RunStatus>(bed, workflowId, 'status');

export const runTable = (bed: Bed, workflowId: string): Promise<TablePage> =>
  query<TablePage>(bed, workflowId, 'table', { limit: 500 });

export const runWhy = (bed: Bed, workflowId: string): Promise<WhyPage> =>
  query<WhyPage>(bed, workflowId, 'why');

/** Waits for what the run's status shows; a failure tells the last status. */
export async function waitForStatus(
  bed: Bed,
  workflowId: string,
  what: string,
  condition: (status: RunStatus) => boolean,
  timeoutMs = STATUS_SHOWS_WITHIN_MS,
): Promise<RunStatus> {
  let last: RunStatus | undefined;
  let trouble: unknown;
  await waitUntil({
    condition: async () => {
      try {
        last = await runStatus(bed, workflowId);
      } catch (error) {
        // No worker, or a server that is being restarted: ask again until the time is up.
        trouble = error;
        return false;
      }
      return condition(last);
    },
    timeoutMs,
    onTimeout: () =>
      new Error(
        `waited ${String(timeoutMs / 1000)} s for ${what}; last: ${JSON.stringify(last ?? String(trouble), null, 1)}`,
      ),
  });
  if (last === undefined) throw new Error('unreachable');
  return last;
}

export const auditLog = (bed: Bed, since = 0): Request[] =>
  readAuditLog(bed.sandbox.clusters[0]?.auditLog ?? '').filter((request) => request.at >= since);

export async function ec2Calls(bed: Bed, since = 0): Promise<Ec2Call[]> {
  const answer = await fetch(`${bed.sandbox.ec2.endpoint}/_sandbox/calls`);
  return (await answer.text())
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Ec2Call)
    .filter((call) => Date.parse(call.time) >= since);
}
