// What a run did, for people who were not there. What the records do not show is said to be unknown.
import type { Decision, NodeHistory, PolicyChange, RunReport } from '../report.ts';
import { indent } from './columns.ts';
import { printable } from './printable.ts';
import { renderBetween } from './span.ts';
import { renderCounts, renderPromotionRows } from './status.ts';
import { renderNodeEnd, renderTimeline } from './timeline.ts';

/** Longer lists are in the JSON. */
const LINES_SHOWN = 200;
/** The way of each failed node is a dozen lines; whoever has more of them looks for what they share. */
const FAILED_SHOWN = 10;
/** A dozen lines each: the first ones of a run are looked at most closely. */
const EVIDENCE_SHOWN = 20;
const EVIDENCE_LINES = 30;

/** `way`: the nodes' histories and people's decisions, where the records have them. */
export function renderReport(
  report: RunReport,
  way?: { nodes: readonly NodeHistory[]; decisions: readonly Decision[] },
): string {
  return [
    ...renderHead(report),
    ...renderPlanned(report),
    ...renderDecisions(way?.decisions),
    ...renderNodes(way?.nodes),
    ...renderNotes(report),
  ].join('\n');
}

/** `aborted, by sam: wrong image`; `goes on` */
export function renderOutcome({ outcome, outcomeWhy = null }: RunReport): string {
  const why = outcomeWhy === null ? '' : `, ${printable(outcomeWhy, 500)}`;
  return `${outcome ?? 'goes on'}${why}`;
}

function renderHead(report: RunReport): readonly string[] {
  const by = report.requestedBy === null ? '' : `, requested by ${printable(report.requestedBy)}`;
  return [
    `${report.workflowId}: ${renderOutcome(report)}`,
    ...(report.promotion === undefined
      ? [`cluster ${report.cluster} of fleet ${report.fleet}${by}`]
      : [`release ${report.promotion.release} through fleet ${report.fleet}${by}`]),
    `${report.startedAt} to ${report.endedAt}, ${renderBetween(report.startedAt, report.endedAt)}`,
    renderCounts({ active: 0, ...report.counts }),
  ];
}

function renderPlanned({ plan, outcome, promotion }: RunReport): readonly string[] {
  if (promotion !== undefined) return renderPromotionRows(promotion.rows);
  if (plan === null)
    return ['', outcome === null ? 'It has no plan yet.' : 'It ended before it had planned.'];
  const pools = plan.pools.map((pool) => {
    const from = Object.entries(pool.from).map(([name, nodes]) => `${name} (${nodes})`);
    const what = pool.upgrade === 0 ? 'nothing to upgrade' : `${from.join(', ')} --> ${pool.to}`;
    return `${pool.name}: ${pool.upgrade} of ${pool.nodes} nodes, ${what}, at most ${pool.unavailableMax} at once`;
  });
  return ['', `Planned (${plan.digest})`, ...indent(pools)];
}

function renderDecisions(decisions: readonly Decision[] | undefined): readonly string[] {
  if (decisions === undefined) return [];
  if (decisions.length === 0) return ['', 'Decisions: none is recorded'];
  const lines = decisions.map((one, index) => [
    renderDecision(one),
    // Of the oldest whole: those who approve first decide most. The others are in the JSON.
    ...(index < EVIDENCE_SHOWN ? indent(indent(renderEvidence(one))) : []),
  ]);
  const left = decisions.length - LINES_SHOWN;
  const more = left > 0 ? [`… and ${left} more: -o json shows all`] : [];
  return [
    '',
    'Decisions (names are what the senders said of themselves)',
    ...indent([...lines.slice(0, LINES_SHOWN).flat(), ...more]),
  ];
}

function renderDecision(one: Decision): string {
  const subject = one.subject === null ? '' : ` ${printable(one.subject)}`;
  const count = one.yeses === undefined || one.yeses === '1 of 1' ? '' : `, yes ${printable(one.yeses)}`;
  const said = one.saidAt === undefined ? '' : `, said at ${printable(one.saidAt)}`;
  const reason = one.reason === null ? '' : `: ${printable(one.reason)}`;
  const changes = (one.changes ?? []).map(renderChange).join(', ');
  return `${one.at}  ${printable(one.by)}  ${one.kind}${subject}${changes === '' ? '' : ` ${changes}`}${count}${said}${reason}`;
}

export function renderChange({ field, from, to, pools }: PolicyChange): string {
  return `${field} ${printable(from, 100)} → ${printable(to, 100)} (${pools.map((pool) => printable(pool)).join(', ')})`;
}

/** What was on the screen, and of which plan. */
function renderEvidence({ evidence = [], planDigest }: Decision): readonly string[] {
  if (evidence.length === 0) return [];
  const plan = planDigest === null ? [] : [`plan ${printable(planDigest)}`];
  return [
    ...evidence.slice(0, EVIDENCE_LINES).map((line) => `| ${printable(line)}`),
    ...plan.map((text) => `| ${text}`),
  ];
}

function renderNodes(nodes: readonly NodeHistory[] | undefined): readonly string[] {
  if (nodes === undefined) return [];
  if (nodes.length === 0) return ['', 'Nodes: no history is recorded'];
  const failed = nodes.filter((node) => node.outcome.kind === 'failed').slice(0, FAILED_SHOWN);
  const ways = failed.flatMap((node) => ['', ...renderTimeline(node).split('\n')]);
  return ['', 'Nodes', ...indent(bound(nodes.map(renderNodeEnd))), ...ways];
}

function renderNotes({ notes, notesTotal }: RunReport): readonly string[] {
  if (notes.length === 0) return [];
  const lines = notes.map((note) => `${note.node} ${note.state}: ${printable(note.why)}`);
  const left = notesTotal - notes.length;
  const more = left > 0 ? [`… and ${left} more, which the report does not hold`] : [];
  return ['', 'For your eye', ...indent([...bound(lines), ...more])];
}

function bound(lines: readonly string[]): readonly string[] {
  const left = lines.length - LINES_SHOWN;
  return left > 0 ? [...lines.slice(0, LINES_SHOWN), `… and ${left} more: -o json shows all`] : lines;
}
