// From a checked fleet file to the fleet that everything else works with: policies merged down to
// effective values, defaults filled in. Only for files that checkFleetFile found right.
import { DEFAULT_POLICY_NAME, defaultPolicy } from '../default-policy.ts';
import type { CatalogRelease, Fleet, Pool } from '../fleet.ts';
import type { Policy } from '../policy.ts';
import type { FleetFile } from './fleet.ts';
import type { FieldOrigins } from '../policy-origins.ts';
import { POLICY_FIELDS } from '../policy-changes.ts';
import { valueAt } from './finding.ts';
import { mergePolicy } from './policy.ts';
import type { PolicyOverrides } from './policy.ts';

type PoolEntry = FleetFile['spec']['clusters'][number]['pools'][number];

export function resolveFleet(file: FleetFile): Fleet {
  const policies = resolvePolicies(file);
  return {
    name: file.metadata.name,
    clusters: file.spec.clusters.map(({ name, tier, connection, provider, disruption, pools }) => ({
      name,
      tier,
      connection,
      provider,
      unavailableMax: disruption.unavailableMax,
      pools: pools.map((pool) => resolvePool(pool, policies)),
    })),
    policyOrigins: resolveOrigins(file),
    promotion: {
      soakMs: file.spec.promotion.soak,
      successMinPercent: file.spec.promotion.successMin,
    },
    releases: file.spec.releases.map(({ name, image, expects }): CatalogRelease => ({
      name,
      image:
        typeof image.ec2 === 'string'
          ? { kind: 'everywhere', id: image.ec2 }
          : { kind: 'byRegion', ids: image.ec2 },
      expects: {
        kubeletVersion: expects.kubeletVersion ?? null,
        osImage: expects.osImage ?? null,
        labels: expects.labels,
      },
    })),
    ...(file.spec.notifications.length === 0 ? {} : { notifications: file.spec.notifications }),
  };
}

function resolvePool(pool: PoolEntry, policies: ReadonlyMap<string, Policy>): Pool {
  const policy = policies.get(pool.policy);
  if (policy === undefined) throw new Error(`pool ${pool.name}: no policy ${pool.policy} in a checked file`);
  return {
    name: pool.name,
    matchLabels: pool.selector.matchLabels,
    sla: pool.sla,
    release: pool.release,
    policy,
    owner: pool.owner?.kind ?? null,
    ...(pool.launchTemplate === undefined ? {} : { launchTemplate: toTemplateRef(pool.launchTemplate) }),
  };
}

function toTemplateRef({
  id,
  name,
  version,
}: NonNullable<PoolEntry['launchTemplate']>): NonNullable<Pool['launchTemplate']> {
  return { id: id ?? null, name: name ?? null, version };
}

function resolvePolicies(file: FleetFile): ReadonlyMap<string, Policy> {
  const entries = new Map(file.spec.policies.map((entry) => [entry.name, entry]));
  const resolved = new Map<string, Policy>([[DEFAULT_POLICY_NAME, defaultPolicy]]);
  const resolve = (name: string): Policy => {
    const known = resolved.get(name);
    if (known !== undefined) return known;
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`no policy ${name} in a checked file`);
    const policy = mergePolicy(resolve(entry.extends ?? DEFAULT_POLICY_NAME), entry, name);
    resolved.set(name, policy);
    return policy;
  };
  for (const name of entries.keys()) resolve(name);
  return resolved;
}

/** Of each policy that somebody wrote: which policies say which of its fields, itself or those that it extends. */
function resolveOrigins(file: FleetFile): FieldOrigins {
  const entries = new Map(file.spec.policies.map((entry) => [entry.name, entry]));
  return Object.fromEntries(file.spec.policies.map(({ name }) => [name, fieldsBySource(name, entries)]));
}

function fieldsBySource(
  policy: string,
  entries: ReadonlyMap<string, FleetFile['spec']['policies'][number]>,
): Readonly<Record<string, readonly string[]>> {
  const said: Record<string, readonly string[]> = {};
  const known = new Set<string>();
  // A checked file has no policy that extends itself, by whatever way.
  for (let entry = entries.get(policy); entry !== undefined; entry = entries.get(entry.extends ?? '')) {
    const fields = writtenFields(entry).filter((field) => !known.has(field));
    for (const field of fields) known.add(field);
    if (fields.length > 0) said[entry.name] = fields;
  }
  return said;
}

/** Fields of a policy that stand in it, by their names in a fleet file. */
export function writtenFields(policy: PolicyOverrides): readonly string[] {
  return POLICY_FIELDS.filter((field) => valueAt(policy, field.split('.')) !== undefined);
}
