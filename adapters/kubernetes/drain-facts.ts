// The pods of a cluster put through the tally of a plan: page by page, so that no more than one page of them
// is in memory; then, when pods to move have volumes, where those can be used. Reads only, once for a plan.
import { createDrainTally } from '../../domain/planning/drain-tally.ts';
import type { DrainFacts } from '../../domain/planning/drain-tally.ts';
import type { NodeTerm, VolumePlaces } from '../../domain/planning/placing.ts';
import type { DrainRule } from '../../domain/policy.ts';
import { PortError } from '../ports/errors.ts';
import type { Api, Subject } from './api.ts';
import { lookUpIn } from './drain.ts';
import type { RawObject } from './object-cache.ts';
import { toLoad, toTerms } from './scheduling.ts';
import type { RawNodeSelector } from './scheduling.ts';
import { PATHS } from './watches.ts';
import type { Watches } from './watches.ts';

const PAGE_SIZE = '500';

export async function collectDrainFacts(
  { api, watches }: { api: Api; watches: Watches },
  { scope }: { scope: ReadonlyMap<string, readonly DrainRule[]> },
): Promise<DrainFacts> {
  await Promise.all([watches.pdbs.synced(), watches.daemonSets.synced()]);
  const { lookUpDaemonSet } = lookUpIn(watches);
  const pdbsOf = (namespace: string) => [...watches.pdbs.group(namespace).values()];
  const tally = createDrainTally({ scope, pdbsOf, lookUpDaemonSet });
  const subject = { verb: 'list', resource: 'pods' } as const;
  for await (const pod of listAll(api, subject, PATHS.pods, { fieldSelector: 'spec.nodeName!=' })) {
    tally.add(toLoad(pod));
  }
  const { used, drains } = tally.end();
  const claims = [...drains.values()].flatMap(({ demands }) => demands.flatMap((demand) => demand.claims));
  return { used, drains, volumes: await collectVolumes(api, new Set(claims)) };
}

async function* listAll(
  api: Api,
  subject: Subject,
  path: string,
  query: Readonly<Record<string, string>> = {},
): AsyncGenerator<RawObject> {
  let next: string | undefined = '';
  while (next !== undefined) {
    const page = (await api.ask({
      subject,
      path,
      query: { ...query, limit: PAGE_SIZE, ...(next === '' ? {} : { continue: next }) },
    })) as { metadata: { continue?: string }; items?: RawObject[] };
    yield* page.items ?? [];
    next = page.metadata.continue || undefined;
  }
}

/** Whoever may not list claims or volumes plans all the same, and is told what is not known. */
async function collectVolumes(api: Api, claims: ReadonlySet<string>): Promise<DrainFacts['volumes']> {
  const places = new Map<string, VolumePlaces>();
  if (claims.size === 0) return { kind: 'known', places };
  try {
    const claimOf = await collectClaims(api, claims);
    const subject = { verb: 'list', resource: 'persistentvolumes' } as const;
    for await (const volume of listAll(api, subject, '/api/v1/persistentvolumes')) {
      const claim = claimOf.get(volume.metadata.name);
      if (claim !== undefined) places.set(claim, placesOf(volume as unknown as RawVolume));
    }
    return { kind: 'known', places };
  } catch (error) {
    if (error instanceof PortError && error.kind === 'forbidden') {
      return { kind: 'unknown', why: error.message };
    }
    throw error;
  }
}

type RawClaim = { metadata: { namespace?: string; name: string }; spec?: { volumeName?: string } };

/** By name of the volume that each of them is bound to. */
async function collectClaims(api: Api, claims: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const subject = { verb: 'list', resource: 'persistentvolumeclaims' } as const;
  const claimOf = new Map<string, string>();
  for await (const raw of listAll(api, subject, '/api/v1/persistentvolumeclaims')) {
    const { metadata, spec } = raw as unknown as RawClaim;
    const key = `${metadata.namespace ?? ''}/${metadata.name}`;
    if (spec?.volumeName !== undefined && claims.has(key)) claimOf.set(spec.volumeName, key);
  }
  return claimOf;
}

type RawVolume = {
  metadata: { labels?: Readonly<Record<string, string>> };
  spec?: { nodeAffinity?: { required?: RawNodeSelector } };
};

const ZONE_LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** Its node affinity; and its zone, which older volumes carry as a label alone. */
function placesOf({ metadata, spec }: RawVolume): VolumePlaces {
  const required = spec?.nodeAffinity?.required;
  const zones = ZONE_LABELS.flatMap((key): NodeTerm[] => {
    const value = metadata.labels?.[key];
    // Of several zones, as a regional disk has them.
    const values = value?.split('__');
    return values === undefined ? [] : [{ labels: [{ key, operator: 'In', values }], fields: [] }];
  });
  return [...(required === undefined ? [] : [toTerms(required)]), ...zones.map((term) => [term])];
}
