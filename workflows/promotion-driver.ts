// Drives a release through the tiers of a fleet: starts one run for each cluster, watches it, asks the records
// whether it was good enough, waits for the soak. Every choice is the machine's (domain/machines/promotion.ts).
// Must never end while the run of a cluster is open, unless it is terminated: that run then goes on alone.
import { CancelledFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  ParentClosePolicy,
  allHandlersFinished,
  condition,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { asWorkflowFailure, closing, failureText } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import { showPromotion } from './promotion-shown.ts';
import type { CarriedPromotion } from './inputs.ts';
import type { FleetUpgradeResult } from './fleet-driver.ts';
import { judging, looking, resolving } from './promotion-calls.ts';
import { passOn, setPromotionHandlers } from './promotion-handlers.ts';
import { applyTo, newPromotionRun } from './promotion-run.ts';
import type { PromotionRun } from './promotion-run.ts';
import { promotionTeller } from './promotion-telling.ts';
import { tellPeople, tellTheEnd } from './telling.ts';
import { msBetween } from '../domain/machines/clock-math.ts';
import { nextPromotionStep } from '../domain/machines/promotion.ts';
import type { PromotionStep } from '../domain/machines/promotion.ts';
import type { ClusterWay } from '../domain/machines/promotion-state.ts';
import { promotionReport, promotionStatus } from '../domain/machines/promotion-views.ts';
import type { PromotionInput } from '../domain/promotion.ts';
import type { FleetUpgradeInput } from '../domain/run.ts';

type FleetWorkflow = (input: unknown) => Promise<FleetUpgradeResult>;

const AGAIN_MS = 30_000;
/** The worker that reads the records may be a little behind the server that wakes. */
const CLOCKS_APART_MS = 1_000;
/** As a run over one cluster does: well below what the server suggests. */
const HISTORY_EVENTS_MAX = 3_500;

export async function drivePromotion(o: {
  input: PromotionInput;
  carried: CarriedPromotion | undefined;
  continueAsNew: (carried: CarriedPromotion) => Promise<never>;
}): Promise<FleetUpgradeResult> {
  const run = newPromotionRun(o.input, o.carried);
  setPromotionHandlers(run);
  CancellationScope.current().cancelRequested.catch(() =>
    CancellationScope.nonCancellable(async () => {
      applyTo(run, { kind: 'cancelled' });
      await passOnAbort(run);
    }),
  );
  return await CancellationScope.nonCancellable(async () => {
    void showPromotion(run);
    void tellPeople(promotionTeller(run));
    await resolve(run);
    for (;;) {
      const step = nextPromotionStep(run.state);
      if (step.kind === 'end') return await finish(run, step);
      if (mustContinueAsNew(run)) {
        await condition(allHandlersFinished);
        await o.continueAsNew({ kind: 'promotion', state: run.state });
      }
      await take(run, step);
    }
  });
}

async function resolve(run: PromotionRun): Promise<void> {
  if (run.state.definition !== null) return;
  try {
    const definition = await resolving.resolvePromotion(run.input);
    applyTo(run, { kind: 'resolved', definition, workflowId: run.ids.workflowId });
  } catch (error) {
    await condition(allHandlersFinished);
    throw asWorkflowFailure(error);
  }
}

/** Never while it is being ended: a cancel must reach its end in the run that was cancelled. */
function mustContinueAsNew(run: PromotionRun): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return run.state.aborting === null && (continueAsNewSuggested || historyLength > HISTORY_EVENTS_MAX);
}

async function take(run: PromotionRun, step: Exclude<PromotionStep, { kind: 'end' }>): Promise<void> {
  switch (step.kind) {
    case 'start':
      return await start(run, step.cluster);
    case 'watch':
      return await watch(run, step.cluster);
    case 'judge':
      return await judge(run, step.clusters);
    case 'soak': {
      const leftMs = Math.max(0, msBetween(workflowNow(), step.until)) + CLOCKS_APART_MS;
      return await lookAgainAfter(run, leftMs, 'the soak of a tier');
    }
    case 'retry':
      return await lookAgainAfter(run, AGAIN_MS, 'a try that failed');
    case 'wait': {
      const { version } = run;
      await condition(() => run.version !== version);
    }
  }
}

async function lookAgainAfter(run: PromotionRun, ms: number, summary: string): Promise<void> {
  const { version } = run;
  if (await condition(() => run.version !== version, ms, { summary })) return;
  applyTo(run, { kind: 'lookedAgain' });
}

async function start(run: PromotionRun, { cluster, tier, childId }: ClusterWay): Promise<void> {
  const { definition, policy } = run.state;
  if (definition === null) return;
  const { fleet, release, requestedBy } = definition;
  const overrides = policy ?? run.input.policy;
  const input: FleetUpgradeInput = {
    fleet,
    cluster,
    release,
    ...(overrides === undefined ? {} : { policy: overrides }),
    ...(requestedBy === null ? {} : { requestedBy }),
  };
  const before = run.state;
  try {
    await startChild<FleetWorkflow>('fleetUpgrade', {
      workflowId: childId,
      args: [input],
      // A run that has begun is brought to its end, with or without its promotion.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: `${tier} ${cluster} → ${release}`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const why = `run ${childId} of an earlier promotion is open: it is waited for`;
    applyTo(run, { kind: 'startRefused', cluster, why });
    return;
  }
  applyTo(run, { kind: 'clusterStarted', cluster });
  // What was said while it was being started reached nobody there.
  if (run.state.aborting !== null) await passOnAbort(run);
  else if (run.state.paused !== null && before.paused === null) {
    const { by, reason } = run.state.paused;
    await passOn(run, 'pause', { by, reason });
  }
}

/** To the cluster at work, in the words of whoever ends the promotion. */
async function passOnAbort(run: PromotionRun): Promise<void> {
  const { aborting } = run.state;
  if (aborting === null) return;
  await passOn(run, 'abort', { by: aborting.by, reason: aborting.reason });
}

async function watch(run: PromotionRun, { cluster, childId, seen }: ClusterWay): Promise<void> {
  try {
    const look = await looking(cluster).lookAtCluster({ childId, told: seen });
    if (look.kind === 'seen') applyTo(run, { kind: 'clusterSeen', cluster, seen: look.seen });
    else applyTo(run, { kind: 'clusterEnded', cluster, end: look.end });
  } catch {
    // Nothing new for an hour, or nobody could look: it is looked at again.
    const { version } = run;
    await condition(() => run.version !== version, AGAIN_MS, { summary: 'a look that failed' });
  }
}

async function judge(run: PromotionRun, clusters: readonly string[]): Promise<void> {
  const { definition } = run.state;
  if (definition === null) return;
  try {
    applyTo(run, { kind: 'judged', soaks: await judging.judgeClusters({ definition, clusters }) });
  } catch (error) {
    applyTo(run, { kind: 'judgeFailed', why: failureText(error) });
  }
}

async function finish(
  run: PromotionRun,
  { outcome }: PromotionStep & { kind: 'end' },
): Promise<FleetUpgradeResult> {
  applyTo(run, { kind: 'ended', outcome });
  const report = promotionReport(run.state, run.ids, run.state.endedAt ?? run.state.startedAt);
  if (report !== null) {
    const recorded = closing.recordReport({ run: run.identity, report });
    // The result then says null: the report can still be read by the query until retention ends.
    await recorded.then(
      (digest) => applyTo(run, { kind: 'reportRecorded', digest }),
      () => undefined,
    );
  }
  await tellTheEnd(promotionTeller(run));
  await condition(allHandlersFinished);
  if (run.state.aborting?.kind === 'cancel') throw new CancelledFailure('cancelled; its report is recorded');
  return { outcome, counts: promotionStatus(run.state, run.ids).counts, report: run.state.reportDigest };
}
