// A mistake on purpose. `from` stands in the file exactly once; `to` takes its place.
export type Mutant = { what: string; file: string; from: string; to: string };

/** The text with the mistake in it. Fails when the code has moved on: a mutant that mutates nothing proves nothing. */
export function mutate(text: string, { what, file, from, to }: Mutant): string {
  const pieces = text.split(from);
  if (pieces.length !== 2) {
    const found = String(pieces.length - 1);
    throw new Error(`mutant "${what}": ${file} has ${found} times what it replaces, expected once: ${from}`);
  }
  return pieces.join(to);
}
