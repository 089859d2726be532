// Times as RFC 3339 text, added to and compared without a clock: `now` is always handed in.

export function timeAfter(at: string, ms: number): string {
  return new Date(Date.parse(at) + ms).toISOString();
}

export function msBetween(from: string, until: string): number {
  return Date.parse(until) - Date.parse(from);
}

/** Null of none. */
export function earliestOf(times: readonly string[]): string | null {
  const [first, ...others] = times;
  if (first === undefined) return null;
  return others.reduce((one, other) => (msBetween(one, other) < 0 ? other : one), first);
}
