// A reflector: one LIST, then one WATCH for ever, into a cache of trimmed objects; shared by everyone
// in this process who waits for something of that kind. Survives 410 Gone, a restarted API server and
// a connection that went silent. Must never be taken for a consistent read: what it shows is stale.
//
//   idle ──first use──▶ listing ──▶ watching ──end of stream, timeout──▶ watching (from the last version)
//                          ▲            │
//                          └──410 Gone──┘      every failure: a jittered pause, then again
import { setTimeout as sleep } from 'node:timers/promises';
import { PortError } from '../ports/errors.ts';
import { ObjectCache } from './object-cache.ts';
import type { Api, Subject } from './api.ts';
import type { Cached, Listener, RawObject } from './object-cache.ts';

export type ReflectorOptions<T extends Cached> = {
  api: Pick<Api, 'ask' | 'stream' | 'server'>;
  path: string;
  resource: Subject['resource'];
  /** From the API's object to what the cache keeps: 5,000 full pods cost 310–400 MB. */
  trim: (object: RawObject) => T;
  /** Groups objects, e.g. pods by their node. */
  groupOf?: (object: T) => string;
  query?: Readonly<Record<string, string>>;
  random?: () => number;
  limits?: Partial<ReflectorLimits>;
};

export type ReflectorLimits = {
  /** The server ends each watch after this; a new one costs one request. */
  watchTimeoutS: number;
  /** Bookmarks come every minute: after this much silence the connection is dead. */
  silenceMaxMs: number;
  backoffMinMs: number;
  backoffMaxMs: number;
  pageSize: number;
};

const LIMITS: ReflectorLimits = {
  watchTimeoutS: 300,
  silenceMaxMs: 150_000,
  backoffMinMs: 100,
  // A restarted API server is seen within this; a hundred workers then ask it 20 times a second in all.
  backoffMaxMs: 5_000,
  pageSize: 500,
};

type Waiter = { resolve: () => void; reject: (error: unknown) => void };
type Page = { metadata: { resourceVersion: string; continue?: string }; items?: RawObject[] };
type WatchEvent = { type: string; object: RawObject };

/** 410: the version that we stood at has been compacted away; only a new LIST helps. */
class PastGone extends Error {}

export class Reflector<T extends Cached> {
  readonly #o: ReflectorOptions<T>;
  readonly #limits: ReflectorLimits;
  readonly #cache: ObjectCache<T>;
  readonly #stopping = new AbortController();
  readonly #random: () => number;
  #running: Promise<void> | undefined;
  #synced = false;
  #waiters = new Set<Waiter>();
  /** Where the next WATCH begins: moved by the watch's own events alone, so that none is jumped over. */
  #version = '0';
  #heardAtMs = Number.NEGATIVE_INFINITY;

  constructor(o: ReflectorOptions<T>) {
    this.#o = o;
    this.#limits = { ...LIMITS, ...o.limits };
    this.#cache = new ObjectCache(o);
    this.#random = o.random ?? Math.random;
  }

  /** Resolves when the first LIST is in; rejects with what refused it. Starts the reflector. */
  async synced(signal?: AbortSignal): Promise<void> {
    if (this.#synced) return;
    signal?.throwIfAborted();
    this.#running ??= this.#run();
    await new Promise<void>((resolve, reject) => {
      const waiter = { resolve, reject };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', () => {
        this.#waiters.delete(waiter);
        reject(signal.reason as Error);
      });
    });
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  values(): Iterable<T> {
    return this.#cache.values();
  }

  /** Objects of one group; the group's own map, not a copy. */
  group(name: string): ReadonlyMap<string, T> {
    return this.#cache.group(name);
  }

  /** Called after each change; `group` narrows it. Answers the way to stop. */
  subscribe(listener: Listener<T>, group?: string): () => void {
    return this.#cache.subscribe(listener, group);
  }

  /** What a write of ours answered, so that this process reads its own writes. */
  observe(object: RawObject): void {
    // Before the first LIST there is nothing to keep up to date.
    if (this.#synced) this.#cache.set(object);
  }

  /** The newest version that the watch has shown, of any object or bookmark; 0 before the first LIST. */
  revision(): bigint {
    return BigInt(this.#version);
  }

  /** Throws when nothing was heard for so long that what is shown may be of another time. */
  checkAlive(): void {
    const silentMs = Date.now() - this.#heardAtMs;
    // The watchdog has had its turn by then, and the reconnect after it failed.
    if (silentMs <= 2 * this.#limits.silenceMaxMs) return;
    throw new PortError(
      'unreachable',
      `the watch of ${this.#o.resource} at ${this.#o.api.server} has heard nothing for ${Math.round(silentMs / 1_000)} s`,
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new PortError('unreachable', `the watch of ${this.#o.resource} was closed`));
    this.#settle(this.#stopping.signal.reason);
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    let mustList = true;
    while (!this.#stopping.signal.aborted) {
      const before = this.#version;
      try {
        if (mustList) await this.#list();
        mustList = false;
        await this.#watchOnce();
        // A stream that ends at once without a word is a failure too: do not spin on it.
        failures = this.#version === before ? failures + 1 : 0;
      } catch (error) {
        mustList ||= error instanceof PastGone || (error instanceof PortError && error.kind === 'conflict');
        failures = this.#version === before ? failures + 1 : 1;
        if (!this.#synced) this.#settle(error);
      }
      await this.#pause(failures);
    }
  }

  async #pause(failures: number): Promise<void> {
    const { backoffMinMs, backoffMaxMs } = this.#limits;
    const ms =
      Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures, 16)) * (0.5 + this.#random() / 2);
    // Ends early, and without a word, when the reflector is stopped.
    await sleep(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => undefined);
  }

  #settle(error?: unknown): void {
    for (const waiter of this.#waiters) {
      if (error === undefined) waiter.resolve();
      else waiter.reject(error);
    }
    this.#waiters.clear();
  }

  async #list(): Promise<void> {
    this.#cache.beginReplacing();
    let next: string | undefined = '';
    while (next !== undefined) {
      const page = (await this.#o.api.ask({
        subject: { verb: 'list', resource: this.#o.resource },
        path: this.#o.path,
        query: {
          ...this.#o.query,
          limit: String(this.#limits.pageSize),
          ...(next === '' ? {} : { continue: next }),
        },
        signal: this.#stopping.signal,
      })) as Page;
      this.#cache.addPage(page.items ?? []);
      this.#version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
    }
    this.#cache.endReplacing();
    this.#heardAtMs = Date.now();
    this.#synced = true;
    this.#settle();
  }

  async #watchOnce(): Promise<void> {
    const watchdog = new AbortController();
    let heardAt = Date.now();
    const timer = setInterval(() => {
      if (Date.now() - heardAt > this.#limits.silenceMaxMs)
        watchdog.abort(new Error('the watch went silent'));
    }, this.#limits.silenceMaxMs / 10);
    timer.unref();
    try {
      const body = await this.#o.api.stream({
        subject: { verb: 'watch', resource: this.#o.resource },
        path: this.#o.path,
        query: {
          ...this.#o.query,
          watch: '1',
          allowWatchBookmarks: 'true',
          resourceVersion: this.#version,
          // Spread, so that the watches of one start do not all end together.
          timeoutSeconds: String(Math.round(this.#limits.watchTimeoutS * (0.8 + 0.2 * this.#random()))),
        },
        signal: AbortSignal.any([this.#stopping.signal, watchdog.signal]),
      });
      for await (const line of linesOf(body)) {
        this.#heardAtMs = Date.now();
        this.#apply(JSON.parse(line) as WatchEvent);
      }
    } finally {
      clearInterval(timer);
    }
  }

  #apply(event: WatchEvent): void {
    if (event.type === 'ERROR') {
      const status = event.object as unknown as { code?: number; message?: string };
      if (status.code === 410) throw new PastGone(status.message);
      throw new Error(`watch of ${this.#o.resource}: ${status.message ?? 'unnamed error'}`);
    }
    // Before the listeners are told, so that they find the version that the change belongs to.
    this.#version = event.object.metadata.resourceVersion;
    if (event.type === 'DELETED') this.#cache.delete(event.object);
    else if (event.type !== 'BOOKMARK') this.#cache.set(event.object);
  }
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const pieces = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = pieces.pop() ?? '';
    for (const piece of pieces) if (piece !== '') yield piece;
  }
}
