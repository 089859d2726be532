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

/** One thing that a node shows other than it should. */
export type Difference = {
  /** `kubelet`, `OS image`, `label nvidia.com/…`, `image`, `release`. */
  what: string;
  /** Null: the node shows none. */
  found: string | null;
  expected: string;
};

export function renderDifference({ what, found, expected }: Difference): string {
  return `${what} is ${found ?? '(absent)'}, expected ${expected}`;
}

/** What the node shows other than the release expects; empty when it shows all of it. */
function collectDifferences(node: NodeFacts, release: Release): readonly Difference[] {
  const differences: Difference[] = [];
  const compare = (what: string, expected: string | null, found: string) => {
    if (expected === null || expected === found) return;
    differences.push({ what, found: found === '' ? null : found, expected });
  };
  compare('kubelet', release.expects.kubeletVersion, node.kubeletVersion);
  compare('OS image', release.expects.osImage, node.osImage);
  for (const [key, value] of Object.entries(release.expects.labels)) {
    compare(`label ${key}`, value, node.labels[key] ?? '');
  }
  // Nothing is expected of it: only our own annotation can say that it is there.
  const laid = node.annotations[RELEASE_ANNOTATION];
  if (expectations(release) === 0 && laid !== release.name) differences.push(laidOther(node, release));
  return differences;
}

function laidOther(node: NodeFacts, release: Release): Difference {
  return {
    what: 'release',
    found: node.annotations[RELEASE_ANNOTATION] ?? null,
    expected: release.name,
  };
}

/** The same in words, one line each. */
export function listDifferences(node: NodeFacts, release: Release): readonly string[] {
  return collectDifferences(node, release).map(renderDifference);
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
 * Why the node is not up to date with `release`; empty when it is. A node that shows all of it is not
 * when its annotation names another release of the catalog that it shows as well: then the two look
 * alike, and we know which one we laid.
 */
export function whyOutOfDate(
  node: NodeFacts,
  release: Release,
  catalog: readonly Release[],
): readonly Difference[] {
  const differences = collectDifferences(node, release);
  if (differences.length > 0) return differences;
  const annotation = node.annotations[RELEASE_ANNOTATION];
  if (annotation === undefined || annotation === release.name) return [];
  const laid = catalog.find((candidate) => candidate.name === annotation);
  return laid === undefined || !shows(node, laid) ? [] : [laidOther(node, release)];
}

export function isUpToDate(node: NodeFacts, release: Release, catalog: readonly Release[]): boolean {
  return whyOutOfDate(node, release, catalog).length === 0;
}
