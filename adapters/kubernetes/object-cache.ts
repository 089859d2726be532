// What a reflector keeps: trimmed objects by key, grouped once, with those who want to hear of changes.
// Never older than what it has shown: an event that comes late, after a write of ours, is dropped.

export type Cached = { uid: string; resourceVersion: string };

export type RawObject = {
  metadata: { name: string; namespace?: string; uid: string; resourceVersion: string };
} & Readonly<Record<string, unknown>>;

export type Change<T> = { key: string; object: T | undefined };
export type Listener<T> = (change: Change<T>) => void;

function keyOf(metadata: { name: string; namespace?: string }): string {
  return metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

const NOTHING: ReadonlyMap<string, never> = new Map<string, never>();

export class ObjectCache<T extends Cached> {
  readonly #trim: (object: RawObject) => T;
  readonly #groupOf: (object: T) => string;
  readonly #objects = new Map<string, T>();
  readonly #groups = new Map<string, Map<string, T>>();
  readonly #listeners = new Map<string | undefined, Set<Listener<T>>>();
  #next = new Map<string, T>();

  constructor(o: { trim: (object: RawObject) => T; groupOf?: (object: T) => string }) {
    this.#trim = o.trim;
    this.#groupOf = o.groupOf ?? (() => '');
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  group(name: string): ReadonlyMap<string, T> {
    return this.#groups.get(name) ?? NOTHING;
  }

  subscribe(listener: Listener<T>, group: string | undefined): () => void {
    const set = this.#listeners.get(group) ?? new Set();
    this.#listeners.set(group, set.add(listener));
    return () => {
      set.delete(listener);
      if (set.size === 0 && this.#listeners.get(group) === set) this.#listeners.delete(group);
    };
  }

  /** A LIST begins: what an earlier one left half-done is void. */
  beginReplacing(): void {
    this.#next = new Map();
  }

  /** One page of the LIST, trimmed as it comes: a full page of raw objects is all that is ever held. */
  addPage(page: readonly RawObject[]): void {
    for (const raw of page) this.#next.set(keyOf(raw.metadata), this.#trim(raw));
  }

  /** The LIST is complete: what it does not show is gone. */
  endReplacing(): void {
    const next = this.#next;
    this.#next = new Map();
    for (const key of [...this.#objects.keys()]) if (!next.has(key)) this.#remove(key);
    for (const [key, object] of next) {
      if (this.#objects.get(key)?.resourceVersion !== object.resourceVersion) this.#put(key, object);
    }
  }

  set(raw: RawObject): void {
    const key = keyOf(raw.metadata);
    const old = this.#objects.get(key);
    const isOlder = old?.uid === raw.metadata.uid && isNewer(old, raw.metadata);
    if (!isOlder) this.#put(key, this.#trim(raw));
  }

  delete(raw: RawObject): void {
    const key = keyOf(raw.metadata);
    // A new object of the same name may have been heard of already.
    if (this.#objects.get(key)?.uid === raw.metadata.uid) this.#remove(key);
  }

  #put(key: string, object: T): void {
    const old = this.#objects.get(key);
    const group = this.#groupOf(object);
    const oldGroup = old === undefined ? group : this.#groupOf(old);
    if (oldGroup !== group) this.#leaveGroup(oldGroup, key);
    this.#objects.set(key, object);
    this.#groups.set(group, (this.#groups.get(group) ?? new Map<string, T>()).set(key, object));
    this.#notify({ key, object }, group);
    if (oldGroup !== group) this.#notifyGroup({ key, object: undefined }, oldGroup);
  }

  #remove(key: string): void {
    const old = this.#objects.get(key);
    if (old === undefined) return;
    const group = this.#groupOf(old);
    this.#objects.delete(key);
    this.#leaveGroup(group, key);
    this.#notify({ key, object: undefined }, group);
  }

  #leaveGroup(group: string, key: string): void {
    const members = this.#groups.get(group);
    members?.delete(key);
    if (members?.size === 0) this.#groups.delete(group);
  }

  #notify(change: Change<T>, group: string): void {
    for (const listener of this.#listeners.get(undefined) ?? []) listener(change);
    this.#notifyGroup(change, group);
  }

  #notifyGroup(change: Change<T>, group: string): void {
    for (const listener of this.#listeners.get(group) ?? []) listener(change);
  }
}

/** Versions of one kind in one cluster can be compared as numbers (Kubernetes says so since 1.35). */
function isNewer(a: { resourceVersion: string }, b: { resourceVersion: string }): boolean {
  return BigInt(a.resourceVersion) > BigInt(b.resourceVersion);
}
