// What is remembered of each pod's evictions for as long as the worker lives, so that a drain that comes
// back after a stall neither forgets a refusal nor begins its floor anew. Losing it harms nothing.
import { firstSight } from '../../domain/drain/tries.ts';
import type { Refusal } from '../../domain/drain/blockers.ts';
import type { Tries } from '../../domain/drain/tries.ts';

export type PodMemory = {
  tries: Tries;
  refusal: Refusal | null;
  /** When the API server took the eviction; null before. */
  evictedAtMs: number | null;
  /** The eviction API said that the pod is not there: the watch will follow. */
  gone: boolean;
  inFlight: boolean;
  /** When it was last asked for a checkpoint; null before. */
  askedAtMs: number | null;
};

/** 40 nodes of 250 pods at once; more than these are the oldest ones, of drains that ended. */
const PODS_MAX = 10_000;

export class DrainMemory {
  readonly #pods = new Map<string, PodMemory>();

  recall(uid: string, nowMs: number, chance: number): PodMemory {
    const known = this.#pods.get(uid);
    if (known !== undefined) return known;
    const fresh: PodMemory = {
      tries: firstSight(nowMs, chance),
      refusal: null,
      evictedAtMs: null,
      gone: false,
      inFlight: false,
      askedAtMs: null,
    };
    this.#pods.set(uid, fresh);
    for (const oldest of this.#pods.keys()) {
      if (this.#pods.size <= PODS_MAX) break;
      this.#pods.delete(oldest);
    }
    return fresh;
  }

  forget(uid: string): void {
    this.#pods.delete(uid);
  }
}
