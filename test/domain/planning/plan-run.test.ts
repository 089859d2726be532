// The plan of a whole run, and everything that refuses it before anything is touched.
import { describe, expect, it } from '@jest/globals';
import { REFUSALS_MAX } from '../../../domain/planning/check-run.ts';
import { planBasis, renderBasis } from '../../../domain/planning/plan-digest.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import type { Inventory } from '../../../domain/inventory.ts';
import type { RunDefinition } from '../../../domain/run.ts';
import { imageFacts, instanceFacts } from '../../fakes/fake-instances.ts';
import {
  NEW,
  OWNER,
  instanceOf,
  plannedRows,
  sampleDefinition,
  sampleImages,
  sampleInventory,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
  sampleRelease,
} from './sample-fleet.ts';

function refusals(definition: RunDefinition, inventory: Inventory): readonly string[] {
  const plan = planRun(definition, inventory, OWNER);
  return plan.kind === 'planned' ? [] : plan.refusals.map((one) => `${one.kind} ${one.where}: ${one.text}`);
}

const batchOnly = sampleDefinition({ pools: [samplePool('batch')] });

describe('the rows of a plan', () => {
  it('take pools in the definition’s order, zones one after another, the cheapest drain first [I97]', () => {
    const nodes = [...sampleNodes('h100', 4), ...sampleNodes('batch', 7)];
    const rows = plannedRows(sampleDefinition(), sampleInventory(nodes));
    expect(rows.map((row) => `${row.node} ${row.zone}`)).toEqual([
      'batch-0 us-east-1a',
      'batch-3 us-east-1a',
      'batch-6 us-east-1a',
      'batch-1 us-east-1b',
      'batch-4 us-east-1b',
      'batch-2 us-east-1c',
      'batch-5 us-east-1c',
      'h100-0 us-east-1a',
      'h100-3 us-east-1a',
      'h100-1 us-east-1b',
      'h100-2 us-east-1c',
    ]);
  });

  it('take empty nodes first in a zone, then those with the fewest pods to move, whatever they are called [I97]', () => {
    const zone = { 'topology.kubernetes.io/zone': 'us-east-1a', 'refit.dev/pool': 'batch' };
    const nodes = [3, 0, 2, 1].map((pods, index) =>
      sampleNode('batch', index, { podsToMove: pods, labels: zone }),
    );
    const rows = plannedRows(batchOnly, sampleInventory(nodes));
    expect(rows.map((row) => row.node)).toEqual(['batch-1', 'batch-3', 'batch-2', 'batch-0']);
  });

  it('put nodes that are not Ready last [I98]', () => {
    const nodes = [sampleNode('batch', 0, { ready: 'Unknown' }), ...sampleNodes('batch', 4).slice(1)];
    expect(plannedRows(batchOnly, sampleInventory(nodes)).at(-1)?.node).toBe('batch-0');
  });

  it('do not depend on the order of the observation [I99]', () => {
    const nodes = [...sampleNodes('batch', 9), ...sampleNodes('h100', 9)];
    const plan = planRun(sampleDefinition(), sampleInventory(nodes), OWNER);
    expect(planRun(sampleDefinition(), sampleInventory([...nodes].reverse()), OWNER)).toEqual(plan);
  });

  it('say of each node what happens to it, and why nothing does [I90]', () => {
    const nodes = [
      sampleNode('batch', 0),
      sampleNode('batch', 1, { kubeletVersion: 'v1.36.1' }),
      sampleNode('batch', 2, { unschedulable: true }),
      sampleNode('batch', 3, { unschedulable: true, annotations: { 'refit.dev/owner': 'ns/w/r' } }),
      sampleNode('batch', 4, { annotations: { 'refit.dev/quarantine': 'burn-in failed' } }),
      sampleNode('batch', 5, { providerId: '' }),
      sampleNode('batch', 6),
      sampleNode('batch', 7),
      sampleNode('batch', 8, { unschedulable: true, kubeletVersion: 'v1.36.1' }),
      sampleNode('batch', 9, { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } }),
    ];
    const inventory = sampleInventory(nodes);
    const instances = {
      ...Object.fromEntries(Object.entries(inventory.instances).filter(([id]) => id !== 'i-batch-6')),
      'i-batch-7': instanceFacts({ instanceId: 'i-batch-7', state: 'stopped' }),
    };
    const fates = plannedRows(batchOnly, { ...inventory, instances }).map(({ node, disposition }) => [
      node,
      disposition.kind === 'leftAlone' ? disposition.why.kind : disposition.kind,
    ]);
    expect(Object.fromEntries(fates)).toEqual({
      'batch-0': 'upgrade',
      'batch-1': 'upToDate',
      'batch-2': 'cordonedByOther',
      'batch-3': 'cordonedByOther',
      'batch-4': 'quarantined',
      'batch-5': 'noProviderId',
      'batch-6': 'instanceGone',
      'batch-7': 'instanceNotRunning',
      'batch-8': 'upToDate',
      'batch-9': 'upgrade',
    });
  });

  it('stand for the named nodes alone, when some are named', () => {
    const definition = sampleDefinition({ nodes: ['batch-2', 'h100-1'] });
    const nodes = [...sampleNodes('batch', 4), ...sampleNodes('h100', 4)];
    const rows = plannedRows(definition, sampleInventory(nodes));
    expect(rows.map((row) => row.node)).toEqual(['batch-2', 'h100-1']);
  });
});

describe('the head of a plan', () => {
  it('counts nodes, tells what volumes stay behind, and the budget as a number', () => {
    const policy = samplePolicy({
      disruption: {
        unavailableMax: { kind: 'percent', percent: 25 },
        unavailableMaxPerZone: null,
        surge: 0,
      },
    });
    const definition = sampleDefinition({ pools: [samplePool('batch', { policy })] });
    const nodes = [
      ...sampleNodes('batch', 7),
      sampleNode('batch', 7, { kubeletVersion: 'v1.30.0' }),
      sampleNode('batch', 8, { kubeletVersion: 'v1.36.1' }),
    ];
    const plan = planRun(definition, sampleInventory(nodes), null);
    if (plan.kind === 'refused') throw new Error('refused');
    expect(plan.draft.counts).toEqual({ upgrade: 8, upToDate: 1, leftAlone: 0 });
    expect(plan.draft.pools).toEqual([
      {
        name: 'batch',
        // Its instance was laid with an image that the catalog does not have.
        noWayBack: 1,
        formerGone: 1,
        nodes: 9,
        upgrade: 8,
        from: { '2026.09': 7, unknown: 1 },
        to: '2026.11',
        unavailableMax: 2,
      },
    ]);
    expect(plan.draft.oldRootVolumes).toEqual({ count: 8, sizeGib: 800, keptForMs: 604_800_000 });
    expect(plan.draft.warnings).toEqual([
      '1 nodes show no release of the catalog (the first is batch-7): they are taken to the new release, ' +
        'and would go back to the images of their instances',
      '1 nodes have no way back, a rollback would leave them as they are (the first is batch-7: ' +
        'its former image ami-old is gone, or not shared with this account any more)',
    ]);
  });

  it('says before the start that a pool’s budget is used up', () => {
    const nodes = [...sampleNodes('batch', 3), sampleNode('batch', 3, { ready: 'False' })];
    const plan = planRun(batchOnly, sampleInventory(nodes), OWNER);
    if (plan.kind === 'refused') throw new Error('refused');
    expect(plan.draft.warnings).toEqual([
      'pool batch: 1 of 4 nodes are not Ready or cordoned now, and unavailableMax allows 1: ' +
        'no other node is taken until that is fewer',
    ]);
  });
});

describe('preflight', () => {
  it('names every point in one answer, and plans nothing then [I95]', () => {
    const nodes = sampleNodes('batch', 2);
    const inventory = sampleInventory(nodes, {
      apiServerVersion: 'v1.35.0',
      instances: {
        'i-batch-0': { ...instanceOf(nodes[0]!), tags: { 'aws:autoscaling:groupName': 'gpu-asg' } },
        'i-batch-1': { ...instanceOf(nodes[1]!), architecture: 'arm64' },
      },
    });
    const definition = sampleDefinition({ nodes: ['batch-0', 'batch-1', 'nobody'] });
    const kinds = refusals(definition, inventory).map((line) => line.split(':')[0]);
    expect(kinds).toEqual([
      'poolWithoutNodes pool h100',
      'unknownNode nobody',
      'versionSkew release 2026.11',
      'instanceOwned batch-0',
      'architecture batch-1',
    ]);
  });

  it('refuses a named node whose instance is unknown, gone or stopped, where it would leave others alone [I105]', () => {
    const nodes = [
      sampleNode('batch', 0, { providerId: '' }),
      sampleNode('batch', 1),
      sampleNode('batch', 2),
    ];
    const inventory = sampleInventory(nodes, {
      instances: { 'i-batch-2': instanceFacts({ instanceId: 'i-batch-2', state: 'stopping' }) },
    });
    expect(refusals(batchOnly, inventory)).toEqual([]);
    const named = { ...batchOnly, nodes: nodes.map((node) => node.name) };
    expect(refusals(named, inventory).map((line) => line.split(':')[0])).toEqual([
      'noProviderId batch-0',
      'instanceGone batch-1',
      'instanceNotRunning batch-2',
    ]);
  });

  it('tells a node of another pool from one that is not there', () => {
    const nodes = [...sampleNodes('batch', 1), ...sampleNodes('h100', 1)];
    const definition = { ...batchOnly, nodes: ['h100-0', 'typo'] };
    expect(refusals(definition, sampleInventory(nodes)).map((line) => line.split(':')[0])).toEqual([
      'nodeOutsidePools h100-0',
      'unknownNode typo',
    ]);
  });

  it.each(['eksNodeGroup', 'autoScalingGroup', 'karpenter'] as const)(
    'refuses instances of %s unless the pool says whose they are',
    (owner) => {
      const tags = {
        eksNodeGroup: { 'eks:nodegroup-name': 'g' },
        autoScalingGroup: { 'aws:autoscaling:groupName': 'g' },
        karpenter: { 'karpenter.sh/nodepool': 'g' },
      }[owner];
      const nodes = sampleNodes('batch', 1);
      const instances = { 'i-batch-0': { ...instanceOf(nodes[0]!), tags } as never };
      const inventory = sampleInventory(nodes, { instances });
      expect(refusals(batchOnly, inventory)).toHaveLength(1);
      const said = sampleDefinition({ pools: [samplePool('batch', { owner })] });
      expect(refusals(said, inventory)).toEqual([]);
    },
  );

  it('tells an absent image once, with some of its nodes and the number of the others', () => {
    const inventory = sampleInventory(sampleNodes('batch', 5), { images: {} });
    expect(refusals(batchOnly, inventory)).toEqual([
      expect.stringMatching(
        /^imageMissing batch-0, batch-3, batch-1 and 2 more nodes: image ami-202611 of release 2026.11 /,
      ),
    ]);
  });

  it('tells an image that fits no node once, and nodes in two pools as well', () => {
    const inventory = sampleInventory(sampleNodes('batch', 3));
    const arm = Object.entries(inventory.images).map(([id, image]) => [
      id,
      { ...image, architecture: 'arm64' },
    ]);
    expect(refusals(batchOnly, { ...inventory, images: Object.fromEntries(arm) as never })).toEqual([
      expect.stringMatching(/^architecture batch-0, batch-1, batch-2: .*arm64, the instance needs x86_64/),
    ]);
    const [pool] = batchOnly.pools;
    const both = sampleDefinition({
      pools: [pool!, { ...samplePool('h100'), matchLabels: pool!.matchLabels }],
    });
    expect(refusals(both, inventory)).toEqual([
      expect.stringMatching(/^nodeInTwoPools batch-0, batch-1, batch-2: matches the selectors/),
    ]);
  });

  it('does not ask for an image where nothing is laid anew', () => {
    const policy = samplePolicy({ reimage: { ...samplePolicy().reimage, method: 'reboot' } });
    const definition = sampleDefinition({ pools: [samplePool('batch', { policy })] });
    expect(refusals(definition, sampleInventory(sampleNodes('batch', 2), { images: {} }))).toEqual([]);
  });

  it('refuses nothing for nodes that it would not touch', () => {
    const nodes = [sampleNode('batch', 0, { unschedulable: true })];
    const instances = { 'i-batch-0': { ...instanceOf(nodes[0]!), architecture: 'arm64' } };
    expect(refusals(batchOnly, sampleInventory(nodes, { instances, images: {} }))).toEqual([]);
  });

  it('refuses two Nodes that name one instance', () => {
    const providerId = 'aws:///us-east-1a/i-batch-0';
    const nodes = [sampleNode('batch', 0), sampleNode('batch', 1, { providerId })];
    expect(refusals(batchOnly, sampleInventory(nodes))[0]).toMatch(/^instanceShared batch-0, batch-1: /);
  });

  it('refuses a pool that the definition gives no release', () => {
    const definition = { ...batchOnly, releases: {} };
    expect(refusals(definition, sampleInventory(sampleNodes('batch', 1)))[0]).toMatch(
      /^noRelease pool batch/,
    );
  });

  it('is bounded, and says how many points it does not list [I95]', () => {
    const nodes = sampleNodes('batch', 900);
    const instances = Object.fromEntries(
      nodes.map((node) => [
        `i-${node.name}`,
        { ...instanceOf(node), tags: { 'aws:autoscaling:groupName': `of-${node.name}` } },
      ]),
    );
    const lines = refusals(batchOnly, sampleInventory(nodes, { instances }));
    expect(lines).toHaveLength(REFUSALS_MAX + 1);
    expect(lines.at(-1)).toBe('more plan: 700 more reasons like these are not listed');
  });
});

describe('what the digest of a plan is made of', () => {
  const nodes = [...sampleNodes('batch', 5), ...sampleNodes('h100', 5)];
  const text = (definition: RunDefinition, inventory: Inventory) =>
    renderBasis(planBasis(definition, plannedRows(definition, inventory)));
  const base = text(sampleDefinition(), sampleInventory(nodes));

  it('stays as it is when pods move, time passes, or another asks in another way [I100]', () => {
    const moved = nodes.map((node, index) => ({
      ...node,
      podsToMove: 20 - index,
      resourceVersion: `${index + 7}`,
    }));
    const definition = sampleDefinition({
      requestedBy: 'ana',
      planDigest: 'sha256:0',
      cluster: { ...sampleDefinition().cluster, connection: { kind: 'inCluster' } },
    });
    expect(text(definition, sampleInventory(moved, { observedAt: '2026-12-01T00:00:00.000Z' }))).toBe(base);
  });

  it('changes with a node’s fate, a policy, a release or an image [I100]', () => {
    const release = sampleRelease('2026.11', { imageId: 'ami-other' });
    const images = { ...sampleImages(), 'ami-other': imageFacts({ imageId: 'ami-other' }) };
    const policy = samplePolicy({ drain: { ...samplePolicy().drain, timeoutMs: 1000 } });
    const others = [
      text(sampleDefinition(), sampleInventory([{ ...nodes[0]!, unschedulable: true }, ...nodes.slice(1)])),
      text(sampleDefinition(), sampleInventory([{ ...nodes[0]!, uid: 'another' }, ...nodes.slice(1)])),
      text(sampleDefinition(), sampleInventory(nodes.slice(1))),
      text(
        sampleDefinition({ pools: [samplePool('batch', { policy }), samplePool('h100')] }),
        sampleInventory(nodes),
      ),
      text(sampleDefinition({ releases: { batch: release, h100: NEW } }), sampleInventory(nodes, { images })),
    ];
    expect(new Set([base, ...others]).size).toBe(others.length + 1);
  });
});
