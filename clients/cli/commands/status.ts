// `refit status`: where a run stands now, and with --watch until it ends.
import type { Command } from 'commander';
import { renderStatus } from '../../../domain/render/status.ts';
import type { RunStatus } from '../../../domain/status.ts';
import { troubleText } from '../../../domain/step-trouble.ts';
import { collectChildTroubles } from '../child-troubles.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { addExamples, workflowIdOption } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { isForPrograms, outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import {
  askRun,
  explainNotOpen,
  pickRun,
  sayTroubles,
  sayUnasked,
  START_WORKER_HINT,
  whyNoWorker,
  withTemporal,
} from '../runs.ts';
import { summarizeEnd } from '../run-end.ts';
import type { RunDescription, TemporalSide } from '../temporal-side.ts';
import { watchRun } from '../watch/watch-run.ts';
import type { EndSummary } from '../run-end.ts';

type StatusFlags = RunFlags & { watch?: boolean; output: Format };

export function registerStatus(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .description('where a run stands: what is at work, what waits for whom, what was ignored')
    .addOption(workflowIdOption())
    .option('--watch', 'follow it to its end; live on a terminal, one line for each change in a pipe')
    .addOption(outputOption())
    .action((flags: StatusFlags) => showStatus(context, flags));
  addConnectionOptions(command);
  addExamples(
    command,
    ['refit status', 'refit status --watch', 'refit status -w upgrade.training.prod-east -o json'],
    `
With --watch -o json, one JSON document a line is printed for each change, and the exit code tells
the outcome: 0 succeeded, 3 refused, 4 ended with failures, aborted or cancelled.`,
  );
}

async function showStatus(context: CliContext, flags: StatusFlags): Promise<void> {
  await withTemporal(context, flags, async (temporal) => {
    const workflowId = await pickRun(temporal, flags);
    if (flags.watch === true) {
      const end = await watchRun(context, temporal, workflowId, { output: flags.output });
      sayEnd(context, workflowId, end, flags.output);
      return;
    }
    await ensureAnswerable(context, temporal, workflowId, flags.output);
    const status = await askRun(temporal, workflowId, 'status');
    printFacts(context, flags.output, status, () => renderStatus(status, context.now()));
    const run = await temporal.describe(workflowId);
    if (run !== undefined && run.closedAt === null) {
      sayTroubles(context, run.troubles);
      await tellChildren(context, temporal, status);
    }
    // A run that failed as a workflow (refused, bad input) says so only in how it closed.
    if (run !== undefined && run.closedAt !== null && !isForPrograms(flags.output)) {
      say(context, `ended: ${summarizeEnd(await temporal.collectEnd(workflowId)).text}`);
    }
  });
}

export function sayEnd(context: CliContext, workflowId: string, end: EndSummary, output: Format): void {
  if (!isForPrograms(output) || end.exitCode !== 0) say(context, `run ${workflowId}: ${end.text}`);
  if (end.outcome !== null) say(context, `Report: refit report ${workflowId}`);
  context.setExitCode(end.exitCode);
}

async function tellChildren(context: CliContext, temporal: TemporalSide, status: RunStatus): Promise<void> {
  const { troubled, unasked } = await collectChildTroubles(temporal, status.active);
  sayTroubles(
    context,
    troubled.map(({ node, trouble }) => `${node.node}: ${troubleText(trouble)}`),
  );
  sayUnasked(context, unasked);
}

/** Without a worker only the server's own facts can be shown; they are, and the command fails. */
async function ensureAnswerable(
  context: CliContext,
  temporal: TemporalSide,
  workflowId: string,
  output: Format,
): Promise<void> {
  const why = whyNoWorker(temporal, await temporal.collectWorkers());
  if (why === undefined) return;
  const run = await temporal.describe(workflowId);
  if (run === undefined) throw await explainNotOpen(temporal, workflowId);
  const known = renderDescription(run);
  if (isForPrograms(output)) say(context, ...known);
  else context.out.write(`${known.join('\n')}\n`);
  const hints = run.closedAt === null ? [] : [`Its report needs none: refit report ${workflowId}`];
  throw new CliError(`${why}: more than this cannot be asked`, { hints: [START_WORKER_HINT, ...hints] });
}

function renderDescription(run: RunDescription): readonly string[] {
  const closed = run.closedAt === null ? '' : `, closed at ${run.closedAt}`;
  return [
    `${run.workflowId} (${run.type}): ${run.status.toLowerCase()}, started at ${run.startedAt}${closed}`,
    ...Object.entries(run.searchAttributes).map(([name, value]) => `  ${name}: ${String(value)}`),
  ];
}
