// Cuts what is shown of an ignored message, so that a megabyte of reason does not fill the status.
// The answer is never longer than 1 KB of UTF-8, and never ends in half a character.

/** As the contract says: 50 ignored messages of 1 KB stay far below what a query may answer. */
export const STATUS_FIELD_BYTES_MAX = 1024;
const MARK = '…';
const MARK_BYTES = 3;

/** Strings as they are, anything else as JSON. */
export function cutForStatus(value: unknown): string {
  const whole = typeof value === 'string' ? value : renderJson(value);
  let bytes = 0;
  let fits = 0;
  let index = 0;
  for (const character of whole) {
    bytes += utf8Bytes(character);
    if (bytes > STATUS_FIELD_BYTES_MAX) return whole.slice(0, fits) + MARK;
    index += character.length;
    if (bytes <= STATUS_FIELD_BYTES_MAX - MARK_BYTES) fits = index;
  }
  return whole;
}

function renderJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle or a bigint: cannot come over the wire, and must not throw in a handler.
    return `(${typeof value})`;
  }
}

function utf8Bytes(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  if (point < 0x80) return 1;
  if (point < 0x800) return 2;
  // A lone surrogate is written as U+FFFD, which has three bytes.
  return point < 0x10000 ? 3 : 4;
}
