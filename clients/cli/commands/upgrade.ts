// `refit upgrade`: starts a run, waits until it is known whether it was refused, and with --watch
// follows it to its end. The run itself goes on without this command.
import type { Command } from 'commander';
import type { FleetUpgradeInput } from '../../../domain/run.ts';
import type { RunStatus } from '../../../domain/status.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { addExamples } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { isForPrograms, outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { summarizeEnd } from '../run-end.ts';
import type { EndSummary } from '../run-end.ts';
import { sayTroubles, START_WORKER_HINT, whyNoWorker, withTemporal } from '../runs.ts';
import type { TemporalSide } from '../temporal-side.ts';
import { addUpgradeOptions, makeWorkerInput } from '../upgrade-input.ts';
import type { UpgradeFlags } from '../upgrade-input.ts';
import { watchRun } from '../watch/watch-run.ts';
import { showPlan } from './plan.ts';
import { planPromotion } from './plan-promotion.ts';
import { startPromotion } from './promote.ts';
import { sayEnd } from './status.ts';

type Flags = UpgradeFlags &
  RunFlags & { watch?: boolean; dryRun?: boolean; promote?: boolean; output: Format };

// Planning 5,000 nodes takes a few seconds; a run that has not planned by then is followed by `status`.
const PLAN_WAIT_MS = 15_000;
// A run that is refused tells people before it ends: half a minute, where a place of theirs takes no message.
const REFUSAL_TOLD_MS = 45_000;
const LOOK_EVERY_MS = 500;

export function registerUpgrade(program: Command, context: CliContext): void {
  const command = program
    .command('upgrade')
    .description('start an upgrade of the nodes of a cluster')
    .argument('[cluster]', 'name of the cluster; left out with --promote')
    .option('-w, --workflow-id <id>', 'id of the run (default: upgrade.<fleet>.<cluster>)')
    .option('--watch', 'follow it to its end')
    .option('--dry-run', 'only plan: the same as refit plan')
    .option('--promote', 'one release through all clusters of the fleet, from dev to qa to prod')
    .addOption(outputOption())
    .action((cluster: string | undefined, flags: Flags) => upgrade(context, cluster, flags));
  addUpgradeOptions(command);
  addConnectionOptions(command);
  addExamples(
    command,
    [
      'refit upgrade prod-east --dry-run',
      'refit upgrade prod-east --pool h100 --plan-digest sha256:3f1c… --watch',
      `refit upgrade prod-east --policy '{"disruption":{"unavailableMax":3}}'`,
      'refit upgrade --promote --release 2026.11',
    ],
    `
Interrupting --watch leaves the run at work. Without REFIT_FLEET or --fleet-file, name the fleet by
--fleet: then the worker alone checks the names.`,
  );
}

async function upgrade(context: CliContext, cluster: string | undefined, flags: Flags): Promise<void> {
  if (flags.promote === true) {
    await (flags.dryRun === true ? planPromotion : startPromotion)(context, cluster, flags);
    return;
  }
  if (cluster === undefined) {
    throw new CliError("missing required argument 'cluster'", {
      hints: [
        'Name it: refit upgrade CLUSTER',
        'Or take a release through all of them: refit upgrade --promote',
      ],
    });
  }
  await (flags.dryRun === true ? showPlan : startUpgrade)(context, cluster, flags);
}

async function startUpgrade(context: CliContext, cluster: string, flags: Flags): Promise<void> {
  const input = await makeWorkerInput(context, cluster, flags);
  const workflowId = flags.workflowId ?? `upgrade.${input.fleet}.${input.cluster}`;
  await withTemporal(context, flags, async (temporal) => {
    if ((await temporal.start({ workflowId, input })) === 'alreadyOpen') throw alreadyOpen(workflowId, input);
    say(context, `Run ${workflowId} has begun.`);
    const why = whyNoWorker(temporal, await temporal.collectWorkers());
    if (why !== undefined) say(context, `warning: ${why}; the run waits for one.`, `  ${START_WORKER_HINT}`);
    if (flags.watch === true) {
      const end = await watchRun(context, temporal, workflowId, { output: flags.output });
      sayEnd(context, workflowId, end, flags.output);
      return;
    }
    // From here on the run goes on without this command: ctrl-C ends the look, and says so.
    context.ownInterrupt();
    const looking: Begun | Promise<Begun> =
      why === undefined ? awaitPlanned(context, temporal, workflowId) : {};
    const begun = await Promise.race([looking, interruption(context.interrupted)]);
    tellBegun(context, workflowId, input, begun, flags.output);
    if (begun.end === undefined && context.interrupted.aborted) context.setExitCode(EXIT.interrupted);
  });
}

function alreadyOpen(workflowId: string, input: FleetUpgradeInput): CliError {
  return new CliError(
    `run ${workflowId} is open already: one run at a time upgrades cluster ${input.cluster}`,
    {
      hints: [
        `Where it stands: refit status -w ${workflowId}`,
        'Start another by its own id, and it waits for the cluster: refit upgrade … -w ID',
      ],
    },
  );
}

type Begun = { status?: RunStatus; end?: EndSummary; troubles?: readonly string[] };

/** Until the run has planned, waits for the cluster, or has ended: a refusal is known within seconds. */
async function awaitPlanned(context: CliContext, temporal: TemporalSide, workflowId: string): Promise<Begun> {
  const begun = context.now().getTime();
  let status: RunStatus | undefined;
  let troubles: readonly string[] = [];
  const untilMs = () => begun + PLAN_WAIT_MS + (isTelling(troubles) ? REFUSAL_TOLD_MS : 0);
  while (context.now().getTime() < untilMs() && !context.interrupted.aborted) {
    const run = await temporal.describe(workflowId);
    if (run !== undefined && run.closedAt !== null) {
      return { end: summarizeEnd(await temporal.collectEnd(workflowId)) };
    }
    troubles = run?.troubles ?? [];
    status = await temporal.query(workflowId, 'status').catch(() => undefined);
    if (status !== undefined && (status.planDigest !== null || status.phase === 'waiting-for-cluster')) {
      return { status };
    }
    await context.pause(LOOK_EVERY_MS);
  }
  return status === undefined ? { troubles } : { status, troubles };
}

/** Nothing else keeps a run that has not planned: only one that cannot begin has something to tell so early. */
function isTelling(troubles: readonly string[]): boolean {
  return troubles.length > 0 && troubles.every((trouble) => trouble.startsWith('notify: '));
}

/** Nothing is known then; a look may last as long as a query's deadline, and nobody waits for that. */
function interruption(signal: AbortSignal): Promise<Begun> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve({});
    signal.addEventListener('abort', () => {
      resolve({});
    });
  });
}

function tellBegun(
  context: CliContext,
  workflowId: string,
  input: FleetUpgradeInput,
  begun: Begun,
  output: Format,
): void {
  const { status, end } = begun;
  if (isForPrograms(output)) {
    printFacts(
      context,
      output,
      {
        workflowId,
        input,
        phase: end === undefined ? (status?.phase ?? 'preparing') : 'ended',
        planDigest: status?.planDigest ?? null,
        counts: status?.counts ?? null,
        ended: end === undefined ? null : { outcome: end.outcome, text: end.text },
      },
      () => '',
    );
  }
  if (end !== undefined) {
    sayEnd(context, workflowId, end, output);
    return;
  }
  if (!isForPrograms(output)) context.out.write(`${begunLine(workflowId, status)}\n`);
  sayTroubles(context, begun.troubles ?? []);
  say(context, `Follow it: refit status -w ${workflowId} --watch`);
}

function begunLine(workflowId: string, status: RunStatus | undefined): string {
  if (status === undefined) return workflowId;
  const { counts } = status;
  const why = status.phaseWhy === null ? '' : ` (${status.phaseWhy})`;
  const work = counts.total - counts.upToDate - counts.leftAlone;
  return `${workflowId}  ${status.phase}${why}  ${String(work)} of ${String(counts.total)} nodes to upgrade`;
}
