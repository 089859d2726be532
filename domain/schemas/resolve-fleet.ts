// From a checked fleet file to the fleet that everything else works with: policies merged down to
// effective values, defaults filled in. Only for files that checkFleetFile found right.
import { DEFAULT_POLICY_NAME, defaultPolicy } from '../default-policy.ts';
import type { CatalogRelease, Fleet, Pool } from '../fleet.ts';
import type { Policy } from '../policy.ts';
import type { FleetFile } from './fleet.ts';
import { mergePolicy } from './policy.ts';

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
