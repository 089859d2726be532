// When a pod's eviction is tried, and when not yet. Pure: chance and time are handed in.
// Must never let a pod be refused more than once in FLOOR_MS while its PDB allows nothing.
import type { BudgetCheck } from './budget.ts';

/** What is remembered of one pod's evictions; null before the first sight of it. */
export type Tries = {
  /** Not before this, unless the PDB has changed since the refusal. */
  notBeforeMs: number;
  /** While held: tried at this time although the watch says no, in case the watch is wrong. */
  floorAtMs: number;
  refusals: number;
  /** resourceVersion of the PDB that was seen when it refused. */
  refusedAt: string | null;
};

/** 30 s keeps ten thousand held pods under 350 requests a second; a wrong watch costs as much. */
export const FLOOR_MS = 30_000;
/** The floor is spread over this much more, so that pods held together do not come back together. */
const FLOOR_SPREAD_MS = 6_000;
/** First pause after a refusal; doubles up to the floor. */
const BACKOFF_MIN_MS = 500;

export function firstSight(nowMs: number, chance: number): Tries {
  return { notBeforeMs: nowMs, floorAtMs: floorAt(nowMs, chance), refusals: 0, refusedAt: null };
}

/** When the pod may be tried: `nowMs` or earlier means now. */
export function tryAtMs(tries: Tries, budget: BudgetCheck): number {
  if (budget.kind === 'held') return tries.floorAtMs;
  const changed = budget.counted !== null && budget.counted.resourceVersion !== tries.refusedAt;
  // The PDB was seen to change since it refused, and it allows: go on at once.
  if (tries.refusedAt !== null && changed) return 0;
  return tries.notBeforeMs;
}

export function afterRefusal(
  tries: Tries,
  o: { nowMs: number; chance: number; pdbVersion: string | null; retryAfterMs: number | null },
): Tries {
  const refusals = tries.refusals + 1;
  const backoffMs = Math.min(FLOOR_MS, BACKOFF_MIN_MS * 2 ** Math.min(refusals - 1, 16));
  return {
    notBeforeMs: o.nowMs + (o.retryAfterMs ?? backoffMs * (0.5 + o.chance / 2)),
    floorAtMs: Math.max(floorAt(o.nowMs, o.chance), o.nowMs + (o.retryAfterMs ?? 0)),
    refusals,
    refusedAt: o.pdbVersion,
  };
}

function floorAt(nowMs: number, chance: number): number {
  return nowMs + FLOOR_MS + Math.round(chance * FLOOR_SPREAD_MS);
}
