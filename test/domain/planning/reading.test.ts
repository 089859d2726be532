// Small readings that every decision stands on: pools, releases, versions, cordons.
import { describe, expect, it } from '@jest/globals';
import { matchPools } from '../../../domain/planning/match-pools.ts';
import { cordonOf, instanceIdOf, zoneOf } from '../../../domain/planning/node-reading.ts';
import { isUpToDate, listDifferences, releaseOf } from '../../../domain/planning/release-of.ts';
import { whySkewed } from '../../../domain/planning/version-skew.ts';
import { listUnavailable, unavailableMaxOf } from '../../../domain/planning/budget.ts';
import {
  NEW,
  OLD,
  OWNER,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
  sampleRelease,
} from './sample-fleet.ts';

describe('pools', () => {
  it('puts a node into the pool whose labels it carries, and a stranger into none', () => {
    const nodes = [sampleNode('batch', 1), sampleNode('h100', 1), sampleNode('other', 1)];
    const match = matchPools(nodes, [samplePool('batch'), samplePool('h100')]);
    expect([...match.poolOf].map(([node, pool]) => `${node}:${pool.name}`)).toEqual([
      'batch-1:batch',
      'h100-1:h100',
    ]);
    expect(match.refusals).toEqual([]);
  });

  it('refuses a selector that matches nothing, naming it [I94]', () => {
    const { refusals } = matchPools(sampleNodes('batch', 3), [samplePool('batch'), samplePool('h100')]);
    expect(refusals.map((one) => `${one.kind} ${one.where}`)).toEqual(['poolWithoutNodes pool h100']);
    expect(refusals[0]?.text).toContain("refit.dev/pool=h100 matches none of the cluster's 3 nodes");
  });

  it('refuses a node that two pools claim, naming both [I94]', () => {
    const wide = samplePool('wide', { matchLabels: { 'node.kubernetes.io/instance-type': 'p5.48xlarge' } });
    const { refusals } = matchPools(sampleNodes('batch', 1), [samplePool('batch'), wide]);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatchObject({ kind: 'nodeInTwoPools', where: 'batch-0' });
    expect(refusals[0]?.text).toContain('batch and wide');
  });

  it('takes an empty selector for one that matches nothing, never for all nodes [I94]', () => {
    const match = matchPools(sampleNodes('batch', 2), [samplePool('batch', { matchLabels: {} })]);
    expect(match.poolOf.size).toBe(0);
    expect(match.refusals[0]?.text).toContain('(empty)');
  });
});

describe('the release that a node shows', () => {
  const driver = sampleRelease('2026.11-driver', {
    expects: { kubeletVersion: 'v1.36.1', osImage: null, labels: { driver: '570' } },
  });

  it('needs every single expectation', () => {
    const node = sampleNode('batch', 1, { kubeletVersion: 'v1.36.1' });
    expect(releaseOf(node, [OLD, NEW])?.name).toBe('2026.11');
    expect(listDifferences(node, driver)).toEqual(['label driver is (absent), expected 570']);
    expect(isUpToDate(node, driver, [OLD, NEW, driver])).toBe(false);
  });

  it('is null for one that the catalog does not know', () => {
    expect(releaseOf(sampleNode('batch', 1, { kubeletVersion: 'v1.30.0' }), [OLD, NEW])).toBeNull();
  });

  it('is the one that expects most, where several fit', () => {
    const labels = { driver: '570' };
    const node = sampleNode('batch', 1, { kubeletVersion: 'v1.36.1', labels });
    expect(releaseOf(node, [NEW, driver])?.name).toBe('2026.11-driver');
  });

  it('is told apart by the annotation where two look alike, and only there [I93]', () => {
    const twin = sampleRelease('2026.12', { imageId: 'ami-202612' });
    const catalog = [OLD, NEW, twin];
    const laidNew = sampleNode('batch', 1, {
      kubeletVersion: 'v1.36.1',
      annotations: { 'refit.dev/release': '2026.11' },
    });
    expect(releaseOf(laidNew, catalog)?.name).toBe('2026.11');
    expect(isUpToDate(laidNew, twin, catalog)).toBe(false);
    expect(isUpToDate(laidNew, NEW, catalog)).toBe(true);
    const lying = sampleNode('batch', 1, { annotations: { 'refit.dev/release': '2026.11' } });
    expect(releaseOf(lying, catalog)?.name).toBe('2026.09');
    expect(isUpToDate(lying, NEW, catalog)).toBe(false);
  });

  it('is never shown by a release that expects nothing, unless the annotation names it [I93]', () => {
    const bare = sampleRelease('bare', { expects: { kubeletVersion: null, osImage: null, labels: {} } });
    expect(isUpToDate(sampleNode('batch', 1), bare, [bare])).toBe(false);
    const laid = sampleNode('batch', 1, { annotations: { 'refit.dev/release': 'bare' } });
    expect(isUpToDate(laid, bare, [bare])).toBe(true);
  });
});

describe('version skew', () => {
  const kubelet = (kubeletVersion: string | null) =>
    sampleRelease('r', { expects: { kubeletVersion, osImage: null, labels: {} } });

  it.each([
    ['v1.36.1', 'v1.36.1'],
    ['v1.36.9', 'v1.36.1'],
    ['v1.33.0', 'v1.36.1'],
    ['v1.36.1-eks-3abbec1', 'v1.36.2-eks-1'],
    [null, 'v1.36.1'],
  ])('lets kubelet %s join API server %s', (version, server) => {
    expect(whySkewed(kubelet(version), server)).toBeUndefined();
  });

  it.each([
    ['v1.37.0', 'v1.36.1', 'newer than the API server'],
    ['v1.32.9', 'v1.36.1', 'more than 3 minor versions older'],
    ['v2.0.0', 'v1.36.1', 'newer than the API server'],
    ['latest', 'v1.36.1', 'unreadable'],
    ['v1.36.1', '', 'unreadable'],
  ])('refuses kubelet %s at API server %s: %s [I96]', (version, server, text) => {
    expect(whySkewed(kubelet(version), server)?.text).toContain(text);
  });
});

describe('what a node shows', () => {
  it('tells whose cordon it carries [I90]', () => {
    const cordoned = (owner?: string) =>
      sampleNode('batch', 1, {
        unschedulable: true,
        annotations: owner === undefined ? {} : { 'refit.dev/owner': owner },
      });
    expect(cordonOf(sampleNode('batch', 1), OWNER).kind).toBe('none');
    expect(cordonOf(cordoned(), OWNER).kind).toBe('other');
    expect(cordonOf(cordoned(OWNER), OWNER).kind).toBe('ours');
    expect(cordonOf(cordoned('default/other/run-9'), OWNER)).toEqual({
      kind: 'otherRun',
      mark: 'default/other/run-9',
    });
    expect(cordonOf(cordoned(OWNER), null).kind).toBe('otherRun');
  });

  it('has the instance of its provider id, and none when that is absent or strange', () => {
    expect(instanceIdOf(sampleNode('batch', 1, { providerId: 'aws:///us-east-1a/i-0abc' }))).toBe('i-0abc');
    for (const providerId of ['', 'gce://p/z/vm', 'aws:///us-east-1a/', 'aws:///us-east-1a/i-0abc/x']) {
      expect(instanceIdOf(sampleNode('batch', 1, { providerId }))).toBeNull();
    }
    expect(zoneOf(sampleNode('batch', 1, { labels: {} }))).toBe('us-east-1b');
  });
});

describe('the budget of a pool', () => {
  it('counts a node once, whatever takes it away [I91]', () => {
    const nodes = [
      sampleNode('batch', 1),
      sampleNode('batch', 2, { ready: 'False' }),
      sampleNode('batch', 3, { ready: 'Unknown', unschedulable: true }),
      sampleNode('batch', 4, { unschedulable: true }),
    ];
    const atWork = new Set(['batch-4', 'batch-gone']);
    expect(listUnavailable(nodes, atWork).map(({ node, why }) => `${node} ${why}`)).toEqual([
      'batch-4 atWork',
      'batch-gone atWork',
      'batch-2 notReady',
      'batch-3 cordoned',
    ]);
  });

  it('rounds a percentage down, and never below one', () => {
    const pool = (percent: number) =>
      samplePool('batch', {
        policy: samplePolicy({
          disruption: {
            unavailableMax: { kind: 'percent', percent },
            unavailableMaxPerZone: null,
            surge: 0,
          },
        }),
      });
    expect([5, 10, 19, 100].map((percent) => unavailableMaxOf(pool(percent), 16))).toEqual([1, 1, 3, 16]);
  });
});
