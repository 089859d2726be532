// Part `dead-time`: how long a slot stays empty between the uncordon of one node and the cordon of the next,
// in a real upgrade of one pool. From the API server's audit log alone.
import { cordonHistory } from '../test/checker/audit-log.ts';
import type { Request } from '../test/checker/audit-log.ts';
import { say, withBed } from './bed.ts';
import type { BenchBed } from './bed.ts';
import { PART_NAMES, partsOf, readRunTimes, readWorkAt, renderParts } from './dead-time-parts.ts';
import type { Refill } from './dead-time-parts.ts';
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
 * From each uncordon to the cordon that used the slot that it freed. Slots have no names: the first that is free is
 * the first that is taken. What is still free at the end is not counted.
 */
export function listRefills(requests: readonly Request[], slots: number): Refill[] {
  const { cordonTimes, uncordons } = cordonHistory(requests);
  const taken = [...cordonTimes]
    .flatMap(([node, times]) => times.map((takenAt) => ({ node, takenAt })))
    .sort((a, b) => a.takenAt - b.takenAt)
    .slice(slots);
  const freed = [...uncordons.values()].flat().sort((a, b) => a - b);
  return taken.map(({ node, takenAt }, index) => {
    const freedAt = freed[index];
    if (freedAt === undefined || freedAt > takenAt)
      throw new Error(`cordon ${String(slots + index + 1)} had no free slot`);
    return { node, freedAt, takenAt };
  });
}

export function secondsOf({ freedAt, takenAt }: Refill): number {
  return (takenAt - freedAt) / 1000;
}

type Measured = { nodes: number; seconds: number; refills: readonly Refill[]; parts: readonly string[] };

async function measure(bed: BenchBed, nodesMax: number): Promise<Measured> {
  const from = endOfLog(bed.cluster.auditLog);
  const { nodes, seconds } = await withWorker(bed, async () => {
    const begin = performance.now();
    say(`a real upgrade of pool ${POOL}, ${String(UNAVAILABLE_MAX)} at once`);
    await startRun(bed, WORKFLOW_ID, { unavailableMax: UNAVAILABLE_MAX, pools: [POOL] });
    const { counts } = await runToEnd(bed, WORKFLOW_ID, nodesMax);
    return { nodes: counts.done, seconds: (performance.now() - begin) / 1000 };
  });
  const refills = listRefills(readRequests(bed.cluster.auditLog, from, [REFIT]), UNAVAILABLE_MAX);
  return { nodes, seconds, refills, parts: await tellParts(bed, refills) };
}

/** Of a run that has not continued as new. */
async function tellParts(bed: BenchBed, refills: readonly Refill[]): Promise<readonly string[]> {
  const eventsOf = async (workflowId: string) =>
    (await bed.client.workflow.getHandle(workflowId).fetchHistory()).events ?? [];
  const times = readRunTimes(await eventsOf(WORKFLOW_ID), WORKFLOW_ID);
  const workAt = new Map<string, number>();
  for (const { node } of refills) workAt.set(node, readWorkAt(await eventsOf(`${WORKFLOW_ID}/node/${node}`)));
  const told = refills.flatMap((refill) => {
    const parts = partsOf(refill, times, workAt);
    return parts === undefined ? [] : [{ seconds: secondsOf(refill), parts }];
  });
  const worst = [...told].sort((a, b) => b.seconds - a.seconds)[0];
  const middle = PART_NAMES.map((_, index) => median(told.map(({ parts }) => parts[index] ?? Number.NaN)));
  return [
    renderParts('median of each part', middle),
    ...(worst === undefined ? [] : [renderParts(`the worst, ${renderNumber(worst.seconds)} s`, worst.parts)]),
  ];
}

export async function benchDeadTime(o: BenchOptions): Promise<PartResult> {
  const { nodes, seconds, refills, parts } = await withBed({ nodes: o.refillNodes }, (bed) =>
    measure(bed, o.refillNodes),
  );
  const times = refills.map(secondsOf);
  const p99 = percentile(times, 0.99);
  const worst = Math.max(...times);
  return {
    lines: [
      `${String(nodes)} nodes, ${String(UNAVAILABLE_MAX)} at once, in ${seconds.toFixed(0)} s; ${String(times.length)} slots ` +
        `refilled: median ${renderNumber(median(times))} s, worst ${renderNumber(worst)} s from uncordon to cordon`,
      ...parts,
    ],
    verdicts: [
      judge({ what: 'seconds from a freed slot to the next cordon, 99 of 100', atMost: P99_MAX_S }, p99),
    ],
    measured: { nodes, seconds, times },
  };
}
