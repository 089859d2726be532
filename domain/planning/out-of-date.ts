// Which nodes of a cluster are out of date and why: one reading for `refit nodes`, its --check and the
// workflow driftWatch. Judged by what nodes show. Must never call a node out of date by its image alone:
// whether EC2 names the image that was laid last or the one that an instance began with is not known.
import type { Release } from '../fleet.ts';
import type { Inventory, NodeFacts } from '../inventory.ts';
import { instanceIdOf } from './node-reading.ts';
import { whyOutOfDate } from './release-of.ts';
import type { Difference } from './release-of.ts';

/** Empty: it is up to date. The image is told among other differences, never alone. */
export function listOutdated(
  node: NodeFacts,
  o: { target: string; catalog: readonly Release[]; instances: Inventory['instances'] },
): readonly Difference[] {
  const release = o.catalog.find(({ name }) => name === o.target);
  if (release === undefined)
    return [{ what: 'release', found: null, expected: `${o.target} in the catalog` }];
  const differences = whyOutOfDate(node, release, o.catalog);
  if (differences.length === 0) return [];
  const imageId = imageIdOf(node, o.instances);
  if (imageId === null || imageId === release.imageId) return differences;
  return [...differences, { what: 'image', found: imageId, expected: release.imageId }];
}

/** As EC2 tells it; null when the instance is not known. */
export function imageIdOf(node: NodeFacts, instances: Inventory['instances']): string | null {
  const instanceId = instanceIdOf(node);
  return instanceId === null ? null : (instances[instanceId]?.imageId ?? null);
}
