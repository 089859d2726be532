// What a plan is expected to take: the sums behind the range, what it was measured on, who is asked.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import { listApprovalsNeeded } from '../../../domain/planning/approvals-needed.ts';
import { estimatePlan } from '../../../domain/planning/estimate.ts';
import { nodeSpanOf, pastTimesOf } from '../../../domain/planning/node-span.ts';
import type { PastTimes } from '../../../domain/planning/node-span.ts';
import { fewestRounds, mostRounds } from '../../../domain/planning/rounds.ts';
import type { Policy } from '../../../domain/policy.ts';
import { renderEstimate } from '../../../domain/render/estimate.ts';
import { sampleHistory } from '../render/sample-run.ts';
import {
  OBSERVED_AT,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
  withUnavailableMax,
} from './sample-fleet.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function estimateOf(changes: Partial<Policy>, past: PastTimes = {}, nodes = sampleNodes('batch', 6)) {
  const definition = sampleDefinition({ pools: [samplePool('batch', { policy: samplePolicy(changes) })] });
  const inventory = sampleInventory(nodes);
  return estimatePlan(definition, plannedRows(definition, inventory), inventory, past);
}

function approvalsOf(changes: Partial<Policy['approval']>, other: Partial<Policy> = {}, nodes?: NodeFacts[]) {
  return estimateOf({ ...other, approval: { ...defaultPolicy.approval, ...changes } }, {}, nodes).approvals;
}

describe('the time of a node', () => {
  it('is what its policy allows, as long as fewer than three nodes were measured', () => {
    expect(nodeSpanOf(defaultPolicy)).toEqual({ lowMs: 5 * MINUTE_MS, highMs: HOUR_MS, measured: 0 });
    expect(nodeSpanOf(defaultPolicy, [1, 2]).measured).toBe(0);
    const reimage = { ...defaultPolicy.reimage, method: 'reboot' as const };
    const verify = { checks: [], soakMs: MINUTE_MS };
    expect(nodeSpanOf(samplePolicy({ reimage, verify }))).toMatchObject({ lowMs: 3 * MINUTE_MS });
  });

  it('is what earlier nodes took, of ten and more without the slowest and the fastest tenth', () => {
    expect(nodeSpanOf(defaultPolicy, [300, 100, 200])).toEqual({ lowMs: 100, highMs: 300, measured: 3 });
    const ten = [1, 20, 30, 40, 50, 60, 70, 80, 90, 1000];
    expect(nodeSpanOf(defaultPolicy, ten)).toEqual({ lowMs: 20, highMs: 90, measured: 10 });
  });

  it('is measured on nodes that were done at once, by the method that the policy names now', () => {
    const failed = { kind: 'failed', at: 'draining', why: '', nodeEmpty: false } as const;
    const histories = [
      sampleHistory(),
      sampleHistory({ attempt: 2 }),
      sampleHistory({ outcome: failed }),
      sampleHistory({ taskId: null }),
      sampleHistory({ pool: 'gone' }),
    ];
    expect(pastTimesOf(histories, [samplePool('h100')])).toEqual({ h100: [843_000] });
  });
});

describe('rounds', () => {
  const zones = new Map([
    ['a', 6],
    ['b', 2],
  ]);

  it('are bounded by the pool, or by the zone with the most nodes', () => {
    expect(fewestRounds(zones, { pool: 4, perZone: null })).toBe(2);
    expect(fewestRounds(zones, { pool: 4, perZone: 1 })).toBe(6);
    expect(mostRounds(zones, { pool: 4, perZone: null })).toBe(2);
    expect(mostRounds(new Map([['a', 6]]), { pool: 4, perZone: 2 })).toBe(3);
  });

  it('are unknown where nothing may begin', () => {
    expect(mostRounds(zones, { pool: 0, perZone: null })).toBeUndefined();
    expect(mostRounds(zones, { pool: 3, perZone: 0 })).toBeUndefined();
  });
});

describe('the estimate of a plan', () => {
  it('multiplies the rounds by what a node takes, and counts the soak of canaries once', () => {
    const canary = { nodes: { kind: 'count' as const, count: 1 }, soakMs: 10 * MINUTE_MS };
    const { whole, pools } = estimateOf({ ...withUnavailableMax(2), canary });
    // One canary, ten minutes, then five others two at a time.
    expect(whole).toMatchObject({ lowMs: 30 * MINUTE_MS, highMs: 4 * HOUR_MS + 10 * MINUTE_MS, measured: 0 });
    expect(pools[0]?.soakMs).toBe(10 * MINUTE_MS);
  });

  it('counts the GPUs of each node for as long as it is away', () => {
    const nodes = sampleNodes('batch', 2).map((node) => ({ ...node, gpusAllocatable: 8 }));
    const past = { batch: [30 * MINUTE_MS, 30 * MINUTE_MS, 45 * MINUTE_MS] };
    expect(estimateOf({}, past, nodes).whole).toMatchObject({ gpuHours: { low: 8, high: 12 }, measured: 3 });
  });

  it('goes window by window, and begins no node that would not end inside', () => {
    const windows = [
      { days: ['fri' as const, 'sat' as const], start: '22:00', durationMs: 2 * HOUR_MS, timezone: 'UTC' },
    ];
    const past = { batch: [30 * MINUTE_MS, 30 * MINUTE_MS, 40 * MINUTE_MS] };
    const { whole, openings, openingsLeft } = estimateOf({ windows }, past);
    expect(openings).toEqual([
      {
        pool: 'batch',
        from: '2026-11-20T22:00:00.000Z',
        until: '2026-11-21T00:00:00.000Z',
        nodesLow: 2,
        nodesHigh: 4,
      },
      {
        pool: 'batch',
        from: '2026-11-21T22:00:00.000Z',
        until: '2026-11-22T00:00:00.000Z',
        nodesLow: 2,
        nodesHigh: 2,
      },
      {
        pool: 'batch',
        from: '2026-11-27T22:00:00.000Z',
        until: '2026-11-28T00:00:00.000Z',
        nodesLow: 0,
        nodesHigh: 2,
      },
    ]);
    expect(openingsLeft).toBe(0);
    expect(whole.lowMs).toBe(37 * HOUR_MS);
    expect(whole.highMs).toBe(7 * 24 * HOUR_MS + 12 * HOUR_MS + 80 * MINUTE_MS);
  });

  it('says that it may not end while nodes that are away leave no room', () => {
    const nodes = [...sampleNodes('batch', 3), sampleNode('batch', 3, { unschedulable: true })];
    const { whole, pools } = estimateOf({}, {}, nodes);
    expect(whole).toMatchObject({ lowMs: 15 * MINUTE_MS, highMs: null });
    expect(pools[0]).toMatchObject({ latest: null });
    expect(pools[0]?.unending).toContain('1 of 4 nodes of pool batch are not Ready or cordoned now');
  });

  it('is empty where there is nothing to do', () => {
    const nodes = [sampleNode('batch', 0, { kubeletVersion: 'v1.36.1' })];
    const estimate = estimateOf({}, {}, nodes);
    expect(estimate).toMatchObject({ from: OBSERVED_AT, whole: { lowMs: 0, highMs: 0 }, pools: [] });
    expect(renderEstimate(estimate)).toEqual([]);
  });
});

describe('the approvals that will be needed', () => {
  it('name the gates of the policy, how often they ask, and how many people', () => {
    expect(approvalsOf({ before: 'never' })).toEqual([]);
    expect(approvalsOf({ before: 'node', firstNodes: 2, approvers: 2, selfApproval: false })).toEqual([
      { gate: 'node/…', pool: 'batch', times: 2, approvers: 2, notRequester: true },
    ]);
    expect(approvalsOf({ before: 'pool' })).toEqual([
      { gate: 'pool/batch', pool: 'batch', times: 1, approvers: 1, notRequester: false },
    ]);
    const canary = { nodes: { kind: 'count' as const, count: 1 }, soakMs: 0 };
    expect(approvalsOf({ before: 'canary' }, { canary })).toMatchObject([{ gate: 'canary', times: 1 }]);
  });

  it('name the gate of a tier, by the strictest policy, and count the time that soaks by itself', () => {
    const approval = { ...defaultPolicy.approval, before: 'never' as const };
    const pools = [1, 2].map((approvers) =>
      samplePool(`p${approvers}`, { policy: samplePolicy({ approval: { ...approval, approvers } }) }),
    );
    const until = '2026-11-20T16:00:00.000Z';
    const nodes = pools.flatMap(({ name }) => sampleNodes(name, 1));
    const of = (lowerTiers: { until: string | null; found: string[] }) => {
      const definition = sampleDefinition({ pools, lowerTiers });
      const inventory = sampleInventory(nodes);
      return estimatePlan(definition, plannedRows(definition, inventory), inventory, {});
    };
    const asked = { gate: 'tier/prod', pool: 'all pools', times: 1, approvers: 2, notRequester: false };
    const onlyWhen = `it is to begin before ${until}, when it has soaked below`;
    const soaking = of({ until, found: ['x'] });
    expect(soaking.approvals).toEqual([{ ...asked, onlyWhen }]);
    expect(soaking.whole).toMatchObject({ lowMs: 10 * MINUTE_MS, highMs: 8 * HOUR_MS });
    const unknown = of({ until: null, found: ['x'] });
    expect(unknown.approvals).toEqual([asked]);
    expect(unknown.whole).toMatchObject({ highMs: 2 * HOUR_MS });
  });

  it('count the first nodes over the whole run', () => {
    const approval = { ...defaultPolicy.approval, firstNodes: 3 };
    const pools = ['batch', 'h100'].map((name) => samplePool(name, { policy: samplePolicy({ approval }) }));
    const definition = sampleDefinition({ pools });
    const rows = plannedRows(
      definition,
      sampleInventory([...sampleNodes('batch', 2), ...sampleNodes('h100', 4)]),
    );
    expect(listApprovalsNeeded(definition, rows)).toMatchObject([
      { pool: 'batch', times: 2 },
      { pool: 'h100', times: 1 },
    ]);
  });

  it('name the gate of nodes that are not Ready, and what is asked only if something happens', () => {
    const nodes = [...sampleNodes('batch', 2), sampleNode('batch', 2, { ready: 'Unknown' })];
    const drain = { ...defaultPolicy.drain, onTimeout: 'force' as const };
    expect(approvalsOf({ before: 'never' }, { drain }, nodes)).toMatchObject([
      { gate: 'notReady/batch', times: 1 },
      { gate: 'force/…', times: 3, onlyWhen: 'a drain times out on pods that force would let go' },
    ]);
  });
});
