// Finds the report of a run: from the records when the run has ended, so that it works long after Temporal
// has forgotten it; from the run itself while it goes on. Says which places were not looked into.
import type { ConnectionFlags } from './connection.ts';
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';
import { say } from './output.ts';
import { isDigest, readRecordedReport, withWay } from './report-source.ts';
import type { ReportFacts } from './report-source.ts';
import { askRun, ensureWorker, withTemporal } from './runs.ts';
import type { TemporalSide } from './temporal-side.ts';

/** By workflow id, or by the digest of a report. */
export async function findReport(
  context: CliContext,
  wanted: string,
  flags: ConnectionFlags,
): Promise<ReportFacts> {
  const facts = (await interimReport(context, wanted, flags)) ?? (await recordedReport(context, wanted));
  if (facts === undefined) {
    throw new CliError(`there is no report of ${wanted}, neither in the records nor at Temporal`, {
      hints: ['Which there are: refit report --list'],
    });
  }
  return facts;
}

/** The only open run, for whoever names none; undefined where there is none, several, or nobody to ask. */
export async function findOnlyOpenRun(
  context: CliContext,
  flags: ConnectionFlags,
): Promise<string | undefined> {
  try {
    return await withTemporal(context, flags, async (temporal) => {
      const [first, ...others] = await temporal.listOpenRuns();
      return others.length === 0 ? first?.workflowId : undefined;
    });
  } catch (error) {
    say(context, `Temporal was not asked: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
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
  flags: ConnectionFlags,
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
