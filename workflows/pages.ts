// Pages that queries ask for: from anybody, so parsed on arrival.
import { renderInvalid } from '../domain/parse/parsed.ts';
import { parsePageQuery } from '../domain/parse/messages.ts';
import type { PageQuery } from '../domain/status.ts';

/** A query that throws is answered with the text; the workflow goes on. */
export function pageOrThrow(query: unknown): PageQuery {
  const parsed = parsePageQuery(query);
  if (parsed.kind === 'invalid') throw new Error(renderInvalid(parsed));
  return parsed.value;
}
