// The table of `refit nodes` and the footer that says what to run next.
import { STATES_ON_THE_WAY } from './node-rows.ts';
import type { NodeRow } from './node-rows.ts';
import { renderColumns } from './columns.ts';
import { renderDifference } from '../../domain/planning/release-of.ts';
import { printable } from '../../domain/render/printable.ts';

/** Half a line; `refit why NODE` has the rest. */
const NOTE_CHARS_MAX = 100;
/** Asked for: three differences with a long label. */
const WHY_CHARS_MAX = 300;

/** `why`: also what each node out of date shows other than expected. */
export function renderNodes(rows: readonly NodeRow[], o: { wide: boolean; why: boolean; now: Date }): string {
  const header = ['NODE', 'POOL', 'ZONE', 'STATE', 'STATUS', 'AGE', 'RELEASE'];
  const wide = ['INSTANCE', 'INSTANCE-TYPE', 'INTERNAL-IP', 'IMAGE'];
  // RELEASE is last, since it alone may be long; the wide columns go before it.
  const head = o.wide ? [...header.slice(0, -1), ...wide, 'RELEASE'] : header;
  const cells = rows.map((row) => [
    row.node,
    row.pool,
    row.zone,
    row.state,
    row.status,
    renderAge(o.now.getTime() - Date.parse(row.createdAt)),
    ...(o.wide ? [row.instanceId ?? '-', row.instanceType, row.internalIp, row.imageId ?? '-'] : []),
    releaseCell(row, o.why),
  ]);
  return renderColumns(head, cells);
}

/**
 * `2026.09`, `2026.09*` (another is available), `2026.09* (kubelet is v1.35.4, expected v1.36.1)`,
 * `2026.09 --> 2026.11 (3 of 9 pods left)`
 */
function releaseCell(row: NodeRow, why: boolean): string {
  const shown = row.release ?? 'unknown';
  const isOnTheWay = STATES_ON_THE_WAY.includes(row.state) && row.release !== row.target;
  const told = row.note === '' ? [] : [row.note];
  const reasons = why && !isOnTheWay ? row.outdated.map(renderDifference) : [];
  const text = printable([...told, ...reasons].join('; '), why ? WHY_CHARS_MAX : NOTE_CHARS_MAX);
  const note = text === '' ? '' : ` (${text})`;
  if (isOnTheWay) return `${shown} --> ${row.target}${note}`;
  return `${shown}${row.updateAvailable ? '*' : ''}${note}`;
}

export function renderFooter(
  rows: readonly NodeRow[],
  o: { cluster: string; pools: number; run: string | undefined },
): string {
  const outdated = rows.filter((row) => row.updateAvailable);
  const lines = [...new Set(outdated.map((row) => row.target))].map((target) => {
    const pools = [...new Set(outdated.filter((row) => row.target === target).map((row) => row.pool))];
    // All pools is what a plan is about without a word.
    const flags = pools.length === o.pools ? '' : pools.map((pool) => ` --pool ${pool}`).join('');
    return `* Release ${target} is available. See what would change: refit plan ${o.cluster}${flags}`;
  });
  if (outdated.length === 0 && rows.length > 0) lines.push('Every node runs the release of its pool.');
  if (rows.length === 0)
    lines.push('No node belongs to a pool of this cluster; check the selectors: refit validate');
  if (o.run !== undefined) lines.push(`Run ${o.run} is at work. Follow it: refit status -w ${o.run} --watch`);
  return lines.join('\n');
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** One unit, as in kubectl's AGE. */
function renderAge(ms: number): string {
  if (ms >= 2 * DAY_MS) return `${String(Math.floor(ms / DAY_MS))}d`;
  if (ms >= 2 * HOUR_MS) return `${String(Math.floor(ms / HOUR_MS))}h`;
  if (ms >= 2 * MINUTE_MS) return `${String(Math.floor(ms / MINUTE_MS))}m`;
  return `${String(Math.max(0, Math.floor(ms / 1000)))}s`;
}
