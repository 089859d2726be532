// Why pods are still on their node, as named reasons for people. Pure: pods, budgets and what the API
// server answered go in, DrainBlockers come out. Must never name a reason that merely passes by:
// each report of a changed set costs history events of the workflow that is told.
import { MAX_BLOCKERS } from '../node-state.ts';
import { podKey } from './pod.ts';
import type { DrainBlocker, DrainProgress } from '../node-state.ts';
import type { BudgetCheck } from './budget.ts';
import type { Choice } from './choose.ts';
import type { PdbFacts, PodFacts } from './pod.ts';
import type { Turn } from './rules.ts';

/** What the API server last said to an eviction of the pod. */
export type Refusal = {
  kind: 'pdb' | 'pdbStale' | 'twoPdbs' | 'conflict' | 'other';
  text: string;
};

/** One pod that the drain still has to see gone. */
export type PodSituation = {
  pod: PodFacts;
  choice: Exclude<Choice, { kind: 'skip' }>;
  covering: readonly PdbFacts[];
  budget: BudgetCheck;
  /** The API server has taken our eviction. */
  evicted: boolean;
  refusal: Refusal | null;
  /** By the rules of the policy; `go` without any. */
  turn: Turn;
};

export type Report = {
  progress: DrainProgress;
  /** First sight of each reason by `<pod uid>/<kind>`; what the next report is given. */
  since: Readonly<Record<string, string>>;
  /** Equal for equal sets of reasons: numbers inside the texts do not count. */
  fingerprint: string;
  /** When a reason that has been seen is due to be shown; null when none is pending. */
  dueAtMs: number | null;
};

/** A refusal younger than this is the ordinary breathing of a PDB, not something to tell. */
const SETTLES_MS = 1_000;
/** The kubelet may take this long beyond the grace period before the pod counts as stuck. */
const OVERDUE_MS = 10_000;

/** Webhooks and long lists of PDBs say more than anybody reads; the rest would travel with every report. */
const TEXT_CHARS_MAX = 500;

/** Reasons that only a person can lift come first, and are told without settling. */
const FOR_PERSONS: ReadonlySet<DrainBlocker['kind']> = new Set([
  'twoPdbs',
  'pdbNever',
  'bare',
  'daemonSetMissing',
  'annotation',
  'terminating',
]);

export function reportBlockers(o: {
  situations: readonly PodSituation[];
  podsTotal: number;
  since: Readonly<Record<string, string>>;
  nowMs: number;
}): Report {
  const since: Record<string, string> = {};
  const blockers: DrainBlocker[] = [];
  let dueAtMs: number | null = null;
  for (const situation of o.situations) {
    const held = whyHeld(situation, o.nowMs);
    if (held === undefined) continue;
    const key = `${situation.pod.uid}/${held.kind}`;
    const first = o.since[key] ?? new Date(o.nowMs).toISOString();
    since[key] = first;
    const shownAtMs = FOR_PERSONS.has(held.kind) ? o.nowMs : Date.parse(first) + SETTLES_MS;
    if (shownAtMs > o.nowMs) {
      dueAtMs = dueAtMs === null ? shownAtMs : Math.min(dueAtMs, shownAtMs);
      continue;
    }
    blockers.push(blockerOf(situation, held, first));
  }
  blockers.sort(byUrgency);
  const shown = blockers.slice(0, MAX_BLOCKERS);
  return {
    progress: {
      podsTotal: Math.max(o.podsTotal, o.situations.length),
      podsLeft: o.situations.length,
      blockers: shown,
      blockersTotal: blockers.length,
    },
    since: boundSince(since, shown),
    fingerprint: [blockers.length, ...shown.map((b) => `${b.podUid}/${b.kind}/${b.pdbs.join('+')}`)].join(
      ' ',
    ),
    dueAtMs,
  };
}

/** The one reason that holds the pod now; undefined while everything takes its course. */
function whyHeld(s: PodSituation, nowMs: number): Refusal | Held | undefined {
  if (s.choice.kind === 'blocked') return { kind: BLOCK_KINDS[s.choice.reason], text: s.choice.why };
  if (s.pod.deletionTimestamp !== null) {
    if (nowMs < Date.parse(s.pod.deletionTimestamp) + OVERDUE_MS) return undefined;
    return {
      kind: 'terminating',
      text: `was to be gone at ${s.pod.deletionTimestamp}: its kubelet or a finalizer holds it`,
    };
  }
  if (s.evicted) return undefined;
  if (s.turn.kind === 'held') return { kind: 'rule', text: s.turn.text };
  // Its turn is still to come: what holds those before it is told, and that is all there is to do.
  if (s.turn.kind !== 'go') return undefined;
  if (s.budget.kind === 'held') return { kind: s.budget.by, text: s.budget.text };
  return s.refusal ?? undefined;
}

type Held = { kind: DrainBlocker['kind']; text: string };

const BLOCK_KINDS = {
  bare: 'bare',
  daemonSetMissing: 'daemonSetMissing',
  daemonSetUnknown: 'other',
  annotation: 'annotation',
} as const satisfies Record<Extract<Choice, { kind: 'blocked' }>['reason'], DrainBlocker['kind']>;

function blockerOf(s: PodSituation, held: Held, since: string): DrainBlocker {
  return {
    kind: held.kind,
    namespace: s.pod.namespace,
    pod: s.pod.name,
    podUid: s.pod.uid,
    pdbs: s.covering.map((pdb) => pdb.name),
    disruptionsAllowed: s.covering[0]?.disruptionsAllowed ?? null,
    since,
    text: held.text.slice(0, TEXT_CHARS_MAX),
  };
}

function byUrgency(a: DrainBlocker, b: DrainBlocker): number {
  const urgency = Number(FOR_PERSONS.has(b.kind)) - Number(FOR_PERSONS.has(a.kind));
  if (urgency !== 0) return urgency;
  const [left, right] = [nameOf(a), nameOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function nameOf(b: DrainBlocker): string {
  return podKey({ namespace: b.namespace, name: b.pod });
}

/** What travels in heartbeats stays small: only of the reasons shown, and of as many more. */
function boundSince(
  since: Readonly<Record<string, string>>,
  shown: readonly DrainBlocker[],
): Readonly<Record<string, string>> {
  const keys = new Set(shown.map((b) => `${b.podUid}/${b.kind}`));
  for (const key of Object.keys(since)) {
    if (keys.size >= 2 * MAX_BLOCKERS) break;
    keys.add(key);
  }
  return Object.fromEntries(Object.entries(since).filter(([key]) => keys.has(key)));
}
