// Medians, worst cases and ratios of what was measured, and whether a goal was met. Pure: it must never
// round before it compares, nor leave a round out.

/** A goal as it was set before anything was measured. */
export type Goal = { what: string; atLeast?: number; atMost?: number };

export type Verdict = Goal & { measured: number; met: boolean };

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that so great a share of all does not exceed; of few values, the worst. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
}

/** Worst and best of a rate, where more is better. */
export function spread(values: readonly number[]): { median: number; worst: number; best: number } {
  return { median: median(values), worst: Math.min(...values), best: Math.max(...values) };
}

/** Ours by theirs, round by round: rounds side by side in time share the same noise. */
export function ratios(ours: readonly number[], theirs: readonly number[]): number[] {
  if (ours.length !== theirs.length) {
    throw new Error(`${String(ours.length)} rounds of ours against ${String(theirs.length)} of theirs`);
  }
  return ours.map((value, at) => value / (theirs[at] ?? Number.NaN));
}

export function judge(goal: Goal, measured: number): Verdict {
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = goal;
  return { ...goal, measured, met: measured >= atLeast && measured <= atMost };
}

export function renderVerdict(verdict: Verdict): string {
  const { what, atLeast, atMost, measured, met } = verdict;
  const wanted = atLeast === undefined ? `≤ ${String(atMost)}` : `≥ ${String(atLeast)}`;
  return `${met ? 'met   ' : 'MISSED'} ${what}: ${renderNumber(measured)} (goal ${wanted})`;
}

/** Three digits that count; whole numbers stay whole. */
export function renderNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return String(Math.round(value));
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** Columns by the widest cell; the first is left-aligned, numbers are not. */
export function renderTable(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
