// The `refit` command: hands the process's own terminal, settings and signals to the commands, and
// ends with their exit code. The one place of the command line that touches `process`.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import { collectClusterNames, isCompletionRequest } from './commands/completion.ts';
import { resolveConnection } from './connection.ts';
import type { CliContext, Writer } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { openFleetSide, openRecords } from './fleet-client.ts';
import { buildProgram, runProgram } from './program.ts';
import { connectTemporal } from './temporal-client.ts';

// Long enough for a command to say how its run is followed, short enough not to feel stuck.
const INTERRUPT_GRACE_MS = 2_000;

const SAME_INTERRUPT_MS = 300;

const interruption = new AbortController();
let ownsInterrupt = false;
let exitCode: ExitCode = EXIT.ok;

function writerOf(stream: NodeJS.WriteStream): Writer {
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY === true,
    columns: stream.columns ?? 80,
    get rows() {
      return stream.rows ?? 24;
    },
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under an id that has no name.
    return `uid-${String(process.getuid?.() ?? 'unknown')}`;
  }
}

function runProcess(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    const forward = (): void => {
      child.kill('SIGTERM');
    };
    process.once('SIGTERM', forward);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.removeListener('SIGTERM', forward);
      resolve(code ?? (signal === 'SIGINT' ? EXIT.interrupted : EXIT.error));
    });
  });
}

const context: CliContext = {
  out: writerOf(process.stdout),
  err: writerOf(process.stderr),
  env: process.env,
  userName,
  now: () => new Date(),
  pause: (ms) => sleep(ms, undefined, { signal: interruption.signal }).catch(() => undefined),
  interrupted: interruption.signal,
  ownInterrupt: () => {
    ownsInterrupt = true;
  },
  setExitCode: (code) => {
    exitCode = code;
  },
  connect: (flags) => connectTemporal(resolveConnection(flags, process.env)),
  fleet: (o) => openFleetSide(o.fleetPath, process.env),
  records: () => openRecords(process.env),
  liveRegion: () => {
    const log = createLogUpdate(process.stdout);
    return { show: log, done: log.done };
  },
  runProcess,
};

// Whoever reads our output may stop reading (`refit nodes | head`): that is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

let interruptedAt = 0;
process.on('SIGINT', () => {
  // The terminal and the starter script may both pass on one and the same ctrl-C.
  if (Date.now() - interruptedAt < SAME_INTERRUPT_MS) return;
  interruptedAt = Date.now();
  // The second ctrl-C of somebody in a hurry ends everything here; runs go on elsewhere.
  if (interruption.signal.aborted && !ownsInterrupt) process.exit(EXIT.interrupted);
  interruption.abort();
  if (ownsInterrupt) return;
  setTimeout(() => {
    process.stderr.write('interrupted\n');
    process.exit(EXIT.interrupted);
  }, INTERRUPT_GRACE_MS).unref();
});

const packageJson = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string;
};
const args = process.argv.slice(2);
const clusters = isCompletionRequest(args) ? await collectClusterNames(context) : [];
const program = buildProgram(context, { version: packageJson.version, clusters });
const failed = await runProgram(program, args, context);
process.exitCode = failed ?? exitCode;
