// `refit worker`: the worker itself, in this terminal, as a process of its own.
import { join } from 'node:path';
import type { Command } from 'commander';
import type { CliContext } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { addExamples } from '../options.ts';

// By path, not by import: what a worker needs (the native core, webpack) has no place in a command
// that a person waits for.
const WORKER_MAIN = join(import.meta.dirname, '../../../workers/main.ts');

export function registerWorker(program: Command, context: CliContext): void {
  const command = program
    .command('worker')
    .description('run a worker: what does the work of all runs; any number may run side by side')
    .allowUnknownOption()
    .argument('[args...]', "the worker's own options")
    .action(async (args: readonly string[]) => {
      context.ownInterrupt();
      const code = await context.runProcess(process.execPath, [WORKER_MAIN, ...args]);
      context.setExitCode(code === 0 ? EXIT.ok : code === 130 ? EXIT.interrupted : EXIT.error);
    });
  addExamples(
    command,
    ['refit worker', 'REFIT_FLEET=fleet.yaml REFIT_RECORDS=./records refit worker'],
    `
Settings: REFIT_FLEET (fleet file or folder), REFIT_RECORDS (folder), TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE and the temporal.toml profile, KUBECONFIG, the AWS SDK's own variables.
ctrl-C ends it once the activities at work have saved where they are; others take them over.`,
  );
}
