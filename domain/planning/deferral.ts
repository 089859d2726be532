// Nodes whose pods did not leave in time and that were put back: when their time has come again, and why
// they wait until then. Must never forget an attempt: a node comes back by the attempt that it left with.
import type { PlanRow, Why } from '../plan.ts';

/** A node that was deferred and has not ended since. */
export type DeferredNode = {
  node: string;
  attempt: number;
  /** How often so far. */
  times: number;
  /** Until when it is left to its pods, RFC 3339; null while it is taken up again. */
  until: string | null;
};

/** Rows that wait, by whether they are left to their pods now. */
export type DeferralSplit = {
  waiting: readonly PlanRow[];
  deferred: readonly { row: PlanRow; until: string }[];
};

/**
 * So many nodes whose pods do not leave are a fleet that does not drain: more would only disturb more pods. It
 * also bounds what a run takes along: 100 of these, and 200 at work that may be deferred as well, are 30 KB.
 */
export const DEFERRED_MAX = 100;

/** `now` is when the cluster was observed. */
export function splitDeferred(
  rows: readonly PlanRow[],
  known: ReadonlyMap<string, DeferredNode>,
  now: string,
): DeferralSplit {
  const waiting: PlanRow[] = [];
  const deferred: { row: PlanRow; until: string }[] = [];
  for (const row of rows) {
    const until = known.get(row.node)?.until ?? null;
    if (until === null || Date.parse(until) <= Date.parse(now)) waiting.push(row);
    else deferred.push({ row, until });
  }
  return { waiting, deferred };
}

/** One reason for all of a pool; its time is the earliest of theirs. Undefined: none is deferred. */
export function whyDeferred(
  deferred: DeferralSplit['deferred'],
): { why: Why; example: string; nodes: number } | undefined {
  const [first] = deferred;
  if (first === undefined) return undefined;
  const next = deferred.reduce((a, b) => (Date.parse(b.until) < Date.parse(a.until) ? b : a), first);
  return {
    example: next.row.node,
    nodes: deferred.length,
    why: {
      kind: 'deferred',
      text: 'its pods did not leave in time: it was put back as it was, and is taken when its time has come',
      until: next.until,
      freedBy: `the time; or refit skip ${next.row.node}`,
    },
  };
}

/** Why a node that was never deferred is not begun; undefined when it may be. */
export function whyTooManyDeferred(known: ReadonlyMap<string, DeferredNode>, node: string): Why | undefined {
  if (known.size < DEFERRED_MAX || known.has(node)) return undefined;
  return {
    kind: 'deferralBudget',
    text:
      `${known.size} nodes are deferred, and no other is begun above ${DEFERRED_MAX}; ` +
      'freed when one of them is done or skipped',
  };
}
