// What a worker remembers of things that never change under their names: pages of plans, records. Bounded; must
// never keep what may become another thing under the same key for longer than whoever asks allows.

export type BoundedCache<T> = {
  get: (key: string) => T | undefined;
  set: (key: string, value: T) => void;
};

/** Forgets what was not used for longest. */
export function createBoundedCache<T>(entriesMax: number): BoundedCache<T> {
  const entries = new Map<string, T>();
  const touch = (key: string, value: T) => {
    entries.delete(key);
    entries.set(key, value);
  };
  return {
    get: (key) => {
      const value = entries.get(key);
      if (value !== undefined) touch(key, value);
      return value;
    },
    set: (key, value) => {
      touch(key, value);
      const oldest = entries.keys().next();
      if (entries.size > entriesMax && oldest.done !== true) entries.delete(oldest.value);
    },
  };
}
