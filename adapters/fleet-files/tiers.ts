// A fleet as its tiers see it: clusters, how a release is promoted, and a digest for each release of the
// catalog by which the records tell two releases of one name apart.
import { createHash } from 'node:crypto';
import type { CatalogRelease, Fleet } from '../../domain/fleet.ts';
import type { FleetTiers } from '../../domain/rollout.ts';

export function describeTiers({ clusters, promotion, releases }: Fleet): FleetTiers {
  const digests = new Map(releases.map((release) => [release.name, releaseDigestOf(release)]));
  return {
    promotion,
    clusters: clusters.map(({ name, tier, provider, pools }) => ({
      name,
      tier,
      region: provider.region,
      sla: pools.some(({ sla }) => sla),
      pools: pools.map((pool) => ({ name: pool.name, releaseDigest: digests.get(pool.release) ?? '' })),
    })),
    releases: [...digests].map(([name, digest]) => ({ name, digest })),
  };
}

/** Over all that a release is, in whatever order the file says it: name, images of all regions, expectations. */
export function releaseDigestOf({ name, image, expects }: CatalogRelease): string {
  const images = image.kind === 'everywhere' ? image.id : inOrder(image.ids);
  const whole = [name, images, expects.kubeletVersion, expects.osImage, inOrder(expects.labels)];
  return `sha256:${createHash('sha256').update(JSON.stringify(whole)).digest('hex')}`;
}

function inOrder(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
