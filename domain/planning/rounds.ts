// How many nodes go through one after another when so many may be away at once: fewest and most. The most
// holds for whatever order the nodes end in; a bound that cannot be reached is better than one that is
// broken (docs/decisions/0144). Pure arithmetic.

/** What bounds a pool; `perZone` null: nothing does. */
export type Lanes = { pool: number; perZone: number | null };

/** `byZone`: how many of the nodes stand in each zone. */
export function fewestRounds(byZone: ReadonlyMap<string, number>, { pool, perZone }: Lanes): number {
  const zones = [...byZone.values()];
  const all = Math.ceil(sum(zones) / pool);
  if (perZone === null) return all;
  return Math.max(all, ...zones.map((nodes) => Math.ceil(nodes / perZone)));
}

/** Undefined: none may begin. */
export function mostRounds(
  byZone: ReadonlyMap<string, number>,
  { pool, perZone }: Lanes,
): number | undefined {
  const zones = [...byZone.values()];
  const nodes = sum(zones);
  if (pool < 1 || (perZone !== null && perZone < 1)) return undefined;
  if (perZone === null || perZone >= pool) return Math.ceil(nodes / pool);
  if (zones.length <= 1) return Math.ceil(nodes / perZone);
  // Before the last node begins, at each moment the pool is full or that node's zone is; and never fewer
  // than `perZone` are at work.
  const largest = Math.max(...zones);
  return Math.ceil(Math.min((nodes - 1) / perZone, nodes / pool + largest / perZone)) + 1;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
