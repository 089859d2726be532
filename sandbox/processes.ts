// Starts, watches and stops the sandbox's long-lived processes. Each has a record in <dir>/pids and a
// log in <dir>/logs, so that another run of the command line finds it again. It must never signal a
// process that it cannot prove to be the one it started, and never any by name.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { processIdentity } from './process-identity.ts';
import { waitUntil } from './waiting.ts';

export interface ProcessPlace {
  name: string;
  dir: string;
}

export interface ProcessStart extends ProcessPlace {
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Asked again and again until true; a throw counts as "not yet". */
  readyWhen: () => Promise<boolean>;
  timeoutMs: number;
}

interface ProcessRecord {
  pid: number;
  identity: string;
  command: string;
  args: string[];
}

// A server that flushes a database gets this long to end by itself before it is killed.
const TERM_GRACE_MS = 10_000;
const KILL_GRACE_MS = 60_000;
// Enough to hold a Go panic with its first goroutine, short enough to read in a terminal.
const LOG_TAIL_LINES = 25;
const PROBE_INTERVAL_MS = 50;

function logFile(o: ProcessPlace): string {
  return join(o.dir, 'logs', `${o.name}.log`);
}

function pidFile(o: ProcessPlace): string {
  return join(o.dir, 'pids', `${o.name}.json`);
}

export async function logTail(path: string): Promise<string> {
  try {
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    return lines.slice(-LOG_TAIL_LINES).join('\n');
  } catch {
    return '(no log was written)';
  }
}

async function readRecord(o: ProcessPlace): Promise<ProcessRecord | undefined> {
  try {
    return JSON.parse(await readFile(pidFile(o), 'utf8')) as ProcessRecord;
  } catch {
    // Absent, or cut short by a crash in the middle of writing: nothing that could be trusted.
    return undefined;
  }
}

async function writeRecord(o: ProcessPlace, record: ProcessRecord): Promise<void> {
  await mkdir(join(o.dir, 'pids'), { recursive: true });
  const draft = `${pidFile(o)}.${String(process.pid)}`;
  await writeFile(draft, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(draft, pidFile(o));
}

/** Its id while it runs; undefined when it ended or was never started. */
export async function runningPid(o: ProcessPlace): Promise<number | undefined> {
  const record = await readRecord(o);
  if (record === undefined) return undefined;
  return (await processIdentity(record.pid)) === record.identity ? record.pid : undefined;
}

export async function isRunning(o: ProcessPlace): Promise<boolean> {
  return (await runningPid(o)) !== undefined;
}

/** The names of every process that has a record in this folder, running or not. */
export async function recordedProcesses(dir: string): Promise<string[]> {
  try {
    const files = await readdir(join(dir, 'pids'));
    return files.filter((f) => f.endsWith('.json')).map((f) => f.slice(0, -'.json'.length));
  } catch {
    return [];
  }
}

/** Takes a process that another program started for us under the same care as our own. */
export async function adoptProcess(
  o: ProcessPlace & { pid: number; command: string; args: string[] },
): Promise<void> {
  const identity = await processIdentity(o.pid);
  if (identity === undefined)
    throw new Error(`${o.name}: process ${String(o.pid)} ended before it could be recorded`);
  await writeRecord(o, { pid: o.pid, identity, command: o.command, args: o.args });
}

function spawnDetached(o: ProcessStart): ChildProcess {
  mkdirSync(join(o.dir, 'logs'), { recursive: true });
  const log = openSync(logFile(o), 'a');
  try {
    return spawn(o.command, o.args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...o.env },
      cwd: o.dir,
    });
  } finally {
    closeSync(log);
  }
}

async function failure(o: ProcessStart, what: string): Promise<Error> {
  const path = logFile(o);
  return new Error(
    [
      `${o.name} ${what}`,
      `  command: ${[o.command, ...o.args].join(' ')}`,
      `  log: ${path}, which ends with:`,
      await logTail(path),
    ].join('\n'),
  );
}

async function awaitReady(o: ProcessStart, ended: () => string | undefined): Promise<void> {
  const deadline = performance.now() + o.timeoutMs;
  let lastProbe = 'it answered that it is not ready';
  for (;;) {
    const end = ended();
    if (end !== undefined) throw await failure(o, `ended before it was ready: ${end}.`);
    try {
      if (await o.readyWhen()) break;
    } catch (error) {
      lastProbe = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() >= deadline) {
      throw await failure(
        o,
        `was not ready after ${String(o.timeoutMs / 1000)} s; the last probe: ${lastProbe}.`,
      );
    }
    await pause(PROBE_INTERVAL_MS);
  }
  // Something else may answer on its port: ready is said only of a process that still runs.
  const end = ended();
  if (end !== undefined) throw await failure(o, `ended before it was ready: ${end}.`);
}

/** Returns once it is ready. When it is not in time, it is stopped, and the error tells its log's tail. */
export async function startProcess(o: ProcessStart): Promise<{ pid: number }> {
  const running = await runningPid(o);
  if (running !== undefined)
    throw new Error(`${o.name} is already running in ${o.dir} as process ${String(running)}`);
  const child = spawnDetached(o);
  let end: string | undefined;
  child.once('error', (error) => (end = error.message));
  child.once(
    'exit',
    (code, signal) => (end = signal === null ? `exit code ${String(code)}` : `signal ${signal}`),
  );
  const pid = child.pid;
  if (pid === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    throw await failure(o, `could not be started: ${end ?? 'no process id'}.`);
  }
  const identity = await processIdentity(pid);
  if (identity !== undefined) await writeRecord(o, { pid, identity, command: o.command, args: o.args });
  try {
    await awaitReady(o, () => end);
  } catch (error) {
    await stopProcess(o);
    throw error;
  }
  child.removeAllListeners();
  child.unref();
  return { pid };
}

async function signalAndWait(o: ProcessPlace, signal: NodeJS.Signals, timeoutMs: number): Promise<boolean> {
  const pid = await runningPid(o);
  if (pid === undefined) return true;
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  try {
    await waitUntil({
      condition: async () => !(await isRunning(o)),
      timeoutMs,
      onTimeout: () => new Error('still running'),
    });
    return true;
  } catch {
    return false;
  }
}

/** Ends it, first politely. Ended already, or never started: nothing to do. */
export async function stopProcess(o: ProcessPlace): Promise<void> {
  const ended =
    (await signalAndWait(o, 'SIGTERM', TERM_GRACE_MS)) || (await signalAndWait(o, 'SIGKILL', KILL_GRACE_MS));
  if (!ended)
    throw new Error(
      `${o.name} could not be stopped: process ${String(await runningPid(o))} survives SIGKILL`,
    );
  await rm(pidFile(o), { force: true });
}

/** Ends it at once, as a crash would, and keeps its record: for tests of what happens then. */
export async function crashProcess(o: ProcessPlace): Promise<void> {
  if (!(await signalAndWait(o, 'SIGKILL', KILL_GRACE_MS))) throw new Error(`${o.name} survives SIGKILL`);
}
