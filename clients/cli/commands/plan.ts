// `refit plan`: what an upgrade would do, without doing it. Runs the very planner that a run uses.
import type { Command } from 'commander';
import { changeRequest } from '../../../domain/render/change-request.ts';
import { listPolicyValues } from '../../../domain/policy-origins.ts';
import { renderMoves } from '../../../domain/render/moves.ts';
import { renderPlan } from '../../../domain/render/plan.ts';
import type { FleetUpgradeInput } from '../../../domain/run.ts';
import { addConnectionOptions } from '../connection.ts';
import type { ConnectionFlags } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { renderMarkdown } from '../documents.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { withFleet } from '../fleet-side.ts';
import type { PlanAnswer } from '../fleet-side.ts';
import { addExamples } from '../options.ts';
import { outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { planRemotely } from '../remote-plan.ts';
import { startCommandOf } from '../start-command.ts';
import { planPromotion } from './plan-promotion.ts';
import { addUpgradeOptions, makeUpgradeInput, makeWorkerInput } from '../upgrade-input.ts';
import type { UpgradeFlags } from '../upgrade-input.ts';

type Planned = Extract<PlanAnswer, { kind: 'planned' }>;

type PlanFlags = UpgradeFlags &
  ConnectionFlags & { remote?: boolean; promote?: boolean; detailedExitcode?: boolean; output: Format };

export function registerPlan(program: Command, context: CliContext): void {
  const command = program
    .command('plan')
    .description('what an upgrade would do to each node, and why; touches nothing')
    .argument('[cluster]', 'name of the cluster; may be left out when the fleet has one')
    .option('--remote', 'have a worker make it, which has the rights on the cluster')
    .option('--detailed-exitcode', 'exit with 2 when there is something to upgrade')
    .option('--promote', 'of a release through all clusters of the fleet: their order, and what is asked')
    .addOption(outputOption(['text', 'markdown', 'json', 'yaml']))
    .action((cluster: string | undefined, flags: PlanFlags) =>
      (flags.promote === true ? planPromotion : showPlan)(context, cluster, flags),
    );
  addUpgradeOptions(command);
  addConnectionOptions(command);
  addExamples(
    command,
    [
      'refit plan prod-east',
      'refit plan prod-east --pool h100 --detailed-exitcode',
      'refit plan prod-east --node ip-10-0-0-1 --release 2026.11 -o json',
      'refit plan prod-east -o markdown > change.md',
      'refit plan prod-east --remote --fleet training',
    ],
    '\nThe digest names this very plan: refit upgrade … --plan-digest DIGEST runs it or nothing.\n' +
      'As markdown it is a change request, for people who sign.',
  );
}

export async function showPlan(
  context: CliContext,
  cluster: string | undefined,
  flags: PlanFlags,
): Promise<void> {
  const { input, answer } = await collectPlan(context, cluster, flags);
  if (answer.kind === 'refused') {
    const lines = answer.refusals.map((one) => `${one.where}: ${one.text}`);
    printFacts(context, flags.output, answer, () =>
      ['Refused:', ...lines.map((line) => `  ${line}`)].join('\n'),
    );
    say(context, 'Nothing would be touched.');
    context.setExitCode(EXIT.refused);
    return;
  }
  const { summary } = answer;
  const start = startCommandOf(input, summary.digest, flags.fleet);
  await printPlan(context, flags.output, answer, start);
  if (answer.notKept !== undefined) {
    say(context, `Not kept, so that a start by its digest cannot tell what has moved: ${answer.notKept}`);
  }
  const demanded = input.planDigest;
  if (demanded !== undefined && demanded !== summary.digest) {
    say(context, `The plan is another one now: ${summary.digest}, demanded was ${demanded}`);
    for (const line of renderMoves(answer.moved ?? [])) say(context, `  ${line}`);
    context.setExitCode(EXIT.refused);
    return;
  }
  const changes = summary.counts.upgrade > 0;
  if (changes) say(context, `Do it: ${start}`);
  if (flags.detailedExitcode === true && changes) context.setExitCode(EXIT.changes);
}

async function collectPlan(
  context: CliContext,
  cluster: string | undefined,
  flags: PlanFlags,
): Promise<{ input: FleetUpgradeInput; answer: PlanAnswer }> {
  if (flags.remote === true) {
    const input = await makeWorkerInput(context, cluster, flags);
    return { input, answer: await planRemotely(context, input, flags) };
  }
  return withFleet(context, flags, async (side) => {
    const input = makeUpgradeInput(context, await side.collectFleets(), cluster, flags);
    return { input, answer: await side.plan(input) };
  });
}

async function printPlan(context: CliContext, output: Format, answer: Planned, start: string): Promise<void> {
  const { summary, rows, estimate, definition, moved } = answer;
  const text = output === 'markdown' ? await renderChangeRequest(answer, start) : undefined;
  const policies = definition?.pools.map(({ name, policy }) => ({
    pool: name,
    policy: policy.name,
    values: listPolicyValues(policy, definition.origins),
  }));
  const facts = { kind: 'planned', summary, rows, estimate, policies, moved };
  printFacts(context, output, facts, () => text ?? renderPlan(summary, rows, definition, estimate));
}

/** For people who sign; needs what the policies say. */
async function renderChangeRequest(
  { summary, rows, estimate, definition }: Planned,
  start: string,
): Promise<string> {
  if (definition === undefined) {
    throw new CliError('a change request needs what the policies say, and this answer came without them');
  }
  return renderMarkdown(changeRequest({ summary, rows, estimate, definition, start }));
}
