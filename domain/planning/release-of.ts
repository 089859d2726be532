// Which release of the catalog a node shows, and whether that is the one it should run. Judged by
// what the node reports (kubelet, OS image, labels); our own annotation only tells apart releases
// that look the same. Must never call a node up to date because nothing was expected of it.
//
// Labels linger for a while after a boot: right after a reimage a node may still show the old release.
import type { Release } from '../fleet.ts';
import type { NodeFacts } from '../inventory.ts';
import { RELEASE_ANNOTATION } from './node-reading.ts';

/** How many things the release expects; more of them make it the closer match. */
function expectations(release: Release): number {
  const { kubeletVersion, osImage, labels } = release.expects;
  return (kubeletVersion === null ? 0 : 1) + (osImage === null ? 0 : 1) + Object.keys(labels).length;
}

/** What the node shows other than the release expects, one line each; empty when it shows all of it. */
export function listDifferences(node: NodeFacts, release: Release): readonly string[] {
  const differences: string[] = [];
  const compare = (what: string, expected: string | null, found: string) => {
    if (expected !== null && expected !== found) {
      differences.push(`${what} is ${found || '(absent)'}, expected ${expected}`);
    }
  };
  compare('kubelet', release.expects.kubeletVersion, node.kubeletVersion);
  compare('OS image', release.expects.osImage, node.osImage);
  for (const [key, value] of Object.entries(release.expects.labels)) {
    compare(`label ${key}`, value, node.labels[key] ?? '');
  }
  if (expectations(release) === 0 && node.annotations[RELEASE_ANNOTATION] !== release.name) {
    differences.push(`release ${release.name} expects nothing, and no annotation names it`);
  }
  return differences;
}

function shows(node: NodeFacts, release: Release): boolean {
  return listDifferences(node, release).length === 0;
}

/**
 * The release that the node shows, or null when the catalog has none like it. Among several that fit,
 * the annotation decides; without one, the release that expects most; then the catalog's order.
 */
export function releaseOf(node: NodeFacts, catalog: readonly Release[]): Release | null {
  const fitting = catalog.filter((release) => shows(node, release));
  const annotated = fitting.find((release) => release.name === node.annotations[RELEASE_ANNOTATION]);
  if (annotated !== undefined) return annotated;
  return fitting.reduce<Release | null>(
    (best, release) => (best === null || expectations(release) > expectations(best) ? release : best),
    null,
  );
}

/**
 * True when the node shows all that `release` expects, unless its annotation names another release of
 * the catalog that it shows as well: then the two look alike, and we know which one we laid.
 */
export function isUpToDate(node: NodeFacts, release: Release, catalog: readonly Release[]): boolean {
  if (!shows(node, release)) return false;
  const annotation = node.annotations[RELEASE_ANNOTATION];
  if (annotation === undefined || annotation === release.name) return true;
  const laid = catalog.find((candidate) => candidate.name === annotation);
  return laid === undefined || !shows(node, laid);
}
