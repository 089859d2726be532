// What arrives at a workflow: the plain parsers, and that the zod schemas say the same.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { z } from 'zod';
import { cutForStatus, STATUS_FIELD_BYTES_MAX } from '../../../domain/parse/cut-for-status.ts';
import { messageParsers, parsePageQuery } from '../../../domain/parse/messages.ts';
import { renderInvalid, type Parsed } from '../../../domain/parse/parsed.ts';
import {
  parseFleetUpgradeInput,
  parseNodeUpgradeInput,
  parsePromotionInput,
} from '../../../domain/parse/workflow-inputs.ts';
import {
  fleetUpgradeInput,
  messageSchemas,
  nodeUpgradeInput,
  promotionInput,
  pageQuery,
} from '../../../domain/schemas/messages.ts';

type Pair = { name: string; parse: (value: unknown) => Parsed<unknown>; schema: z.ZodType };

const digest = `sha256:${'a'.repeat(64)}`;
const pairs: (Pair & { whole: Record<string, unknown> })[] = [
  ...(Object.keys(messageSchemas) as (keyof typeof messageSchemas)[]).map((name) => ({
    name,
    parse: messageParsers[name],
    schema: messageSchemas[name],
    whole: {
      gate: 'node/ip-10-0-0-1',
      node: 'ip-10-0-0-1',
      by: 'sam',
      reason: 'looks right',
      planDigest: digest,
      rollback: false,
      policy: { disruption: { unavailableMax: 3 } },
    },
  })),
  {
    name: 'approve of many nodes',
    parse: messageParsers.approve,
    schema: messageSchemas.approve,
    whole: { gate: 'node/*', by: 'sam', next: 5, pool: 'h100', zone: 'us-east-1a', id: 'monday' },
  },
  {
    name: 'page query',
    parse: parsePageQuery,
    schema: pageQuery,
    whole: { pool: 'h100', node: 'n', after: 'm', limit: 10 },
  },
  {
    name: 'fleetUpgrade',
    parse: parseFleetUpgradeInput,
    schema: fleetUpgradeInput,
    whole: {
      fleet: 'training',
      cluster: 'prod-east',
      pools: ['h100'],
      release: '2026.11',
      nodes: ['ip-10-0-0-1'],
      policy: { disruption: { unavailableMax: 3 } },
      planDigest: digest,
      requestedBy: 'ana',
    },
  },
  {
    name: 'a promotion',
    parse: parsePromotionInput,
    schema: promotionInput,
    whole: {
      fleet: 'training',
      promote: true,
      release: '2026.11',
      policy: { disruption: { unavailableMax: 3 } },
      requestedBy: 'ana',
    },
  },
  {
    name: 'nodeUpgrade',
    parse: parseNodeUpgradeInput,
    schema: nodeUpgradeInput,
    whole: { fleet: 'training', cluster: 'prod-east', node: 'n', release: 'r', requestedBy: 'ana' },
  },
];

/** Strings at and around the limits, and everything that JSON can say. */
const anything = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(0, 1, 500, 501, 1.5, true, null, '', '  ', '\u00a0', digest, 'sha256:', [], {}, ['']),
  fc.constantFrom(253, 254, 522, 523, 4096, 4097).map((length) => 'x'.repeat(length)),
  fc.array(fc.string(), { minLength: 99, maxLength: 101 }),
);

function documentsLike(whole: Record<string, unknown>) {
  const keys = fc.subarray(Object.keys(whole));
  return fc
    .tuple(keys, fc.dictionary(fc.constantFrom(...Object.keys(whole)), anything, { maxKeys: 2 }))
    .map(([kept, changed]) => ({
      ...Object.fromEntries(kept.map((key) => [key, whole[key]])),
      ...changed,
    }));
}

describe('plain parsers and schemas', () => {
  it.each(pairs)('agree on every $name: the same yes, the same value, the same no [I61]', (pair) => {
    let accepted = 0;
    let refused = 0;
    const documents = fc.oneof(
      { weight: 6, arbitrary: documentsLike(shapeOf(pair)) },
      { weight: 2, arbitrary: documentsLike({ ...shapeOf(pair), extra: 1 }) },
      { weight: 1, arbitrary: anything },
    );
    fc.assert(
      fc.property(documents, (document) => {
        // A query without an argument is the one thing that JSON says as null.
        fc.pre(!(pair.name === 'page query' && document === null));
        const plain = pair.parse(document);
        const zod = pair.schema.safeParse(document);
        expect(plain.kind === 'ok').toBe(zod.success);
        if (plain.kind === 'ok') {
          accepted++;
          expect(plain.value).toEqual(zod.data);
        } else refused++;
      }),
      { numRuns: 1000 },
    );
    // Neither answer may be the only one tried.
    expect(accepted).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(10);
  });

  /** The fields of the whole example that this message has. */
  function shapeOf(pair: (typeof pairs)[number]): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(pair.whole).filter(([key]) => {
        const parsed = pair.parse({ [key]: pair.whole[key] });
        return parsed.kind === 'ok' || parsed.path !== key;
      }),
    );
  }
});

describe('messages', () => {
  it.each(Object.keys(messageSchemas) as (keyof typeof messageSchemas)[])(
    '%s answers what is missing instead of throwing [I62]',
    (name) => {
      for (const value of [undefined, null, 'yes', 3, [], {}, { by: 1 }, [{}]]) {
        expect(messageParsers[name](value).kind).toBe('invalid');
      }
    },
  );

  it('names the field that is missing', () => {
    const parsed = messageParsers.approve({ gate: 'node/a' });
    expect(parsed).toEqual({ kind: 'invalid', path: 'by', found: undefined, expected: 'who says so' });
  });

  it('refuses a reason of one megabyte and says how long it was [I62]', () => {
    const parsed = messageParsers.approve({ gate: 'node/a', by: 'sam', reason: 'x'.repeat(1_000_000) });
    expect(parsed.kind === 'invalid' && renderInvalid(parsed)).toMatch(
      /^reason: found "x{199}…, expected a reason in words, at most 4096 characters \(it has 1000000\)$/,
    );
  });

  it.each([
    [{ gate: 'node/*', by: 'sam' }, 'gate: found "node/*", expected with gate node/* also which nodes'],
    [{ gate: 'node/n1', by: 'sam', next: 5 }, 'gate: found "node/n1", expected next, pool, zone and id only'],
    [{ gate: 'node/n1', by: 'sam', id: 'x' }, 'gate: found "node/n1", expected next, pool, zone and id only'],
    [{ gate: 'node/*', by: 'sam', next: 0 }, 'next: found 0, expected a whole number from 1 to 5000'],
  ])('takes a yes to many nodes only with which of them: %j', (message, text) => {
    const parsed = messageParsers.approve(message);
    expect(parsed.kind === 'invalid' && renderInvalid(parsed)).toContain(text);
  });

  it('knows no way to reject many nodes with one message', () => {
    expect(messageParsers.reject({ gate: 'node/*', by: 'sam', next: 5 }).kind).toBe('invalid');
  });

  it('answers what is nested a hundred thousand levels deep instead of throwing [I62]', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    const wrong = [
      messageParsers.approve({ gate: deep, by: 'sam' }),
      messageParsers.approve({ gate: 'node/a', by: 'sam', more: { of: deep } }),
      messageParsers.abort(deep),
      parsePageQuery({ node: deep }),
      parseFleetUpgradeInput({ fleet: 'f', cluster: 'c', policy: { drain: deep } }),
      messageParsers.changePolicy({ by: 'sam', reason: 'x', policy: { drain: deep } }),
    ];
    expect(wrong.map((parsed) => parsed.kind === 'invalid' && renderInvalid(parsed))).toEqual([
      expect.stringMatching(/^gate: found a list of more than 32 levels, expected the name of a gate/),
      expect.stringMatching(/^more: found an object of more than 32 levels, expected no such key/),
      expect.stringMatching(/^input: found a list of more than 32 levels, expected an object with by/),
      expect.stringMatching(/^node: found a list of more than 32 levels, expected a name$/),
      expect.stringMatching(/^policy: found an object of more than 32 levels, expected an object of at most/),
      expect.stringMatching(/^policy: found an object of more than 32 levels, expected an object of at most/),
    ]);
    expect(cutForStatus(deep)).toBe('(object)');
    const change = { by: 'sam', reason: 'x', policy: { drain: deep } };
    expect(messageSchemas.changePolicy.safeParse(change).success).toBe(false);
  });

  it('takes an abort without a word about rollback as one without rollback', () => {
    expect(messageParsers.abort({ by: 'sam', reason: 'smoke' })).toEqual({
      kind: 'ok',
      value: { by: 'sam', reason: 'smoke', rollback: false },
    });
  });

  it('refuses overrides longer than a run may carry, and says how long they are', () => {
    const policy = { windows: 'x'.repeat(40_000) };
    const parsed = messageParsers.changePolicy({ by: 'sam', reason: 'x', policy });
    expect(parsed.kind === 'invalid' && renderInvalid(parsed)).toMatch(
      /^policy: found .*, expected at most 32768 characters of overrides \(they have 40014\)$/,
    );
  });

  it('takes a query without an argument as the first page', () => {
    expect(parsePageQuery(undefined)).toEqual({ kind: 'ok', value: {} });
    expect(parsePageQuery(null)).toEqual({ kind: 'ok', value: {} });
  });
});

describe('workflow inputs', () => {
  it.each([
    [{ fleet: 'f', cluster: 'c', pool: ['h100'] }, 'pool: found ["h100"], expected no such key; known here'],
    [{ fleet: 'f' }, 'cluster: found nothing, expected the name of a cluster'],
    [{ fleet: 'f', cluster: 'c', pools: [] }, 'pools: found "a list of 0", expected a list of 1 to 100'],
    [{ fleet: 'f', cluster: 'c', nodes: ['a', 7] }, 'nodes[1]: found 7, expected the name of a node'],
    [{ fleet: 'f', cluster: 'c', policy: 'x' }, 'policy: found "x", expected an object'],
    [{ fleet: 'f', cluster: 'c', planDigest: 'abc' }, 'planDigest: found "abc", expected a digest'],
    ['training', 'input: found "training", expected an object with fleet, cluster'],
    [undefined, 'input: found nothing, expected an object'],
  ])('names the path, the value and what was expected for %j', (input, text) => {
    const parsed = parseFleetUpgradeInput(input);
    expect(parsed.kind === 'invalid' && renderInvalid(parsed)).toContain(text);
  });

  it('drops nothing and adds nothing to what it accepts', () => {
    const input = { fleet: 'f', cluster: 'c', node: 'n' };
    expect(parseNodeUpgradeInput(input)).toEqual({ kind: 'ok', value: input });
  });
});

describe('what the status shows of an ignored message', () => {
  it('is at most 1 KB of UTF-8 and never half a character [I63]', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), (text) => {
        const cut = cutForStatus(text);
        const bytes = Buffer.byteLength(cut);
        expect(bytes).toBeLessThanOrEqual(STATUS_FIELD_BYTES_MAX);
        const fits = Buffer.byteLength(text) <= STATUS_FIELD_BYTES_MAX;
        expect(cut === text).toBe(fits);
        if (!fits) {
          expect(text.startsWith(cut.slice(0, -1))).toBe(true);
          // Half a character would come back as U+FFFD.
          expect(Buffer.from(cut).toString()).toBe(cut);
          expect(bytes).toBeGreaterThan(STATUS_FIELD_BYTES_MAX - 8);
        }
      }),
    );
  });

  it('shows objects as JSON, and does not throw on what JSON cannot say [I62]', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(cutForStatus({ by: 1 })).toBe('{"by":1}');
    expect(cutForStatus(undefined)).toBe('undefined');
    expect(cutForStatus(circle)).toBe('(object)');
    expect(cutForStatus({ n: 1n })).toBe('(object)');
  });
});
