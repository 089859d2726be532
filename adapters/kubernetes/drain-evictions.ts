// The requests that a drain has in flight: evictions of pods that may go, and questions for a checkpoint. Knows
// what each answer means for the pod; nothing of when a drain is over. Must never send anything before the run
// has let it, nor two requests for one pod at a time.
import { tryAtMs, afterRefusal } from '../../domain/drain/tries.ts';
import type { PodSituation } from '../../domain/drain/blockers.ts';
import type { PdbFacts, PodFacts } from '../../domain/drain/pod.ts';
import type { DrainRequest } from '../ports/kubernetes.ts';
import type { Api } from './api.ts';
import { requestCheckpoint } from './checkpoint.ts';
import type { DrainMemory, PodMemory } from './drain-memory.ts';
import { evict } from './eviction.ts';
import type { EvictionOutcome } from './eviction.ts';
import type { PdbSlots } from './pdb-slots.ts';
import type { Watches } from './watches.ts';

export type DrainBed = {
  api: Api;
  watches: Watches;
  slots: PdbSlots;
  memory: DrainMemory;
  now: () => Date;
  random: () => number;
};

export type Situation = PodSituation & { memory: PodMemory };

/** Evictions of one node in flight: more than kubectl's one a pod on a usual node, and a bound on a strange one. */
const IN_FLIGHT_MAX = 20;
/** A pod that could not be asked is gone or another one, as the watch will show; this keeps a wrong watch quiet. */
const ASK_AGAIN_MS = 5_000;

export class Evictions {
  readonly #bed: DrainBed;
  readonly #o: DrainRequest;
  readonly #on: { moved: () => void; wake: () => void };
  /** Ends requests in flight when the drain ends for whatever reason. */
  readonly #ending = new AbortController();
  #mayAct = false;
  evicted: number;
  inFlight = 0;
  failure: unknown;

  constructor(bed: DrainBed, o: DrainRequest, on: { moved: () => void; wake: () => void }) {
    this.#bed = bed;
    this.#o = o;
    this.#on = on;
    this.evicted = o.resume?.evicted ?? 0;
  }

  end(): void {
    this.#ending.abort();
  }

  /** Starts what may be tried now; answers when the next try is due. */
  async startDue(situations: readonly Situation[]): Promise<number> {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const situation of situations) {
      const { pod, memory, turn } = situation;
      if (memory.inFlight || memory.evictedAtMs !== null || pod.deletionTimestamp !== null) continue;
      if (turn.kind === 'behind') continue;
      const atMs = this.#dueAtMs(situation);
      if (atMs > this.#nowMs()) {
        nextMs = Math.min(nextMs, atMs);
        continue;
      }
      if (this.inFlight >= IN_FLIGHT_MAX) continue;
      if (turn.kind === 'ask') await this.#startAsking(pod, memory, turn.requestedAt);
      else await this.#startEviction(situation);
    }
    return nextMs;
  }

  #dueAtMs({ memory, budget, turn }: Situation): number {
    if (turn.kind === 'held') return turn.untilMs ?? Number.POSITIVE_INFINITY;
    if (turn.kind === 'ask') return (memory.askedAtMs ?? Number.NEGATIVE_INFINITY) + ASK_AGAIN_MS;
    return tryAtMs(memory.tries, budget);
  }

  async #startAsking(pod: PodFacts, memory: PodMemory, requestedAt: string): Promise<void> {
    await this.#allow();
    void this.#run(memory, async (signal) => {
      memory.askedAtMs = this.#nowMs();
      const asked = await requestCheckpoint(this.#bed.api, pod, { requestedAt, signal });
      if (asked === undefined) return;
      this.#bed.watches.pods.observe(asked);
      this.#on.moved();
    });
  }

  async #startEviction({ pod, memory, budget, covering }: Situation): Promise<void> {
    const counted = budget.kind === 'held' ? covering[0] : budget.counted;
    const giveBack = this.#takeSlot(counted ?? null, budget.kind === 'held');
    // No slot: the wake comes when one is given back or the PDB changes.
    if (giveBack === undefined) return;
    try {
      await this.#allow();
    } catch (error) {
      giveBack({ spent: false });
      throw error;
    }
    let spent = false;
    const evicting = this.#run(memory, async (signal) => {
      const outcome = await evict(this.#bed.api, pod, signal);
      spent = outcome.kind === 'evicted' || (outcome.kind === 'refused' && outcome.refusal.kind === 'pdb');
      this.#learn(memory, outcome, counted?.resourceVersion ?? null);
    });
    void evicting.finally(() => giveBack({ spent }));
  }

  #takeSlot(counted: PdbFacts | null, beyondView: boolean) {
    return counted === null ? () => undefined : this.#bed.slots.take(counted, beyondView);
  }

  /** Asked once an attempt, before the first thing that changes the world. */
  async #allow(): Promise<void> {
    if (this.#mayAct) return;
    await this.#o.beforeEvicting();
    this.#mayAct = true;
  }

  async #run(memory: PodMemory, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const signal = AbortSignal.any([this.#o.signal, this.#ending.signal]);
    memory.inFlight = true;
    this.inFlight += 1;
    try {
      await work(signal);
    } catch (error) {
      if (!signal.aborted) this.failure ??= error;
    } finally {
      memory.inFlight = false;
      this.inFlight -= 1;
      this.#on.wake();
    }
  }

  #learn(memory: PodMemory, outcome: EvictionOutcome, pdbVersion: string | null): void {
    const nowMs = this.#nowMs();
    switch (outcome.kind) {
      case 'evicted':
        memory.evictedAtMs = nowMs;
        memory.refusal = null;
        this.evicted += 1;
        return this.#on.moved();
      case 'gone':
        memory.gone = true;
        return this.#on.moved();
      case 'refused': {
        const { retryAfterMs } = outcome;
        memory.refusal = outcome.refusal;
        const o = { nowMs, chance: this.#bed.random(), pdbVersion, retryAfterMs };
        memory.tries = afterRefusal(memory.tries, o);
      }
    }
  }

  #nowMs(): number {
    return this.#bed.now().getTime();
  }
}
