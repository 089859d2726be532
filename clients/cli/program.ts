// All commands of `refit`, in the order in which people need them. Must never look at `process`: the
// context says what there is.
import { Command, CommanderError } from 'commander';
import { registerApprove } from './commands/approve.ts';
import { registerChangePolicy } from './commands/change-policy.ts';
import { registerCompletion } from './commands/completion.ts';
import { registerDecisions } from './commands/decisions.ts';
import { registerDrain } from './commands/drain.ts';
import { registerFleetFiles } from './commands/fleet-files.ts';
import { registerNodes } from './commands/nodes.ts';
import { registerPlan } from './commands/plan.ts';
import { registerReport } from './commands/report.ts';
import { registerSandbox } from './commands/sandbox.ts';
import type { SandboxCommands } from './commands/sandbox.ts';
import { registerSchedule } from './commands/schedule.ts';
import { registerStatus } from './commands/status.ts';
import { registerTimeline } from './commands/timeline.ts';
import { registerUpgrade } from './commands/upgrade.ts';
import { registerWhy } from './commands/why.ts';
import { registerWorker } from './commands/worker.ts';
import type { CliContext } from './context.ts';
import { exitCodeOf, renderError } from './errors.ts';
import { EXIT, EXIT_CODE_HELP } from './exit-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { paintFor } from './style.ts';

const EXAMPLES = `
A first look:
  $ refit nodes prod-east              what runs where
  $ refit plan prod-east               what would change, and why
  $ refit upgrade prod-east --watch    do it, and follow it
  $ refit approve node/ip-10-0-0-1     answer a gate, from another terminal

Temporal is found as the temporal command finds it: --address, --namespace, --profile, the
TEMPORAL_… variables, temporal.toml. Fleet files: REFIT_FLEET. Records: REFIT_RECORDS.`;

export type ProgramSettings = {
  version: string;
  /** Offered by completion. */
  clusters: readonly string[];
  /** Where one of them is meant. */
  sandbox: SandboxCommands | undefined;
};

export function buildProgram(context: CliContext, settings: ProgramSettings): Command {
  const program = new Command('refit');
  program
    .description('Durable upgrades for fleets of Kubernetes GPU nodes')
    .version(settings.version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        context.out.write(text);
      },
      writeErr: (text) => {
        context.err.write(text);
      },
      getOutHelpWidth: () => context.out.columns,
      getErrHelpWidth: () => context.err.columns,
      outputError: (text, write) => {
        write(paintFor(context.err, context.env)('red', text));
      },
    })
    .showHelpAfterError('(see --help)')
    .addHelpText('after', `${EXAMPLES}\n${EXIT_CODE_HELP}`);
  registerNodes(program, context);
  registerPlan(program, context);
  registerUpgrade(program, context);
  registerStatus(program, context);
  registerWhy(program, context);
  registerApprove(program, context);
  registerDecisions(program, context);
  registerChangePolicy(program, context);
  registerReport(program, context);
  registerTimeline(program, context);
  registerDrain(program, context);
  registerSchedule(program, context);
  registerFleetFiles(program, context);
  registerWorker(program, context);
  registerSandbox(program, context, settings.sandbox);
  registerCompletion(program, settings.clusters);
  return program;
}

/** Runs one command line to its end and answers its exit code; never throws. */
export async function runProgram(
  program: Command,
  args: readonly string[],
  context: CliContext,
): Promise<ExitCode | undefined> {
  try {
    await program.parseAsync([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    // Commander has printed its own errors already, help and version among them.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.error;
    context.err.write(
      paintFor(context.err, context.env)(
        'red',
        renderError(error, { debug: (context.env['REFIT_DEBUG'] ?? '') !== '' }),
      ),
    );
    return exitCodeOf(error);
  }
}
