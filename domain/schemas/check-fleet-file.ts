// Everything that one document of a fleet file can be wrong in, found at once: its form by the
// schema, and what one field says about another: names that nothing answers to, names that stand
// twice, selectors that overlap, policies that extend each other in a circle, fields not in force.
import { DEFAULT_POLICY_NAME } from '../default-policy.ts';
import { expectationOf, findingsOf } from './expectation.ts';
import { valueAt, type Finding, type Nearest } from './finding.ts';
import { fleetFile, fleetJsonSchema, type FleetFile } from './fleet.ts';
import { checkEnforced } from './unenforced.ts';

type Path = readonly (string | number)[];
type Entry = { path: Path; value: unknown };

export type CheckedFleetFile = { kind: 'ok'; file: FleetFile } | { kind: 'invalid'; findings: Finding[] };

export function checkFleetFile(document: unknown, nearest: Nearest): CheckedFleetFile {
  const parsed = fleetFile.safeParse(document, { error: expectationOf });
  const form = parsed.success ? [] : findingsOf(parsed.error.issues, document, fleetJsonSchema(), nearest);
  const wrong = new Set(form.map((finding) => JSON.stringify(finding.path)));
  // What is malformed is told once: as malformed.
  const meaning = [
    ...checkNames(document),
    ...checkReferences(document, nearest),
    ...checkImages(document),
    ...checkSelectors(document),
    ...checkPolicies(document),
  ].filter((finding) => !wrong.has(JSON.stringify(finding.path)));
  const findings = [...form, ...meaning];
  return parsed.success && findings.length === 0
    ? { kind: 'ok', file: parsed.data }
    : { kind: 'invalid', findings };
}

function checkNames(document: unknown): Finding[] {
  const lists = [
    { what: 'cluster', path: ['spec', 'clusters'] as Path },
    { what: 'release', path: ['spec', 'releases'] as Path },
    { what: 'policy', path: ['spec', 'policies'] as Path },
    { what: 'notification', path: ['spec', 'notifications'] as Path },
    ...entriesAt(document, ['spec', 'clusters']).map(({ path }) => ({
      what: 'pool',
      path: [...path, 'pools'] as Path,
    })),
  ];
  const twice = lists.flatMap(({ what, path }) => {
    const seen = new Set<string>();
    return entriesAt(document, path).flatMap((entry): Finding[] => {
      const name = nameOf(entry);
      if (name === undefined) return [];
      if (!seen.has(name)) {
        seen.add(name);
        return [];
      }
      return [
        {
          path: [...entry.path, 'name'],
          at: 'value',
          expected: `a name that no other ${what} has`,
          fix: `rename one of the two, or remove it`,
        },
      ];
    });
  });
  const builtIn = entriesAt(document, ['spec', 'policies'])
    .filter((entry) => nameOf(entry) === DEFAULT_POLICY_NAME)
    .map((entry): Finding => ({
      path: [...entry.path, 'name'],
      at: 'value',
      expected: `another name: the policy ${DEFAULT_POLICY_NAME} is built in`,
      fix: `give it a name of its own with "extends: ${DEFAULT_POLICY_NAME}", and name it in the pools`,
    }));
  return [...twice, ...builtIn];
}

function checkReferences(document: unknown, nearest: Nearest): Finding[] {
  const releases = namesAt(document, ['spec', 'releases']);
  const policies = [DEFAULT_POLICY_NAME, ...namesAt(document, ['spec', 'policies'])];
  const ofPools = poolsOf(document).flatMap((pool) => [
    ...checkReference(pool, 'release', 'a release of the catalog', releases, nearest),
    ...checkReference(pool, 'policy', 'a policy of this file', policies, nearest),
  ]);
  const ofPolicies = entriesAt(document, ['spec', 'policies']).flatMap((policy) =>
    checkReference(policy, 'extends', 'a policy of this file', policies, nearest),
  );
  return [...ofPools, ...ofPolicies];
}

function checkReference(
  entry: Entry,
  key: string,
  what: string,
  known: readonly string[],
  nearest: Nearest,
): Finding[] {
  const named = valueAt(entry.value, [key]);
  if (typeof named !== 'string' || known.includes(named)) return [];
  const near = nearest(named, known);
  return [
    {
      path: [...entry.path, key],
      at: 'value',
      expected: `${what}: ${renderNames(known)}`,
      fix: near === undefined ? null : `did you mean ${near}?`,
    },
  ];
}

/** A pool whose release was not copied to its cluster's region could never be upgraded. */
function checkImages(document: unknown): Finding[] {
  const images = new Map(
    entriesAt(document, ['spec', 'releases']).map((release) => [
      nameOf(release),
      valueAt(release.value, ['image', 'ec2']),
    ]),
  );
  return entriesAt(document, ['spec', 'clusters']).flatMap((cluster) => {
    const region = valueAt(cluster.value, ['provider', 'region']);
    return entriesAt(document, [...cluster.path, 'pools']).flatMap((pool): Finding[] => {
      const named = valueAt(pool.value, ['release']);
      const image = typeof named === 'string' ? images.get(named) : undefined;
      if (typeof image !== 'object' || image === null || typeof region !== 'string') return [];
      if (Object.hasOwn(image, region)) return [];
      return [
        {
          path: [...pool.path, 'release'],
          at: 'value',
          expected: `a release with an image in ${region}, the region of cluster ${nameOf(cluster) ?? '(without a name)'}`,
          fix: `add ${region} to the image.ec2 of release ${String(named)}`,
        },
      ];
    });
  });
}

/** Two selectors of which one asks for no more than the other: every node of the narrower is in both. */
function checkSelectors(document: unknown): Finding[] {
  return entriesAt(document, ['spec', 'clusters']).flatMap((cluster) => {
    const pools = entriesAt(document, [...cluster.path, 'pools']);
    return pools.flatMap((pool, index) => {
      const overlapping = pools.slice(0, index).find((other) => overlap(pool.value, other.value));
      if (overlapping === undefined) return [];
      return [
        {
          path: [...pool.path, 'selector', 'matchLabels'],
          at: 'value' as const,
          expected: `labels that no node of pool ${nameOf(overlapping) ?? '(without a name)'} has: a node is in one pool only`,
          fix: 'tell the two pools apart by a label of which each has its own value',
        },
      ];
    });
  });
}

function overlap(one: unknown, other: unknown): boolean {
  const [a, b] = [labelsOf(one), labelsOf(other)];
  if (a === undefined || b === undefined) return false;
  const [wide, narrow] = a.length <= b.length ? [a, b] : [b, a];
  return wide.length > 0 && wide.every((label) => narrow.includes(label));
}

function labelsOf(pool: unknown): string[] | undefined {
  const labels = valueAt(pool, ['selector', 'matchLabels']);
  if (typeof labels !== 'object' || labels === null) return undefined;
  return Object.entries(labels).map(([key, value]) => `${key}=${String(value)}`);
}

function checkPolicies(document: unknown): Finding[] {
  const policies = entriesAt(document, ['spec', 'policies']);
  const parents = new Map<string, unknown>();
  for (const policy of policies) {
    const name = nameOf(policy);
    if (name !== undefined) parents.set(name, valueAt(policy.value, ['extends']));
  }
  return policies.flatMap((policy): Finding[] => {
    const name = nameOf(policy);
    const circle = name === undefined ? undefined : circleFrom(name, parents);
    const findings = checkEnforced(policy.value, policy.path);
    if (circle === undefined) return findings;
    return [
      ...findings,
      {
        path: [...policy.path, 'extends'],
        at: 'value',
        expected: `policies that end in ${DEFAULT_POLICY_NAME}; these extend each other in a circle: ${circle.join(' → ')}`,
        fix: `let one of them extend ${DEFAULT_POLICY_NAME}`,
      },
    ];
  });
}

/** The way from a policy back to itself; undefined when it leads elsewhere. */
function circleFrom(name: string, parents: ReadonlyMap<string, unknown>): string[] | undefined {
  const way = [name];
  let here = parents.get(name);
  while (typeof here === 'string' && parents.has(here)) {
    way.push(here);
    if (here === name) return way;
    // Another circle, further on: its own members tell of it.
    if (way.indexOf(here) !== way.length - 1) return undefined;
    here = parents.get(here);
  }
  return undefined;
}

function poolsOf(document: unknown): Entry[] {
  return entriesAt(document, ['spec', 'clusters']).flatMap(({ path }) =>
    entriesAt(document, [...path, 'pools']),
  );
}

/** The entries of a list that may not be one: what is malformed has no entries. */
function entriesAt(document: unknown, path: Path): Entry[] {
  const list = valueAt(document, path);
  if (!Array.isArray(list)) return [];
  return list.map((value, index) => ({ path: [...path, index], value }));
}

function namesAt(document: unknown, path: Path): string[] {
  return entriesAt(document, path).flatMap((entry) => nameOf(entry) ?? []);
}

function nameOf(entry: Entry): string | undefined {
  const name = valueAt(entry.value, ['name']);
  return typeof name === 'string' ? name : undefined;
}

/** More names than this help nobody to find the right one. */
const NAMES_SHOWN_MAX = 10;

export function renderNames(names: readonly string[]): string {
  if (names.length === 0) return '(there is none)';
  const shown = names.slice(0, NAMES_SHOWN_MAX).join(', ');
  return names.length > NAMES_SHOWN_MAX ? `${shown} and ${names.length - NAMES_SHOWN_MAX} more` : shown;
}
