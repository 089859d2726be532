// The context of a real process: its terminal, its settings, its way to the servers.
import { spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import { resolveConnection } from './connection.ts';
import type { CliContext, Environment, Writer } from './context.ts';
import { EXIT } from './exit-codes.ts';
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
    liveRegion: () => {
      const log = createLogUpdate(process.stdout);
      return { show: log, done: log.done };
    },
    runProcess: (command, args, env) => runProcess(command, args, env, parts.interrupted),
  };
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

function runProcess(
  command: string,
  args: readonly string[],
  env: Environment,
  interrupted: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env });
    const stop = (): void => {
      child.kill('SIGTERM');
    };
    // A terminal has sent ctrl-C to the child as well, and a second one would end it at once.
    const passOn = (): void => {
      if (process.stdin.isTTY !== true) stop();
    };
    process.on('SIGTERM', stop);
    interrupted.addEventListener('abort', passOn);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      process.removeListener('SIGTERM', stop);
      interrupted.removeEventListener('abort', passOn);
      resolve(code ?? (signal === 'SIGINT' ? EXIT.interrupted : EXIT.error));
    });
  });
}
