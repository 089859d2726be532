// The `refit sandbox` commands: they read options, call the sandbox and print. Facts go to `out`, all else
// to `err`. They must never decide anything about the sandbox themselves.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { registerFaultCommands } from './faults/cli.ts';
import { progressTo } from './progress.ts';
import { down, env, reset, sandboxDefaults, status, up } from './sandbox.ts';
import { sandboxDir } from './state.ts';
import { renderStatus } from './status.ts';

interface SandboxWriter {
  write: (text: string) => unknown;
  isTTY?: boolean;
  columns?: number;
}

/** What the commands get from outside. */
export interface SandboxIo {
  out: SandboxWriter;
  err: SandboxWriter;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted at ctrl-C. */
  interrupted: AbortSignal;
  /** Says that this command ends by itself after ctrl-C, once it has cleaned up. */
  ownInterrupt: () => void;
  setExitCode: (code: 0 | 1 | 130) => void;
}

interface DirOption {
  dir?: string;
}

interface UpFlags extends DirOption {
  nodes?: number;
  clusters?: number;
  seed?: number;
}

type Format = 'text' | 'json' | 'yaml';

function parseWhole(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError(`expected a whole number.`);
  return Number(text);
}

function dirOption(): Option {
  return new Option(
    '--dir <dir>',
    'the folder it stands in (default: $REFIT_SANDBOX, or .refit/sandbox here)',
  );
}

// An interrupted start ends with an error; what people should read is that it was cleaned up.
async function startOrInterrupted(
  io: SandboxIo,
  start: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  io.ownInterrupt();
  try {
    await start(io.interrupted);
  } catch (error) {
    if (!io.interrupted.aborted) throw error;
    io.err.write('\nInterrupted: everything that was started has been stopped.\n');
    io.setExitCode(130);
  }
}

async function runUp(io: SandboxIo, flags: UpFlags): Promise<void> {
  const onProgress = progressTo(io.err);
  const dir = sandboxDir(flags.dir, io.env);
  await startOrInterrupted(io, async (signal) => {
    const { nodes, clusters, seed } = flags;
    const asked = {
      ...(nodes === undefined ? {} : { nodes }),
      ...(clusters === undefined ? {} : { clusters }),
      ...(seed === undefined ? {} : { seed }),
    };
    await up({ dir, ...asked, onProgress, signal });
    const where = flags.dir === undefined ? '' : ` --dir ${flags.dir}`;
    io.err.write(`Point this shell at it: eval "$(refit sandbox env${where})"\n`);
  });
}

async function runReset(io: SandboxIo, flags: DirOption): Promise<void> {
  const onProgress = progressTo(io.err);
  const dir = sandboxDir(flags.dir, io.env);
  await startOrInterrupted(io, async (signal) => {
    await reset({ dir, onProgress, signal });
  });
}

async function runDown(io: SandboxIo, flags: DirOption): Promise<void> {
  const dir = sandboxDir(flags.dir, io.env);
  const removed = await down({ dir, onProgress: progressTo(io.err) });
  io.err.write(
    removed ? `The sandbox in ${dir} is gone.\n` : `There is no sandbox in ${dir}: nothing to do.\n`,
  );
}

async function runStatus(io: SandboxIo, flags: DirOption & { output: Format }): Promise<void> {
  const seen = await status({ dir: sandboxDir(flags.dir, io.env) });
  if (flags.output === 'text') io.out.write(`${renderStatus(seen.status, seen.ended)}\n`);
  else if (flags.output === 'yaml') io.out.write(stringify(seen.status));
  else io.out.write(`${JSON.stringify(seen.status, undefined, 2)}\n`);
  if (seen.ended.length === 0) return;
  if (flags.output !== 'text') io.err.write(`Ended: ${seen.ended.join(', ')}\n`);
  io.setExitCode(1);
}

async function runEnv(io: SandboxIo, flags: DirOption): Promise<void> {
  io.out.write(`${await env({ dir: sandboxDir(flags.dir, io.env) })}\n`);
}

/** Adds `sandbox` with its subcommands; returns it. */
export function registerSandboxCommands(program: Command, io: SandboxIo): Command {
  // Told, not set: one that stands there already is right unless something else was asked for by name.
  const [nodes, clusters, seed] = [sandboxDefaults.nodes, sandboxDefaults.clusters, sandboxDefaults.seed].map(
    String,
  );
  const sandbox = program
    .command('sandbox')
    .description(
      'a real Temporal server and real Kubernetes control planes with simulated machines, on this machine',
    );
  sandbox
    .command('up')
    .description('start one; the servers are built on the first use, which takes some minutes')
    .option('--nodes <count>', `nodes in each cluster, up to 1000 (default: ${nodes})`, parseWhole)
    .option('--clusters <count>', `prod-east, prod-east-2, … (default: ${clusters})`, parseWhole)
    .option('--seed <number>', `what chance is drawn from: names, delays (default: ${seed})`, parseWhole)
    .addOption(dirOption())
    .action((flags: UpFlags) => runUp(io, flags));
  sandbox
    .command('down')
    .description('stop everything that it started, and remove its folder')
    .addOption(dirOption())
    .action((flags: DirOption) => runDown(io, flags));
  sandbox
    .command('reset')
    .description('down, and up again with the options of the first time')
    .addOption(dirOption())
    .action((flags: DirOption) => runReset(io, flags));
  sandbox
    .command('status')
    .description('what runs, and where; exit code 1 when something ended that should run')
    .addOption(dirOption())
    .addOption(
      new Option('-o, --output <format>', 'how facts are printed')
        .choices(['text', 'json', 'yaml'])
        .default('text'),
    )
    .action((flags: DirOption & { output: Format }) => runStatus(io, flags));
  sandbox
    .command('env')
    .description('shell lines that point this shell at it: eval "$(refit sandbox env)"')
    .addOption(dirOption())
    .action((flags: DirOption) => runEnv(io, flags));
  registerFaultCommands(sandbox, io);
  return sandbox;
}
