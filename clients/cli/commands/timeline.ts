// `refit timeline`: what each node of a run did when, on a terminal or as a page that a browser opens. From
// the records, and of a run that goes on also from its table: what is at work now.
import type { Command } from 'commander';
import { renderGantt } from '../../../domain/render/gantt.ts';
import { PAGE_LIMIT_MAX } from '../../../domain/status.ts';
import type { TableRow } from '../../../domain/status.ts';
import { timelineOf } from '../../../domain/timeline.ts';
import type { AtWork } from '../../../domain/timeline.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { findReport } from '../find-report.ts';
import { addExamples, collect, workflowIdOption } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { collectPages } from '../pages.ts';
import { isDigest } from '../report-source.ts';
import { askRun, pickRun, withTemporal } from '../runs.ts';
import { renderTimelinePage } from '../timeline-page.ts';

type TimelineFlags = RunFlags & {
  pool?: readonly string[];
  node?: readonly string[];
  limit: string;
  output: Format;
};

/** More lines than this are scrolled past; what did not go well is among them first. */
const LANES_SHOWN = '100';

export function registerTimeline(program: Command, context: CliContext): void {
  const command = program
    .command('timeline')
    .description('what each node of a run did when')
    .argument('[run]', 'workflow id, or digest of a report (sha256:…); without one the only open run')
    .addOption(workflowIdOption())
    .option('--pool <name>', 'only this pool; may be given several times', collect)
    .option('--node <name>', 'only this node; may be given several times', collect)
    .option('--limit <lines>', 'at most so many nodes, those that did not go well first', LANES_SHOWN)
    .addOption(outputOption(['text', 'html', 'json', 'yaml']))
    .action((run: string | undefined, flags: TimelineFlags) => showTimeline(context, run, flags));
  addConnectionOptions(command);
  addExamples(
    command,
    [
      'refit timeline',
      'refit timeline upgrade.training.prod-east --pool h100',
      'refit timeline upgrade.training.prod-east -o html > timeline.html',
    ],
    '\nThe page needs no network. Times come from the records (REFIT_RECORDS).',
  );
}

async function showTimeline(
  context: CliContext,
  named: string | undefined,
  flags: TimelineFlags,
): Promise<void> {
  const lanesMax = parseLimit(flags.limit);
  const wanted =
    named ?? flags.workflowId ?? (await withTemporal(context, flags, (temporal) => pickRun(temporal, flags)));
  const facts = await findReport(context, wanted, flags);
  if (facts.nodes === null) {
    say(context, 'REFIT_RECORDS is not set: what nodes did that have ended is not known here.');
  }
  const isOpen = facts.source === 'run' && !isDigest(wanted);
  const atWork = isOpen ? await collectAtWork(context, wanted, flags) : [];
  const isMeant = ({ node, pool }: { node: string; pool: string }) =>
    flags.pool?.includes(pool) !== false && flags.node?.includes(node) !== false;
  const timeline = timelineOf(facts.report, (facts.nodes ?? []).filter(isMeant), atWork.filter(isMeant));
  const page = flags.output === 'html' ? await renderTimelinePage(timeline) : undefined;
  const { columns } = context.out;
  printFacts(context, flags.output, timeline, () => page ?? renderGantt(timeline, { columns, lanesMax }));
}

function parseLimit(text: string): number {
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit > 0) return limit;
  throw new CliError(`--limit is ${text.slice(0, 100)}; expected is a number of lines from 1 to 9999`);
}

const AT_REST: readonly TableRow['state'][] = [
  'normal',
  'waiting',
  'deferred',
  'failed',
  'quarantined',
  'cordoned-by-other',
];

async function collectAtWork(
  context: CliContext,
  workflowId: string,
  flags: RunFlags,
): Promise<readonly AtWork[]> {
  return withTemporal(context, flags, async (temporal) => {
    const rows = await collectPages<TableRow>(async (after) => {
      const page = await askRun(temporal, workflowId, 'table', {
        limit: PAGE_LIMIT_MAX,
        ...(after === null ? {} : { after }),
      });
      return { items: page.rows, next: page.next };
    });
    return rows.flatMap(({ node, pool, state, since, note }) =>
      since === null || AT_REST.includes(state) ? [] : [{ node, pool, state, since, note }],
    );
  });
}
