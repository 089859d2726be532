// "This node next": the order of candidates when a person has put some of them before the others.
// Changes the order alone: whatever holds a node goes on holding it.

/** Those that were asked for, in the order of asking; then the others as they stood. */
export function askedFirst<T>(
  items: readonly T[],
  nodeOf: (item: T) => string,
  next: readonly string[],
): readonly T[] {
  if (next.length === 0) return items;
  const asked = next.flatMap((name) => items.filter((item) => nodeOf(item) === name));
  return [...asked, ...items.filter((item) => !asked.includes(item))];
}
