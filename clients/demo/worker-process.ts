// A worker as a child process, which the demo may kill as a machine's death would.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';

const WORKER_MAIN = join(import.meta.dirname, '../../workers/main.ts');
// A worker saves where its activities are within seconds; longer means that it hangs.
const STOP_GRACE_MS = 15_000;
const LOG_TAIL_LINES = 15;

export type WorkerProcess = {
  pid: number;
  /** Resolves when it has ended, however it did. */
  ended: Promise<void>;
  hasEnded: () => boolean;
  logTail: () => string;
  kill: () => Promise<void>;
  stop: () => Promise<void>;
};

export function startWorker(o: { env: NodeJS.ProcessEnv; logFile: string }): WorkerProcess {
  const log = openSync(o.logFile, 'a');
  const child = spawn(process.execPath, [WORKER_MAIN], { env: o.env, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = once(child, 'exit').then(() => undefined);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    ended,
    hasEnded,
    logTail: () => readFileSync(o.logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n'),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      if (hasEnded()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
