// `refit why`: for each thing that waits, what it waits on, since when, until when, and what frees it.
import type { Command } from 'commander';
import { renderWhy } from '../../../domain/render/why.ts';
import { PAGE_LIMIT_MAX } from '../../../domain/status.ts';
import type { ActiveNode, WaitingItem } from '../../../domain/status.ts';
import { withTroubles } from '../../../domain/step-trouble.ts';
import { collectChildTroubles } from '../child-troubles.ts';
import type { ChildTroubles } from '../child-troubles.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { addExamples, workflowIdOption } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { outputOption, printFacts } from '../output.ts';
import type { Format } from '../output.ts';
import { collectPages } from '../pages.ts';
import { askRun, ensureWorker, pickRun, sayTroubles, sayUnasked, withTemporal } from '../runs.ts';
import type { TemporalSide } from '../temporal-side.ts';

type WhyFlags = RunFlags & { output: Format };

export function registerWhy(program: Command, context: CliContext): void {
  const command = program
    .command('why')
    .description('why things wait: on what, since when, until when, and what would free them')
    .argument('[node]', 'only this node')
    .addOption(workflowIdOption())
    .addOption(outputOption())
    .action((node: string | undefined, flags: WhyFlags) => showWhy(context, node, flags));
  addConnectionOptions(command);
  addExamples(command, ['refit why', 'refit why ip-10-0-0-7', 'refit why ip-10-0-0-7 -o json']);
}

async function showWhy(context: CliContext, node: string | undefined, flags: WhyFlags): Promise<void> {
  await withTemporal(context, flags, async (temporal) => {
    const workflowId = await pickRun(temporal, flags);
    await ensureWorker(temporal);
    const items = await collectPages<WaitingItem>(async (after) => {
      const page = await askRun(temporal, workflowId, 'why', {
        limit: PAGE_LIMIT_MAX,
        ...(node === undefined ? {} : { node }),
        ...(after === null ? {} : { after }),
      });
      return { items: page.items, next: page.next };
    });
    const { troubled, unasked } = await askChildren(temporal, workflowId, node);
    const told = withTroubles(items, troubled);
    printFacts(context, flags.output, { workflowId, items: told }, () => renderWhy(told, context.now()));
    sayUnasked(context, unasked);
    const run = await temporal.describe(workflowId);
    if (run !== undefined && run.closedAt === null) sayTroubles(context, run.troubles);
  });
}

/** The run has answered already: what the server adds is left out where it cannot be had. */
async function askChildren(
  temporal: TemporalSide,
  workflowId: string,
  node: string | undefined,
): Promise<ChildTroubles> {
  let active: readonly ActiveNode[];
  try {
    ({ active } = await temporal.query(workflowId, 'status'));
  } catch {
    return { troubled: [], unasked: 0 };
  }
  return collectChildTroubles(
    temporal,
    active.filter((one) => node === undefined || one.node === node),
  );
}
