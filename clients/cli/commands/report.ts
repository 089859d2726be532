// `refit report`: what happened, to be read, kept or signed; and which reports there are.
import type { Command } from 'commander';
import { reportDocument } from '../../../domain/render/report-document.ts';
import { renderReport } from '../../../domain/render/report.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { renderMarkdown } from '../documents.ts';
import { CliError } from '../errors.ts';
import { findOnlyOpenRun, findReport } from '../find-report.ts';
import { addExamples, workflowIdOption } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { collectKnownReports } from '../report-source.ts';
import type { KnownReport } from '../report-source.ts';
import { renderColumns } from '../columns.ts';

type ReportFlags = RunFlags & { list?: boolean; output: Format };

export function registerReport(program: Command, context: CliContext): void {
  const command = program
    .command('report')
    .description('what a run did, node by node, and who decided what')
    .argument(
      '[run]',
      'workflow id, or digest of a report (sha256:…); without one the only open run, else the list',
    )
    .addOption(workflowIdOption())
    .option('--list', 'which reports the records hold')
    .addOption(outputOption(['text', 'markdown', 'json', 'yaml']))
    .action(async (run: string | undefined, flags: ReportFlags) => {
      const named = run ?? flags.workflowId;
      const listed = flags.list === true;
      const wanted = named ?? (listed ? undefined : await findOnlyOpenRun(context, flags));
      if (wanted === undefined || listed) await listReports(context, flags);
      else await showReport(context, wanted, flags);
    });
  addConnectionOptions(command);
  addExamples(
    command,
    [
      'refit report --list',
      'refit report upgrade.training.prod-east',
      'refit report upgrade.training.prod-east -o markdown > report.md',
      'refit report sha256:3f1c… -o json',
    ],
    '\nReads the records (REFIT_RECORDS) first; they outlive the run in Temporal.',
  );
}

async function listReports(context: CliContext, flags: ReportFlags): Promise<void> {
  const records = await context.records();
  if (records === undefined) {
    throw new CliError('REFIT_RECORDS is not set: there is no place to look for reports', {
      hints: ['Name the folder of the records, as for the worker, or name a run: refit report WORKFLOW-ID'],
    });
  }
  const known = await collectKnownReports(records);
  printFacts(context, flags.output, known, () => renderKnown(known));
}

function renderKnown(known: readonly KnownReport[]): string {
  if (known.length === 0) return 'The records hold no report yet: one is written when a run ends.';
  const rows = known.map((one) => [one.workflowId, one.endedAt, one.outcome, one.digest]);
  return renderColumns(['RUN', 'ENDED', 'OUTCOME', 'REPORT'], rows);
}

async function showReport(context: CliContext, wanted: string, flags: ReportFlags): Promise<void> {
  const facts = await findReport(context, wanted, flags);
  if (facts.source === 'run') say(context, 'The run goes on; this is its report so far.');
  const text = flags.output === 'markdown' ? await renderMarkdown(reportDocument(facts)) : undefined;
  printFacts(
    context,
    flags.output,
    facts,
    () =>
      text ??
      renderReport(
        facts.report,
        facts.nodes === null ? undefined : { nodes: facts.nodes, decisions: facts.decisions ?? [] },
      ),
  );
}
