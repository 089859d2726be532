// One character for each row of a plan, so that the state of 5,000 nodes travels in 5 KB.
// The order is the plan's; a code says where the node stands, never why (notes carry that).

export const ROW_CODES = {
  /** To be upgraded, not begun; in a run that is rolled back: to go back, not begun. */
  waiting: 'w',
  /** At a gate or with a child. */
  active: 'a',
  done: 'd',
  failed: 'f',
  /** Dropped by a person: skipped, rejected, or aborted before it began. */
  skipped: 's',
  upToDate: 'u',
  leftAlone: 'l',
  /** Upgraded or failed in this run, and back on what it ran before. */
  wentBack: 'b',
} as const;

export type RowCodeName = keyof typeof ROW_CODES;
export type RowCode = (typeof ROW_CODES)[RowCodeName];

/** Codes with the one at `index` replaced. */
export function withCode(codes: string, index: number, code: RowCode): string {
  return codes.slice(0, index) + code + codes.slice(index + 1);
}

/** How many rows carry each code. */
export function countCodes(codes: string): Record<RowCodeName, number> {
  const counts: Record<RowCodeName, number> = {
    waiting: 0,
    active: 0,
    done: 0,
    failed: 0,
    skipped: 0,
    upToDate: 0,
    leftAlone: 0,
    wentBack: 0,
  };
  const names = Object.entries(ROW_CODES) as [RowCodeName, RowCode][];
  const byCode = new Map(names.map(([name, code]) => [code as string, name]));
  for (const char of codes) {
    const name = byCode.get(char);
    if (name !== undefined) counts[name] += 1;
  }
  return counts;
}
