// A document that people sign, keep or pass on, as blocks of plain text: what stands where. How it is
// written down (markdown) is a client's; it escapes every text, whoever wrote it.

export type Block =
  | { kind: 'heading'; depth: 1 | 2 | 3 | 4; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'list'; ordered?: true; items: readonly string[] }
  | { kind: 'table'; header: readonly string[]; rows: readonly (readonly string[])[] }
  /** As it is to be typed. */
  | { kind: 'command'; text: string };

export function heading(depth: 1 | 2 | 3, text: string): Block {
  return { kind: 'heading', depth, text };
}

export function paragraph(text: string): Block {
  return { kind: 'paragraph', text };
}

/** Nothing for an empty list. */
export function list(items: readonly string[]): readonly Block[] {
  return items.length === 0 ? [] : [{ kind: 'list', items }];
}

/** Nothing for a table without rows; what is beyond `rowsMax` is told in a line below it. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  o: { rowsMax: number; more: string } = { rowsMax: Infinity, more: '' },
): readonly Block[] {
  if (rows.length === 0) return [];
  const left = rows.length - o.rowsMax;
  const shown: Block = { kind: 'table', header, rows: rows.slice(0, o.rowsMax) };
  return left > 0 ? [shown, paragraph(`… and ${left} more: ${o.more}`)] : [shown];
}
