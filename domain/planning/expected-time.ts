// How long a node is expected to be away: from what this run's own nodes took, and before any has ended,
// from what the policy gives it (docs/decisions/0116). Must never promise: what has begun goes on to its
// end, however long it takes.
import { formatDuration } from '../duration.ts';
import type { Policy } from '../policy.ts';

/** Seconds that nodes took from start to done, newest last; at most as many as the run keeps. */
export type NodeTimes = readonly number[];

export type ExpectedTime = {
  ms: number;
  /** Nodes that it was measured on; 0: taken from the policy. */
  nodes: number;
};

/** Nine of ten nodes take no longer; of fewer than ten, none. */
const SHARE = 0.9;
/**
 * A timeout says when something is wrong, not how long it takes: policies that give a drain a day do not
 * expect one. Half an hour is what the default policy gives to each of the two; it is taken as expected
 * unless the policy gives less.
 */
const STEP_EXPECTED_MAX_MS = 1_800_000;

export function expectedTime({ drain, reimage, verify }: Policy, times: NodeTimes): ExpectedTime {
  const sorted = times.toSorted((a, b) => a - b);
  const longest = sorted[Math.ceil(sorted.length * SHARE) - 1];
  if (longest !== undefined) return { ms: longest * 1000, nodes: sorted.length };
  const ms =
    Math.min(drain.timeoutMs, STEP_EXPECTED_MAX_MS) +
    Math.min(reimage.timeoutMs, STEP_EXPECTED_MAX_MS) +
    verify.soakMs;
  return { ms, nodes: 0 };
}

export function renderExpected({ ms, nodes }: ExpectedTime): string {
  return `a node is expected to take ${formatDuration(ms)} (${renderSource(nodes)})`;
}

function renderSource(nodes: number): string {
  if (nodes === 0) return 'as its policy gives it, before any node was measured';
  if (nodes === 1) return 'as the one measured of its pool did in this run';
  const share = nodes < 10 ? 'the longest' : '9 of 10';
  return `as ${share} of the last ${nodes} of its pool did in this run`;
}
