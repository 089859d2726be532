// Windows, exclusions and what a node is expected to take, in the words that planner and plan share.
// Must never leave open which way round a window is meant: it is when nodes may be begun.
import { formatDuration } from './duration.ts';
import type { Exclusion, Window } from './policy.ts';

/** `mon, tue 22:00 for 6h (Europe/Berlin)` */
export function renderWindow({ days, start, durationMs, timezone }: Window): string {
  const named = days.length === 7 ? 'every day' : days.join(', ');
  return `${named} ${start} for ${formatDuration(durationMs)} (${timezone})`;
}

export function renderWindows(windows: readonly Window[], shownMax: number): string {
  const shown = windows.slice(0, shownMax).map(renderWindow).join('; ');
  return windows.length > shownMax ? `${shown}; and ${windows.length - shownMax} more` : shown;
}

/** A freeze is named by whoever set it; the first words of a long reason are enough. */
const WHY_CHARS_MAX = 80;

export function renderExclusion({ from, until, why }: Exclusion): string {
  const named = why.length <= WHY_CHARS_MAX ? why : `${why.slice(0, WHY_CHARS_MAX - 1)}…`;
  return `${from} to ${until}: ${named}`;
}
