// Empties one node by the eviction API: looks at the shared watch, evicts what may go, waits for what
// may not, and ends as soon as there is nothing left, nothing moves any more, or the node is not ours.
// Level triggered: every wake looks at everything anew, so that a lost event costs time and nothing else.
//
//   look ──unsafe──▶ end        look ──empty, and newer than the cordon──▶ drained
//    ▲  └──▶ tell what changed ──▶ evict what is due ──nothing moved for a minute──▶ stalled
//    └────────────── wait for an event or the next due time ◀──┘
import { whyNotOurs } from '../../domain/drain/cordon.ts';
import { reportBlockers } from '../../domain/drain/blockers.ts';
import { checkBudget, findBudgets } from '../../domain/drain/budget.ts';
import { chooseForDrain } from '../../domain/drain/choose.ts';
import { afterRefusal, tryAtMs } from '../../domain/drain/tries.ts';
import { evict, listPods } from './eviction.ts';
import { readNode } from './cordon.ts';
import { createWaker } from './waker.ts';
import type { Report, PodSituation } from '../../domain/drain/blockers.ts';
import type { ChooseContext } from '../../domain/drain/choose.ts';
import type { PodFacts } from '../../domain/drain/pod.ts';
import type { DrainOutcome, DrainRequest, DrainResume } from '../ports/kubernetes.ts';
import type { Api } from './api.ts';
import type { DrainMemory, PodMemory } from './drain-memory.ts';
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

/** Nothing evicted and nothing gone for this long: the attempt gives its slot back. */
const PATIENCE_MS = 60_000;
/** Half of what the port promises. */
const HEARTBEAT_MS = 5_000;
const TELL_MIN_MS = 1_000;
/** Our cordon reaches the watch within milliseconds; a worker that just started may be this far behind. */
const CORDON_SEEN_MAX_MS = 2_000;
/** How long a quiet watch may take to prove itself newer than the cordon before one LIST asks instead. */
const FRESH_MAX_MS = 1_000;
/** An eviction that was taken shows as a deletion at once; after this it is asked for again. */
const EVICTED_SEEN_MAX_MS = 30_000;
/** Evictions of one node in flight: more than kubectl's one a pod on a usual node, and a bound on a strange one. */
const IN_FLIGHT_MAX = 20;

type Look = { situations: (PodSituation & { memory: PodMemory })[]; blocked: boolean };

export class Drain {
  readonly #bed: DrainBed;
  readonly #o: DrainRequest;
  /** Ends requests in flight when the drain ends for whatever reason. */
  readonly #ending = new AbortController();
  readonly #waker = createWaker();
  readonly #startedMs: number;
  #evicted: number;
  #podsTotal: number;
  #since: Readonly<Record<string, string>>;
  #told: string;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #heartbeatAtMs = Number.NEGATIVE_INFINITY;
  #movedAtMs: number;
  #patienceMs: number;
  #left = new Set<string>();
  #inFlight = 0;
  #mayEvict = false;
  #cordonVersion = 0n;
  #failure: unknown;

  constructor(bed: DrainBed, o: DrainRequest) {
    this.#bed = bed;
    this.#o = o;
    this.#startedMs = bed.now().getTime();
    this.#movedAtMs = this.#startedMs;
    this.#evicted = o.resume?.evicted ?? 0;
    this.#podsTotal = o.resume?.podsTotal ?? 0;
    this.#since = o.resume?.since ?? {};
    this.#told = o.resume?.told ?? NOTHING_TOLD;
    this.#toldAtMs = o.resume?.toldAtMs ?? Number.NEGATIVE_INFINITY;
    this.#patienceMs = o.resume?.stalled === true ? 0 : PATIENCE_MS;
  }

  async run(): Promise<DrainOutcome> {
    const { watches, slots } = this.#bed;
    const { signal, node } = this.#o;
    const wake = () => this.#waker.wake();
    await Promise.all(Object.values(watches).map((watch) => watch.synced(signal)));
    const stops = [
      watches.pods.subscribe(wake, node),
      watches.nodes.subscribe(({ key }) => key === node && wake()),
      watches.pdbs.subscribe(wake),
      watches.daemonSets.subscribe(wake),
      slots.onFreed(wake),
    ];
    signal.addEventListener('abort', wake);
    try {
      return (await this.#awaitCordon()) ?? (await this.#loop());
    } finally {
      signal.removeEventListener('abort', wake);
      for (const stop of stops) stop();
      this.#ending.abort();
    }
  }

  /** The watch must show our own cordon before anything on the node is touched. */
  async #awaitCordon(): Promise<DrainOutcome | undefined> {
    const untilMs = this.#startedMs + CORDON_SEEN_MAX_MS;
    for (;;) {
      const view = this.#bed.watches.nodes.get(this.#o.node);
      const why = whyNotOurs(view, this.#o);
      if (why === undefined && view !== undefined) {
        this.#cordonVersion = BigInt(view.resourceVersion);
        return undefined;
      }
      if (this.#nowMs() >= untilMs) {
        // The watch may still be behind: the API server has the last word.
        const read = await readNode(this.#bed.api, this.#o.node, this.#o.signal);
        const found = whyNotOurs(read, this.#o);
        if (found !== undefined || read === undefined)
          return { kind: 'unsafe', why: found ?? 'no such node' };
        this.#cordonVersion = BigInt(read.resourceVersion);
        return undefined;
      }
      await this.#waker.wait(untilMs - this.#nowMs());
      this.#o.signal.throwIfAborted();
    }
  }

  async #loop(): Promise<DrainOutcome> {
    for (;;) {
      this.#o.signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      const unsafe = whyNotOurs(this.#bed.watches.nodes.get(this.#o.node), this.#o);
      if (unsafe !== undefined) return { kind: 'unsafe', why: unsafe };
      const look = this.#look();
      const report = this.#report(look);
      // An eviction whose answer is still to come may have ended its pod already: its answer counts.
      if (look.situations.length === 0 && this.#inFlight === 0) {
        if (await this.#isFresh()) return { kind: 'drained', evicted: this.#evicted };
        continue;
      }
      const nextMs = look.blocked ? Number.POSITIVE_INFINITY : await this.#evictDue(look);
      const nowMs = this.#nowMs();
      const stallsAtMs = this.#movedAtMs + this.#patienceMs;
      const isBusy = this.#inFlight > 0 || nextMs <= nowMs || look.situations.length === 0;
      if (nowMs >= stallsAtMs && !isBusy) return this.#stall(report);
      const dueAtMs = Math.min(
        nextMs,
        report.dueAtMs ?? Number.POSITIVE_INFINITY,
        this.#told === report.fingerprint ? Number.POSITIVE_INFINITY : this.#toldAtMs + TELL_MIN_MS,
        this.#heartbeatAtMs + HEARTBEAT_MS,
        isBusy ? Number.POSITIVE_INFINITY : stallsAtMs,
      );
      await this.#waker.wait(Math.max(1, dueAtMs - nowMs));
    }
  }

  #look(): Look {
    const { watches, memory, random } = this.#bed;
    const nowMs = this.#nowMs();
    const context = lookUpIn(watches);
    const situations: Look['situations'] = [];
    const left = new Set<string>();
    for (const pod of watches.pods.group(this.#o.node).values()) {
      const choice = chooseForDrain(pod, context);
      if (choice.kind === 'skip') continue;
      const known = memory.recall(pod.uid, nowMs, random());
      if (known.gone) continue;
      if (known.evictedAtMs !== null && isForgotten(pod, known.evictedAtMs, nowMs)) known.evictedAtMs = null;
      const covering = findBudgets(pod, pdbsOf(watches, pod.namespace));
      const budget = checkBudget(pod, covering);
      const evicted = known.evictedAtMs !== null;
      situations.push({ pod, choice, covering, budget, evicted, refusal: known.refusal, memory: known });
      left.add(pod.uid);
    }
    for (const uid of this.#left) {
      if (left.has(uid)) continue;
      memory.forget(uid);
      this.#moved();
    }
    this.#left = left;
    this.#podsTotal = Math.max(this.#podsTotal, situations.length);
    return { situations, blocked: situations.some((each) => each.choice.kind === 'blocked') };
  }

  #report({ situations }: Look): Report {
    const nowMs = this.#nowMs();
    const report = reportBlockers({ situations, podsTotal: this.#podsTotal, since: this.#since, nowMs });
    this.#since = report.since;
    this.#tell(report);
    if (nowMs - this.#heartbeatAtMs >= HEARTBEAT_MS) {
      this.#heartbeatAtMs = nowMs;
      this.#o.onHeartbeat(this.#resume(false), report.progress);
    }
    return report;
  }

  /** Starts what may be tried now; answers when the next try is due. */
  async #evictDue({ situations }: Look): Promise<number> {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { pod, memory, budget, covering } of situations) {
      if (memory.inFlight || memory.evictedAtMs !== null || pod.deletionTimestamp !== null) continue;
      const atMs = tryAtMs(memory.tries, budget);
      if (atMs > this.#nowMs()) {
        nextMs = Math.min(nextMs, atMs);
        continue;
      }
      if (this.#inFlight >= IN_FLIGHT_MAX) continue;
      const counted = budget.kind === 'held' ? covering[0] : budget.counted;
      const giveBack =
        counted === undefined || counted === null
          ? () => undefined
          : this.#bed.slots.take(counted, budget.kind === 'held');
      // No slot: the wake comes when one is given back or the PDB changes.
      if (giveBack === undefined) continue;
      if (!this.#mayEvict) {
        try {
          await this.#o.beforeEvicting();
        } catch (error) {
          giveBack({ spent: false });
          throw error;
        }
        this.#mayEvict = true;
      }
      memory.inFlight = true;
      this.#inFlight += 1;
      void this.#evictOne(pod, memory, counted?.resourceVersion ?? null, giveBack);
    }
    return nextMs;
  }

  async #evictOne(
    pod: PodFacts,
    memory: PodMemory,
    pdbVersion: string | null,
    giveBack: (o: { spent: boolean }) => void,
  ): Promise<void> {
    const signal = AbortSignal.any([this.#o.signal, this.#ending.signal]);
    let spent = false;
    try {
      const outcome = await evict(this.#bed.api, pod, signal);
      spent = outcome.kind === 'evicted' || (outcome.kind === 'refused' && outcome.refusal.kind === 'pdb');
      this.#learn(memory, outcome, pdbVersion);
    } catch (error) {
      if (!signal.aborted) this.#failure ??= error;
    } finally {
      memory.inFlight = false;
      this.#inFlight -= 1;
      giveBack({ spent });
      this.#waker.wake();
    }
  }

  #learn(memory: PodMemory, outcome: EvictionOutcome, pdbVersion: string | null): void {
    const nowMs = this.#nowMs();
    switch (outcome.kind) {
      case 'evicted':
        memory.evictedAtMs = nowMs;
        memory.refusal = null;
        this.#evicted += 1;
        return this.#moved();
      case 'gone':
        memory.gone = true;
        return this.#moved();
      case 'refused': {
        const { retryAfterMs } = outcome;
        memory.refusal = outcome.refusal;
        const o = { nowMs, chance: this.#bed.random(), pdbVersion, retryAfterMs };
        memory.tries = afterRefusal(memory.tries, o);
      }
    }
  }

  /** Nothing is left in the watch; is the watch newer than the cordon, after which nothing can land here? */
  async #isFresh(): Promise<boolean> {
    if (this.#bed.watches.pods.revision() >= this.#cordonVersion) return true;
    const waitMs = this.#startedMs + FRESH_MAX_MS - this.#nowMs();
    if (waitMs > 0) {
      await this.#waker.wait(waitMs);
      return false;
    }
    const { api, watches } = this.#bed;
    const pods = await listPods(api, this.#o.node, this.#o.signal);
    const isEmpty = pods.every((pod) => chooseForDrain(pod, lookUpIn(watches)).kind === 'skip');
    // What the LIST shows reaches the watch in a moment; a wait keeps this from spinning.
    if (!isEmpty) await this.#waker.wait(FRESH_MAX_MS);
    return isEmpty;
  }

  /** Once a second at the most, over all attempts; what is not told now is told by the next look. */
  #tell(report: Report): void {
    const nowMs = this.#nowMs();
    if (report.fingerprint === this.#told || nowMs - this.#toldAtMs < TELL_MIN_MS) return;
    this.#told = report.fingerprint;
    this.#toldAtMs = nowMs;
    this.#o.onBlockersChanged(report.progress);
  }

  #stall(report: Report): DrainOutcome {
    this.#tell(report);
    return { kind: 'stalled', progress: report.progress, resume: this.#resume(true) };
  }

  #resume(stalled: boolean): DrainResume {
    return {
      podsTotal: this.#podsTotal,
      evicted: this.#evicted,
      since: this.#since,
      told: this.#told,
      ...(Number.isFinite(this.#toldAtMs) ? { toldAtMs: this.#toldAtMs } : {}),
      // A stall that nothing has ended is still the same stall.
      stalled: stalled || this.#patienceMs === 0,
    };
  }

  #moved(): void {
    this.#movedAtMs = this.#nowMs();
    this.#patienceMs = PATIENCE_MS;
  }

  #nowMs(): number {
    return this.#bed.now().getTime();
  }
}

/** The fingerprint of no reasons at all: an unhindered drain tells nothing. */
const NOTHING_TOLD = reportBlockers({ situations: [], podsTotal: 0, since: {}, nowMs: 0 }).fingerprint;

function isForgotten(pod: PodFacts, evictedAtMs: number, nowMs: number): boolean {
  return pod.deletionTimestamp === null && nowMs - evictedAtMs > EVICTED_SEEN_MAX_MS;
}

function pdbsOf(watches: Watches, namespace: string) {
  return [...watches.pdbs.group(namespace).values()];
}

/** Without --force; the DaemonSets as the shared watch shows them. */
export function lookUpIn(watches: Watches): ChooseContext {
  return {
    force: false,
    lookUpDaemonSet: (namespace, name) =>
      watches.daemonSets.get(`${namespace}/${name}`) === undefined
        ? { kind: 'missing' }
        : { kind: 'present' },
  };
}
