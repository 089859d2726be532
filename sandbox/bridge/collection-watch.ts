// All objects of one kind, kept up to date by one list and one watch; it starts anew whenever the watch ends,
// is too old, or the API server went away.
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterApi, KubeObject } from '../cluster-api.ts';
import { ApiRefusal } from '../cluster-api.ts';

const RETRY_MS = 250;

export interface Collection<T> {
  get(key: string): T | undefined;
  values(): Iterable<T>;
  /** Takes in what a write answered, unless the watch has shown something newer by now. */
  offer(object: T): void;
}

function versionOf(object: KubeObject): bigint {
  return BigInt(object.metadata.resourceVersion ?? '0');
}

export function watchCollection<T extends KubeObject>(o: {
  api: ClusterApi;
  path: string;
  query?: Record<string, string>;
  keyOf: (object: T) => string;
  onChange: (object: T) => void;
  log: (text: string) => void;
  signal: AbortSignal;
}): Collection<T> {
  const objects = new Map<string, T>();
  const put = (object: T): void => {
    const known = objects.get(o.keyOf(object));
    if (known !== undefined && versionOf(known) > versionOf(object)) return;
    objects.set(o.keyOf(object), object);
    o.onChange(object);
  };
  const listAll = async (): Promise<string> => {
    const { items, version } = await o.api.list<T>(o.path, o.query);
    const keys = new Set(items.map(o.keyOf));
    for (const key of objects.keys()) if (!keys.has(key)) objects.delete(key);
    for (const item of items) put(item);
    return version;
  };
  const follow = async (version: string): Promise<void> => {
    const query = { ...o.query, resourceVersion: version };
    for await (const event of o.api.watch(o.path, query, o.signal)) {
      if (event.type === 'ERROR') {
        throw new ApiRefusal(event.object.code ?? 500, event.object.message ?? 'the watch failed');
      }
      if (event.type === 'BOOKMARK') continue;
      const object = event.object as unknown as T;
      if (event.type === 'DELETED') objects.delete(o.keyOf(object));
      else put(object);
    }
  };
  const run = async (): Promise<void> => {
    while (!o.signal.aborted) {
      try {
        await follow(await listAll());
      } catch (error) {
        if (o.signal.aborted) return;
        o.log(`watch of ${o.path}: ${String(error)}`);
        await pause(RETRY_MS);
      }
    }
  };
  void run();
  return { get: (key) => objects.get(key), values: () => objects.values(), offer: put };
}
