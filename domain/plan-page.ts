// Pages of a plan with all that its rows say, cut by size: a row may have a line or a screen.
// Must never answer more than a payload holds, nor an empty page while there are rows to come.
import type { PlanRow, PlanSummary } from './plan.ts';
import type { PageQuery, PlanPage } from './status.ts';

/** Characters of JSON; as UTF-8, with the head, below the 256 KB of a payload for names in any script. */
const PAGE_CHARS_MAX = 80_000;

export function pageOfPlan(
  summary: PlanSummary | null,
  rows: readonly PlanRow[],
  { pool, node, after, limit }: PageQuery,
): PlanPage {
  const wanted = rows.filter(
    (row) => (pool === undefined || row.pool === pool) && (node === undefined || row.node === node),
  );
  const from = after === undefined ? 0 : wanted.findIndex((row) => row.node === after) + 1;
  const page: PlanRow[] = [];
  let chars = 0;
  for (const row of wanted.slice(from, limit === undefined ? undefined : from + limit)) {
    chars += JSON.stringify(row).length;
    if (page.length > 0 && chars > PAGE_CHARS_MAX) break;
    page.push(row);
  }
  const last = page.at(-1);
  const more = last !== undefined && from + page.length < wanted.length;
  return { summary, rows: page, total: wanted.length, next: more ? last.node : null };
}
