// What a fleet file may be wrong in, each named where it stands; and what a right one means.
import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../../adapters/fleet-files/nearest.ts';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import { renderPath } from '../../../domain/invalid-fleet.ts';
import { checkFleetFile } from '../../../domain/schemas/check-fleet-file.ts';
import { valueAt } from '../../../domain/schemas/finding.ts';
import { mergePolicy, policyEntry } from '../../../domain/schemas/policy.ts';
import { resolveFleet } from '../../../domain/schemas/resolve-fleet.ts';
import { unenforced } from '../../../domain/schemas/unenforced.ts';
import { fleetDocument } from './fleet-fixture.ts';

type Document = ReturnType<typeof fleetDocument>;

function findingsOf(change: (document: Document) => void) {
  const document = fleetDocument();
  change(document);
  const checked = checkFleetFile(document, nearest);
  if (checked.kind === 'ok') return [];
  return checked.findings.map(({ path, expected, fix }) => [renderPath(path), expected, fix]);
}

const pool = (document: Document, index: number) => document.spec.clusters[0]?.pools[index] ?? {};

describe('a right fleet file', () => {
  it('bounds each zone by a number, which stays one, by a percentage, or by nothing [I252]', () => {
    const perZone = (unavailableMaxPerZone: unknown) => {
      const document = fleetDocument();
      Object.assign(document.spec.policies[0] ?? {}, { disruption: { unavailableMaxPerZone } });
      const checked = checkFleetFile(document, nearest);
      if (checked.kind !== 'ok') throw new Error(JSON.stringify(checked.findings));
      return resolveFleet(checked.file).clusters[0]?.pools[0]?.policy.disruption.unavailableMaxPerZone;
    };
    expect(perZone(2)).toBe(2);
    expect(perZone('25%')).toEqual({ kind: 'percent', percent: 25 });
    expect(perZone(null)).toBeNull();
  });

  it('becomes the fleet, its policies merged over the defaults [I65]', () => {
    const checked = checkFleetFile(fleetDocument(), nearest);
    if (checked.kind !== 'ok') throw new Error(JSON.stringify(checked.findings));
    const fleet = resolveFleet(checked.file);
    expect(fleet.clusters[0]?.connection).toEqual({ kind: 'context', context: 'prod-east' });
    expect(fleet.clusters[0]?.pools[0]?.policy).toEqual({
      ...defaultPolicy,
      name: 'careful',
      disruption: { ...defaultPolicy.disruption, unavailableMax: { kind: 'percent', percent: 10 } },
    });
    expect(fleet.clusters[0]?.pools[1]).toEqual({
      name: 'batch',
      matchLabels: { 'refit.dev/pool': 'batch' },
      sla: false,
      release: '2026.09',
      policy: defaultPolicy,
      owner: null,
    });
    expect(fleet.releases[0]).toEqual({
      name: '2026.09',
      image: { kind: 'everywhere', id: 'ami-0123456789abcdef0' },
      expects: { kubeletVersion: 'v1.35.0', osImage: null, labels: {} },
    });
  });

  it('keeps the image of each region, and how a release is promoted', () => {
    const document = fleetDocument();
    const ids = { 'us-east-1': 'ami-0123456789abcdef0', 'eu-west-1': 'ami-0123456789abcdef1' };
    Object.assign(document.spec.releases[0] ?? {}, { image: { ec2: ids } });
    Object.assign(document.spec, { promotion: { soak: '2h', successMin: '95%' } });
    const checked = checkFleetFile(document, nearest);
    if (checked.kind !== 'ok') throw new Error(JSON.stringify(checked.findings));
    const fleet = resolveFleet(checked.file);
    expect(fleet.releases[0]?.image).toEqual({ kind: 'byRegion', ids });
    expect(fleet.promotion).toEqual({ soakMs: 7_200_000, successMinPercent: 95 });
  });

  it('merges a policy over the whole chain that it extends, wherever that stands in the file', () => {
    const document = fleetDocument();
    document.spec.policies = [
      { name: 'careful', extends: 'middle', drain: { timeout: '1h30m' } },
      { name: 'middle', extends: 'root', approval: { firstNodes: null } },
      {
        name: 'root',
        approval: { before: 'pool', firstNodes: 3 },
        drain: { timeout: '10m' },
        reimage: { method: 'reboot', timeout: '5m', oldRootVolume: 'delete' },
        failure: { failuresMax: 2 },
      },
    ];
    const checked = checkFleetFile(document, nearest);
    if (checked.kind !== 'ok') throw new Error(JSON.stringify(checked.findings));
    expect(resolveFleet(checked.file).clusters[0]?.pools[0]?.policy).toEqual({
      ...defaultPolicy,
      name: 'careful',
      approval: { ...defaultPolicy.approval, before: 'pool', firstNodes: null },
      drain: { ...defaultPolicy.drain, timeoutMs: 5_400_000 },
      reimage: { method: 'reboot', timeoutMs: 300_000, oldRootVolume: { kind: 'delete' } },
      failure: { ...defaultPolicy.failure, failuresMax: 2 },
    });
  });

  it.each([
    [{ inCluster: true }, { kind: 'inCluster' }],
    [
      { kubeconfig: '~/kc', context: 'c' },
      { kind: 'kubeconfig', path: '~/kc', context: 'c' },
    ],
  ])('takes the connection %j', (connection, expected) => {
    const document = fleetDocument();
    for (const cluster of document.spec.clusters) cluster.connection = connection;
    const checked = checkFleetFile(document, nearest);
    expect(checked.kind === 'ok' && resolveFleet(checked.file).clusters[0]?.connection).toEqual(expected);
  });

  it('has a built-in policy that says what the documentation says', () => {
    const written = policyEntry.parse({
      name: 'default',
      disruption: { unavailableMax: 1, unavailableMaxPerZone: null, surge: 0 },
      canary: { nodes: 0, soak: '0s' },
      approval: { before: 'node', firstNodes: null, approvers: 1, expiresAfter: null },
      windows: [],
      exclusions: [],
      drain: { timeout: '30m', onTimeout: 'fail' },
      reimage: { method: 'rootVolume', timeout: '30m', oldRootVolume: 'keep 7d' },
      verify: { checks: [], soak: '0s' },
      failure: { failuresMax: 0, successMin: null, onExceeded: 'pause' },
    });
    expect(mergePolicy(defaultPolicy, written, 'default')).toEqual(defaultPolicy);
  });
});

describe('a wrong fleet file', () => {
  it.each<[string, (document: Document) => void, string, string, string | null]>([
    [
      'an unknown key',
      (d) => Object.assign(pool(d, 0), { relase: 'x' }),
      'spec.clusters[0].pools[0].relase',
      'a known key: name, selector, sla, release, policy, launchTemplate, owner',
      'did you mean release?',
    ],
    [
      'an unknown release',
      (d) => Object.assign(pool(d, 0), { release: '2026.12' }),
      'spec.clusters[0].pools[0].release',
      'a release of the catalog: 2026.09, 2026.11',
      'did you mean 2026.11?',
    ],
    [
      'an unknown policy',
      (d) => Object.assign(pool(d, 0), { policy: 'carefull' }),
      'spec.clusters[0].pools[0].policy',
      'a policy of this file: default, careful',
      'did you mean careful?',
    ],
    [
      'an unknown policy to extend',
      (d) => Object.assign(d.spec.policies[0] ?? {}, { extends: 'defualt' }),
      'spec.policies[0].extends',
      'a policy of this file: default, careful',
      'did you mean default?',
    ],
    [
      'an empty selector',
      (d) => Object.assign(pool(d, 0), { selector: { matchLabels: {} } }),
      'spec.clusters[0].pools[0].selector.matchLabels',
      'at least one label: an empty selector matches every node',
      null,
    ],
    [
      'the same selector twice',
      (d) => Object.assign(pool(d, 1), { selector: pool(d, 0)['selector'] }),
      'spec.clusters[0].pools[1].selector.matchLabels',
      'labels that no node of pool h100 has: a node is in one pool only',
      'tell the two pools apart by a label of which each has its own value',
    ],
    [
      'a selector within another',
      (d) => Object.assign(pool(d, 1), { selector: { matchLabels: { a: 'b', 'refit.dev/pool': 'h100' } } }),
      'spec.clusters[0].pools[1].selector.matchLabels',
      'labels that no node of pool h100 has: a node is in one pool only',
      'tell the two pools apart by a label of which each has its own value',
    ],
    [
      'a name twice',
      (d) => Object.assign(pool(d, 1), { name: 'h100' }),
      'spec.clusters[0].pools[1].name',
      'a name that no other pool has',
      'rename one of the two, or remove it',
    ],
    [
      'the built-in policy defined anew',
      (d) => d.spec.policies.push({ name: 'default' }),
      'spec.policies[1].name',
      'another name: the policy default is built in',
      'give it a name of its own with "extends: default", and name it in the pools',
    ],
    [
      'a bad duration',
      (d) => Object.assign(d.spec.policies[0] ?? {}, { drain: { timeout: '30 minutes' } }),
      'spec.policies[0].drain.timeout',
      'a duration like 30s, 10m, 1h30m or 7d, from 1s to 7d',
      null,
    ],
    [
      'a duration without a unit',
      (d) => Object.assign(d.spec.policies[0] ?? {}, { drain: { timeout: 30 } }),
      'spec.policies[0].drain.timeout',
      'a duration like 30s, 10m, 1h30m or 7d, from 1s to 7d',
      'give it a unit, like 30m',
    ],
    [
      'an exclusion that ends before it begins',
      (d) => {
        const exclusion = { from: '2027-01-03T00:00:00Z', until: '2026-12-20T00:00:00Z', why: 'freeze' };
        Object.assign(d.spec.policies[0] ?? {}, { exclusions: [exclusion] });
      },
      'spec.policies[0].exclusions[0].until',
      'a time after `from`',
      null,
    ],
    [
      'a time zone that does not exist',
      (d) => {
        const window = { days: ['mon'], start: '22:00', duration: '6h', timezone: 'Mars/Olympus' };
        Object.assign(d.spec.policies[0] ?? {}, { windows: [window] });
      },
      'spec.policies[0].windows[0].timezone',
      'a time zone by its IANA name, like Europe/Berlin',
      null,
    ],
    [
      'a bad amount',
      (d) => Object.assign(d.spec.policies[0] ?? {}, { disruption: { unavailableMax: '0%' } }),
      'spec.policies[0].disruption.unavailableMax',
      'a whole number from 1 to 5000, or a percentage like "10%"',
      null,
    ],
    [
      'a bad amount for each zone',
      (d) => Object.assign(d.spec.policies[0] ?? {}, { disruption: { unavailableMaxPerZone: 0 } }),
      'spec.policies[0].disruption.unavailableMaxPerZone',
      'a whole number from 1 to 5000, or a percentage like "10%"',
      null,
    ],
    [
      'a number for a name',
      (d) => Object.assign(pool(d, 0), { release: 2026.11 }),
      'spec.clusters[0].pools[0].release',
      'the name of a release: 1 to 63 letters, digits, "-", "_" or ".", as text',
      'put it in quotes',
    ],
    [
      'a missing field',
      (d) => delete pool(d, 0)['release'],
      'spec.clusters[0].pools[0].release',
      'the name of a release: 1 to 63 letters, digits, "-", "_" or ".", as text',
      'add it',
    ],
    [
      'two connections at once',
      (d) => Object.assign(d.spec.clusters[0]?.connection ?? {}, { inCluster: true }),
      'spec.clusters[0].connection',
      '{context: NAME}, {inCluster: true} or {kubeconfig: PATH, context: NAME}',
      null,
    ],
    ['a kind out of another world', (d) => Object.assign(d, { kind: 'Deployment' }), 'kind', 'Fleet', null],
    [
      'a tier that is none',
      (d) => Object.assign(d.spec.clusters[0] ?? {}, { tier: 'prd' }),
      'spec.clusters[0].tier',
      'one of dev, qa, prod',
      'did you mean prod?',
    ],
    [
      'a release like any other',
      (d) => Object.assign(d.spec.releases[0] ?? {}, { expects: {} }),
      'spec.releases[0].expects',
      'at least one of kubeletVersion, osImage, labels: a release must be told from others',
      null,
    ],
    [
      'a release without an image where its pool is',
      (d) =>
        Object.assign(d.spec.releases[0] ?? {}, { image: { ec2: { 'eu-west-1': 'ami-0123456789abcdef0' } } }),
      'spec.clusters[0].pools[1].release',
      'a release with an image in us-east-1, the region of cluster prod-east',
      'add us-east-1 to the image.ec2 of release 2026.09',
    ],
    [
      'an image of no form',
      (d) => Object.assign(d.spec.releases[0] ?? {}, { image: { ec2: 'prod' } }),
      'spec.releases[0].image.ec2',
      'the id of an image, ami-…, or one for each region, like {us-east-1: ami-…}',
      null,
    ],
    [
      'a promotion that soaks for years',
      (d) => Object.assign(d.spec, { promotion: { soak: '300d' } }),
      'spec.promotion.soak',
      'a duration like 30s, 10m, 1h30m or 7d, from 0s to 30d',
      null,
    ],
    [
      'a fleet with a dot',
      (d) => Object.assign(d.metadata, { name: 'a.b' }),
      'metadata.name',
      'the name of a fleet: 1 to 63 letters, digits, "-" or "_"',
      null,
    ],
  ])('is told about %s [I66]', (_, change, path, expected, fix) => {
    expect(findingsOf(change)).toEqual([[path, expected, fix]]);
  });

  it('names policies that extend each other in a circle, and only those in it', () => {
    const found = findingsOf((document) => {
      document.spec.policies = [
        { name: 'careful', extends: 'one' },
        { name: 'one', extends: 'two' },
        { name: 'two', extends: 'one' },
        { name: 'self', extends: 'self' },
      ];
    });
    expect(found.map(([path, expected]) => [path, expected?.split(': ')[1]])).toEqual([
      ['spec.policies[1].extends', 'one → two → one'],
      ['spec.policies[2].extends', 'two → one → two'],
      ['spec.policies[3].extends', 'self → self'],
    ]);
  });

  it('tells everything at once, whatever layer it is wrong in', () => {
    const paths = findingsOf((document) => {
      Object.assign(document.metadata, { labels: {} });
      Object.assign(pool(document, 0), { release: 'none', sla: 'yes' });
      document.spec.policies.push({ name: 'windy', windows: [{ days: [] }] });
    }).map(([path]) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        'metadata.labels',
        'spec.clusters[0].pools[0].release',
        'spec.clusters[0].pools[0].sla',
        'spec.policies[1].windows[0].days',
      ]),
    );
  });
});

describe('fields that this version does not enforce', () => {
  /** A value that the format allows and that is not neutral, for each of them. */
  const set: Readonly<Record<string, unknown>> = {
    'verify.checks': ['dcgm'],
  };
  const neutral: Readonly<Record<string, unknown>> = {
    'verify.checks': [],
  };
  const policyWith = (path: readonly string[], value: unknown) =>
    path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;

  it('has a case for each of them below', () => {
    expect(Object.keys(set).sort()).toEqual(unenforced.map(({ path }) => path.join('.')).sort());
    expect(Object.keys(neutral).sort()).toEqual(Object.keys(set).sort());
  });

  it.each(unenforced.map((field) => [field.path.join('.'), field] as const))(
    'refuses %s by name when it is set, and takes its neutral value [I67]',
    (name, { path }) => {
      const refused = findingsOf((document) => {
        document.spec.policies[0] = { name: 'careful', ...policyWith(path, set[name]) };
      });
      expect(refused).toEqual([
        [`spec.policies[0].${name}`, expect.stringContaining(`does not enforce ${name}`), expect.any(String)],
      ]);
      const taken = findingsOf((document) => {
        document.spec.policies[0] = { name: 'careful', ...policyWith(path, neutral[name]) };
      });
      expect(taken).toEqual([]);
    },
  );

  it('are neutral in the built-in policy', () => {
    const written = {
      ...defaultPolicy,
      canary: { nodes: 0, soak: '0s' },
      verify: { checks: [], soak: '0s' },
    };
    for (const field of unenforced) {
      const value = valueAt(written, field.path);
      if (value !== undefined) expect([field.path, field.isNeutral(value)]).toEqual([field.path, true]);
    }
  });
});
