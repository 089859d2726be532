// Where each effective value of a policy comes from, from the fleet file to the text of a plan.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { loadText } from '../../../adapters/fleet-files/load-fleets.ts';
import { overridePolicies, resolveRun } from '../../../adapters/fleet-files/resolve-run.ts';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import { planBasis, renderBasis } from '../../../domain/planning/plan-digest.ts';
import { POLICY_FIELDS, listPolicyFields } from '../../../domain/policy-changes.ts';
import { listPolicyValues } from '../../../domain/policy-origins.ts';
import { renderOrigins } from '../../../domain/render/origins.ts';
import type { FleetUpgradeInput, RunDefinition } from '../../../domain/run.ts';
import { fleetDocument } from '../../domain/schemas/fleet-fixture.ts';

const input: FleetUpgradeInput = { fleet: 'training', cluster: 'prod-east' };

function resolve(policies: readonly object[], changes: Partial<FleetUpgradeInput> = {}): RunDefinition {
  const document = fleetDocument();
  const spec = { ...document.spec, policies };
  return resolveRun(loadText('fleet.yaml', JSON.stringify({ ...document, spec })), { ...input, ...changes });
}

const chain = [
  { name: 'careful', extends: 'base', disruption: { unavailableMax: '10%' }, canary: { nodes: 1 } },
  { name: 'base', canary: { nodes: 2, soak: '10m' }, failure: { successMin: null } },
];

/** Of the pool with that policy: what is not a default. */
function origins(definition: RunDefinition): Record<string, string> {
  const pool = definition.pools.find(({ policy }) => policy.name === 'careful');
  const values = pool === undefined ? [] : listPolicyValues(pool.policy, definition.origins);
  return Object.fromEntries(
    values
      .filter(({ from }) => from !== 'default')
      .map(({ field, value, from }) => [`${field} ${value}`, from]),
  );
}

describe('where a value of a policy comes from', () => {
  it('is the nearest policy of the fleet file that says it, else the default [I177]', () => {
    expect(origins(resolve(chain))).toEqual({
      'disruption.unavailableMax 10%': 'policy careful',
      'canary.nodes 1': 'policy careful',
      'canary.soak 10m': 'policy base',
      // Said, although it is what the default says too.
      'failure.successMin null': 'policy base',
    });
  });

  it('is the override of the run before all of them, and of a change in flight [I177]', () => {
    const policy = { canary: { soak: '5m' } };
    const definition = resolve(chain, { policy });
    expect(origins(definition)).toMatchObject({
      'canary.soak 5m': 'override',
      'canary.nodes 1': 'policy careful',
    });
    const changed = overridePolicies(definition, {
      disruption: { unavailableMax: 3 },
      canary: { soak: '1m' },
    });
    expect(origins(changed)).toMatchObject({
      'disruption.unavailableMax 3': 'override',
      'canary.soak 1m': 'override',
    });
    expect(changed.origins?.overrides).toHaveLength(2);
  });

  it('never says default of a value that is not the default [I177]', () => {
    const soak = fc.option(fc.constantFrom('1m', '2m'), { nil: undefined });
    const nodes = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined });
    const section = fc.record({ soak, nodes });
    const defaults = new Map(listPolicyFields(defaultPolicy).map(({ field, value }) => [field, value]));
    fc.assert(
      fc.property(section, section, section, (own, base, override) => {
        const clean = (o: object) => JSON.parse(JSON.stringify(o)) as object;
        const definition = resolve(
          [
            { name: 'careful', extends: 'base', canary: clean(own) },
            { name: 'base', canary: clean(base) },
          ],
          { policy: { canary: clean(override) } },
        );
        const pool = definition.pools.find(({ name }) => name === 'h100');
        if (pool === undefined) throw new Error('no pool');
        for (const { field, value, from } of listPolicyValues(pool.policy, definition.origins)) {
          if (from === 'default') expect(value).toBe(defaults.get(field));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('names every field once, and is no part of the digest', () => {
    const definition = resolve(chain);
    const [pool] = definition.pools;
    if (pool === undefined) throw new Error('no pool');
    expect(listPolicyValues(pool.policy, definition.origins).map(({ field }) => field)).toEqual(
      POLICY_FIELDS,
    );
    const without = structuredClone(definition);
    delete without.origins;
    expect(renderBasis(planBasis(definition, []))).toBe(renderBasis(planBasis(without, [])));
    expect(listPolicyValues(pool.policy, undefined).every(({ from }) => from === 'unknown')).toBe(true);
  });

  it('is left out before a run is refused for keeping too much', () => {
    const bytes = (value: object) => JSON.stringify(value).length;
    const names = (count: number) =>
      Array.from({ length: count }, (_, index) => `ip-${String(index).padStart(9, '0')}`);
    const bare =
      bytes(resolve(chain, { nodes: names(1) })) - bytes(resolve(chain, { nodes: names(1) }).origins ?? {});
    const most = resolve(chain, { nodes: names(Math.floor((65_536 - bare) / 15)) });
    expect(most).not.toHaveProperty('origins');
    expect(bytes(most)).toBeGreaterThan(65_000);
    expect(resolve(chain, { nodes: names(100) })).toHaveProperty('origins');
  });

  it('is shown policy by policy, what somebody has written first', () => {
    const lines = renderOrigins(resolve(chain, { policy: { canary: { soak: '5m' } } }));
    const careful = lines
      .slice(lines.indexOf('Policy careful of h100: where its values come from'))
      .slice(0, 7);
    expect(careful.map((line) => line.replaceAll(/ +/g, ' '))).toEqual([
      'Policy careful of h100: where its values come from',
      ' FROM VALUE',
      ' override canary.soak 5m',
      ' policy careful disruption.unavailableMax 10%',
      ' policy careful canary.nodes 1',
      ' policy base failure.successMin null',
      expect.stringMatching(
        /^ default disruption\.unavailableMaxPerZone null, disruption\.surge 0, .*onExceeded pause$/,
      ),
    ]);
    expect(lines).toContain('Policy default of batch: where its values come from');
  });
});
