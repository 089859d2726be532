// `refit sandbox …`: the sandbox brings its own commands; this only hangs them in, and only when one of
// them is meant: loading them takes longer than all the other commands together.
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';

export type SandboxCommands = (program: Command, context: CliContext) => void;

/** A completion request describes every command, theirs too. */
export function needsSandbox(args: readonly string[]): boolean {
  return args.includes('sandbox') || args[0] === 'complete';
}

export async function loadSandboxCommands(): Promise<SandboxCommands> {
  const { registerSandboxCommands } = await import('../../../sandbox/cli.ts');
  return registerSandboxCommands;
}

export function registerSandbox(
  program: Command,
  context: CliContext,
  commands: SandboxCommands | undefined,
): void {
  if (commands !== undefined) {
    commands(program, context);
    return;
  }
  program
    .command('sandbox')
    .description(
      'a real Temporal server and real Kubernetes control planes with simulated machines, on this machine',
    );
}
