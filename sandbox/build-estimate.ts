// How long the builds still take. It starts from what they took elsewhere and is corrected by what was
// measured in this run, since a machine's speed and a warm Go cache change all of them alike.

export interface BuildProgress {
  done: readonly { expectedSeconds: number; tookSeconds: number }[];
  current: { expectedSeconds: number; spentSeconds: number } | undefined;
  waiting: readonly { expectedSeconds: number }[];
}

// An overdue build is taken to need another tenth of what it took so far: "0 s to go" would be a lie.
const OVERDUE_LEFT = 0.1;

/** How much slower than expected this run is: above 1 is slower. */
function pace(p: BuildProgress): number {
  const expected = p.done.reduce((sum, build) => sum + build.expectedSeconds, 0);
  const took = p.done.reduce((sum, build) => sum + build.tookSeconds, 0);
  const measured = expected === 0 ? 1 : took / expected;
  // A build that already runs longer than the pace says proves the pace wrong; how much longer it takes is
  // not known, only that it is not done.
  const floor =
    p.current === undefined ? 0 : (p.current.spentSeconds * (1 + OVERDUE_LEFT)) / p.current.expectedSeconds;
  return Math.max(measured, floor);
}

export function estimateSecondsLeft(p: BuildProgress): number {
  const factor = pace(p);
  const current =
    p.current === undefined ? 0 : Math.max(0, p.current.expectedSeconds * factor - p.current.spentSeconds);
  return current + factor * p.waiting.reduce((sum, build) => sum + build.expectedSeconds, 0);
}
