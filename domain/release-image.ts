// A release of the catalog, seen from one region: the same release has one image id in each region that it
// was copied to. Must never answer with the image of another region.
import type { CatalogRelease, Release } from './fleet.ts';

/** undefined: the release has no image there. */
export function releaseIn({ name, image, expects }: CatalogRelease, region: string): Release | undefined {
  const imageId = imageIn(image, region);
  return imageId === undefined ? undefined : { name, imageId, expects };
}

/** What the nodes of a region may show: the catalog without what has no image there. */
export function releasesIn(catalog: readonly CatalogRelease[], region: string): readonly Release[] {
  return catalog.flatMap((release) => releaseIn(release, region) ?? []);
}

function imageIn(image: CatalogRelease['image'], region: string): string | undefined {
  if (image.kind === 'everywhere') return image.id;
  return Object.hasOwn(image.ids, region) ? image.ids[region] : undefined;
}
