// `refit nodes`: every node of a cluster, what it runs, what it should run, and what is being done to
// it. Works without Temporal: then the states are what the nodes themselves show.
import type { Command } from 'commander';
import { PAGE_LIMIT_MAX } from '../../../domain/status.ts';
import type { RunStatus, TableRow } from '../../../domain/status.ts';
import { addConnectionOptions } from '../connection.ts';
import type { ConnectionFlags } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { explainError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { ensurePool, pickCluster } from '../fleet-choice.ts';
import type { ClusterChoice } from '../fleet-choice.ts';
import { withFleet } from '../fleet-side.ts';
import { makeNodeRows } from '../node-rows.ts';
import { renderFooter, renderNodes } from '../node-table.ts';
import { addExamples, fleetNameOption, fleetPathOption } from '../options.ts';
import { isForPrograms, outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { collectPages } from '../pages.ts';
import { whyNoWorker, withTemporal } from '../runs.ts';
import type { TemporalSide } from '../temporal-side.ts';

type NodesFlags = ConnectionFlags & {
  pool?: string;
  check?: boolean;
  fleet?: string;
  fleetFile?: string;
  output: Format;
};

export function registerNodes(program: Command, context: CliContext): void {
  const command = program
    .command('nodes')
    .description('the nodes of a cluster: state, status and release of each')
    .argument('[cluster]', 'name of the cluster; may be left out when the fleet has one')
    .option('--pool <name>', 'only this pool')
    .option('--check', 'tell why nodes are out of date, and exit with 2 when one is')
    .addOption(fleetNameOption())
    .addOption(fleetPathOption())
    .addOption(outputOption(['text', 'wide', 'json', 'yaml']))
    .action((cluster: string | undefined, flags: NodesFlags) => showNodes(context, cluster, flags));
  addConnectionOptions(command);
  addExamples(command, [
    'refit nodes prod-east',
    'refit nodes prod-east --pool h100 -o wide',
    'refit nodes --check -o json',
  ]);
}

async function showNodes(context: CliContext, name: string | undefined, flags: NodesFlags): Promise<void> {
  await withFleet(context, flags, async (side) => {
    const choice = pickCluster(await side.collectFleets(), { cluster: name, fleet: flags.fleet });
    if (flags.pool !== undefined) ensurePool(choice.cluster, flags.pool);
    const [inventory, run] = await Promise.all([
      side.collectInventory(choice),
      collectOpenTable(context, choice, flags),
    ]);
    const rows = makeNodeRows({ ...choice, inventory, pool: flags.pool, table: run?.table ?? [] });
    const facts = {
      fleet: choice.fleet.name,
      cluster: choice.cluster.name,
      observedAt: inventory.observedAt,
      run: run?.workflowId ?? null,
      nodes: rows,
    };
    printFacts(context, flags.output, facts, () =>
      renderNodes(rows, {
        wide: flags.output === 'wide',
        why: flags.output === 'wide' || flags.check === true,
        now: context.now(),
      }),
    );
    if (!isForPrograms(flags.output)) {
      say(
        context,
        renderFooter(rows, {
          cluster: choice.cluster.name,
          pools: choice.cluster.pools.length,
          run: run?.workflowId,
        }),
      );
    }
    if (flags.check === true && rows.some((row) => row.updateAvailable)) context.setExitCode(EXIT.changes);
  });
}

type OpenTable = { workflowId: string; table: readonly TableRow[] };

async function collectOpenTable(
  context: CliContext,
  choice: ClusterChoice,
  flags: NodesFlags,
): Promise<OpenTable | undefined> {
  try {
    return await withTemporal(context, flags, (temporal) => readOpenTable(context, temporal, choice));
  } catch (error) {
    say(
      context,
      `No run was asked: ${explainError(error)}.`,
      'STATE is what the nodes themselves show; how far a drain is, only a run knows.',
    );
    return undefined;
  }
}

async function readOpenTable(
  context: CliContext,
  temporal: TemporalSide,
  { fleet, cluster }: ClusterChoice,
): Promise<OpenTable | undefined> {
  const open = await temporal.listOpenRuns();
  if (open.length === 0) return undefined;
  const why = whyNoWorker(temporal, await temporal.collectWorkers());
  if (why !== undefined) {
    say(context, `A run is open, but ${why}: STATE is what the nodes themselves show.`);
    return undefined;
  }
  for (const { workflowId: opened } of open) {
    const status = await temporal.query(opened, 'status');
    if (status.fleet !== fleet.name) continue;
    const workflowId = runOver(cluster.name, opened, status);
    if (workflowId === undefined) continue;
    const table = await collectPages<TableRow>(async (after) => {
      const page = await temporal.query(workflowId, 'table', {
        limit: PAGE_LIMIT_MAX,
        ...(after === null ? {} : { after }),
      });
      return { items: page.rows, next: page.next };
    });
    return { workflowId, table };
  }
  return undefined;
}

/** One that waits for the cluster has no say over its nodes; a promotion has a run for each cluster. */
function runOver(cluster: string, workflowId: string, status: RunStatus): string | undefined {
  if (status.promotion !== undefined) {
    const row = status.promotion.rows.find((one) => one.cluster === cluster);
    return row?.state === 'running' ? row.workflowId : undefined;
  }
  if (status.phase === 'waiting-for-cluster' || status.phase === 'preparing') return undefined;
  return status.cluster === cluster ? workflowId : undefined;
}
