// The live picture of a run on a terminal: what people look at while they wait. Never taller than the
// terminal, since what has scrolled away cannot be overwritten.
import { printable } from '../../../domain/render/printable.ts';
import { renderSpan } from '../../../domain/render/span.ts';
import { renderCounts } from '../../../domain/render/status.ts';
import type { RunStatus } from '../../../domain/status.ts';
import { renderColumns } from '../columns.ts';
import type { CliContext } from '../context.ts';
import { paintFor } from '../style.ts';
import type { Paint } from '../style.ts';
import { describeActive } from './changes.ts';

const BAR_WIDTH = 30;
const EVENTS_SHOWN = 6;
/** `12:00:00` and a gap; what wraps would push the picture out of the terminal. */
const TIME_WIDTH = 10;
// Prompt, a note and the line below stay free.
const ROWS_KEPT_FREE = 3;

export function renderLive(context: CliContext, status: RunStatus): string {
  const paint = paintFor(context.out, context.env);
  const now = context.now();
  const lines = [
    ...headLines(status, now, paint),
    ...gateLines(status, paint),
    ...activeLines(status, now).map((line) => line.slice(0, context.out.columns - 1)),
    ...eventLines(status, paint, context.out.columns - TIME_WIDTH),
  ];
  const rowsMax = Math.max(5, context.out.rows - ROWS_KEPT_FREE);
  if (lines.length <= rowsMax) return lines.join('\n');
  const hidden = lines.length - rowsMax + 1;
  return [...lines.slice(0, rowsMax - 1), `… and ${String(hidden)} lines more: refit status`].join('\n');
}

function headLines(status: RunStatus, now: Date, paint: Paint): readonly string[] {
  const { counts } = status;
  const wanted = counts.total - counts.upToDate - counts.leftAlone;
  const settled = counts.done + counts.failed + counts.skipped;
  const why = status.phaseWhy === null ? '' : ` (${printable(status.phaseWhy)})`;
  const since = renderSpan(now.getTime() - Date.parse(status.startedAt));
  return [
    `${paint('bold', status.workflowId)}  ${phaseText(status, paint)}${why}  ${since}`,
    `${bar(settled, wanted)}  ${counts.failed > 0 ? paint('red', renderCounts(counts)) : renderCounts(counts)}`,
  ];
}

function phaseText(status: RunStatus, paint: Paint): string {
  if (status.phase === 'running') return paint('green', status.phase);
  if (status.phase === 'ended') return paint('bold', status.outcome ?? status.phase);
  return paint('yellow', status.phase);
}

function bar(settled: number, wanted: number): string {
  const filled = wanted <= 0 ? 0 : Math.round((BAR_WIDTH * settled) / wanted);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}]`;
}

function gateLines(status: RunStatus, paint: Paint): readonly string[] {
  return status.gates.flatMap((gate) => [
    '',
    paint('yellow', `? ${gate.name} waits for an answer`),
    ...gate.evidence.map((line) => `    ${printable(line)}`),
    ...gate.answers.map((answer) => `    ${paint('dim', printable(answer, 500))}`),
  ]);
}

function activeLines(status: RunStatus, now: Date): readonly string[] {
  if (status.active.length === 0) return [];
  const rows = status.active.map((node) => [
    node.node,
    node.pool,
    renderSpan(now.getTime() - Date.parse(node.since)),
    describeActive(node),
  ]);
  const unseen = status.counts.active - status.active.length;
  const more = unseen > 0 ? [`… and ${String(unseen)} more`] : [];
  return ['', ...renderColumns(['NODE', 'POOL', 'FOR', 'STATE'], rows).split('\n'), ...more];
}

function eventLines(status: RunStatus, paint: Paint, charsMax: number): readonly string[] {
  if (status.events.length === 0) return [];
  const last = status.events.slice(-EVENTS_SHOWN);
  return [
    '',
    ...last.map((event) => `${paint('dim', event.at.slice(11, 19))} ${printable(event.text, charsMax)}`),
  ];
}
