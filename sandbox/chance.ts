// Chance that comes out the same for the same seed and key, whatever else was drawn before it: several
// processes and restarts draw the same numbers. It must never be used for ids that have to be unique.
import { createHash } from 'node:crypto';

const TWO_POW_32 = 0x1_0000_0000;

/** A number from 0 up to, but not including, 1. */
export function chance(seed: number, ...key: readonly (string | number)[]): number {
  const digest = createHash('sha256')
    .update([seed, ...key].join('\0'))
    .digest();
  return digest.readUInt32BE(0) / TWO_POW_32;
}

export function between(
  min: number,
  max: number,
  seed: number,
  ...key: readonly (string | number)[]
): number {
  return min + (max - min) * chance(seed, ...key);
}

/** A UUID of version 4's form, the same for the same seed and key. */
export function seededUuid(seed: number, ...key: readonly (string | number)[]): string {
  const hex = createHash('sha256')
    .update([seed, 'uuid', ...key].join('\0'))
    .digest('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
