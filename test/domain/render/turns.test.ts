// What a plan says of its turns and bounds: who goes first, who goes last, how many at once, where.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import { renderPlan } from '../../../domain/render/plan.ts';
import type { Inventory } from '../../../domain/inventory.ts';
import type { Policy } from '../../../domain/policy.ts';
import {
  NEW,
  sampleDefinition,
  sampleImages,
  sampleInventory,
  sampleNodes,
  samplePolicy,
  samplePool,
} from '../planning/sample-fleet.ts';

function rendered(
  changes: Partial<Policy>,
  cluster: number | null = null,
  images: Inventory['images'] = sampleImages(),
): string {
  const pools = [samplePool('batch', { policy: samplePolicy(changes) })];
  const clusterUnavailableMax = cluster === null ? null : ({ kind: 'percent', percent: cluster } as const);
  const definition = sampleDefinition({ pools, clusterUnavailableMax });
  const nodes = sampleNodes('batch', 4).map((node, index) =>
    index === 2 ? { ...node, ready: 'False' as const } : node,
  );
  const plan = planRun(definition, sampleInventory(nodes, { images }), null);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  return renderPlan({ ...plan.draft, digest: 'sha256:plan', pages: [] }, plan.rows, definition);
}

describe('a plan', () => {
  it('names its canaries, what follows them and when', () => {
    const canary = { nodes: { kind: 'count' as const, count: 1 }, soakMs: 600_000 };
    const approval = { ...defaultPolicy.approval, before: 'canary' as const };
    const text = rendered({ canary, approval });
    expect(text).toContain(
      'canaries: one node goes first; the others follow when they have ended, and have been well for 10m',
    );
    expect(text).toContain('asked: once, when its canaries have ended');
    expect(text.match(/canary$/gm)).toHaveLength(1);
  });

  it('says which nodes come last, behind which gate', () => {
    expect(rendered({})).toContain('last, behind gate notReady/batch: 1 of its nodes that are not Ready now');
  });

  it('says which nodes begin only after a yes, for nothing could take them back [I250]', () => {
    const { [NEW.imageId]: left } = sampleImages();
    const text = rendered({}, null, { [NEW.imageId]: left! });
    expect(text).toContain('behind gate noWayBack/batch: 4 of its nodes that have no way back');
    expect(rendered({})).not.toContain('noWayBack');
  });

  it('tells the bounds of a zone and of the cluster, where there are any', () => {
    const disruption = { ...defaultPolicy.disruption, unavailableMaxPerZone: 2 };
    const text = rendered({ disruption }, 20);
    expect(text).toContain('at most 2 at once in one zone');
    expect(text).toContain('At most 20% of all nodes of the cluster away at once, for whatever reason.');
    const percent = { ...disruption, unavailableMaxPerZone: { kind: 'percent' as const, percent: 25 } };
    expect(rendered({ disruption: percent })).toContain(
      'at most 25% of its nodes in a zone at once there (rounded down, at least 1)',
    );
    expect(rendered({})).not.toMatch(/in one zone|of the cluster away|canar/);
  });
});
