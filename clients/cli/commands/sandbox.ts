// `refit sandbox …`: the sandbox brings its own commands; this only hangs them in.
import type { Command } from 'commander';
import { registerSandboxCommands } from '../../../sandbox/cli.ts';
import type { CliContext } from '../context.ts';

export function registerSandbox(program: Command, context: CliContext): void {
  registerSandboxCommands(program, context);
}
