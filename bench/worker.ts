// `refit worker` as a process of its own, as an operator would start it, for the time of a measurement.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitUntil } from '../sandbox/waiting.ts';
import type { BenchBed } from './bed.ts';

const ROOT = join(import.meta.dirname, '..');
const POLLING_TIMEOUT_MS = 120_000;
const ACTIVITY_QUEUE = 2;

export async function withWorker<T>(bed: BenchBed, work: (pid: number) => Promise<T>): Promise<T> {
  const log = join(bed.dir, 'logs', 'bench-worker.log');
  const output = openSync(log, 'a');
  const child = spawn(process.execPath, [join(ROOT, 'clients/cli/main.ts'), 'worker'], {
    cwd: ROOT,
    env: bed.env,
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pid = child.pid ?? 0;
  try {
    await waitUntil({
      condition: async () => {
        if (child.exitCode !== null)
          throw new Error(`the worker ended: ${readFileSync(log, 'utf8').slice(-2000)}`);
        return polls(bed, pid);
      },
      timeoutMs: POLLING_TIMEOUT_MS,
      onTimeout: () => new Error(`the worker does not poll: ${readFileSync(log, 'utf8').slice(-2000)}`),
    });
    return await work(pid);
  } finally {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
  }
}

/** The identity of a poller begins with its process id. */
async function polls(bed: BenchBed, pid: number): Promise<boolean> {
  const { pollers } = await bed.client.workflowService.describeTaskQueue({
    namespace: bed.sandbox.temporal.namespace,
    taskQueue: { name: 'refit' },
    taskQueueType: ACTIVITY_QUEUE,
  });
  return (pollers ?? []).some((each) => Number.parseInt(each.identity ?? '', 10) === pid);
}
