// The context of a real process: its terminal, its settings, its way to the servers.
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import { resolveConnection } from './connection.ts';
import type { CliContext, Environment, Writer } from './context.ts';
import { openFleetSide, openRecords } from './fleet-client.ts';

export type ProcessParts = Pick<CliContext, 'interrupted' | 'ownInterrupt' | 'setExitCode'> & {
  env: Environment;
};

export function createProcessContext(parts: ProcessParts): CliContext {
  return {
    ...parts,
    out: writerOf(process.stdout),
    err: writerOf(process.stderr),
    userName,
    now: () => new Date(),
    pause: (ms) => sleep(ms, undefined, { signal: parts.interrupted }).catch(() => undefined),
    connect: async (flags) => {
      const settings = resolveConnection(flags, parts.env);
      // Loading gRPC takes a third of a second, which `refit validate` need not wait for.
      const { connectTemporal } = await import('./temporal-client.ts');
      return connectTemporal(settings);
    },
    fleet: (o) => openFleetSide(o.fleetPath, parts.env),
    records: () => openRecords(parts.env),
    askYesNo: isInteractive() ? (question) => askYesNo(question, parts.interrupted) : undefined,
    liveRegion: () => {
      const log = createLogUpdate(process.stdout);
      return { show: log, done: log.done };
    },
    runWorker: async (env) => {
      // The native core and webpack are for a worker alone.
      const [{ runWorker }, { readSettings }] = await Promise.all([
        import('../../workers/main.ts'),
        import('../../workers/settings.ts'),
      ]);
      await runWorker(readSettings(env));
    },
  };
}

/** Questions go to stderr: what is asked is no fact. */
function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

async function askYesNo(question: string, signal: AbortSignal): Promise<boolean | undefined> {
  const { confirm } = await import('@inquirer/prompts');
  try {
    return await confirm({ message: question, default: false }, { output: process.stderr, signal });
  } catch {
    return undefined;
  }
}

function writerOf(stream: NodeJS.WriteStream): Writer {
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY === true,
    // Asked anew each time: people resize their terminals.
    get columns() {
      return stream.columns ?? 80;
    },
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
