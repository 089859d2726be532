// Part `history`: what a run leaves in Temporal and takes of a worker's memory.
import { withBed } from './bed.ts';
import { blockNode } from './blocked-node.ts';
import { judge, renderNumber } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';
import { judgeHistory, runWhole } from './whole-node.ts';
import { measureMemory, renderMemory } from './worker-memory.ts';
import type { MemoryOfFleet } from './worker-memory.ts';

const DELAY_MAX_S = 1;

export async function benchHistory(o: BenchOptions): Promise<PartResult> {
  const run = await withBed({ nodes: o.runNodes }, (bed) => runWhole(bed, o.runNodes));
  const whole = judgeHistory(run);
  const blocked = await withBed({ nodes: o.runNodes }, blockNode);
  const fleets: MemoryOfFleet[] = [];
  for (const nodes of o.memoryNodes) fleets.push(await measureMemory(nodes));
  return {
    lines: [
      ...whole.lines,
      `Worker after it: ${String(run.memory.nowMib)} MiB resident, ${String(run.memory.peakMib)} at the most`,
      `A blocked node: ${renderNumber(blocked.eventsPerChange)} events for each further change of its reasons, ` +
        `child and parent together; ${String(blocked.eventsUnchanged)} in ` +
        `${String(blocked.unchangedSeconds)} s without a change`,
      ...renderMemory(fleets),
    ],
    verdicts: [
      ...whole.verdicts,
      judge(
        { what: 'seconds from allowed to the next eviction, in a run that had stalled', atMost: DELAY_MAX_S },
        blocked.delayMs / 1000,
      ),
    ],
    measured: { whole: whole.measured, blocked, fleets },
  };
}
