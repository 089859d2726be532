// What a promotion takes along of the run of a cluster, and when a new look is worth telling it: a question, a
// pause or a failure at once, mere progress now and then, since each telling is written into its history.
import type { ClusterSeen } from '../promotion.ts';
import type { RunStatus } from '../status.ts';

/** Each of 2.5 KB at its worst. */
const GATES_KEPT_MAX = 10;
const WAITING_KEPT_MAX = 15;
/** A cluster that is upgraded for a day is told of 1,440 times: 9,000 events, over several histories. */
const PROGRESS_EVERY_MS = 60_000;

export function seenOf(status: RunStatus, at: string): ClusterSeen {
  const { phase, phaseWhy, counts, gates, waiting } = status;
  return {
    at,
    phase,
    phaseWhy,
    counts,
    gates: gates.slice(0, GATES_KEPT_MAX),
    waiting: waiting.slice(0, WAITING_KEPT_MAX),
  };
}

/** Null: nothing was told yet. */
export function isNews(seen: ClusterSeen, told: ClusterSeen | null): boolean {
  if (told === null || newsOf(seen) !== newsOf(told)) return true;
  const isProgress = JSON.stringify(seen.counts) !== JSON.stringify(told.counts);
  return isProgress && Date.parse(seen.at) - Date.parse(told.at) >= PROGRESS_EVERY_MS;
}

function newsOf({ phase, phaseWhy, counts, gates }: ClusterSeen): string {
  const asked = gates.map(({ name, yeses }) => [name, (yeses ?? []).length]);
  return JSON.stringify([phase, phaseWhy, counts.failed, counts.skipped, asked]);
}
