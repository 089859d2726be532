// In which order a release takes the clusters of a fleet.
import type { Tier } from '../fleet.ts';
import { TIERS } from '../rollout.ts';

/** Tier by tier, tiers without clusters left out; in a tier those without an SLA first, then as the file has them. */
export function orderTiers(
  clusters: readonly { name: string; tier: Tier; sla: boolean }[],
): readonly { tier: Tier; clusters: readonly string[] }[] {
  return TIERS.flatMap((tier) => {
    const own = clusters.filter((cluster) => cluster.tier === tier);
    // A stable sort: within each half the order of the file holds.
    const names = own.toSorted((a, b) => Number(a.sla) - Number(b.sla)).map(({ name }) => name);
    return names.length === 0 ? [] : [{ tier, clusters: names }];
  });
}
