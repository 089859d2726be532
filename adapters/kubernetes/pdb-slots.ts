// How many evictions of one PDB are under way in this worker, over all nodes that it drains.
// Spares the API server what it must refuse: no more are sent than the PDB was seen to allow.
import type { PdbFacts } from '../../domain/drain/pod.ts';
import { podKey } from '../../domain/drain/pod.ts';

/** Evictions conflict on the PDB's status and wait 500 ms for each other: more in flight buys nothing. */
const IN_FLIGHT_MAX = 10;

type Use = { inFlight: number; version: string; spent: number };

export class PdbSlots {
  readonly #uses = new Map<string, Use>();
  readonly #waiting = new Set<() => void>();

  /**
   * `beyondView`: the 30-s floor, which tries although the watch shows that nothing is allowed.
   * Answers the way to give the slot back, or undefined when there is none now.
   */
  take(pdb: PdbFacts, beyondView: boolean): ((o: { spent: boolean }) => void) | undefined {
    const key = podKey(pdb);
    const use = this.#uses.get(key) ?? { inFlight: 0, version: pdb.resourceVersion, spent: 0 };
    if (use.version !== pdb.resourceVersion) {
      // A new status: what is answered already stands in it, what is in flight may not.
      use.version = pdb.resourceVersion;
      use.spent = use.inFlight;
    }
    if (use.inFlight >= IN_FLIGHT_MAX) return undefined;
    if (!beyondView && use.spent >= pdb.disruptionsAllowed) return undefined;
    use.inFlight += 1;
    use.spent += 1;
    this.#uses.set(key, use);
    return ({ spent }) => {
      use.inFlight -= 1;
      // A request that used nothing up makes room for another under the same view.
      if (!spent) use.spent = Math.max(0, use.spent - 1);
      if (use.inFlight === 0 && use.spent === 0) this.#uses.delete(key);
      for (const wake of [...this.#waiting]) wake();
    };
  }

  /** Called whenever a slot has become free. */
  onFreed(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
