// From zod's issues to findings: one for each wrong place, with what was expected there. Unknown keys
// name the nearest known one, found by walking the published JSON Schema.
import type { z } from 'zod';
import { DURATION_WORD } from './scalars.ts';
import { valueAt, type Finding, type Nearest } from './finding.ts';

const WORDS: Readonly<Record<string, string>> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** What was expected where a schema does not say it in words of its own. */
export function expectationOf(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return WORDS[issue.expected] ?? String(issue.expected);
    case 'too_big':
      return `at most ${String(issue.maximum)}${issue.origin === 'array' ? ' entries' : ''}`;
    case 'too_small':
      return `at least ${String(issue.minimum)}${issue.origin === 'array' ? ' entries' : ''}`;
    default:
      return 'another value';
  }
}

/** `jsonSchema` is that of the whole document that was parsed. */
export function findingsOf(
  issues: readonly z.core.$ZodIssue[],
  document: unknown,
  jsonSchema: unknown,
  nearest: Nearest,
): Finding[] {
  const findings = issues.flatMap((issue): Finding[] => {
    const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
    if (issue.code === 'unrecognized_keys') {
      const known = knownKeysAt(jsonSchema, path);
      return issue.keys.map((key) => unknownKey([...path, key], key, known, nearest));
    }
    if (issue.code === 'invalid_key') {
      const expected = issue.issues[0]?.message ?? 'another key';
      return [{ path, at: 'key', expected, fix: null }];
    }
    return [
      { path, at: 'value', expected: issue.message, fix: fixOf(valueAt(document, path), issue, nearest) },
    ];
  });
  // A form and a bound that are both missed say the same thing twice.
  const told = new Set<string>();
  return findings.filter(({ path, expected }) => {
    const key = JSON.stringify([path, expected]);
    return !told.has(key) && told.add(key);
  });
}

function unknownKey(
  path: (string | number)[],
  key: string,
  known: readonly string[],
  nearest: Nearest,
): Finding {
  const near = nearest(key, known);
  return {
    path,
    at: 'key',
    expected: `a known key: ${known.join(', ')}`,
    fix: near === undefined ? 'remove it' : `did you mean ${near}?`,
  };
}

function fixOf(found: unknown, issue: z.core.$ZodIssue, nearest: Nearest): string | null {
  if (found === undefined) return 'add it';
  if (issue.code === 'invalid_value' && typeof found === 'string') {
    const near = nearest(found, issue.values.map(String));
    return near === undefined ? null : `did you mean ${near}?`;
  }
  const wantsText = issue.code === 'invalid_type' && issue.expected === 'string';
  if (wantsText && issue.message.startsWith(DURATION_WORD)) return 'give it a unit, like 30m';
  if (wantsText && ['number', 'boolean', 'bigint'].includes(typeof found)) return 'put it in quotes';
  return null;
}

type SchemaNode = {
  properties?: Record<string, unknown>;
  items?: unknown;
  anyOf?: readonly unknown[];
};

/** The keys that the schema knows for the object at `path`; empty where it knows none. */
function knownKeysAt(jsonSchema: unknown, path: readonly (string | number)[]): string[] {
  let here = jsonSchema as SchemaNode | undefined;
  for (const part of path) {
    here = (typeof part === 'number' ? here?.items : here?.properties?.[part]) as SchemaNode | undefined;
  }
  return Object.keys(here?.properties ?? {});
}
