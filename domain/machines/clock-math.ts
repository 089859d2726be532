// Times as RFC 3339 text, added to and compared without a clock: `now` is always handed in.

export function timeAfter(at: string, ms: number): string {
  return new Date(Date.parse(at) + ms).toISOString();
}

export function msBetween(from: string, until: string): number {
  return Date.parse(until) - Date.parse(from);
}
