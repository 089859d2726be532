// Where a run stands, for somebody who has just arrived: how far, what is at work, what is asked of
// people and how to answer, what was ignored, what happened last.
import type { PromotionRow } from '../promotion.ts';
import type { ActiveNode, Gate, RunStatus, StandingApproval } from '../status.ts';
import { indent, renderColumns } from './columns.ts';
import { printable } from './printable.ts';
import { renderProgress } from './progress.ts';
import { renderSince, renderUntil } from './span.ts';
import { renderWhy } from './why.ts';

/** The last ten tell what is going on; the query has fifty. */
const EVENTS_SHOWN = 10;

export function renderStatus(status: RunStatus, now?: Date): string {
  return [
    ...renderHead(status, now),
    ...renderGates(status.gates, now),
    ...renderStanding(status.standing ?? [], now),
    ...renderActive(status, now),
    ...renderWaiting(status, now),
    ...renderIgnored(status),
    ...renderEvents(status),
  ].join('\n');
}

/** `7 of 20 nodes done, 2 at work, 1 failed` — the same words wherever a run is summed up. */
export function renderCounts(counts: RunStatus['counts']): string {
  const work = counts.total - counts.upToDate - counts.leftAlone;
  const parts = [`${counts.done} of ${work} nodes done`];
  const add = (nodes: number, what: string) => {
    if (nodes > 0) parts.push(`${nodes} ${what}`);
  };
  add(counts.active, 'at work');
  add(counts.waiting, 'waiting');
  const apart = counts.failedNotReady ?? 0;
  add(counts.failed - apart, 'failed');
  add(apart, 'failed that were not Ready before the run');
  add(counts.wentBack ?? 0, 'went back');
  add(counts.skipped, 'skipped');
  add(counts.upToDate, 'up to date before');
  add(counts.leftAlone, 'left alone');
  return parts.join(', ');
}

function renderHead(status: RunStatus, now: Date | undefined): readonly string[] {
  const phase = status.outcome ?? status.phase;
  const why = status.phaseWhy === null ? '' : `: ${printable(status.phaseWhy, 500)}`;
  const by = status.requestedBy === null ? '' : `, requested by ${printable(status.requestedBy)}`;
  return [
    `${status.workflowId}: ${phase}${why}`,
    `${renderSubject(status)} of fleet ${status.fleet}, ${renderSince(status.startedAt, now)}${by}`,
    renderCounts(status.counts),
    ...(status.planDigest === null ? [] : [`plan ${status.planDigest}`]),
    ...(status.reportDigest === null ? [] : [`report ${status.reportDigest}`]),
    ...renderPromotionRows(status.promotion?.rows ?? []),
  ];
}

function renderSubject({ cluster, promotion }: RunStatus): string {
  if (promotion === undefined) return `cluster ${cluster}`;
  return `release ${promotion.release ?? '(not known yet)'} through the clusters`;
}

/** Where each cluster of a promotion stands; nothing for a run over one. */
export function renderPromotionRows(rows: readonly PromotionRow[]): readonly string[] {
  if (rows.length === 0) return [];
  const cells = rows.map((row) => [
    row.tier,
    row.cluster,
    row.state,
    row.since ?? '-',
    row.until ?? '-',
    printable(row.note, 200),
  ]);
  return ['', ...renderColumns(['TIER', 'CLUSTER', 'STATE', 'SINCE', 'UNTIL', 'NOTE'], cells)];
}

function renderGates(gates: readonly Gate[], now: Date | undefined): readonly string[] {
  return gates.flatMap((gate) => [
    '',
    `Asked of you: ${gate.name}  (${renderSince(gate.openedAt, now)})`,
    ...indent(renderGateFacts(gate, now)),
    ...indent(gate.answers.map((answer) => `$ ${printable(answer, 500)}`)),
  ]);
}

/** What a person should know before answering. */
export function renderGateFacts(gate: Gate, now?: Date): readonly string[] {
  return [...gate.evidence.map((line) => printable(line)), ...renderYeses(gate, now)];
}

/** `1 of 2 yeses: sam (23h left)`; nothing when one yes is all that is asked. */
export function renderYeses({ approvers = 1, yeses = [], notBy }: Gate, now?: Date): readonly string[] {
  const said = yeses.map(({ by, until }) => {
    const left = renderUntil(until, now);
    return left === undefined ? printable(by) : `${printable(by)} (${left})`;
  });
  const count = `${yeses.length} of ${approvers} yeses${said.length === 0 ? '' : `: ${said.join(', ')}`}`;
  return [
    ...(approvers === 1 && yeses.length === 0 ? [] : [count]),
    ...(notBy === undefined ? [] : [`not by ${printable(notBy)}, who asked for the run`]),
  ];
}

function renderStanding(standing: readonly StandingApproval[], now: Date | undefined): readonly string[] {
  if (standing.length === 0) return [];
  const lines = standing.map(({ by, what, left, until }) => {
    const rest = left === null ? '' : `, ${left} to come`;
    const time = renderUntil(until, now);
    return `${printable(by)}: ${printable(what)}${rest}${time === undefined ? '' : `, ${time}`}`;
  });
  return ['', 'Approved in advance', ...indent(lines)];
}

function renderActive(status: RunStatus, now: Date | undefined): readonly string[] {
  if (status.active.length === 0) return [];
  const rows = status.active.map((node) => [
    node.node,
    node.pool,
    node.attempt > 1 ? `${node.state} (attempt ${node.attempt})` : node.state,
    renderSince(node.since, now),
    renderUntil(node.until, now) ?? '-',
    renderNote(node),
  ]);
  // A node that waits at its gate holds a slot; it is told of as a gate.
  const atGates = status.gates.filter((gate) => gate.name.includes('node/')).length;
  const left = status.counts.active - status.active.length - atGates;
  return [
    '',
    ...renderColumns(['AT WORK', 'POOL', 'STATE', 'SINCE', 'TIME', 'NOTE'], rows),
    ...(left > 0 ? [`… and ${left} more`] : []),
  ];
}

function renderNote({ progress }: ActiveNode): string {
  return progress === null ? '' : renderProgress(progress);
}

function renderWaiting(status: RunStatus, now: Date | undefined): readonly string[] {
  if (status.waiting.length === 0) return [];
  return ['', 'Waiting', ...indent(renderWhy(status.waiting, now).split('\n'))];
}

function renderIgnored({ ignored }: RunStatus): readonly string[] {
  if (ignored.length === 0) return [];
  const lines = ignored.map(
    (one) => `${one.at}  ${printable(one.message)} ${printable(one.content, 120)}: ${printable(one.why)}`,
  );
  return ['', 'Messages that changed nothing', ...indent(lines)];
}

function renderEvents({ events }: RunStatus): readonly string[] {
  if (events.length === 0) return [];
  const lines = events.slice(-EVENTS_SHOWN).map((event) => `${event.at}  ${printable(event.text)}`);
  return ['', 'Last events', ...indent(lines)];
}
