// The end of a change, as the counterpart of its request: what happened, what of it was not as planned, who
// said yes, and where the evidence stands. What the records do not show is said to be unknown, never good.
import { heading, list, paragraph, table } from '../document.ts';
import type { Block } from '../document.ts';
import type { Decision, NodeHistory, RunReport } from '../report.ts';
import { renderRange } from './estimate.ts';
import { renderChange, renderOutcome } from './report.ts';
import { renderBetween, renderSpan } from './span.ts';
import { renderCounts } from './status.ts';

const NODES_SHOWN = 1000;
const DECISIONS_SHOWN = 500;
const NAMES_SHOWN = 20;
const MORE = 'the JSON of the report has all';

/** The digest of the record that says so. */
type Kept = { record?: string };

export type RunRecord = {
  report: RunReport;
  /** Null: the records are not at hand. */
  nodes: readonly (NodeHistory & Kept)[] | null;
  decisions: readonly (Decision & Kept)[] | null;
  /** Of the report among the records; null while the run goes on. */
  digest: string | null;
};

export function reportDocument(record: RunRecord): readonly Block[] {
  return [
    ...head(record),
    ...compared(record),
    ...differences(record),
    ...said(record),
    ...ways(record),
    ...notes(record.report),
    ...evidence(record),
  ];
}

function head({ report }: RunRecord): readonly Block[] {
  const { cluster, fleet, requestedBy, startedAt, endedAt, outcome } = report;
  const span = renderBetween(startedAt, endedAt);
  return [
    heading(1, `Report: ${report.workflowId}`),
    ...table(
      ['', ''],
      [
        ['Outcome', renderOutcome(report)],
        ['Fleet', fleet],
        ['Cluster', cluster],
        ['Requested by', requestedBy ?? 'not said'],
        ['Began', startedAt],
        [outcome === null ? 'As of' : 'Ended', `${endedAt}, after ${span}`],
        ['Nodes', renderCounts({ active: 0, ...report.counts })],
      ],
    ),
  ];
}

function compared({ report }: RunRecord): readonly Block[] {
  const { plan, counts, startedAt, endedAt, promotion } = report;
  if (promotion !== undefined) return promoted(promotion);
  if (plan === null) return [heading(2, 'Planned'), paragraph('It has no plan.')];
  const expected = plan.expected;
  const planned =
    expected === undefined
      ? 'not estimated'
      : expected.highMs === null
        ? `${renderSpan(expected.lowMs)} at the least`
        : renderRange(expected.lowMs, expected.highMs);
  const row = (what: string, before: number | string, after: number | string) => [
    what,
    String(before),
    String(after),
  ];
  return [
    heading(2, 'Planned, and what happened'),
    ...table(
      ['', 'Planned', 'What happened'],
      [
        row('Nodes upgraded', plan.counts.upgrade, counts.done),
        row('Failed', 0, counts.failed),
        ...(counts.wentBack === undefined
          ? []
          : [row('Went back to what they ran before', 0, counts.wentBack)]),
        row('Skipped', 0, counts.skipped),
        row('Not begun or not ended', 0, counts.waiting),
        row('Up to date already', plan.counts.upToDate, counts.upToDate),
        row('Left alone', plan.counts.leftAlone, counts.leftAlone),
        row('Time', planned, renderBetween(startedAt, endedAt)),
      ],
    ),
    ...table(
      ['Pool', 'Planned nodes', 'From', 'To'],
      plan.pools.map((pool) => [
        pool.name,
        `${pool.upgrade} of ${pool.nodes}`,
        Object.entries(pool.from)
          .map(([name, count]) => `${name} (${count})`)
          .join(', '),
        pool.to,
      ]),
    ),
  ];
}

/** Each cluster's own run has its own report. */
function promoted({ release, rows }: NonNullable<RunReport['promotion']>): readonly Block[] {
  return [
    heading(2, `Release ${release}, cluster by cluster`),
    ...table(
      ['Tier', 'Cluster', 'State', 'Since', 'Note'],
      rows.map(({ tier, cluster, state, since, note }) => [tier, cluster, state, since ?? '', note]),
    ),
  ];
}

function differences(record: RunRecord): readonly Block[] {
  const items = [...differencesOfTime(record.report), ...differencesOfNodes(record), ...changes(record)];
  const unknown =
    record.nodes === null || record.decisions === null
      ? [paragraph('The records are not at hand: what nodes and people did is unknown here.')]
      : [];
  return [
    heading(2, 'Differences from the plan'),
    ...(items.length === 0 && unknown.length === 0 ? [paragraph('None.')] : list(items)),
    ...unknown,
  ];
}

function differencesOfTime({ plan, startedAt, endedAt, outcome }: RunReport): readonly string[] {
  const expected = plan?.expected;
  if (expected === undefined || outcome === null) return [];
  const tookMs = Date.parse(endedAt) - Date.parse(startedAt);
  if (tookMs < expected.lowMs) return [`It took ${renderSpan(expected.lowMs - tookMs)} less than expected.`];
  if (expected.highMs === null || tookMs <= expected.highMs) return [];
  return [
    `It took ${renderSpan(tookMs - expected.highMs)} more than expected, waiting for people included, which nobody could foresee.`,
  ];
}

function differencesOfNodes({ report, nodes }: RunRecord): readonly string[] {
  const { counts, plan, outcome } = report;
  const histories = nodes ?? [];
  const missing = (plan?.counts.upgrade ?? 0) - counts.done;
  const of = (kind: NodeHistory['outcome']['kind']) => histories.filter((one) => one.outcome.kind === kind);
  const retried = histories.filter(({ attempt }) => attempt > 1);
  return [
    ...(missing > 0 && outcome !== null ? [`Planned and not done: ${missing} nodes.`] : []),
    ...named('Failed', of('failed')),
    ...named('Put back as they were', of('putBack')),
    ...named('Deferred, their pods had not left in time', of('deferred')),
    ...named('Taken again, by a retry or a rollback', retried),
  ];
}

function named(what: string, histories: readonly NodeHistory[]): readonly string[] {
  const names = [...new Set(histories.map(({ node }) => node))];
  if (names.length === 0) return [];
  const left = names.length - NAMES_SHOWN;
  const more = left > 0 ? ` and ${left} more` : '';
  return [`${what}: ${names.slice(0, NAMES_SHOWN).join(', ')}${more}.`];
}

function changes({ decisions }: RunRecord): readonly string[] {
  return (decisions ?? [])
    .filter(({ kind }) => kind === 'changePolicy')
    .map(
      (one) =>
        `${one.by} changed the policy at ${one.at}: ${(one.changes ?? []).map(renderChange).join(', ')}.`,
    );
}

function said({ decisions }: RunRecord): readonly Block[] {
  const answers = (decisions ?? []).filter(({ kind }) => kind === 'approve' || kind === 'reject');
  const others = (decisions ?? []).filter(({ kind }) => kind !== 'approve' && kind !== 'reject');
  const cells = ({
    at,
    by,
    kind,
    subject,
    reason,
    yeses,
    saidAt,
    planDigest,
    evidence: shown,
    record,
  }: Decision & Kept) => [
    at,
    by,
    kind,
    subject ?? '',
    yeses ?? '',
    [reason ?? '', saidAt === undefined ? '' : `said at ${saidAt}`].filter((text) => text !== '').join('; '),
    planDigest ?? '',
    shown === undefined ? 'not kept' : `${shown.length} lines`,
    record ?? '',
  ];
  return [
    heading(2, 'Approvals'),
    paragraph(
      decisions === null
        ? 'Unknown: the records are not at hand.'
        : answers.length === 0
          ? 'None is recorded.'
          : 'Names are what the senders said of themselves; nobody checked them.',
    ),
    ...table(
      ['At', 'Who', '', 'Gate', 'Yes', 'Reason', 'For the plan', 'Evidence shown', 'Record'],
      answers.map(cells),
      { rowsMax: DECISIONS_SHOWN, more: MORE },
    ),
    ...(others.length === 0 ? [] : [heading(3, 'Other decisions')]),
    ...table(
      ['At', 'Who', 'What', 'About', 'Reason', 'Record'],
      others.map(({ at, by, kind, subject, reason, record }) => [
        at,
        by,
        kind,
        subject ?? 'the run',
        reason ?? '',
        record ?? '',
      ]),
      { rowsMax: DECISIONS_SHOWN, more: MORE },
    ),
  ];
}

function ways({ nodes }: RunRecord): readonly Block[] {
  if (nodes === null) return [];
  const rows = nodes.map((one) => {
    const passed = one.evidence.filter(({ ok }) => ok).length;
    return [
      one.node,
      one.pool,
      String(one.attempt),
      `${one.from ?? 'unknown'} → ${one.to}`,
      one.startedAt,
      renderBetween(one.startedAt, one.endedAt),
      outcomeOf(one),
      one.evidence.length === 0 ? '' : `${passed} of ${one.evidence.length}`,
      one.taskId ?? '',
      one.oldRootVolumeId ?? '',
      one.record ?? '',
    ];
  });
  const header = [
    'Node',
    'Pool',
    'Attempt',
    'Release',
    'Began',
    'Took',
    'Outcome',
    'Checks',
    'Task',
    'Old volume',
    'Record',
  ];
  return [
    heading(2, 'Nodes'),
    ...(rows.length === 0 ? [paragraph('No history is recorded.')] : []),
    ...table(header, rows, { rowsMax: NODES_SHOWN, more: MORE }),
  ];
}

function outcomeOf({ outcome }: NodeHistory): string {
  switch (outcome.kind) {
    case 'done':
      return outcome.note === undefined ? 'done' : `done; ${outcome.note}`;
    case 'failed':
      return `failed while ${outcome.at}: ${outcome.why}`;
    case 'putBack':
      return `put back: ${outcome.why}`;
    default:
      return `${outcome.kind}: ${outcome.why}`;
  }
}

function notes({ notes: all, notesTotal }: RunReport): readonly Block[] {
  if (all.length === 0) return [];
  const left = notesTotal - all.length;
  return [
    heading(2, 'Left to a person'),
    ...table(
      ['Node', 'State', 'Why'],
      all.map(({ node, state, why }) => [node, state, why]),
    ),
    ...(left > 0 ? [paragraph(`… and ${left} more, which the report does not hold.`)] : []),
  ];
}

function evidence({ report, digest }: RunRecord): readonly Block[] {
  const plan = report.plan === null ? [] : [['Plan', report.plan.digest]];
  const own = digest === null ? [] : [['Report', digest]];
  return [
    heading(2, 'Evidence'),
    paragraph(
      'Kept among the records (REFIT_RECORDS), each named by the SHA-256 of what it says: this report, the ' +
        'plan with its rows, each decision with what was on the screen, the way of each node with its checks.',
    ),
    ...table(['What', 'Digest'], [...own, ...plan]),
    ...(digest === null ? [] : [{ kind: 'command' as const, text: `refit report ${digest} -o json` }]),
  ];
}
