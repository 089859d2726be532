// Nodes whose pods did not leave in time, or for which there was no capacity, and that were put back: when their time has come again, and why
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
  /** Nothing could be launched in its place; absent: its pods did not leave in time. */
  lacks?: 'capacity';
};

/** Rows that wait, by whether they are left to their pods now. */
export type DeferralSplit = {
  waiting: readonly PlanRow[];
  deferred: readonly { row: PlanRow; until: string; lacks?: 'capacity' }[];
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
  const deferred: { row: PlanRow; until: string; lacks?: 'capacity' }[] = [];
  for (const row of rows) {
    const { until = null, lacks } = known.get(row.node) ?? {};
    if (until === null || Date.parse(until) <= Date.parse(now)) waiting.push(row);
    else deferred.push({ row, until, ...(lacks === undefined ? {} : { lacks }) });
  }
  return { waiting, deferred };
}

/** One reason for all of a pool that lack the same; its time is the earliest of theirs. */
export function whyDeferred(
  deferred: DeferralSplit['deferred'],
): readonly { why: Why; example: string; nodes: number }[] {
  const ofPods = deferred.filter(({ lacks }) => lacks === undefined);
  const ofCapacity = deferred.filter(({ lacks }) => lacks === 'capacity');
  return [
    ...oneReason(ofPods, {
      kind: 'deferred',
      text: 'its pods did not leave in time: it was put back as it was, and is taken when its time has come',
    }),
    ...oneReason(ofCapacity, {
      kind: 'noCapacity',
      text: 'EC2 had no capacity for an instance in its place: it serves as before, and is tried again at its time',
    }),
  ];
}

function oneReason(
  deferred: DeferralSplit['deferred'],
  { kind, text }: Pick<Why, 'kind' | 'text'>,
): readonly { why: Why; example: string; nodes: number }[] {
  const [first] = deferred;
  if (first === undefined) return [];
  const next = deferred.reduce((a, b) => (Date.parse(b.until) < Date.parse(a.until) ? b : a), first);
  const freedBy = `the time; or refit skip ${next.row.node}`;
  return [
    { example: next.row.node, nodes: deferred.length, why: { kind, text, until: next.until, freedBy } },
  ];
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
