// `3` nodes, or `10%` of a pool.
import type { Amount, ZoneMax } from './policy.ts';

const PERCENT = /^([1-9]\d?|100)%$/;
/** No cluster of Kubernetes is larger. */
export const AMOUNT_COUNT_MAX = 5000;

/** Undefined when it is neither a whole number from 1 nor a percentage from 1% to 100%. */
export function parseAmount(value: unknown): Amount | undefined {
  if (typeof value === 'number') {
    return Number.isInteger(value) && value >= 1 && value <= AMOUNT_COUNT_MAX
      ? { kind: 'count', count: value }
      : undefined;
  }
  const match = typeof value === 'string' ? PERCENT.exec(value) : null;
  return match === null ? undefined : { kind: 'percent', percent: Number(match[1]) };
}

export function formatAmount(amount: Amount): number | string {
  return amount.kind === 'count' ? amount.count : `${amount.percent}%`;
}

export function toZoneMax(amount: Amount): ZoneMax {
  return amount.kind === 'count' ? amount.count : amount;
}

export function formatZoneMax(max: ZoneMax): number | string {
  return typeof max === 'number' ? max : formatAmount(max);
}

/** A percentage is rounded down, yet at least 1: a pool of 4 at 10% would otherwise never move. */
export function resolveAmount(amount: Amount, poolSize: number): number {
  if (amount.kind === 'count') return amount.count;
  return Math.max(1, Math.floor((amount.percent * poolSize) / 100));
}
