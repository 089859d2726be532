// Something wrong at a place of a document: what the checks answer, before a reader of files adds
// the line, the column and what stood there.

export type Finding = {
  path: readonly (string | number)[];
  /** Whether the key or its value is wrong. */
  at: 'key' | 'value';
  expected: string;
  fix: string | null;
};

/** The candidate that a misspelt word most likely meant; undefined when none is near. */
export type Nearest = (word: string, candidates: readonly string[]) => string | undefined;

/** The value at a path of a plain document; undefined where there is none. */
export function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let here = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, part)) return undefined;
    here = (here as Record<string | number, unknown>)[part];
  }
  return here;
}
