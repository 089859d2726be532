// The lines that tell what a plan is expected to take: a range, what it is made of, what is not in it.
import { describe, expect, it } from '@jest/globals';
import type { PlanEstimate } from '../../../domain/estimate.ts';
import { renderEstimate } from '../../../domain/render/estimate.ts';
import { sampleEstimate } from './sample-run.ts';

const HOUR_MS = 3_600_000;

describe('the estimate of a plan', () => {
  it('reads as a range by pool and window, with GPUs idle and people asked', () => {
    expect(renderEstimate(sampleEstimate())).toEqual([
      'expected to take 12h30m to 1d16h, from 2026-11-20T10:00:00.000Z; waiting for people not counted',
      '  batch: 2 nodes, 5m to 1h each (assumed from its policy); ends between 2026-11-20T10:10:00.000Z and 2026-11-20T12:00:00.000Z',
      '  h100: 12 nodes, 20m to 40m each (as the last 30 of this pool took), canaries watched for 10m; ends between 2026-11-20T22:30:00.000Z and 2026-11-22T02:00:00.000Z',
      '  h100: 2026-11-20T22:00:00.000Z to 2026-11-21T04:00:00.000Z: 8 to 12 nodes begin',
      '  h100: 2026-11-21T22:00:00.000Z to 2026-11-22T04:00:00.000Z: 0 to 4 nodes begin',
      '  not in it: answers of people, deferrals, failures and retries, and drains longer than assumed',
      'GPUs idle: 32 to 64 GPU-hours',
      'Asked of people, which takes as long as they take:',
      '  gate node/… (h100): 3 times, 2 people each, not whoever asks for the run',
      '  gate canary (h100): once, 2 people, not whoever asks for the run, only if no canary ends well, or one does not stay well',
    ]);
  });

  it('says why it may not end', () => {
    const { pools, whole, ...others } = sampleEstimate();
    const stuck: PlanEstimate = {
      ...others,
      openings: [],
      approvals: [],
      whole: { ...whole, lowMs: HOUR_MS, highMs: null, gpuHours: { low: 0, high: 0 } },
      pools: pools.slice(0, 1).map((pool) => ({ ...pool, nodes: 1, latest: null, unending: 'two are away' })),
    };
    expect(renderEstimate(stuck)).toEqual([
      'expected to take 1h at the least, and it may not end, from 2026-11-20T10:00:00.000Z; waiting for people not counted',
      '  batch: 1 node, 5m to 1h each (assumed from its policy); ends 2026-11-20T10:10:00.000Z at the earliest; it may not end: two are away',
      '  not in it: answers of people, deferrals, failures and retries, and drains longer than assumed',
      'GPUs idle: none that the nodes show',
      'Asked of people: nothing',
    ]);
  });
});
