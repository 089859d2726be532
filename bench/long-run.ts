// Part `long-run`: how long the histories of a large run become. A real Temporal server and the workflows as
// they are, over nodes that exist only in memory: no cluster of that size stands here.
import { startBed, stopBed, withRun } from '../test/workflows/bed.ts';
import { say } from './bed.ts';
import { judge, renderNumber } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';
import { listHistories } from './real-run.ts';

/** As many as may be at work at once in a run: what a history must hold before it may be left. */
const AT_ONCE = 200;
/** Above this the server warns, and at 51,200 it ends a workflow. */
const EVENTS_MAX = 10_240;
const PROGRESS_EVERY_MS = 30_000;

export async function benchLongRun(o: BenchOptions): Promise<PartResult> {
  const bed = await startBed();
  try {
    const world = {
      nodes: o.longNodes,
      unavailableMax: AT_ONCE,
      name: 'long',
      worker: { maxCachedWorkflows: 2 * AT_ONCE },
    };
    const measured = await withRun(bed, world, async ({ id, handle, status }) => {
      const begin = performance.now();
      const progress = setInterval(() => {
        status().then(
          ({ counts }) => say(`${String(counts.done)} of ${String(counts.total)} nodes are done`),
          () => undefined,
        );
      }, PROGRESS_EVERY_MS);
      const { counts } = (await handle.result().finally(() => clearInterval(progress))) as {
        counts: { done: number };
      };
      if (counts.done !== o.longNodes) throw new Error(`${String(counts.done)} nodes were done`);
      const seconds = (performance.now() - begin) / 1000;
      return { seconds, ...lengthsOf(await listHistories(bed, id)) };
    });
    return judged(o.longNodes, measured);
  } finally {
    await stopBed(bed);
  }
}

type Measured = { seconds: number } & ReturnType<typeof lengthsOf>;

function lengthsOf({ parents, children }: Awaited<ReturnType<typeof listHistories>>) {
  const sum = (of: readonly { length: number }[]) => of.reduce((total, { length }) => total + length, 0);
  return {
    parentEvents: sum(parents),
    parentRuns: parents.length,
    childEvents: sum(children),
    children: children.length,
    longest: [...parents, ...children].reduce((most, { length }) => Math.max(most, length), 0),
  };
}

function judged(nodes: number, measured: Measured): PartResult {
  const { parentEvents, parentRuns, childEvents, children, longest, seconds } = measured;
  return {
    lines: [
      `${String(nodes)} nodes in memory, ${String(AT_ONCE)} at once, in ${seconds.toFixed(0)} s: ` +
        `${renderNumber(childEvents / children)} events in each child, ${renderNumber(parentEvents / nodes)} a node in the ` +
        `parent, which continued as new ${String(parentRuns - 1)} times; the longest history has ${String(longest)} events`,
    ],
    verdicts: [judge({ what: 'events in the longest history of the run', atMost: EVENTS_MAX }, longest)],
    measured,
  };
}
