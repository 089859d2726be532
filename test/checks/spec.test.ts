// docs/SPEC.md promises that each invariant is held by a test: here the promise is looked up.
import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const spec = readFileSync(join(root, 'docs/SPEC.md'), 'utf8');
const invariants = [...spec.matchAll(/^\| \*\*(I\d+)\*\* \|/gm)].map((match) => match[1] ?? '');

const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.test.ts'))
  .map((path) => readFileSync(join(root, 'test', path), 'utf8'))
  .join('\n');
const claimed = new Set(
  [...tests.matchAll(/\[(I\d+(?:, ?I\d+)*)\]/g)].flatMap((match) => (match[1] ?? '').split(/, ?/)),
);

describe('the specification', () => {
  it('numbers each invariant once', () => {
    expect(invariants.length).toBeGreaterThan(20);
    expect(new Set(invariants).size).toBe(invariants.length);
  });

  it('has a test for every invariant', () => {
    expect(invariants.filter((id) => !claimed.has(id))).toEqual([]);
  });

  it('knows every invariant that a test names', () => {
    expect([...claimed].filter((id) => !invariants.includes(id)).sort()).toEqual([]);
  });
});
