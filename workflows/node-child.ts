// Takes one node through, for a run that granted it: asks the machine what comes next, does it, tells the
// machine what happened. Every choice is the machine's (domain/machines/node.ts). Must never act after
// its run said stop, save for finishing a node whose old root is gone.
import {
  CancellationScope,
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import type { NodeActivityInput, NodeUpgradeResult, OfReplacement } from '../activities/api.ts';
import {
  cordoning,
  draining,
  failureText,
  firstLocally,
  holding,
  polling,
  shortLocally,
  undoing,
} from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import { renderNodeDetails } from './details.ts';
import { hasShape } from './inputs.ts';
import { recordHistory } from './node-history.ts';
import type { NodeRun } from './inputs.ts';
import { nodeAnswerSignal, nodeControlSignal, nodeEndedSignal, nodeProgressSignal } from './messages.ts';
import type { NodeControl } from '../domain/machines/child-messages.ts';
import { timeAfter } from '../domain/machines/clock-math.ts';
import { GRANT_FAILED_WAIT_MS, awaitPerson } from './node-asking.ts';
import { replaceNode } from './node-replacement.ts';
import { isTooLate, whyTooLate } from '../domain/machines/fleet-hours.ts';
import { newNodeWay, nextStep, transition } from '../domain/machines/node.ts';
import type { NodeMove } from '../domain/machines/node.ts';
import type { NextNodeStep, NodeEvent, NodeWay } from '../domain/machines/node-types.ts';
import { isDrainProgress, isNodeControl } from '../domain/parse/child-messages.ts';

/** An event without what `drive` and `apply` add: its time, and of a failed step which one it was. */
type Happened = NodeEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at' | 'of'> : never) : never;

type Child = {
  run: NodeRun;
  way: NodeWay;
  startedAt: string;
  /** The step at work that a wish cuts short: a drain, or one for a replacement; null: it goes to its end. */
  stepScope: CancellationScope | null;
  /** Counts "the run goes on": one that came while an activity was being refused must not be lost. */
  nudges: number;
  nudgesSeen: number;
  reportEnd: boolean;
};

export async function takeNodeThrough(run: NodeRun): Promise<NodeUpgradeResult> {
  const child: Child = {
    run,
    way: newNodeWay(run.step),
    startedAt: workflowNow(),
    stepScope: null,
    nudges: 0,
    nudgesSeen: 0,
    reportEnd: false,
  };
  setHandler(nodeControlSignal, async (control) => {
    // The name is open to anybody: what is no control changes nothing, and must not hold the node.
    if (isNodeControl(control)) await onControl(child, control);
  });
  setHandler(nodeProgressSignal, (report) => {
    if (!hasShape(report, { progress: 'object' }) || !isDrainProgress(report.progress)) return;
    apply(child, { kind: 'progressed', progress: report.progress });
  });
  // `temporal workflow cancel` of the child means abort; its way back cannot be cancelled.
  CancellationScope.current().cancelRequested.catch(() => {
    wish(child, { kind: 'abortAsked', why: 'its workflow was cancelled' });
  });
  return await CancellationScope.nonCancellable(() => drive(child));
}

async function drive(child: Child): Promise<NodeUpgradeResult> {
  for (;;) {
    const next = nextStep(child.way.state);
    setCurrentDetails(renderNodeDetails(child.way));
    if (next.kind === 'end') {
      // By the attempt that its run has begun: a retry in between is known to it by that.
      const { node, attempt, drain } = child.run.step;
      const history = await recordHistory(child, next.outcome);
      await condition(allHandlersFinished);
      const goes = drain.deferrals === undefined ? {} : { deferrals: drain.deferrals };
      const result = { node, attempt, ...goes, outcome: next.outcome, history };
      if (child.reportEnd) await reportEnd(child, result);
      return result;
    }
    // Not while it waits for a word: one that came with the refusal itself is the very one it waits for.
    if (next.kind !== 'awaitGrant') child.nudgesSeen = child.nudges;
    const of = child.way.state.kind;
    const happened = await perform(child, next).catch((error: unknown): Happened => {
      return { kind: 'stepFailed', why: failureText(error) };
    });
    if (happened !== undefined) apply(child, happened, of);
  }
}

function apply(child: Child, happened: Happened, of = child.way.state.kind): NodeMove {
  const move = transition(child.way, { ...happened, of, at: workflowNow() } as NodeEvent);
  if (move.kind === 'moved') child.way = move.way;
  // A rejected happening is one that a wish has overtaken: the drain that ended after a skip, say.
  return move;
}

/** What is done for each step; undefined when the world moved on in the meantime. */
async function perform(child: Child, next: NextNodeStep): Promise<Happened | undefined> {
  switch (next.kind) {
    case 'cordon':
      if (child.way.state.kind === 'waiting' && isTooLate(child.way.step, workflowNow()))
        return tooLate(child);
      return await firstLocally(
        () => shortLocally.cordonNode(inputOf(child)),
        () => cordoning.cordonNode(inputOf(child)),
      );
    case 'awaitGrant':
      return await awaitGrant(child);
    case 'drain':
      return await drain(child, next);
    case 'awaitForce':
    case 'awaitCapacity':
    case 'awaitRelaunch':
      return await awaitPerson(next, {
        step: child.run.step,
        input: inputOf(child),
        state: () => child.way.state,
        tell: (send) => toParent(child, send),
      });
    case 'reimage':
      return await reimage(child, next.until);
    case 'awaitRejoined':
      return await rejoin(child, next);
    case 'burnIn':
      // Fails closed: no policy can ask for it yet (schemas refuse it by name), so nothing may pass it.
      return { kind: 'stepFailed', why: 'burn-in was asked for, which this version cannot do' };
    case 'verify':
      return await cutShort(child, () => verify(child, next));
    case 'soak':
      return await cutShort(child, () => soak(child, next));
    case 'launch':
      if (isTooLate(child.way.step, workflowNow())) return tooLate(child);
      return await cutShort(child, () => replaceNode(inputOf(child), next, child.way.facts));
    case 'awaitJoined':
    case 'terminate':
    case 'removeReplacement':
    case 'checkRoom':
    case 'giveUp':
    case 'awaitTerminated':
    case 'launchInPlace':
      return await cutShort(child, () => replaceNode(inputOf(child), next, child.way.facts));
    case 'uncordon': {
      const input = { ...inputOf(child), ...ofReplacement(child) };
      const answer = await firstLocally(
        () => shortLocally.uncordonNode(input),
        () => undoing.uncordonNode(input),
      );
      return { kind: 'uncordoned', ...answer };
    }
    case 'putBack': {
      const input = { ...inputOf(child), why: next.why };
      const answer = await firstLocally(
        () => shortLocally.putBackNode(input),
        () => undoing.putBackNode(input),
      );
      return { kind: 'wasPutBack', ...answer };
    }
    case 'end':
      return undefined;
  }
}

function tooLate({ way }: Child): Happened {
  return { kind: 'cameTooLate', why: whyTooLate(way.step, workflowNow()).text };
}

/** What follows is about the new node; for one that keeps its instance nothing is added. */
function ofReplacement({ way }: Child): OfReplacement {
  const { replacement } = way.facts;
  return replacement === undefined ? {} : { replacement: { node: replacement.node, uid: replacement.uid } };
}

/** Undefined when a wish has moved the node on while the step was at work. */
async function cutShort(
  child: Child,
  work: () => Promise<Happened | undefined>,
): Promise<Happened | undefined> {
  const scope = new CancellationScope();
  const { state } = child.way;
  child.stepScope = scope;
  try {
    return await scope.run(work);
  } catch (error) {
    if (child.way.state !== state) return undefined;
    throw error;
  } finally {
    child.stepScope = null;
  }
}

async function drain(
  child: Child,
  { until, force }: NextNodeStep & { kind: 'drain' },
): Promise<Happened | undefined> {
  const scope = new CancellationScope();
  child.stepScope = scope;
  try {
    const input = { ...inputOf(child), deadline: until, ...(force === undefined ? {} : { force }) };
    const node = child.way.step.node;
    const result = await scope.run(() => draining({ node, deadline: until }).drainNode(input));
    switch (result.kind) {
      case 'drained':
        return { kind: 'drained', evicted: result.evicted };
      case 'timedOut':
        return { ...result, kind: 'drainTimedOut', why: lateText(until, result.why) };
      case 'unsafe':
        return { kind: 'stepFailed', why: result.why };
      case 'cancelled':
        return undefined;
      case 'forceOutdated':
      case 'withheld':
        return result;
    }
  } catch (error) {
    // Cancelled by a wish: the machine has moved on already.
    if (child.way.state.kind !== 'draining') return undefined;
    throw error;
  } finally {
    child.stepScope = null;
  }
}

function lateText(until: string, why: string | undefined): string {
  return why === undefined ? `not empty by ${until}` : `not empty by ${until}; last: ${why}`;
}

async function reimage(child: Child, until: string): Promise<Happened> {
  const node = child.way.step.node;
  const result = await polling({ node, deadline: until }).reimageNode({ ...inputOf(child), deadline: until });
  switch (result.kind) {
    case 'reimaged':
    case 'occupied':
    case 'withheld':
      return result;
    case 'taskFailed':
      return { kind: 'stepFailed', why: `root-volume task ${result.state}: ${result.why}` };
    case 'timedOut':
    case 'unsafe':
      return { kind: 'stepFailed', why: result.why };
  }
}

async function rejoin(child: Child, o: { until: string; reimagedAt: string }): Promise<Happened> {
  const input = { ...inputOf(child), deadline: o.until, since: o.reimagedAt };
  const result = await polling({ node: child.way.step.node, deadline: o.until }).awaitRejoined(input);
  if (result.kind === 'rejoined') return { kind: 'rejoined', bootId: result.bootId, burnIn: false };
  return { kind: 'stepFailed', why: result.why };
}

async function verify(
  child: Child,
  o: { until: string; reimagedAt: string; bootId: string },
): Promise<Happened> {
  const boot = { deadline: o.until, since: o.reimagedAt, bootId: o.bootId };
  const input = { ...inputOf(child), ...ofReplacement(child), ...boot };
  const result = await polling({ node: child.way.step.node, deadline: o.until }).verifyNode(input);
  if (result.kind === 'failed') return { kind: 'verifyFailed', evidence: result.evidence, why: result.why };
  return { kind: 'verified', evidence: result.evidence };
}

/** The last look may be late by as long as a verification may take: a worker that was away is no bad node. */
async function soak(
  child: Child,
  { until, reimagedAt, bootId }: { until: string; reimagedAt: string; bootId: string },
): Promise<Happened> {
  const { node, rejoinTimeoutMs } = child.way.step;
  const deadline = timeAfter(until, rejoinTimeoutMs);
  const boot = { deadline, until, since: reimagedAt, bootId };
  const input = { ...inputOf(child), ...ofReplacement(child), ...boot };
  const result = await polling({ node, deadline }).soakNode(input);
  if (result.kind === 'failed') return { kind: 'verifyFailed', evidence: result.evidence, why: result.why };
  return { kind: 'soaked' };
}

/** Ends by the run's word, by a wish, or by the activity that asks for the grant in case that word got lost. */
async function awaitGrant(child: Child): Promise<Happened | undefined> {
  const { kind } = child.way.state;
  const moved = () => child.way.state.kind !== kind;
  const asking = new CancellationScope();
  let answered = false;
  const ask = async () => {
    try {
      await holding(child.way.step.node).awaitGrant(inputOf(child));
    } catch {
      await sleep(GRANT_FAILED_WAIT_MS, { summary: 'its grant could not be asked for' });
    }
    answered = true;
  };
  // Cancelled once it is not needed any more.
  asking.run(ask).catch(() => undefined);
  await condition(() => moved() || answered || child.nudges > child.nudgesSeen);
  asking.cancel();
  return moved() ? undefined : { kind: 'resumed' };
}

function wish(child: Child, happened: Happened): NodeMove {
  const move = apply(child, happened);
  if (move.kind === 'moved') child.stepScope?.cancel();
  return move;
}

async function onControl(child: Child, control: NodeControl): Promise<void> {
  switch (control.kind) {
    case 'nudge':
      child.nudges += 1;
      return;
    case 'reportEnd':
      child.reportEnd = true;
      return;
    case 'putBack':
      wish(child, { kind: 'putBackAsked', why: control.why });
      return;
    case 'abort':
      wish(child, { kind: 'abortAsked', why: control.why });
      return;
    case 'force':
      apply(child, { kind: 'forceApproved', ask: control.ask, by: control.by });
      return;
    case 'noForce':
      apply(child, { kind: 'forceRejected', ask: control.ask, by: control.by, reason: control.reason });
      return;
    case 'mayLose':
      apply(child, { kind: 'capacityApproved', ask: control.ask, by: control.by });
      return;
    case 'mayNotLose':
      apply(child, { kind: 'capacityRejected', ask: control.ask, by: control.by, reason: control.reason });
      return;
    case 'relaunch':
      apply(child, { kind: 'relaunchAsked', attempt: control.attempt, by: control.by });
      return;
    case 'skip': {
      const move = wish(child, { kind: 'skipAsked', by: control.by, reason: control.reason });
      const answer = {
        node: child.way.step.node,
        askId: control.askId,
        accepted: move.kind === 'moved',
        why: move.kind === 'moved' ? move.text : move.why,
      };
      await toParent(child, (parent) => parent.signal(nodeAnswerSignal, answer));
    }
  }
}

async function reportEnd(child: Child, end: NodeUpgradeResult): Promise<void> {
  const parentFirstRunId = child.run.grant.parentFirstRunId;
  await toParent(child, (parent) => parent.signal(nodeEndedSignal, { parentFirstRunId, end }));
}

async function toParent(
  child: Child,
  send: (parent: ReturnType<typeof getExternalWorkflowHandle>) => Promise<void>,
): Promise<void> {
  try {
    await CancellationScope.nonCancellable(() => send(getExternalWorkflowHandle(child.run.grant.parentId)));
  } catch {
    // The run is gone: the child's own result and its node history say how it ended.
  }
}

function inputOf({ run, way }: Child): NodeActivityInput {
  return { cluster: run.cluster, run: run.run, grant: run.grant, step: way.step };
}
