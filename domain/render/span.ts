// Moments and spans as people read them. Never asks the clock: `now` is handed in, and without it the
// moments themselves are shown.
import { formatDuration } from '../duration.ts';

/** `12s`, `4m10s`, `3h12m`, `2d5h`: two units, the rest is noise. */
export function renderSpan(ms: number): string {
  const units = formatDuration(ms).match(/\d+[dhms]/g) ?? [];
  return units.slice(0, 2).join('');
}

/** `for 4m10s` when it is known what time it is, else `since 2026-…`. */
export function renderSince(since: string, now: Date | undefined): string {
  if (now === undefined) return `since ${since}`;
  return `for ${renderSpan(now.getTime() - Date.parse(since))}`;
}

/** `25m left`, `overdue by 2m`, or `until 2026-…`. */
export function renderUntil(until: string | null, now: Date | undefined): string | undefined {
  if (until === null) return undefined;
  if (now === undefined) return `until ${until}`;
  const left = Date.parse(until) - now.getTime();
  return left >= 0 ? `${renderSpan(left)} left` : `overdue by ${renderSpan(-left)}`;
}

export function renderBetween(from: string, to: string): string {
  return renderSpan(Date.parse(to) - Date.parse(from));
}
