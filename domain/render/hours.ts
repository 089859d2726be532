// When the nodes of a pool may be begun, for whoever says yes to a plan: in which windows, in which
// exclusions not, and what that means next. Nothing for a pool that may be begun at any time.
import { formatDuration } from '../duration.ts';
import type { Pool } from '../fleet.ts';
import type { PlanSummary } from '../plan.ts';
import { renderExclusion, renderWindow } from '../window-words.ts';
import { printable } from './printable.ts';

/** More of them than this hide the rest of the plan; the JSON has all. */
const LINES_MAX = 5;

export function renderHours({ policy }: Pool, planned: PlanSummary['pools'][number]): readonly string[] {
  const { windows, exclusions } = policy;
  if (windows.length === 0 && exclusions.length === 0) return [];
  const { openings, expectedMs } = planned;
  return [
    ...bounded('begun only in its windows:', windows.map(renderWindow)),
    ...bounded('never begun:', exclusions.map(renderExclusion)),
    ...(openings === undefined ? [] : bounded('next:', openings.map(renderOpening))),
    ...(expectedMs === undefined
      ? []
      : [
          `a node is expected to take ${formatDuration(expectedMs)}, until its first nodes are measured: none is ` +
            'begun later than that before an end; what has begun is finished',
        ]),
  ];
}

function bounded(title: string, lines: readonly string[]): readonly string[] {
  const left = lines.length - LINES_MAX;
  const shown = lines.slice(0, LINES_MAX).map((line) => `${title} ${printable(line)}`);
  return left > 0 ? [...shown, `${title} and ${left} more: -o json shows all`] : shown;
}

function renderOpening({ from, until }: { from: string; until: string | null }): string {
  return until === null ? `from ${from}` : `${from} to ${until}`;
}
