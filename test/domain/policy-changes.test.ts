// In which fields two policies differ: none may be missed, and values stand as a fleet file writes them.
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { defaultPolicy } from '../../domain/default-policy.ts';
import { POLICY_FIELDS, listPolicyChanges } from '../../domain/policy-changes.ts';
import type { Policy } from '../../domain/policy.ts';
import { mergePolicy, policyOverrides } from '../../domain/schemas/policy.ts';

type JsonSchema = { type?: string; properties?: Record<string, JsonSchema> };

/** `drain.timeout`, …: every field that an override may set. */
function fieldsOf(schema: JsonSchema, path: readonly string[] = []): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) =>
    inner.type === 'object' ? fieldsOf(inner, [...path, key]) : [[...path, key].join('.')],
  );
}

const poolOf = (name: string, policy: Policy) => ({
  name,
  matchLabels: { pool: name },
  sla: false,
  release: 'r',
  policy,
  owner: null,
});

function changesOf(overrides: unknown, base = defaultPolicy) {
  const changed = mergePolicy(base, policyOverrides.parse(overrides), base.name);
  return listPolicyChanges([poolOf('a', base)], [poolOf('a', changed)]);
}

describe('the fields of a policy', () => {
  it('are all compared that a run may override', () => {
    const schema = z.toJSONSchema(policyOverrides, { io: 'input' }) as JsonSchema;
    expect([...POLICY_FIELDS].sort()).toEqual(fieldsOf(schema).sort());
  });

  it.each([
    ['disruption.unavailableMax', { disruption: { unavailableMax: '10%' } }, '1', '10%'],
    ['disruption.unavailableMaxPerZone', { disruption: { unavailableMaxPerZone: 2 } }, 'null', '2'],
    ['disruption.unavailableMaxPerZone', { disruption: { unavailableMaxPerZone: '25%' } }, 'null', '25%'],
    ['canary.nodes', { canary: { nodes: 2 } }, '0', '2'],
    ['canary.soak', { canary: { soak: '1h30m' } }, '0s', '1h30m'],
    ['approval.expiresAfter', { approval: { expiresAfter: '1d' } }, 'null', '1d'],
    ['approval.selfApproval', { approval: { selfApproval: false } }, 'true', 'false'],
    ['drain.timeout', { drain: { timeout: '5m' } }, '30m', '5m'],
    ['reimage.oldRootVolume', { reimage: { oldRootVolume: 'delete' } }, 'keep 7d', 'delete'],
    ['failure.successMin', { failure: { successMin: '95%' } }, 'null', '95%'],
    ['failure.consecutiveMax', { failure: { consecutiveMax: 3 } }, 'null', '3'],
    ['verify.checks', { verify: { checks: ['dcgm'] } }, '[]', '["dcgm"]'],
  ])('%s is told as a fleet file writes it', (field, overrides, from, to) => {
    expect(changesOf(overrides)).toEqual([{ field, from, to, pools: ['a'] }]);
  });

  it('windows are told as they are written', () => {
    const window = { days: ['mon'], start: '22:00', duration: '6h', timezone: 'Europe/Berlin' };
    const [change] = changesOf({ windows: [window] });
    expect(JSON.parse(change?.to ?? '')).toEqual([window]);
  });

  it('that differ alike in several pools are told once, and a long value is cut', () => {
    const why = 'x'.repeat(600);
    const overrides = policyOverrides.parse({
      drain: { timeout: '1m' },
      exclusions: [{ from: '2026-12-20T00:00:00Z', until: '2027-01-03T00:00:00Z', why }],
    });
    const before = ['a', 'b'].map((name) => poolOf(name, defaultPolicy));
    const changed = mergePolicy(defaultPolicy, overrides, 'default');
    const changes = listPolicyChanges(
      before,
      before.map((pool) => ({ ...pool, policy: changed })),
    );
    expect(changes.map(({ field, pools }) => [field, pools])).toEqual([
      ['exclusions', ['a', 'b']],
      ['drain.timeout', ['a', 'b']],
    ]);
    expect(changes[0]?.to.length).toBe(300);
  });

  it('that differ in very many pools are told with the first of them', () => {
    const before = Array.from({ length: 100 }, (_, index) => poolOf(`p${String(index)}`, defaultPolicy));
    const changed = mergePolicy(
      defaultPolicy,
      policyOverrides.parse({ drain: { timeout: '1m' } }),
      'default',
    );
    const [change] = listPolicyChanges(
      before,
      before.map((pool) => ({ ...pool, policy: changed })),
    );
    expect(change?.pools).toHaveLength(21);
    expect(change?.pools.at(-1)).toBe('and 80 more');
  });

  it('that are as they were are not told', () => {
    expect(changesOf({ drain: { timeout: '30m' } })).toEqual([]);
  });
});
