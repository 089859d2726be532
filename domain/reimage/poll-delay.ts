// How long to let the world be before it is looked at again. A reimage takes minutes, so the first
// looks are for what fails at once, and later ones need not be frequent.

/** Looks are answered by a shared watch or a shared call; closer ones would only fill worker slots. */
const DELAY_MIN_MS = 1_000;
/** A node that is back is noticed after this at the latest; longer would be felt in each upgrade. */
const DELAY_MAX_MS = 15_000;
/** A tenth of what has been waited: the delay never adds more than that to the whole. */
const SHARE_OF_ELAPSED = 0.1;

export function pollDelayMs(elapsedMs: number): number {
  return Math.round(Math.min(DELAY_MAX_MS, Math.max(DELAY_MIN_MS, elapsedMs * SHARE_OF_ELAPSED)));
}
