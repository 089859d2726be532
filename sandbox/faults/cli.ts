// `refit sandbox fault`: lists faults, turns them on, clears them. It must never decide what a fault does.
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { sandboxDir } from '../state.ts';
import { parseFaultKind, renderFaultCatalog } from './catalog.ts';
import { readFaults } from './fault-file.ts';
import { injectFault, removeFaults } from './inject.ts';

export interface FaultIo {
  out: { write: (text: string) => unknown };
  err: { write: (text: string) => unknown };
  env: Readonly<Record<string, string | undefined>>;
}

interface FaultFlags {
  dir?: string;
  cluster?: string;
  list?: boolean;
  seconds: number;
  share: number;
  action?: string[];
}

const SECONDS_DEFAULT = 60;

function numberWithin(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a number from ${String(min)} to ${String(max)}.`);
  };
}

function renderOn(dir: string): string {
  const faults = readFaults(dir);
  if (faults.length === 0) return 'No fault is on. See what there is: refit sandbox fault --list';
  return faults.map((fault) => `on: ${JSON.stringify(fault)}`).join('\n');
}

function dirOption(): Option {
  return new Option('--dir <dir>', "the sandbox's folder (default: $REFIT_SANDBOX, or .refit/sandbox here)");
}

/** Adds `fault` and `fault clear` under `sandbox`. */
export function registerFaultCommands(
  parent: Command,
  io: FaultIo = { out: process.stdout, err: process.stderr, env: process.env },
): Command {
  const fault = parent
    .command('fault')
    .description('make something go wrong in the sandbox; without a name, tell what is on')
    .argument('[name]', 'which; see --list')
    .argument('[on...]', 'nodes, or for pdb-blocks NAMESPACE/NAME')
    .option('--list', 'every fault there is, in one line each')
    .option('--cluster <name>', 'the cluster of the nodes; the first one when absent')
    .option('--seconds <seconds>', 'slow-reimage: how long', numberWithin(1, 86_400), SECONDS_DEFAULT)
    .option('--share <share>', 'throttle: share of the calls', numberWithin(0, 1), 1)
    .option('--action <action...>', 'throttle: only these actions')
    .addOption(dirOption())
    .action(async (name: string | undefined, on: string[], flags: FaultFlags) => {
      const dir = sandboxDir(flags.dir, io.env);
      if (flags.list === true) io.out.write(`${renderFaultCatalog()}\n`);
      else if (name === undefined) io.out.write(`${renderOn(dir)}\n`);
      else {
        const { cluster, seconds, share, action } = flags;
        await injectFault(dir, {
          kind: parseFaultKind(name),
          on,
          cluster,
          seconds,
          share,
          actions: action ?? null,
        });
        io.err.write(`${name} is on. Undo it: refit sandbox fault clear ${name}\n`);
      }
    });
  fault
    .command('clear')
    .description('undo all faults, or those of one name')
    .argument('[name]', 'which; all when absent')
    .addOption(dirOption())
    .action(async (name: string | undefined, _flags: FaultFlags, command: Command) => {
      const { dir } = command.optsWithGlobals<FaultFlags>();
      const kind = name === undefined ? undefined : parseFaultKind(name);
      const cleared = await removeFaults(sandboxDir(dir, io.env), kind);
      io.err.write(cleared.length === 0 ? 'No such fault was on.\n' : `Cleared: ${cleared.join(', ')}\n`);
    });
  return fault;
}
