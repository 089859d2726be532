// Part `dead-time`: how long a slot stays empty between the uncordon of one node and the cordon of the next,
// in a real upgrade of one pool. From the API server's audit log alone.
import { cordonHistory } from '../test/checker/audit-log.ts';
import type { Request } from '../test/checker/audit-log.ts';
import { say, withBed } from './bed.ts';
import type { BenchBed } from './bed.ts';
import { judge, median, percentile, renderNumber } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';
import { runToEnd, startRun } from './real-run.ts';
import { REFIT, endOfLog, readRequests } from './requests.ts';
import { withWorker } from './worker.ts';

const WORKFLOW_ID = 'upgrade.sandbox.prod-east';
/** Where one pool ends and the next begins, slots are empty on purpose. */
const POOL = 'h100';
const UNAVAILABLE_MAX = 3;
const P99_MAX_S = 1;

/**
 * Seconds from each uncordon to the cordon that used the slot that it freed. Slots have no names: the first
 * that is free is the first that is taken. What is still free at the end is not counted.
 */
export function deadTimes(requests: readonly Request[], slots: number): number[] {
  const { cordonTimes, uncordons } = cordonHistory(requests);
  const ascending = (times: Iterable<readonly number[]>) => [...times].flat().sort((a, b) => a - b);
  const taken = ascending(cordonTimes.values()).slice(slots);
  const freed = ascending(uncordons.values());
  return taken.map((at, index) => {
    const from = freed[index];
    if (from === undefined || from > at)
      throw new Error(`cordon ${String(slots + index + 1)} had no free slot`);
    return (at - from) / 1000;
  });
}

type Refills = { nodes: number; times: number[]; seconds: number };

async function measure(bed: BenchBed, nodesMax: number): Promise<Refills> {
  const from = endOfLog(bed.cluster.auditLog);
  const { nodes, seconds } = await withWorker(bed, async () => {
    const begin = performance.now();
    say(`a real upgrade of pool ${POOL}, ${String(UNAVAILABLE_MAX)} at once`);
    await startRun(bed, WORKFLOW_ID, { unavailableMax: UNAVAILABLE_MAX, pools: [POOL] });
    const { counts } = await runToEnd(bed, WORKFLOW_ID, nodesMax);
    return { nodes: counts.done, seconds: (performance.now() - begin) / 1000 };
  });
  const requests = readRequests(bed.cluster.auditLog, from, [REFIT]);
  return { nodes, seconds, times: deadTimes(requests, UNAVAILABLE_MAX) };
}

export async function benchDeadTime(o: BenchOptions): Promise<PartResult> {
  const { nodes, seconds, times } = await withBed({ nodes: o.refillNodes }, (bed) =>
    measure(bed, o.refillNodes),
  );
  const p99 = percentile(times, 0.99);
  const worst = Math.max(...times);
  return {
    lines: [
      `${String(nodes)} nodes, ${String(UNAVAILABLE_MAX)} at once, in ${seconds.toFixed(0)} s; ${String(times.length)} slots ` +
        `refilled: median ${renderNumber(median(times))} s, worst ${renderNumber(worst)} s from uncordon to cordon`,
    ],
    verdicts: [
      judge({ what: 'seconds from a freed slot to the next cordon, 99 of 100', atMost: P99_MAX_S }, p99),
    ],
    measured: { nodes, seconds, times },
  };
}
