// Drives a run from its input to its report: waits, calls, applies. Every choice is the machine's
// (domain/machines/fleet.ts). Must never decide by itself which node comes next, nor end while a child
// is at work.
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { CancellationScope, allHandlersFinished, condition, workflowInfo } from '@temporalio/workflow';
import {
  asWorkflowFailure,
  closing,
  failureText,
  planning,
  preparing,
  reading,
  reaping,
} from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import { collectAdopted, handOver, startReady } from './fleet-children.ts';
import { setRunHandlers } from './fleet-handlers.ts';
import { runPump } from './fleet-pump.ts';
import { fleetTeller, tellFailedStart } from './fleet-telling.ts';
import { watchYeses } from './fleet-yeses.ts';
import { apply, newFleetRun } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { tellPeople, tellTheEnd } from './telling.ts';
import type { Carried } from './inputs.ts';
import { msBetween } from '../domain/machines/clock-math.ts';
import { backQuestionOf } from '../domain/machines/fleet-back.ts';
import { listDeferred } from '../domain/machines/fleet-deferral.ts';
import { nodeTimesOf } from '../domain/machines/fleet-hours.ts';
import { nextLookOf } from '../domain/machines/fleet-look.ts';
import type { NextLook } from '../domain/machines/fleet-look.ts';
import { listNext } from '../domain/machines/fleet-next.ts';
import { isOver, mayPlan, outcomeOf } from '../domain/machines/fleet-phase.ts';
import { newScope, occupiedNodes } from '../domain/machines/fleet-state.ts';
import { reportAt, statusOf } from '../domain/machines/fleet-views.ts';
import type { PlanRow, PlanSummary } from '../domain/plan.ts';
import { renderPlanChanged } from '../domain/render/moves.ts';
import type { RunOutcome } from '../domain/report.ts';
import type { FleetUpgradeInput, RunDefinition } from '../domain/run.ts';
import type { RunStatus } from '../domain/status.ts';

/** What a run answers at its end; the report itself is a record. */
export type FleetUpgradeResult = {
  outcome: RunOutcome;
  counts: RunStatus['counts'];
  report: string | null;
};

const HOLD_WAIT_FIRST_MS = 5_000;
const HOLD_WAIT_LAST_MS = 60_000;
/** Somebody else's cordon may be lifted any moment; two minutes of a GPU fleet's day are nothing. */
const OUTSIDE_WAIT_FIRST_MS = 15_000;
const OUTSIDE_WAIT_LAST_MS = 120_000;
/** Clocks of workers and server differ by less; a window that opens is used this much later at worst. */
const CLOCKS_APART_MS = 5_000;
/** Adopted children report by themselves; this finds the one that was terminated. */
const ADOPTED_LOOK_MS = 60_000;
/** The server suggests it at 4,096 events: below, so that what is under way still fits. */
const HISTORY_EVENTS_MAX = 3_500;

export async function driveFleet(o: {
  input: FleetUpgradeInput;
  carried: Carried | undefined;
  continueAsNew: (carried: Carried) => Promise<never>;
}): Promise<FleetUpgradeResult> {
  const run = newFleetRun({ ...o, outsideWaitMs: OUTSIDE_WAIT_FIRST_MS });
  setRunHandlers(run);
  // What waits in the cancelled scope is itself cancelled: so nothing does.
  CancellationScope.current().cancelRequested.catch(() =>
    CancellationScope.nonCancellable(async () => {
      await condition(() => run.loaded);
      apply(run, { kind: 'cancelled' });
    }),
  );
  return await CancellationScope.nonCancellable(async () => {
    void runPump(run);
    void watchYeses(run);
    void tellPeople(fleetTeller(run));
    const definition = await prepare(run);
    while (!isOver(run.state)) {
      if (run.state.ready.length > 0) await startReady(run);
      else if (mayPlan(run.state)) await askPlanner(run);
      else if (mustContinueAsNew(run)) await handOver(run);
      else await idle(run);
    }
    return await finish(run, definition);
  });
}

/** As it is now: policies may have changed since it was resolved. */
function definitionOf(run: FleetRun): RunDefinition {
  const { definition } = run.state;
  if (definition === null) throw ApplicationFailure.nonRetryable('the run has no definition', 'Unexpected');
  return definition;
}

async function prepare(run: FleetRun): Promise<RunDefinition> {
  try {
    if (run.state.definition === null) {
      apply(run, { kind: 'resolved', definition: await preparing.resolveRun(run.input) });
    }
    const definition = definitionOf(run);
    if (run.state.hold.kind !== 'held') await holdCluster(run, definition);
    if (run.state.plan !== null) {
      run.scope = newScope(await readRows(run.state.plan));
      run.loaded = true;
    } else if (run.state.aborting === null) {
      run.loaded = true;
      await planRun(run);
    }
    run.loaded = true;
    return definition;
  } catch (error) {
    throw await failedPreparing(run, error);
  }
}

/** Nothing was touched: the cluster is let go, and the run fails with what a person must change. */
async function failedPreparing(run: FleetRun, error: unknown): Promise<ApplicationFailure> {
  const { definition, hold } = run.state;
  if (definition !== null && hold.kind === 'held') {
    await closing.releaseCluster({ cluster: definition.cluster, run: run.identity }).catch(() => undefined);
  }
  run.loaded = true;
  const failure = asWorkflowFailure(error);
  await tellFailedStart(run, failure.message);
  await condition(allHandlersFinished);
  return failure;
}

async function holdCluster(run: FleetRun, definition: RunDefinition): Promise<void> {
  let waitMs = HOLD_WAIT_FIRST_MS;
  run.loaded = true;
  for (;;) {
    await condition(() => run.state.paused === null || run.state.aborting !== null);
    if (run.state.aborting !== null) return;
    await tryToHold(run, definition);
    const { state } = run;
    if (state.hold.kind !== 'waiting') return;
    if (mustContinueAsNew(run)) await handOver(run);
    const decided = () => run.state.aborting !== state.aborting || run.state.adoptFrom !== state.adoptFrom;
    await condition(decided, waitMs, { summary: `cluster held by ${state.hold.holder}` });
    waitMs = Math.min(waitMs * 2, HOLD_WAIT_LAST_MS);
  }
}

/** Once it waits, no failure to ask ends a run: whoever holds the cluster may take days, and servers come back. */
async function tryToHold(run: FleetRun, { cluster }: RunDefinition): Promise<void> {
  const { adoptFrom, hold } = run.state;
  try {
    const answer = await preparing.holdCluster({ cluster, run: run.identity, adoptFrom });
    if (answer.kind === 'held') apply(run, { kind: 'clusterHeld' });
    else if (answer.kind === 'heldByOther') apply(run, { ...answer, kind: 'clusterHeldByOther' });
    else apply(run, { ...answer, kind: 'adoptionNeeded' });
  } catch (error) {
    if (hold.kind !== 'waiting') throw error;
    apply(run, { kind: 'clusterSilent', why: failureText(error) });
  }
}

async function planRun(run: FleetRun): Promise<void> {
  const definition = definitionOf(run);
  const planned = await preparing.planRun({ definition, run: run.identity });
  // Whoever changed its policy meanwhile changed the plan.
  if (run.state.definition !== definition && run.state.aborting === null) return await planRun(run);
  if (planned.kind === 'refused') {
    const lines = planned.refusals.map((refusal) => `${refusal.where}: ${refusal.text}`);
    throw ApplicationFailure.nonRetryable(lines.join('\n'), 'Refused');
  }
  const { summary } = planned;
  if (definition.planDigest !== null && definition.planDigest !== summary.digest) {
    throw ApplicationFailure.nonRetryable(
      renderPlanChanged(definition.planDigest, summary.digest, planned.moved ?? []),
      'PlanChanged',
    );
  }
  const rows = await readRows(summary);
  if (run.state.aborting !== null) return;
  run.scope = newScope(rows);
  const move = apply(run, { kind: 'planned', summary });
  if (move.kind === 'rejected') throw ApplicationFailure.nonRetryable(move.why, 'Unexpected');
}

async function readRows(summary: PlanSummary): Promise<readonly PlanRow[]> {
  const pages = await Promise.all(summary.pages.map((digest) => reading.readPlanPage({ digest })));
  return pages.flat();
}

async function askPlanner(run: FleetRun): Promise<void> {
  const { state } = run;
  const next = listNext(state, run.scope);
  const deferred = listDeferred(state);
  const nodeTimes = nodeTimesOf(state);
  const back = backQuestionOf(state, run.scope);
  apply(run, { kind: 'planAsked' });
  try {
    const offered = await planning.planNext({
      definition: definitionOf(run),
      run: run.identity,
      pages: state.plan?.pages ?? [],
      codes: state.codes,
      occupied: occupiedNodes(state),
      retries: state.retries,
      ...(back === null ? {} : { back }),
      ...(next.length === 0 ? {} : { next }),
      ...(deferred.length === 0 ? {} : { deferred }),
      ...(nodeTimes === null ? {} : { nodeTimes }),
      ...(Object.keys(state.canaries).length === 0 ? {} : { canaries: state.canaries }),
      ...(state.gatesOpened.length === 0 ? {} : { gatesOpened: state.gatesOpened }),
    });
    if (offered.steps.length > 0) run.outsideWaitMs = OUTSIDE_WAIT_FIRST_MS;
    apply(run, { kind: 'stepsOffered', next: offered, policyChanges: state.policyChanges });
  } catch (error) {
    apply(run, { kind: 'planFailed', why: failureText(error) });
  }
}

/** Waits for a message, a child's end, or time, and makes a timer only when time can change anything. */
async function idle(run: FleetRun): Promise<void> {
  const needed = () =>
    isOver(run.state) || mayPlan(run.state) || run.state.ready.length > 0 || mustContinueAsNew(run);
  const look = nextLookOf(run.state);
  const adopted = Object.values(run.state.active).some((child) => child.adopted);
  if (look.kind === 'none' && !adopted) {
    await condition(needed);
    return;
  }
  const lookMs = lookWaitMs(run, look);
  const looksFirst = lookMs !== null && (!adopted || look.kind === 'soon' || lookMs <= ADOPTED_LOOK_MS);
  const waitMs = looksFirst ? lookMs : ADOPTED_LOOK_MS;
  const summary = looksFirst ? LOOK_SUMMARIES[look.kind] : LOOK_SUMMARIES.none;
  if (await condition(needed, waitMs, { summary })) return;
  if (adopted) await collectAdopted(run);
  if (!looksFirst) return;
  if (look.kind === 'soon') run.outsideWaitMs = Math.min(run.outsideWaitMs * 2, OUTSIDE_WAIT_LAST_MS);
  apply(run, { kind: 'lookedAgain' });
}

const LOOK_SUMMARIES: Readonly<Record<NextLook['kind'], string>> = {
  none: 'children of an earlier run',
  soon: 'something outside of the run',
  at: 'its windows, or the return of deferred nodes',
};

/** Null: no time changes anything. */
function lookWaitMs(run: FleetRun, look: NextLook): number | null {
  if (look.kind === 'none') return null;
  const at = look.kind === 'at' ? look.at : look.by;
  // The worker that plans may be a little behind the server that wakes: not asked again and again meanwhile.
  const untilMs = at === null ? Infinity : Math.max(CLOCKS_APART_MS, msBetween(workflowNow(), at));
  return look.kind === 'at' ? untilMs : Math.min(run.outsideWaitMs, untilMs);
}

/** Never while it is being aborted: a cancel must reach its end in the run that was cancelled. */
function mustContinueAsNew(run: FleetRun): boolean {
  if (run.state.aborting !== null || run.state.outcome !== null) return false;
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > HISTORY_EVENTS_MAX;
}

async function finish(run: FleetRun, definition: RunDefinition): Promise<FleetUpgradeResult> {
  const outcome = outcomeOf(run.state);
  apply(run, { kind: 'ended', outcome });
  const { cluster } = definition;
  const report = reportAt(run.state, run.scope, run.ids, run.state.endedAt ?? run.state.startedAt);
  if (report !== null) {
    const recorded = closing.recordReport({ run: run.identity, report });
    await recorded.then(
      (digest) => apply(run, { kind: 'reportRecorded', digest }),
      // The result then says null: the report can still be read by the query until retention ends.
      (error: unknown) => apply(run, { kind: 'recordLost', what: 'the report', why: failureText(error) }),
    );
  }
  await reaping.reapOldRootVolumes({ cluster }).catch(() => undefined);
  await closing.releaseCluster({ cluster, run: run.identity }).catch(() => undefined);
  await tellTheEnd(fleetTeller(run));
  await condition(() => run.commands.length === 0 && !run.sending && allHandlersFinished());
  if (run.state.aborting?.kind === 'cancel') throw new CancelledFailure('cancelled; its report is recorded');
  return { outcome, counts: statusOf(run.state, run.ids).counts, report: run.state.reportDigest };
}
