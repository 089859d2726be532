// The pieces that plain parsers are made of: a parser takes what nobody has checked and answers the
// value or the first thing that is wrong with it. Never throws, whatever it is given; unknown keys
// are wrong, since a misspelt `pools` would otherwise mean all of them.

/** `path` is as people write it (`nodes[3]`); empty for the whole value. */
export type Invalid = { kind: 'invalid'; path: string; found: unknown; expected: string };
export type Parsed<T> = { kind: 'ok'; value: T } | Invalid;
export type Parser<T> = (value: unknown, path: string) => Parsed<T>;

/** Enough of a value to recognise it by, and short enough for a log line. */
const FOUND_CHARS_MAX = 200;
/** A policy has three. JSON is written by recursion: some thousand levels overflow the stack of whoever does. */
const LEVELS_MAX = 32;

function invalid(path: string, found: unknown, expected: string): Invalid {
  return { kind: 'invalid', path, found, expected };
}

/** `policy.drain: found 3, expected an object`. */
export function renderInvalid(o: Invalid): string {
  return `${o.path === '' ? 'input' : o.path}: found ${renderFound(o.found)}, expected ${o.expected}`;
}

export function renderFound(found: unknown): string {
  if (found === undefined) return 'nothing';
  if (isNestedTooDeep(found)) {
    return `${Array.isArray(found) ? 'a list' : 'an object'} of more than ${LEVELS_MAX} levels`;
  }
  const text = typeof found === 'bigint' ? String(found) : (JSON.stringify(found) ?? typeof found);
  return text.length > FOUND_CHARS_MAX ? `${text.slice(0, FOUND_CHARS_MAX)}…` : text;
}

/** Looks depth first and without recursion: an endless nesting is known for one after a few steps. */
export function isNestedTooDeep(value: unknown): boolean {
  const open = [{ value, level: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next.value !== 'object' || next.value === null) continue;
    const level = next.level + 1;
    if (level > LEVELS_MAX) return true;
    for (const inner of Object.values(next.value)) open.push({ value: inner, level });
  }
  return false;
}

/** A string of 1 to `charsMax` UTF-16 units that is not blank. */
export function text(what: string, charsMax: number): Parser<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.trim() === '') return invalid(path, value, what);
    if (value.length > charsMax) {
      return invalid(path, value, `${what}, at most ${charsMax} characters (it has ${value.length})`);
    }
    return { kind: 'ok', value };
  };
}

export function matching(what: string, pattern: RegExp): Parser<string> {
  return (value, path) =>
    typeof value === 'string' && pattern.test(value) ? { kind: 'ok', value } : invalid(path, value, what);
}

export const bool: Parser<boolean> = (value, path) =>
  typeof value === 'boolean' ? { kind: 'ok', value } : invalid(path, value, 'true or false');

export const isTrue: Parser<true> = (value, path) =>
  value === true ? { kind: 'ok', value } : invalid(path, value, 'true');

export function integer(min: number, max: number): Parser<number> {
  return (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
      ? { kind: 'ok', value }
      : invalid(path, value, `a whole number from ${min} to ${max}`);
}

export function list<T>(item: Parser<T>, what: string, lengthMax: number): Parser<T[]> {
  return (value, path) => {
    const expected = `a list of 1 to ${lengthMax} ${what} (leave it out to mean all)`;
    if (!Array.isArray(value)) return invalid(path, value, expected);
    if (value.length === 0 || value.length > lengthMax) {
      return invalid(path, `a list of ${value.length}`, expected);
    }
    const items: T[] = [];
    for (const [index, entry] of value.entries()) {
      const parsed = item(entry, `${path}[${index}]`);
      if (parsed.kind === 'invalid') return parsed;
      items.push(parsed.value);
    }
    return { kind: 'ok', value: items };
  };
}

export const record: Parser<Readonly<Record<string, unknown>>> = (value, path) =>
  isRecord(value) && !isNestedTooDeep(value)
    ? { kind: 'ok', value }
    : invalid(path, value, `an object of at most ${LEVELS_MAX} levels`);

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Shape = Readonly<Record<string, Parser<unknown>>>;
type Values<S extends Shape> = { [K in keyof S]: S[K] extends Parser<infer V> ? V : never };
type Flat<T> = { [K in keyof T]: T[K] };

/** An object with these keys and no others; an optional key that is absent stays absent. */
export function object<R extends Shape, O extends Shape>(
  required: R,
  optional: O,
): Parser<Flat<Values<R> & Partial<Values<O>>>> {
  const known = [...Object.keys(required), ...Object.keys(optional)];
  return (value, path) => {
    if (!isRecord(value)) return invalid(path, value, `an object with ${known.join(', ')}`);
    const unknownKey = Object.keys(value).find((key) => !known.includes(key));
    if (unknownKey !== undefined) {
      return invalid(
        at(path, unknownKey),
        value[unknownKey],
        `no such key; known here are ${known.join(', ')}`,
      );
    }
    const values: Record<string, unknown> = {};
    for (const key of known) {
      const found = Object.hasOwn(value, key) ? value[key] : undefined;
      const parser = required[key] ?? optional[key];
      if (parser === undefined || (found === undefined && !Object.hasOwn(required, key))) continue;
      const parsed = parser(found, at(path, key));
      if (parsed.kind === 'invalid') return parsed;
      values[key] = parsed.value;
    }
    return { kind: 'ok', value: values as Flat<Values<R> & Partial<Values<O>>> };
  };
}

function at(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
