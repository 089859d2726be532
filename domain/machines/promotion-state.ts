// Everything that a promotion knows of itself, as plain JSON: it survives continue-as-new as it stands.
// Bounded at 200 clusters: one run at a time is told of at length.
import type { Tier } from '../fleet.ts';
import type { ClusterEnd, ClusterSeen, PromotionDefinition } from '../promotion.ts';
import type { Soak } from '../planning/soaked.ts';
import type { RunOutcome } from '../report.ts';
import type { IgnoredMessage, RunEvent } from '../status.ts';
import { cut } from './fleet-state.ts';

export type ClusterWay = {
  cluster: string;
  tier: Tier;
  childId: string;
  startedAt: string | null;
  /** Why its run could not be started when it was tried last. */
  refused: string | null;
  seen: ClusterSeen | null;
  ended: (ClusterEnd & { at: string }) | null;
  /** What the records said of it since its run ended. */
  soak: Soak | null;
};

export type PromotionState = {
  startedAt: string;
  definition: PromotionDefinition | null;
  /** In the order in which they are taken. */
  clusters: readonly ClusterWay[];
  /** The records were asked after the last cluster had ended, or after a soak was over. */
  judged: boolean;
  /** Why the records could not be asked. */
  judgeFailure: string | null;
  /** One failed cluster ends it: nothing above is begun. */
  failed: { at: string; why: string } | null;
  paused: { by: string; reason: string; at: string } | null;
  aborting: { kind: 'abort' | 'cancel'; by: string; reason: string; at: string } | null;
  /** Overrides that the clusters to come are started with. */
  policy: Readonly<Record<string, unknown>> | null;
  outcome: RunOutcome | null;
  endedAt: string | null;
  reportDigest: string | null;
  /** Keys of what people were told and is so still; absent in older ones: nothing was. */
  told?: readonly string[];
  ignored: readonly IgnoredMessage[];
  events: readonly RunEvent[];
};

const EVENTS_KEPT = 50;
const IGNORED_KEPT = 50;
const TEXT_CHARS_MAX = 300;

export function newPromotionState(startedAt: string): PromotionState {
  return {
    startedAt,
    definition: null,
    clusters: [],
    judged: true,
    judgeFailure: null,
    failed: null,
    paused: null,
    aborting: null,
    policy: null,
    outcome: null,
    endedAt: null,
    reportDigest: null,
    ignored: [],
    events: [],
  };
}

export function withPromotionEvent(state: PromotionState, at: string, text: string): PromotionState {
  const events = [...state.events, { at, text: cut(text, TEXT_CHARS_MAX) }].slice(-EVENTS_KEPT);
  return { ...state, events };
}

export function withPromotionIgnored(state: PromotionState, message: IgnoredMessage): PromotionState {
  return { ...state, ignored: [...state.ignored, message].slice(-IGNORED_KEPT) };
}

/** The cluster whose run is open; never two. */
export function clusterAtWork(state: PromotionState): ClusterWay | undefined {
  return state.clusters.find(({ startedAt, ended }) => startedAt !== null && ended === null);
}
