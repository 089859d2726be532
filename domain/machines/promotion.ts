// A release on its way through the tiers, as a total machine over plain data.
//
//   preparing ─ resolved ─▶ [ start cluster ─▶ watch ─▶ ended ─▶ judge ]… ─▶ soak of the tier ─▶ next tier ─▶ ended
//                                                         └─ not good ─▶ failed ─▶ ended: nothing above is begun
//
// One cluster at a time. What is good enough is said by the records (planning/soaked.ts), never by what the
// parent saw. Must never begin a tier while a cluster below has not soaked, nor hold two clusters at once.
import type { ClusterEnd, ClusterSeen, PromotionDefinition } from '../promotion.ts';
import type { Soak } from '../planning/soaked.ts';
import type { RunOutcome } from '../report.ts';
import { withToldOfPromotion } from './promotion-news.ts';
import { clusterAtWork, withPromotionEvent } from './promotion-state.ts';
import type { ClusterWay, PromotionState } from './promotion-state.ts';

export type PromotionEvent = { at: string } & (
  | { kind: 'resolved'; definition: PromotionDefinition; workflowId: string }
  | { kind: 'clusterStarted'; cluster: string }
  | { kind: 'startRefused'; cluster: string; why: string }
  | { kind: 'clusterSeen'; cluster: string; seen: ClusterSeen }
  | { kind: 'clusterEnded'; cluster: string; end: ClusterEnd }
  | { kind: 'judged'; soaks: readonly { cluster: string; soak: Soak }[] }
  | { kind: 'judgeFailed'; why: string }
  /** The time has come at which a tier has soaked, or a try is made again. */
  | { kind: 'lookedAgain' }
  | { kind: 'paused'; by: string; reason: string }
  | { kind: 'resumed'; by: string }
  | { kind: 'aborted'; by: string; reason: string }
  | { kind: 'cancelled' }
  | { kind: 'policyChanged'; by: string; policy: Readonly<Record<string, unknown>> }
  | { kind: 'ended'; outcome: RunOutcome }
  | { kind: 'reportRecorded'; digest: string }
  /** People were told; `lost` is who was not, and why. */
  | { kind: 'told'; keys: readonly string[]; lost: readonly string[] }
);

export type PromotionMove = { kind: 'moved'; state: PromotionState } | { kind: 'rejected'; why: string };

/** What the driver does next. */
export type PromotionStep =
  | { kind: 'start'; cluster: ClusterWay }
  | { kind: 'watch'; cluster: ClusterWay }
  | { kind: 'judge'; clusters: readonly string[] }
  | { kind: 'soak'; until: string }
  /** A start or a judgement that failed is tried again after a while. */
  | { kind: 'retry' }
  /** Nothing but a message changes anything. */
  | { kind: 'wait' }
  | { kind: 'end'; outcome: RunOutcome };

export function promote(state: PromotionState, event: PromotionEvent): PromotionMove {
  if (state.outcome !== null && event.kind !== 'reportRecorded' && event.kind !== 'told') {
    return { kind: 'rejected', why: `the promotion has ended: ${state.outcome}` };
  }
  switch (event.kind) {
    case 'resolved':
      return moved({ ...state, definition: event.definition, clusters: waysOf(event) });
    case 'clusterStarted':
    case 'startRefused':
    case 'clusterSeen':
    case 'clusterEnded':
      return ofCluster(state, event);
    case 'judged':
      return moved(judged(state, event));
    case 'judgeFailed':
      return moved({ ...state, judgeFailure: event.why });
    case 'lookedAgain':
      return moved({ ...withoutRefusals(state), judged: false, judgeFailure: null });
    case 'ended':
      return moved({ ...state, outcome: event.outcome, endedAt: event.at });
    case 'reportRecorded':
      return moved({ ...state, reportDigest: event.digest });
    case 'told':
      return moved(withToldOfPromotion(state, event));
    default:
      return bySomebody(state, event);
  }
}

type OfSomebody = PromotionEvent & {
  kind: 'paused' | 'resumed' | 'aborted' | 'cancelled' | 'policyChanged';
};

function bySomebody(state: PromotionState, event: OfSomebody): PromotionMove {
  const { at } = event;
  const { aborting, paused } = state;
  if (event.kind === 'cancelled') {
    const by = 'temporal workflow cancel';
    const stop = { kind: 'cancel' as const, by, reason: 'the workflow was cancelled', at };
    return moved(withPromotionEvent({ ...state, aborting: stop }, at, stop.reason));
  }
  if (aborting !== null) return rejected(`it is being ended already, by ${aborting.by}: ${aborting.reason}`);
  switch (event.kind) {
    case 'aborted': {
      const stop = { kind: 'abort' as const, by: event.by, reason: event.reason, at };
      return moved(
        withPromotionEvent({ ...state, aborting: stop }, at, `aborted by ${event.by}: ${event.reason}`),
      );
    }
    case 'paused': {
      if (paused !== null)
        return rejected(`paused already by ${paused.by} at ${paused.at}: ${paused.reason}`);
      const stop = { by: event.by, reason: event.reason, at };
      return moved(
        withPromotionEvent({ ...state, paused: stop }, at, `paused by ${event.by}: ${event.reason}`),
      );
    }
    case 'resumed':
      if (paused === null) return rejected('the promotion is not paused');
      return moved(withPromotionEvent({ ...state, paused: null }, at, `resumed by ${event.by}`));
    case 'policyChanged':
      return moved(
        withPromotionEvent({ ...state, policy: event.policy }, at, `policy changed by ${event.by}`),
      );
  }
}

type OfCluster = PromotionEvent & {
  kind: 'clusterStarted' | 'startRefused' | 'clusterSeen' | 'clusterEnded';
};

function ofCluster(state: PromotionState, event: OfCluster): PromotionMove {
  const way = state.clusters.find(({ cluster }) => cluster === event.cluster);
  if (way === undefined) return rejected(`no cluster ${event.cluster} is part of the promotion`);
  const { at } = event;
  switch (event.kind) {
    case 'clusterStarted': {
      const other = clusterAtWork(state);
      if (other !== undefined) return rejected(`cluster ${other.cluster} is at work`);
      const begun = withWay(state, { ...way, startedAt: at, refused: null });
      return moved(withPromotionEvent(begun, at, `${way.tier} ${way.cluster}: begun as ${way.childId}`));
    }
    case 'startRefused':
      return moved(withWay(state, { ...way, refused: event.why }));
    case 'clusterSeen':
      return moved(withWay(state, { ...way, seen: event.seen }));
    case 'clusterEnded': {
      if (way.startedAt === null || way.ended !== null)
        return rejected(`cluster ${way.cluster} is not at work`);
      const { end } = event;
      const ended = withWay(state, { ...way, ended: { ...end, at } });
      return moved(
        withPromotionEvent({ ...ended, judged: false }, at, `${way.tier} ${way.cluster}: ${end.why}`),
      );
    }
  }
}

function judged(state: PromotionState, event: PromotionEvent & { kind: 'judged' }): PromotionState {
  const { at, soaks } = event;
  const told = soaks.reduce((so, { cluster, soak }) => {
    const way = so.clusters.find((one) => one.cluster === cluster);
    return way === undefined ? so : withWay(so, { ...way, soak });
  }, state);
  const known: PromotionState = { ...told, judged: true, judgeFailure: null };
  const bad = known.clusters.find(({ ended, soak }) => ended !== null && soak?.kind === 'unproven');
  if (bad?.soak?.kind !== 'unproven') return known;
  const why = `${bad.tier} ${bad.cluster} is not good enough: ${bad.soak.why}`;
  return withPromotionEvent({ ...known, failed: { at, why } }, at, `${why}; nothing else is begun`);
}

export function nextPromotionStep(state: PromotionState): PromotionStep {
  const atWork = clusterAtWork(state);
  if (atWork !== undefined) return { kind: 'watch', cluster: atWork };
  if (state.aborting !== null)
    return { kind: 'end', outcome: state.aborting.kind === 'abort' ? 'aborted' : 'cancelled' };
  if (state.failed !== null) return { kind: 'end', outcome: 'failed' };
  if (!state.judged) {
    if (state.judgeFailure !== null) return { kind: 'retry' };
    return { kind: 'judge', clusters: listToJudge(state) };
  }
  const next = state.clusters.find(({ startedAt }) => startedAt === null);
  if (next === undefined) return { kind: 'end', outcome: outcomeOfAll(state) };
  const soaking = soakBelow(state, next);
  if (soaking !== null) return { kind: 'soak', until: soaking };
  if (state.paused !== null) return { kind: 'wait' };
  return next.refused === null ? { kind: 'start', cluster: next } : { kind: 'retry' };
}

/** When the last of the clusters below will have soaked; null: all of them have. */
export function soakBelow(state: PromotionState, next: ClusterWay): string | null {
  const times = state.clusters.flatMap(({ tier, soak }) =>
    tier !== next.tier && soak?.kind === 'soaking' ? [soak.until] : [],
  );
  return times.length === 0 ? null : times.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b));
}

/** All that have ended: a later run may have undone what was good in a lower tier. */
function listToJudge(state: PromotionState): readonly string[] {
  return state.clusters.filter(({ ended }) => ended !== null).map(({ cluster }) => cluster);
}

function outcomeOfAll(state: PromotionState): RunOutcome {
  return state.clusters.some(({ ended }) => (ended?.counts?.done ?? 0) > 0) ? 'succeeded' : 'nothingToDo';
}

function waysOf({ definition, workflowId }: PromotionEvent & { kind: 'resolved' }): readonly ClusterWay[] {
  return definition.tiers.flatMap(({ tier, clusters }) =>
    clusters.map((cluster) => ({
      cluster,
      tier,
      childId: `${workflowId}/cluster/${cluster}`,
      startedAt: null,
      refused: null,
      seen: null,
      ended: null,
      soak: null,
    })),
  );
}

function withWay(state: PromotionState, way: ClusterWay): PromotionState {
  const clusters = state.clusters.map((one) => (one.cluster === way.cluster ? way : one));
  return { ...state, clusters };
}

function withoutRefusals(state: PromotionState): PromotionState {
  return { ...state, clusters: state.clusters.map((way) => ({ ...way, refused: null })) };
}

function moved(state: PromotionState): PromotionMove {
  return { kind: 'moved', state };
}

function rejected(why: string): PromotionMove {
  return { kind: 'rejected', why };
}
