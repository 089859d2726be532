// Records in memory, for tests of activities and planners.
import { createHash } from 'node:crypto';
import { renderCanonicalJson } from '../../adapters/records/canonical-json.ts';
import type { RecordKind, Records } from '../../adapters/ports/records.ts';

export type FakeRecords = Records & {
  /** Everything that was put, in order, repeats included. */
  puts: { kind: RecordKind; key: string; body: unknown; digest: string }[];
};

export function createFakeRecords(): FakeRecords {
  const puts: FakeRecords['puts'] = [];
  const digestOf = (body: unknown) =>
    `sha256:${createHash('sha256').update(renderCanonicalJson(body)).digest('hex')}`;
  return {
    puts,
    put: ({ kind, key, body }) => {
      const digest = digestOf(body);
      puts.push({ kind, key, body: JSON.parse(JSON.stringify(body)) as unknown, digest });
      return Promise.resolve(digest);
    },
    get: (digest) => Promise.resolve(puts.find((entry) => entry.digest === digest)?.body),
    list: ({ kind, key }) =>
      Promise.resolve([
        ...new Set(
          puts.filter((entry) => entry.kind === kind && entry.key === key).map((entry) => entry.digest),
        ),
      ]),
    keys: (kind) =>
      Promise.resolve([...new Set(puts.filter((entry) => entry.kind === kind).map((entry) => entry.key))]),
  };
}
