// What each part of the bench hands back.
import type { Verdict } from './figures.ts';

export type PartResult = {
  /** For people, as it stands. */
  lines: readonly string[];
  verdicts: readonly Verdict[];
  /** Every round as it was, for machines. */
  measured: unknown;
};
