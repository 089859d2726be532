// The single values of a fleet file. Each error text is what was expected, in the words of the file.
import { z } from 'zod';
import { AMOUNT_COUNT_MAX, parseAmount } from '../amount.ts';
import { DURATION_PATTERN, formatDuration, parseDuration } from '../duration.ts';
import type { Amount } from '../policy.ts';

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
/** Without dots: `upgrade.<fleet>.<cluster>` must split in one way only. */
const FLEET_NAME = /^[A-Za-z0-9]([-A-Za-z0-9_]{0,61}[A-Za-z0-9])?$/;
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PERCENT = /^([1-9][0-9]?|100)%$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const TEXT_CHARS_MAX = 1000;
/** How the expectation of every duration begins. */
export const DURATION_WORD = 'a duration';

export function pattern(expected: string, form: RegExp) {
  return z.string({ error: expected }).regex(form, { error: expected });
}

export function name(what: string) {
  return pattern(`${what}: 1 to 63 letters, digits, "-", "_" or ".", as text`, NAME);
}

export const fleetName = pattern('the name of a fleet: 1 to 63 letters, digits, "-" or "_"', FLEET_NAME);

export function text(what: string) {
  const expected = `${what}, 1 to ${TEXT_CHARS_MAX} characters`;
  return z.string({ error: expected }).min(1, { error: expected }).max(TEXT_CHARS_MAX, { error: expected });
}

export function whole(min: number, max: number, expected = `a whole number from ${min} to ${max}`) {
  return z.int({ error: expected }).min(min, { error: expected }).max(max, { error: expected });
}

/** Milliseconds after parsing. */
export function duration(minMs: number, maxMs: number) {
  const expected = `${DURATION_WORD} like 30s, 10m, 1h30m or 7d, from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return pattern(expected, DURATION_PATTERN)
    .refine((value) => isDurationWithin(value, minMs, maxMs), { error: expected })
    .transform((value) => parseDuration(value) ?? minMs);
}

/** `keep 7d` or `delete`. */
export function oldRootVolume(maxMs: number) {
  const expected = `"delete", or "keep" and a duration up to ${formatDuration(maxMs)}, like "keep 7d"`;
  return pattern(expected, /^(delete|keep \S+)$/)
    .refine((value) => value === 'delete' || isDurationWithin(value.slice('keep '.length), 0, maxMs), {
      error: expected,
    })
    .transform((value) =>
      value === 'delete'
        ? { kind: 'delete' as const }
        : { kind: 'keep' as const, forMs: parseDuration(value.slice('keep '.length)) ?? 0 },
    );
}

const AMOUNT_EXPECTED = `a whole number from 1 to ${AMOUNT_COUNT_MAX}, or a percentage like "10%"`;

/** `3` or `10%`. */
export const amount = z
  .union([whole(1, AMOUNT_COUNT_MAX, AMOUNT_EXPECTED), pattern(AMOUNT_EXPECTED, PERCENT)], {
    error: AMOUNT_EXPECTED,
  })
  .transform((value): Amount => parseAmount(value) ?? { kind: 'count', count: 1 });

/** The same, or 0 for none at all. */
export const amountOrNone = z
  .union([z.literal(0), amount], { error: `0, ${AMOUNT_EXPECTED}` })
  .transform((value): Amount => (value === 0 ? { kind: 'count', count: 0 } : value));

export const flag = z.boolean({ error: 'true or false' });

/** The number of percent after parsing. */
export const percent = pattern('a percentage from 1% to 100%, like "95%"', PERCENT).transform((value) =>
  Number(value.slice(0, -1)),
);

export const labels = z.record(
  pattern('the name of a label, as Kubernetes allows it', LABEL_KEY),
  pattern('the value of a label as text, at most 63 characters', LABEL_VALUE),
  { error: 'an object of labels and their values' },
);

export const instant = pattern(
  'a time like 2026-12-20T00:00:00Z',
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
).refine((value) => !Number.isNaN(Date.parse(value)), {
  error: 'a time that exists, like 2026-12-20T00:00:00Z',
});

export function isTimezone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

function isDurationWithin(value: string, minMs: number, maxMs: number): boolean {
  const ms = parseDuration(value);
  return ms !== undefined && ms >= minMs && ms <= maxMs;
}
