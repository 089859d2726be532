// Requests and history of a whole node, from gate to uncordon, in a real upgrade of a real fleet; what the
// run costs as such (its observation, its Lease, its plan) is counted in.
import { costPerNode } from '../test/checker/history-cost.ts';
import { say, withBed } from './bed.ts';
import type { BenchBed } from './bed.ts';
import { judge, renderNumber } from './figures.ts';
import type { Verdict } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';
import { REFIT, countByKind, endOfLog, evictionsTaken, readRequests } from './requests.ts';
import type { Request } from './requests.ts';
import { renderRequests } from './render-requests.ts';
import { readCosts, readMemory, runToEnd, startRun } from './real-run.ts';
import { withWorker } from './worker.ts';
import type { Costs, Memory } from './real-run.ts';

const WORKFLOW_ID = 'upgrade.sandbox.prod-east';
const UNAVAILABLE_MAX = 3;
const REQUESTS_MAX = 13;
const PODS_OF_GOAL = 5;
const EVENTS_MAX = 60;

export type WholeRun = {
  nodes: number;
  seconds: number;
  requests: readonly Request[];
  histories: Costs;
  memory: Memory;
};

export async function runWhole(bed: BenchBed, nodes: number): Promise<WholeRun> {
  const from = endOfLog(bed.cluster.auditLog);
  const run = await withWorker(bed, async (pid) => {
    const begin = performance.now();
    say(`a real upgrade of ${String(nodes)} nodes, ${String(UNAVAILABLE_MAX)} at once`);
    await startRun(bed, WORKFLOW_ID, { unavailableMax: UNAVAILABLE_MAX });
    const status = await runToEnd(bed, WORKFLOW_ID, nodes);
    if (status.counts.done !== nodes) throw new Error(`${String(status.counts.done)} nodes were done`);
    const seconds = (performance.now() - begin) / 1000;
    return { nodes, seconds, histories: await readCosts(bed, WORKFLOW_ID), memory: readMemory(pid) };
  });
  // The worker has stopped: its watches have ended, and stand in the log.
  return { ...run, requests: readRequests(bed.cluster.auditLog, from, [REFIT]) };
}

function judgeRequests(run: WholeRun): PartResult {
  const { nodes, requests } = run;
  const evictions = evictionsTaken(requests).length;
  const perNode = requests.length / nodes;
  // What five pods a node would have made of it: every pod more or less is one eviction more or less.
  const evictionRequests = requests.filter((each) => each.subresource === 'eviction').length;
  const withFive =
    (requests.length - evictionRequests) / nodes + PODS_OF_GOAL * (evictionRequests / evictions);
  const verdicts: Verdict[] = [
    judge(
      { what: `requests for a whole node of ${String(PODS_OF_GOAL)} pods`, atMost: REQUESTS_MAX },
      withFive,
    ),
  ];
  return {
    lines: [
      `A real upgrade of ${String(nodes)} nodes in ${run.seconds.toFixed(0)} s: ${renderNumber(perNode)} requests and ` +
        `${renderNumber(evictions / nodes)} evictions a node; with ${String(PODS_OF_GOAL)} pods a node that is ` +
        `${renderNumber(withFive)} requests`,
      ...renderRequests('By kind', countByKind(requests), nodes),
    ],
    verdicts,
    measured: { nodes, perNode, withFive, byKind: countByKind(requests) },
  };
}

export function judgeHistory(run: WholeRun): PartResult {
  const { parents, children } = run.histories;
  const cost = costPerNode(parents, children);
  const all = [...parents, ...children].reduce((sum, { events }) => sum + events, 0);
  const runs = `${String(parents.length)} run${parents.length === 1 ? '' : 's'}`;
  return {
    lines: [
      `History of the ${String(cost.unblocked)} of ${String(run.nodes)} nodes that nothing blocked: ` +
        `${renderNumber(cost.child)} events in each child, ${renderNumber(cost.parent)} a node in the parent ` +
        `(${runs}, beginning and end included)`,
      `All of it, blocked nodes and what was told of them included: ${renderNumber(all / run.nodes)} a node`,
    ],
    verdicts: [
      judge(
        { what: 'events of history for each node that nothing blocks, parent and child', atMost: EVENTS_MAX },
        cost.parent + cost.child,
      ),
    ],
    measured: { ...cost, all: all / run.nodes },
  };
}

export async function benchRequests(o: BenchOptions): Promise<PartResult> {
  return withBed({ nodes: o.runNodes }, async (bed) => judgeRequests(await runWhole(bed, o.runNodes)));
}
