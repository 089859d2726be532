// Reads a paged query to its end.
export type Page<T> = { items: readonly T[]; next: string | null };

// 5,000 nodes in pages of 500 are 10; a run that answers more pages than this goes round in circles.
const PAGES_MAX = 1_000;

export async function collectPages<T>(
  read: (after: string | null) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let after: string | null = null;
  for (let count = 0; count < PAGES_MAX; count += 1) {
    const page: Page<T> = await read(after);
    all.push(...page.items);
    if (page.next === null) return all;
    after = page.next;
  }
  throw new Error(`the run answered more than ${String(PAGES_MAX)} pages`);
}
