// Pages of a plan with everything that its rows say: complete, in order, and never more than a payload holds.
import { describe, expect, it } from '@jest/globals';
import { pageOfPlan } from '../../domain/plan-page.ts';
import type { PlanRow } from '../../domain/plan.ts';
import { RISK_KINDS, RISK_TEXT_CHARS_MAX } from '../../domain/preflight.ts';
import type { PageQuery } from '../../domain/status.ts';
import {
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePool,
} from './planning/sample-fleet.ts';

const PAYLOAD_BYTES_MAX = 256 * 1024;

function rowsOf(count: number): readonly PlanRow[] {
  return plannedRows(
    sampleDefinition({ pools: [samplePool('batch')] }),
    sampleInventory(sampleNodes('batch', count)),
  );
}

/** A node with every kind of trouble, each at its longest. */
function worst(row: PlanRow): PlanRow {
  const risks = RISK_KINDS.map((kind) => ({
    kind,
    pods: 1000,
    example: `${'n'.repeat(63)}/${'p'.repeat(253)}`,
    text: 'ü'.repeat(RISK_TEXT_CHARS_MAX),
  }));
  return { ...row, meets: { pods: 1000, risks } };
}

function readAll(rows: readonly PlanRow[], query: PageQuery = {}) {
  const pages: (readonly PlanRow[])[] = [];
  for (let after: string | null = null; ;) {
    const page = pageOfPlan(null, rows, { ...query, ...(after === null ? {} : { after }) });
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(PAYLOAD_BYTES_MAX);
    pages.push(page.rows);
    if (page.next === null) return pages;
    after = page.next;
  }
}

describe('pages of a plan', () => {
  it.each([
    ['ordinary rows', (row: PlanRow) => row],
    ['rows with everything that may be wrong', worst],
  ])('hold all %s once and in order, each page in one payload [I102]', (_, change) => {
    const rows = rowsOf(1000).map(change);
    expect(readAll(rows).flat()).toEqual(rows);
  });

  it('are as long as was asked for, and of what was asked for', () => {
    const rows = rowsOf(10);
    expect(readAll(rows, { limit: 3 }).map((page) => page.length)).toEqual([3, 3, 3, 1]);
    const [third] = rows.slice(2);
    expect(pageOfPlan(null, rows, { node: third?.node ?? '' })).toMatchObject({
      rows: [third],
      total: 1,
      next: null,
    });
    expect(pageOfPlan(null, rows, { pool: 'none' })).toEqual({
      summary: null,
      rows: [],
      total: 0,
      next: null,
    });
  });
});
