// Whose turn it is: the policy's rules over the pods that a drain would evict. A rule orders them and lets them
// wait: for their end, or for a checkpoint that they write when asked. Must never let a pod go that would not go
// without rules, and never sooner: whatever blocks a pod, or holds it by a PDB, stands in front of this.
//
//   of a higher order than one still here ─▶ behind
//   its turn ─ waitFor nothing, ended, ending, or deadline passed ─▶ go
//        ├──── waitFor completion ─▶ held, until its end or the deadline since the drain began
//        └──── waitFor checkpoint ─▶ ask, once a drain ─▶ held, until its marker or the deadline since it was asked
import type { DrainRule } from '../policy.ts';
import { isFinished } from './pod.ts';
import type { PodFacts } from './pod.ts';

/** When the drain asked the pod for a checkpoint, RFC 3339. */
export const CHECKPOINT_REQUESTED = 'refit.dev/checkpoint-requested';
/** When the pod had written one, RFC 3339: written by the workload. */
export const CHECKPOINT_DONE = 'refit.dev/checkpoint-done';

export type Turn =
  | { kind: 'go' }
  /** Pods of a lower order are still here. */
  | { kind: 'behind' }
  /** To be asked for a checkpoint now, with this time. */
  | { kind: 'ask'; requestedAt: string }
  /** `untilMs`: when it goes all the same; null: not in this drain. */
  | { kind: 'held'; text: string; untilMs: number | null };

type Drain = { rules: readonly DrainRule[]; startedAtMs: number; nowMs: number };

const GO: Turn = { kind: 'go' };
/** Pods that no rule selects. */
const ORDER_DEFAULT = 0;

/** `pods`: all that the drain still has to see gone. By UID. */
export function judgeTurns(pods: readonly PodFacts[], drain: Drain): ReadonlyMap<string, Turn> {
  if (drain.rules.length === 0) return new Map();
  const ruled = pods.map((pod) => ({ pod, rule: findRule(pod, drain.rules) }));
  const first = Math.min(...ruled.map(({ rule }) => orderOf(rule)));
  return new Map(
    ruled.map(({ pod, rule }) => [
      pod.uid,
      orderOf(rule) > first ? ({ kind: 'behind' } as const) : judgeOne(pod, rule, drain),
    ]),
  );
}

/** The first in the list that selects the pod is its rule. */
export function findRule(pod: PodFacts, rules: readonly DrainRule[]): DrainRule | undefined {
  return rules.find(
    ({ namespaces, matchLabels }) =>
      (namespaces === null || namespaces.includes(pod.namespace)) &&
      Object.entries(matchLabels).every(([key, value]) => pod.labels[key] === value),
  );
}

function orderOf(rule: DrainRule | undefined): number {
  return rule?.order ?? ORDER_DEFAULT;
}

function judgeOne(pod: PodFacts, rule: DrainRule | undefined, drain: Drain): Turn {
  if (rule === undefined || isFinished(pod) || pod.deletionTimestamp !== null) return GO;
  switch (rule.waitFor) {
    case 'nothing':
      return GO;
    case 'completion':
      return heldUntil(rule, drain, { sinceMs: drain.startedAtMs, for: 'its end' });
    case 'checkpoint':
      return judgeCheckpoint(pod, rule, drain);
  }
}

function judgeCheckpoint(pod: PodFacts, rule: DrainRule, drain: Drain): Turn {
  const { requestedAt = null, doneAt = null } = pod.checkpoint ?? {};
  const askedMs = requestedAt === null ? Number.NaN : Date.parse(requestedAt);
  // A request of an earlier drain was for an earlier state of the work. What cannot be read was not asked by us.
  if (!(askedMs >= drain.startedAtMs)) {
    // The worker's clock may be behind the one that dated the drain: the request must not look older than it.
    return { kind: 'ask', requestedAt: new Date(Math.max(drain.nowMs, drain.startedAtMs)).toISOString() };
  }
  // Not before the request: a workload may well answer with the very time that it was given.
  if (doneAt !== null && Date.parse(doneAt) >= askedMs) return GO;
  const found = doneAt === null ? '' : ` (found ${JSON.stringify(doneAt.slice(0, 40))})`;
  return heldUntil(rule, drain, {
    sinceMs: askedMs,
    for: `${CHECKPOINT_DONE} of ${requestedAt ?? ''} or later${found}`,
  });
}

function heldUntil(rule: DrainRule, { nowMs }: Drain, o: { sinceMs: number; for: string }): Turn {
  const untilMs = rule.deadlineMs === null ? null : o.sinceMs + rule.deadlineMs;
  if (untilMs !== null && nowMs >= untilMs) return GO;
  const until =
    untilMs === null ? ', as long as the drain lasts' : `, until ${new Date(untilMs).toISOString()}`;
  return { kind: 'held', untilMs, text: `drain rule ${rule.name} waits for ${o.for}${until}` };
}
