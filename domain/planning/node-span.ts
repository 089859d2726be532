// How long a node is away from cordon to uncordon, as a range for people who plan: from what nodes of its
// pool took in earlier runs, where there are enough, else from its policy (docs/decisions/0144).
// Must never decide when a node begins: that is expected-time.ts, by what this very run has measured.
import type { NodeSpan } from '../estimate.ts';
import type { Policy } from '../policy.ts';
import type { NodeHistory } from '../report.ts';
import { expectedTime } from './expected-time.ts';
import { own } from '../own.ts';

/** By pool, the milliseconds that nodes took which went through at their first attempt. */
export type PastTimes = Readonly<Record<string, readonly number[]>>;

/** Two may be like each other by chance. */
const MEASURED_MIN = 3;
/** From here on the fastest and the slowest tenth say more of themselves than of the next node. */
const TENTHS_FROM = 10;
/** An empty node with a new root volume or a new instance: hardly one boots, rejoins and is verified sooner. */
const REIMAGE_LOW_MS = 300_000;
/** As the above, by a reboot alone. */
const REBOOT_LOW_MS = 120_000;

export function nodeSpanOf(policy: Policy, times: readonly number[] = []): NodeSpan {
  if (times.length >= MEASURED_MIN) return measure(times);
  const { drain, reimage, verify } = policy;
  const { ms: highMs } = expectedTime(policy, []);
  const fastestMs = reimage.method === 'reboot' ? REBOOT_LOW_MS : REIMAGE_LOW_MS;
  const lowMs = Math.min(fastestMs, drain.timeoutMs + reimage.timeoutMs) + verify.soakMs;
  return { lowMs: Math.min(lowMs, highMs), highMs, measured: 0 };
}

function measure(times: readonly number[]): NodeSpan {
  const sorted = times.toSorted((a, b) => a - b);
  const left = sorted.length < TENTHS_FROM ? 0 : Math.floor(sorted.length / 10);
  return { lowMs: sorted[left] ?? 0, highMs: sorted.at(-1 - left) ?? 0, measured: sorted.length };
}

/** Of nodes that were done at their first attempt, by the method that the pool's policy names now. */
export function pastTimesOf(
  histories: readonly NodeHistory[],
  pools: readonly { name: string; policy: Pick<Policy, 'reimage'> }[],
): PastTimes {
  const times: Record<string, number[]> = {};
  for (const { pool, attempt, outcome, taskId, startedAt, endedAt } of histories) {
    const policy = pools.find(({ name }) => name === pool)?.policy;
    const sameMethod = (taskId !== null) === (policy?.reimage.method === 'rootVolume');
    if (policy === undefined || outcome.kind !== 'done' || attempt > 1 || !sameMethod) continue;
    times[pool] = [...(own(times, pool) ?? []), Math.max(1, Date.parse(endedAt) - Date.parse(startedAt))];
  }
  return times;
}
