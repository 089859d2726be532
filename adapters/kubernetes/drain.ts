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
import { judgeTurns } from '../../domain/drain/rules.ts';
import { Evictions } from './drain-evictions.ts';
import { listPods } from './eviction.ts';
import { readNode } from './cordon.ts';
import { createWaker } from './waker.ts';
import type { Report } from '../../domain/drain/blockers.ts';
import type { ChooseContext } from '../../domain/drain/choose.ts';
import type { PodFacts } from '../../domain/drain/pod.ts';
import type { DrainOutcome, DrainRequest, DrainResume } from '../ports/kubernetes.ts';
import type { DrainBed, Situation } from './drain-evictions.ts';
import type { Watches } from './watches.ts';

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

type Look = { situations: readonly Situation[]; blocked: boolean };

export class Drain {
  readonly #bed: DrainBed;
  readonly #o: DrainRequest;
  readonly #force: ReadonlySet<string>;
  readonly #evictions: Evictions;
  readonly #waker = createWaker();
  readonly #startedMs: number;
  #podsTotal: number;
  #since: Readonly<Record<string, string>>;
  #told: string;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #heartbeatAtMs = Number.NEGATIVE_INFINITY;
  #movedAtMs: number;
  #patienceMs: number;
  #left = new Set<string>();
  #cordonVersion = 0n;

  constructor(bed: DrainBed, o: DrainRequest) {
    this.#bed = bed;
    this.#o = o;
    this.#force = new Set(o.force ?? []);
    this.#startedMs = bed.now().getTime();
    this.#movedAtMs = this.#startedMs;
    this.#evictions = new Evictions(bed, o, {
      moved: () => this.#moved(),
      wake: () => this.#waker.wake(),
    });
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
      this.#evictions.end();
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
      if (this.#evictions.failure !== undefined) throw this.#evictions.failure;
      const unsafe = whyNotOurs(this.#bed.watches.nodes.get(this.#o.node), this.#o);
      if (unsafe !== undefined) return { kind: 'unsafe', why: unsafe };
      const look = this.#look();
      const report = this.#report(look);
      // An eviction whose answer is still to come may have ended its pod already: its answer counts.
      if (look.situations.length === 0 && this.#evictions.inFlight === 0) {
        if (await this.#isFresh()) return { kind: 'drained', evicted: this.#evictions.evicted };
        continue;
      }
      const nextMs = look.blocked
        ? Number.POSITIVE_INFINITY
        : await this.#evictions.startDue(look.situations);
      const nowMs = this.#nowMs();
      const stallsAtMs = this.#movedAtMs + this.#patienceMs;
      const isBusy = this.#evictions.inFlight > 0 || nextMs <= nowMs || look.situations.length === 0;
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
    const found: Omit<Situation, 'turn'>[] = [];
    const left = new Set<string>();
    for (const pod of watches.pods.group(this.#o.node).values()) {
      const choice = chooseForDrain(pod, { ...context, force: this.#force.has(pod.uid) });
      if (choice.kind === 'skip') continue;
      const known = memory.recall(pod.uid, nowMs, random());
      if (known.gone) continue;
      if (known.evictedAtMs !== null && isForgotten(pod, known.evictedAtMs, nowMs)) known.evictedAtMs = null;
      const covering = findBudgets(pod, pdbsOf(watches, pod.namespace));
      const budget = checkBudget(pod, covering);
      const evicted = known.evictedAtMs !== null;
      found.push({ pod, choice, covering, budget, evicted, refusal: known.refusal, memory: known });
      left.add(pod.uid);
    }
    for (const uid of this.#left) {
      if (left.has(uid)) continue;
      memory.forget(uid);
      this.#moved();
    }
    this.#left = left;
    const situations = this.#withTurns(found);
    this.#podsTotal = Math.max(this.#podsTotal, situations.length);
    return { situations, blocked: situations.some((each) => each.choice.kind === 'blocked') };
  }

  /** A pod that blocks the node leaves everybody where they are: nobody is asked for a checkpoint for nothing. */
  #withTurns(found: readonly Omit<Situation, 'turn'>[]): readonly Situation[] {
    const { rules = [], startedAt } = this.#o;
    const startedAtMs = startedAt === undefined ? this.#startedMs : Date.parse(startedAt);
    const pods = found.map(({ pod }) => pod);
    const turns = judgeTurns(pods, { rules, startedAtMs, nowMs: this.#nowMs() });
    return found.map((each) => ({ ...each, turn: turns.get(each.pod.uid) ?? { kind: 'go' } }));
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
      evicted: this.#evictions.evicted,
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
