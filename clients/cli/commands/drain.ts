// `refit drain NODE --dry-run`: what a drain would do to each pod of a node. It only looks; a node is
// drained by a run alone, which holds the cluster and counts who is away.
import type { Command } from 'commander';
import type { DrainChoice } from '../../../adapters/ports/kubernetes.ts';
import type { ClusterRef } from '../../../domain/fleet.ts';
import { renderColumns } from '../columns.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { pickCluster } from '../fleet-choice.ts';
import { withFleet } from '../fleet-side.ts';
import { addExamples, fleetNameOption, fleetPathOption } from '../options.ts';
import { outputOption, printFacts } from '../output.ts';
import type { Format } from '../output.ts';

type DrainFlags = {
  dryRun?: boolean;
  force?: boolean;
  cluster?: string;
  fleet?: string;
  fleetFile?: string;
  output: Format;
};

export function registerDrain(program: Command, context: CliContext): void {
  const command = program
    .command('drain')
    .description("what a drain would evict, skip and be blocked by; the choice is kubectl drain's")
    .argument('<node>', 'name of the node')
    .option('--dry-run', 'only look; the only way there is')
    .option('--force', "as kubectl's --force: pods of no controller would go, too")
    .option('--cluster <name>', 'which cluster, where the fleet has several')
    .addOption(fleetNameOption())
    .addOption(fleetPathOption())
    .addOption(outputOption())
    .action((node: string, flags: DrainFlags) => showDrain(context, node, flags));
  addExamples(command, [
    'refit drain ip-10-0-0-1 --dry-run',
    'refit drain ip-10-0-0-1 --dry-run --force -o json --cluster prod-east',
  ]);
}

async function showDrain(context: CliContext, node: string, flags: DrainFlags): Promise<void> {
  if (flags.dryRun !== true) {
    throw new CliError('refit drains nodes only within a run; alone, it only looks: add --dry-run', {
      hints: [
        `See what would go: refit drain ${node} --dry-run`,
        `Take this node through: refit upgrade CLUSTER --node ${node}`,
      ],
    });
  }
  await withFleet(context, flags, async (fleet) => {
    const { cluster } = pickCluster(await fleet.collectFleets(), flags);
    const ref: ClusterRef = {
      name: cluster.name,
      connection: cluster.connection,
      provider: cluster.provider,
    };
    const choice = await fleet.planDrain(ref, { node, force: flags.force === true });
    printFacts(context, flags.output, choice, () => renderChoice(node, choice));
  });
}

function renderChoice(node: string, choice: DrainChoice): string {
  const rows = [
    ...choice.blocked.map((pod) => ['blocked', pod.namespace, pod.name, pod.why]),
    ...choice.evict.map((pod) => ['evict', pod.namespace, pod.name, '']),
    ...choice.skip.map((pod) => ['skip', pod.namespace, pod.name, pod.why]),
  ];
  if (rows.length === 0) return `No pod stands on ${node}.`;
  const counts =
    `${String(choice.evict.length)} would be evicted, ${String(choice.skip.length)} skipped, ` +
    `${String(choice.blocked.length)} block the drain.`;
  return `${renderColumns(['WHAT', 'NAMESPACE', 'POD', 'WHY'], rows)}\n${counts}`;
}
