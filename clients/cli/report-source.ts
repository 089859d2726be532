// Where a report comes from: the run itself while Temporal knows it and somebody works, else the
// records alone. What the records do not show is unknown, and is said to be.
import type { Records } from '../../adapters/ports/records.ts';
import type { Decision, NodeHistory, RunReport } from '../../domain/report.ts';

/** `record`: the digest that it is kept by. */
type Kept<T> = T & { record: string };

export type ReportFacts = {
  workflowId: string;
  /** `records`: as it was written at the end. `run`: as the run tells it now. */
  source: 'records' | 'run';
  digest: string | null;
  report: RunReport;
  /** Oldest first; null when the records are not at hand: then it is unknown. */
  nodes: readonly Kept<NodeHistory>[] | null;
  decisions: readonly Kept<Decision>[] | null;
};

export type KnownReport = {
  workflowId: string;
  digest: string;
  startedAt: string;
  endedAt: string;
  outcome: string;
};

export function isDigest(text: string): boolean {
  return text.startsWith('sha256:');
}

/** By workflow id (the newest of that id) or by digest. */
export async function readRecordedReport(
  records: Records,
  idOrDigest: string,
): Promise<ReportFacts | undefined> {
  const digest = isDigest(idOrDigest)
    ? idOrDigest
    : (await records.list({ kind: 'report', key: idOrDigest })).at(-1);
  if (digest === undefined) return undefined;
  const report = (await records.get(digest)) as RunReport | undefined;
  if (report === undefined) return undefined;
  return { ...(await withWay(records, report)), source: 'records', digest };
}

/** The nodes' histories and people's decisions that belong to this run of the id. */
export async function withWay(
  records: Records,
  report: RunReport,
): Promise<Pick<ReportFacts, 'workflowId' | 'report' | 'nodes' | 'decisions'>> {
  const key = report.workflowId;
  const histories = await readAll<NodeHistory>(records, 'nodeHistory', key);
  const decisions = await readAll<Decision>(records, 'decision', key);
  // An id may have been used before; earlier runs ended before this one began.
  return {
    workflowId: key,
    report,
    nodes: histories.filter((history) => isWithin(history.startedAt, report)),
    decisions: decisions.filter((decision) => isWithin(decision.at, report)),
  };
}

function isWithin(at: string, report: RunReport): boolean {
  return Date.parse(at) >= Date.parse(report.startedAt) && Date.parse(at) <= Date.parse(report.endedAt);
}

async function readAll<T extends object>(
  records: Records,
  kind: 'nodeHistory' | 'decision',
  key: string,
): Promise<Kept<T>[]> {
  const digests = await records.list({ kind, key });
  const bodies = await Promise.all(digests.map((digest) => records.get(digest)));
  return digests.flatMap((record, index) => {
    const body = bodies[index] as T | undefined;
    return body === undefined ? [] : [{ ...body, record }];
  });
}

export async function collectKnownReports(records: Records): Promise<readonly KnownReport[]> {
  const known: KnownReport[] = [];
  for (const workflowId of await records.keys('report')) {
    for (const digest of await records.list({ kind: 'report', key: workflowId })) {
      const report = (await records.get(digest)) as RunReport | undefined;
      if (report === undefined) continue;
      const { startedAt, endedAt, outcome } = report;
      known.push({ workflowId, digest, startedAt, endedAt, outcome: outcome ?? 'unknown' });
    }
  }
  return known.toSorted((a, b) => Date.parse(a.endedAt) - Date.parse(b.endedAt));
}
