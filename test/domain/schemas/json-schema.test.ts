// The published JSON Schema: what editors complete fleet files by.
import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fleetJsonSchema } from '../../../domain/schemas/fleet.ts';

describe('fleet.schema.json', () => {
  const path = join(import.meta.dirname, '..', '..', '..', 'fleet.schema.json');
  const published: unknown = JSON.parse(readFileSync(path, 'utf8'));

  it('is what the schema generates (else write it anew: refit schema > fleet.schema.json) [I64]', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(fleetJsonSchema())));
  });

  it('allows no unknown key anywhere, and describes every field', () => {
    const open: string[] = [];
    const mute: string[] = [];
    let objects = 0;
    const walk = (node: unknown, at: string) => {
      if (typeof node !== 'object' || node === null) return;
      const { properties, additionalProperties, items } = node as Record<string, unknown>;
      walk(items, `${at}[]`);
      if (typeof properties !== 'object' || properties === null) return;
      objects++;
      if (additionalProperties !== false) open.push(at);
      for (const [key, child] of Object.entries(properties)) {
        if (at.startsWith('.spec.') && !('description' in (child as object))) mute.push(`${at}.${key}`);
        walk(child, `${at}.${key}`);
      }
    };
    walk(published, '');
    expect(objects).toBeGreaterThan(15);
    expect(open).toEqual([]);
    expect(mute).toEqual([]);
  });
});
