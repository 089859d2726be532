// A plan among the records: its rows in pages, what their drains would meet in pages of their own (a run
// never reads those), what its digest is made of, and its head. And what has moved since another plan.
import { PortError } from '../adapters/ports/errors.ts';
import type { Records } from '../adapters/ports/records.ts';
import { PLAN_PAGE_ROWS } from '../domain/plan.ts';
import type { PlanRow, PlanSummary } from '../domain/plan.ts';
import type { PlanBasis } from '../domain/planning/plan-digest.ts';
import { isPlanBasis, listMoves } from '../domain/plan-moves.ts';
import type { PlanMove } from '../domain/plan-moves.ts';
import { MEETS_PAGE_CHARS_MAX } from '../domain/preflight.ts';
import type { MeetsRow } from '../domain/preflight.ts';

type Plan = { summary: PlanSummary; rows: readonly PlanRow[]; basis: PlanBasis };

/** Answers the head with the names of the pages. */
export async function storePlan(records: Records, key: string, plan: Plan): Promise<PlanSummary> {
  const bare = plan.rows.map(({ meets: _, ...row }) => row);
  const meets = plan.rows.flatMap(({ node, meets: met }): MeetsRow[] =>
    met === undefined ? [] : [{ node, meets: met }],
  );
  const pages = await putPages(records, { kind: 'planPage', key, pages: cutRows(bare) });
  const { preflight } = plan.summary;
  const told =
    preflight === undefined
      ? {}
      : {
          preflight: {
            ...preflight,
            pages: await putPages(records, { kind: 'planMeets', key, pages: cutMeets(meets) }),
          },
        };
  await records.put({ kind: 'planBasis', key, body: plan.basis });
  const summary: PlanSummary = { ...plan.summary, ...told, pages };
  await records.put({ kind: 'plan', key, body: summary });
  return summary;
}

function cutRows(rows: readonly object[]): readonly (readonly object[])[] {
  const pages = Math.ceil(rows.length / PLAN_PAGE_ROWS);
  return Array.from({ length: pages }, (_, page) =>
    rows.slice(page * PLAN_PAGE_ROWS, (page + 1) * PLAN_PAGE_ROWS),
  );
}

/** By size: most nodes have a line, some have a screen. */
function cutMeets(rows: readonly MeetsRow[]): readonly (readonly MeetsRow[])[] {
  const pages: MeetsRow[][] = [];
  let chars = Number.POSITIVE_INFINITY;
  for (const row of rows) {
    const size = JSON.stringify(row).length + 1;
    if (chars + size > MEETS_PAGE_CHARS_MAX) {
      pages.push([]);
      chars = 2;
    }
    pages.at(-1)?.push(row);
    chars += size;
  }
  return pages;
}

async function putPages(
  records: Records,
  o: { kind: 'planPage' | 'planMeets'; key: string; pages: readonly (readonly object[])[] },
): Promise<readonly string[]> {
  const digests: string[] = [];
  for (const body of o.pages) digests.push(await records.put({ kind: o.kind, key: o.key, body }));
  return digests;
}

/** Empty when this is the plan that was demanded, or none was. */
export async function collectMoves(
  records: Pick<Records, 'get'>,
  demanded: string | null | undefined,
  { summary, basis }: Pick<Plan, 'summary' | 'basis'>,
): Promise<readonly PlanMove[]> {
  if (demanded === null || demanded === undefined || demanded === summary.digest) return [];
  const before = await readBasis(records, demanded);
  if (before.kind === 'found') return listMoves(before.basis, basis);
  return [{ part: 'scope', text: `what has moved is not known: ${before.why}` }];
}

/** What cannot be read is told as well: it must not hide that the plan is another one. */
async function readBasis(
  records: Pick<Records, 'get'>,
  digest: string,
): Promise<{ kind: 'found'; basis: PlanBasis } | { kind: 'unknown'; why: string }> {
  try {
    const body = await records.get(digest);
    if (isPlanBasis(body)) return { kind: 'found', basis: body };
    const what = body === undefined ? 'does not stand among the records' : 'names a record of another kind';
    return { kind: 'unknown', why: `the plan that was demanded ${what} here (REFIT_RECORDS)` };
  } catch (error) {
    if (error instanceof PortError) return { kind: 'unknown', why: error.message };
    throw error;
  }
}
