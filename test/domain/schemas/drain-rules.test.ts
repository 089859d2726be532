// Drain rules as a fleet file writes them: what they mean, how they are merged, and what is refused.
import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../../adapters/fleet-files/nearest.ts';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import { renderPath } from '../../../domain/invalid-fleet.ts';
import { checkFleetFile } from '../../../domain/schemas/check-fleet-file.ts';
import { mergePolicy, policyEntry } from '../../../domain/schemas/policy.ts';
import { fleetDocument } from './fleet-fixture.ts';

const selector = { matchLabels: { app: 'job' } };

function merged(...rules: unknown[]) {
  return mergePolicy(defaultPolicy, policyEntry.parse({ name: 'p', drain: { rules } }), 'p').drain.rules;
}

function refusalOf(...rules: unknown[]) {
  const document = fleetDocument();
  Object.assign(document.spec.policies[0] ?? {}, { drain: { rules } });
  const checked = checkFleetFile(document, nearest);
  return checked.kind === 'ok'
    ? []
    : checked.findings.map(({ path, expected }) => `${renderPath(path)}: ${expected}`);
}

describe('drain rules', () => {
  it('have a default for everything but name and selector', () => {
    expect(merged({ name: 'jobs', selector })).toEqual([
      {
        name: 'jobs',
        matchLabels: { app: 'job' },
        namespaces: null,
        order: 0,
        waitFor: 'nothing',
        deadlineMs: null,
      },
    ]);
    const whole = { namespaces: ['ml'], order: -1, waitFor: 'checkpoint', deadline: '15m' };
    expect(merged({ name: 'jobs', selector, ...whole })).toMatchObject([
      { namespaces: ['ml'], order: -1, waitFor: 'checkpoint', deadlineMs: 900_000 },
    ]);
  });

  it('are replaced whole by a policy that names any, and kept by one that names none', () => {
    const base = {
      ...defaultPolicy,
      drain: { ...defaultPolicy.drain, rules: merged({ name: 'a', selector }) },
    };
    const names = (drain: unknown) =>
      mergePolicy(base, policyEntry.parse({ name: 'p', drain }), 'p').drain.rules.map(({ name }) => name);
    expect(names({ rules: [{ name: 'b', selector }] })).toEqual(['b']);
    expect(names({ rules: [] })).toEqual([]);
    expect(names({ timeout: '5m' })).toEqual(['a']);
  });

  it.each<[string, unknown[], string]>([
    [
      'no label',
      [{ name: 'a', selector: { matchLabels: {} } }],
      '.rules[0].selector.matchLabels: 1 to 5 labels',
    ],
    [
      'an unknown wait',
      [{ name: 'a', selector, waitFor: 'ever' }],
      '.rules[0].waitFor: one of nothing, completion, checkpoint',
    ],
    [
      'a deadline of nothing',
      [{ name: 'a', selector, deadline: '5m' }],
      '.rules[0].deadline: no deadline, or waitFor: completion or checkpoint, which it would end',
    ],
    [
      'an order out of bounds',
      [{ name: 'a', selector, order: 101 }],
      '.rules[0].order: a whole number from -100 to 100',
    ],
    [
      'two of one name',
      [
        { name: 'a', selector },
        { name: 'a', selector },
      ],
      '.rules: rules of which no two have the same name',
    ],
    [
      'too many',
      Array.from({ length: 11 }, (_, index) => ({ name: `r${String(index)}`, selector })),
      '.rules: at most 10 rules',
    ],
    [
      'no namespace',
      [{ name: 'a', selector, namespaces: [] }],
      '.rules[0].namespaces: at least one namespace, or null for all',
    ],
  ])('are refused with %s, where it stands', (_, rules, expected) => {
    expect(refusalOf(...rules)).toEqual([`spec.policies[0].drain${expected}`]);
  });
});
