// What each node of a run did when, as spans laid side by side: plain data for a terminal or a page.
// Made of what was recorded, and of what is at work now; what is in neither is not drawn.
import type { NodeHistory, RunReport } from './report.ts';
import type { TableRow } from './status.ts';

/** `state` as the STATE column shows it; `waiting` before the cordon. */
export type TimelineSpan = { state: string; from: string; to: string; text: string };

/** One node over all its goes. */
export type TimelineLane = {
  node: string;
  pool: string;
  from: string;
  to: string;
  /** How its last go ended: done, failed, putBack, deferred; `atWork` while it has not. */
  ended: string;
  why: string;
  spans: readonly TimelineSpan[];
};

export type Timeline = {
  workflowId: string;
  /** The outcome of the run; null while it goes on. */
  outcome: string | null;
  from: string;
  to: string;
  /** In the order in which they began. */
  lanes: readonly TimelineLane[];
  /** Nodes at work at most at one moment. */
  atWorkMax: number;
};

/** What the run's table shows of a node that is at work: since when it is in its present state. */
export type AtWork = Pick<TableRow, 'node' | 'pool' | 'state' | 'note'> & { since: string };

export function timelineOf(
  report: RunReport,
  histories: readonly NodeHistory[],
  atWork: readonly AtWork[],
): Timeline {
  const lanes = new Map<string, TimelineLane>();
  const add = (lane: TimelineLane) => {
    const before = lanes.get(lane.node);
    lanes.set(lane.node, before === undefined ? lane : join(before, lane));
  };
  for (const history of histories.toSorted((a, b) => msOf(a.startedAt) - msOf(b.startedAt))) {
    add(laneOf(history));
  }
  for (const { node, pool, state, since, note } of atWork) {
    const span = { state, from: since, to: report.endedAt, text: note };
    add({ node, pool, from: since, to: report.endedAt, ended: 'atWork', why: note, spans: [span] });
  }
  const inOrder = [...lanes.values()].sort(
    (a, b) => msOf(a.from) - msOf(b.from) || (a.node < b.node ? -1 : 1),
  );
  return {
    workflowId: report.workflowId,
    outcome: report.outcome,
    from: report.startedAt,
    to: report.endedAt,
    lanes: inOrder,
    atWorkMax: countAtWork(inOrder).reduce((most, { nodes }) => Math.max(most, nodes), 0),
  };
}

function laneOf({ node, pool, startedAt, endedAt, transitions, outcome }: NodeHistory): TimelineLane {
  const moves = [{ at: startedAt, state: 'waiting', text: '' }, ...transitions];
  const spans = moves.flatMap(({ at, state, text }, index): readonly TimelineSpan[] => {
    const to = moves[index + 1]?.at ?? endedAt;
    return msOf(to) > msOf(at) ? [{ state, from: at, to, text }] : [];
  });
  const why = 'why' in outcome ? outcome.why : (outcome.note ?? '');
  return { node, pool, from: startedAt, to: endedAt, ended: outcome.kind, why, spans };
}

function join(before: TimelineLane, after: TimelineLane): TimelineLane {
  return { ...after, from: before.from, spans: [...before.spans, ...after.spans] };
}

/** How many nodes are at work from each moment on at which that changes. */
export function countAtWork(lanes: readonly TimelineLane[]): readonly { at: string; nodes: number }[] {
  const changes = lanes.flatMap(({ spans }) =>
    spans.flatMap(({ from, to }) => [
      { at: from, by: 1 },
      { at: to, by: -1 },
    ]),
  );
  const counts: { at: string; nodes: number }[] = [];
  let nodes = 0;
  for (const { at, by } of changes.sort((a, b) => msOf(a.at) - msOf(b.at))) {
    nodes += by;
    const last = counts.at(-1);
    if (last !== undefined && msOf(last.at) === msOf(at)) last.nodes = nodes;
    else counts.push({ at, nodes });
  }
  return counts;
}

function msOf(at: string): number {
  return Date.parse(at);
}
