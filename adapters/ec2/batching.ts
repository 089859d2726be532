// Many callers, one call: what is asked within a short window goes out together, each id once.
import DataLoader from 'dataloader';

/** EC2 takes 200 values in one filter; one more and the whole call is refused. */
const IDS_A_CALL_MAX = 200;

/** Answers for any number of ids; an id without an answer is absent from the map. */
export type CollectMany<T> = (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;

/** A `load` whose calls within `windowMs` become one `collect`; nothing is remembered after the answer. */
export function batched<T>(
  collect: CollectMany<T>,
  windowMs: number,
): (id: string) => Promise<T | undefined> {
  const loader = new DataLoader<string, T | undefined>(
    async (ids) => {
      const found = await collect([...new Set(ids)]);
      return ids.map((id) => found.get(id));
    },
    {
      cache: false,
      maxBatchSize: IDS_A_CALL_MAX,
      batchScheduleFn: (send) => void setTimeout(send, windowMs),
    },
  );
  return (id) => loader.load(id);
}

/**
 * For calls that fail as a whole when one id is unknown: halves the ids until the unknown ones stand
 * alone and are left out. n unknown ids cost about n × log2(ids) calls, and unknown ids are rare.
 */
export async function collectDespiteUnknown<T>(
  ids: readonly string[],
  collect: CollectMany<T>,
  isUnknown: (error: unknown) => boolean,
): Promise<ReadonlyMap<string, T>> {
  if (ids.length === 0) return new Map();
  try {
    return await collect(ids);
  } catch (error) {
    if (!isUnknown(error)) throw error;
    if (ids.length === 1) return new Map();
    const middle = Math.ceil(ids.length / 2);
    const left = await collectDespiteUnknown(ids.slice(0, middle), collect, isUnknown);
    const right = await collectDespiteUnknown(ids.slice(middle), collect, isUnknown);
    return new Map([...left, ...right]);
  }
}
