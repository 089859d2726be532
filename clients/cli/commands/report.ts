// `refit report`: what happened. From the records when the run has ended, so that it works long after
// Temporal has forgotten the run; from the run itself while it goes on.
import type { Command } from 'commander';
import { reportDocument } from '../../../domain/render/report-document.ts';
import { renderReport } from '../../../domain/render/report.ts';
import { addConnectionOptions } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { renderMarkdown } from '../documents.ts';
import { CliError } from '../errors.ts';
import { addExamples, workflowIdOption } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { outputOption, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { collectKnownReports, isDigest, readRecordedReport, withWay } from '../report-source.ts';
import type { KnownReport, ReportFacts } from '../report-source.ts';
import { askRun, ensureWorker, withTemporal } from '../runs.ts';
import { renderColumns } from '../columns.ts';
import type { TemporalSide } from '../temporal-side.ts';

type ReportFlags = RunFlags & { output: Format };

export function registerReport(program: Command, context: CliContext): void {
  const command = program
    .command('report')
    .description('what a run did, node by node, and who decided what; without an id, which reports there are')
    .argument('[run]', 'workflow id, or the digest of a report (sha256:…)')
    .addOption(workflowIdOption())
    .addOption(outputOption(['text', 'markdown', 'json', 'yaml']))
    .action(async (run: string | undefined, flags: ReportFlags) => {
      const wanted = run ?? flags.workflowId;
      if (wanted === undefined) await listReports(context, flags);
      else await showReport(context, wanted, flags);
    });
  addConnectionOptions(command);
  addExamples(
    command,
    [
      'refit report',
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
  const facts = (await interimReport(context, wanted, flags)) ?? (await recordedReport(context, wanted));
  if (facts === undefined) {
    throw new CliError(`there is no report of ${wanted}, neither in the records nor at Temporal`, {
      hints: ['Which there are: refit report'],
    });
  }
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

async function recordedReport(context: CliContext, wanted: string): Promise<ReportFacts | undefined> {
  const records = await context.records();
  if (records === undefined) {
    say(context, 'REFIT_RECORDS is not set: the records were not looked into.');
    return undefined;
  }
  return readRecordedReport(records, wanted);
}

/** Of a run that Temporal still knows: as long as it is open, or when the records are not at hand. */
async function interimReport(
  context: CliContext,
  wanted: string,
  flags: ReportFlags,
): Promise<ReportFacts | undefined> {
  if (isDigest(wanted)) return undefined;
  const records = await context.records();
  try {
    return await withTemporal(context, flags, async (temporal) => {
      const run = await temporal.describe(wanted);
      if (run === undefined) return undefined;
      if (run.closedAt !== null && records !== undefined) return undefined;
      return askReport(context, temporal, wanted);
    });
  } catch (error) {
    // The records answer without Temporal; only where there are none is its absence the answer.
    if (records === undefined) throw error;
    say(context, `Temporal was not asked: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function askReport(
  context: CliContext,
  temporal: TemporalSide,
  workflowId: string,
): Promise<ReportFacts | undefined> {
  await ensureWorker(temporal);
  const answer = await askRun(temporal, workflowId, 'report');
  if (answer.report === null) return undefined;
  const records = await context.records();
  const facts =
    records === undefined
      ? { workflowId, report: answer.report, nodes: null, decisions: null }
      : await withWay(records, answer.report);
  return { ...facts, source: answer.digest === null ? 'run' : 'records', digest: answer.digest };
}
