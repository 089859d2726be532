// The run in markdown for the Web UI's "current details": what a person sees who has no `refit`. Bounded.
import { phaseOf, phaseWhyOf } from '../domain/machines/fleet-phase.ts';
import type { RunState } from '../domain/machines/fleet-state.ts';
import { statusOf } from '../domain/machines/fleet-views.ts';
import type { RunIds } from '../domain/machines/fleet-views.ts';
import type { NodeWay } from '../domain/machines/node-types.ts';
import { STATE_SHOWN } from '../domain/machines/node-types.ts';
import { renderYeses } from '../domain/render/status.ts';
import type { ActiveNode, Gate, RunEvent, RunStatus, WaitingItem } from '../domain/status.ts';

/** A page that a person reads without scrolling far. */
const ROWS_MAX = 20;
const GATES_MAX = 10;
const EVENTS_MAX = 10;
const CELL_CHARS_MAX = 160;

export function renderRunDetails(state: RunState, ids: RunIds): string {
  const status = statusOf(state, ids);
  const { counts } = status;
  const why = phaseWhyOf(state);
  return [
    `**${phaseOf(state)}**${why === null ? '' : `: ${cell(why)}`}`,
    '',
    `${String(counts.done)} done, ${String(counts.active)} active, ${String(counts.waiting)} waiting, ` +
      `${String(counts.failed)} failed, ${String(counts.skipped)} skipped, ${String(counts.upToDate)} up to date, ` +
      `${String(counts.leftAlone)} left alone, ` +
      `${counts.wentBack === undefined ? '' : `${String(counts.wentBack)} went back, `}of ${String(counts.total)}`,
    ...status.gates.slice(0, GATES_MAX).flatMap(renderGate),
    ...renderActive(status.active.slice(0, ROWS_MAX)),
    ...renderWaiting(status.waiting.slice(0, ROWS_MAX)),
    ...renderEvents(status.events.slice(-EVENTS_MAX)),
  ].join('\n');
}

function renderGate(gate: Gate): string[] {
  return [
    '',
    `### Asks for approval: ${cell(gate.name)}`,
    ...[...gate.evidence, ...renderYeses(gate)].map((line) => `- ${cell(line)}`),
    '',
    ...gate.answers.map((line) => `    ${line}`),
  ];
}

function renderActive(active: readonly ActiveNode[]): string[] {
  if (active.length === 0) return [];
  const rows = active.map((child) => {
    const left =
      child.progress === null
        ? ''
        : `${String(child.progress.podsLeft)} of ${String(child.progress.podsTotal)} pods left`;
    return `| ${cell(child.node)} | ${child.pool} | ${child.state} | ${child.since} | ${child.until ?? ''} | ${left} |`;
  });
  return ['', '| node | pool | state | since | until | |', '|---|---|---|---|---|---|', ...rows];
}

function renderWaiting(waiting: readonly WaitingItem[]): string[] {
  if (waiting.length === 0) return [];
  const rows = waiting.map(
    (item) => `| ${cell(item.subject)} | ${cell(item.on)} | ${item.since} | ${cell(item.freedBy)} |`,
  );
  return ['', '| waits | on | since | freed by |', '|---|---|---|---|', ...rows];
}

function renderEvents(events: readonly RunEvent[]): string[] {
  return ['', ...events.map((event) => `- ${event.at} ${cell(event.text)}`)];
}

/** A run over several clusters: where each stands, then what is asked. */
export function renderPromotionDetails(status: RunStatus): string {
  const { promotion, phase, phaseWhy } = status;
  const rows = (promotion?.rows ?? [])
    .slice(0, ROWS_MAX)
    .map((row) => `| ${row.tier} | ${row.cluster} | ${row.state} | ${row.until ?? ''} | ${cell(row.note)} |`);
  return [
    `**${phase}**: release ${cell(promotion?.release ?? 'not known yet')}${phaseWhy === null ? '' : `, ${cell(phaseWhy)}`}`,
    '',
    '| tier | cluster | state | until | |',
    '|---|---|---|---|---|',
    ...rows,
    ...status.gates.slice(0, GATES_MAX).flatMap(renderGate),
    ...renderWaiting(status.waiting.slice(0, ROWS_MAX)),
    ...renderEvents(status.events.slice(-EVENTS_MAX)),
  ].join('\n');
}

export function renderNodeDetails(way: NodeWay): string {
  const { step, state } = way;
  return [
    `**${step.node}** (${step.pool}): ${step.from ?? 'unknown release'} → ${step.release.name}, attempt ${String(step.attempt)}`,
    '',
    `${STATE_SHOWN[state.kind]}${'held' in state && state.held !== null ? `: ${cell(state.held)}` : ''}`,
    '',
    ...way.trail.map((entry) => `- ${entry.at} ${entry.state}: ${cell(entry.text)}`),
  ].join('\n');
}

/** Text of people and servers, made harmless for a table. */
function cell(text: string): string {
  const flat = text.replace(/[|\n\r`<>]/g, ' ');
  return flat.length <= CELL_CHARS_MAX ? flat : `${flat.slice(0, CELL_CHARS_MAX - 1)}…`;
}
