// The name that a misspelt one most likely meant.
import { closest, distance } from 'fastest-levenshtein';

/** Half of the word wrong is another word, not a slip. */
const DISTANCE_SHARE_MAX = 0.5;
/** The distance is quadratic in the length: what is longer than any name is no slip of one. */
const WORD_CHARS_MAX = 300;

export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0 || word.length > WORD_CHARS_MAX) return undefined;
  const near = closest(
    word.toLowerCase(),
    candidates.map((candidate) => candidate.toLowerCase()),
  );
  const match = candidates.find((candidate) => candidate.toLowerCase() === near);
  if (match === undefined) return undefined;
  const far = distance(word.toLowerCase(), near);
  return far <= Math.max(word.length, match.length) * DISTANCE_SHARE_MAX ? match : undefined;
}
