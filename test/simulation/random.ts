// Chance that can be had again: the same seed gives the same story.

export type Random = {
  /** True once in `n` times. */
  oneIn(n: number): boolean;
  /** From 0 to `n - 1`. */
  below(n: number): number;
  pick<T>(from: readonly T[]): T | undefined;
};

/** Mulberry32: small, and good enough to wander. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  return { below, oneIn: (n) => below(n) === 0, pick: (from) => from[below(from.length)] };
}
