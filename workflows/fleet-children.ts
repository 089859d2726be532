// A run's children: started, watched, handed over to the next run when this one continues as new.
// Must never lose one: each end arrives as a result, as a signal, or is looked up.
import {
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
  WorkflowExecutionAlreadyStartedError,
} from '@temporalio/common';
import {
  ParentClosePolicy,
  allHandlersFinished,
  condition,
  getExternalWorkflowHandle,
  startChild,
} from '@temporalio/workflow';
import type { ChildWorkflowHandle } from '@temporalio/workflow';
import type { NodeUpgradeResult } from '../activities/api.ts';
import { planning } from './activity-calls.ts';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import type { NodeRun } from './inputs.ts';
import { nodeControlSignal } from './messages.ts';
import type { ActiveChild } from '../domain/machines/fleet-state.ts';
import type { NodeStep } from '../domain/plan.ts';
import { own } from '../domain/own.ts';

type NodeWorkflow = (input: unknown, run: NodeRun) => Promise<NodeUpgradeResult>;

/** Starts everything that is ready; the machine holds the slots before any child exists. */
export async function startReady(run: FleetRun): Promise<void> {
  const steps = run.state.ready.map(({ step }) => step);
  const starting = steps.map(async (step) => {
    const childId = `${run.ids.workflowId}/node/${step.node}`;
    // The start of the one before may have found that an approval is void.
    if (!run.state.ready.some((one) => one.step.node === step.node)) return;
    const move = apply(run, { kind: 'nodeStarted', step, childId });
    if (move.kind === 'moved' && Object.hasOwn(run.state.active, step.node))
      await startOne(run, step, childId);
  });
  await Promise.all(starting);
}

async function startOne(run: FleetRun, step: NodeStep, workflowId: string): Promise<void> {
  const { definition } = run.state;
  if (definition === null) return;
  const { firstExecutionRunId: parentFirstRunId, workflowId: parentId } = run.ids;
  const release = step.release.name;
  const nodeRun: NodeRun = {
    kind: 'child',
    run: run.identity,
    cluster: definition.cluster,
    grant: { parentId, parentFirstRunId, childId: workflowId },
    step,
  };
  const input = { fleet: definition.fleet, cluster: definition.cluster.name, node: step.node, release };
  run.starting.add(workflowId);
  try {
    const handle = await startChild<NodeWorkflow>('nodeUpgrade', {
      workflowId,
      args: [input, nodeRun],
      // The child outlives its parent on purpose: it finds out by its grant, and ends what it has begun.
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: `${step.node}: ${step.from ?? 'unknown release'} → ${release}`,
    });
    void watch(run, step, handle);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    const why = `a child of an earlier run, ${workflowId}, is still at work on it: wait for its end, or cancel it`;
    apply(run, { kind: 'startRefused', node: step.node, why });
  } finally {
    run.starting.delete(workflowId);
  }
}

async function watch(
  run: FleetRun,
  step: NodeStep,
  handle: ChildWorkflowHandle<NodeWorkflow>,
): Promise<void> {
  const { node, attempt, drain } = step;
  try {
    const { outcome } = await handle.result();
    apply(run, { kind: 'nodeEnded', node, attempt, ...goOf(drain), outcome });
  } catch (error) {
    const child = own(run.state.active, node);
    if (child !== undefined) endAbruptly(run, { ...child, attempt, ...goOf(drain) }, abruptEndText(error));
  }
}

/** Which go of its attempt it was: a deferred one comes again. */
function goOf({ deferrals }: { deferrals?: number }): { deferrals?: number } {
  return deferrals === undefined ? {} : { deferrals };
}

function endAbruptly(run: FleetRun, child: ActiveChild, how: string): void {
  const why = `${how} while it was ${child.state}: look at the node (refit nodes, kubectl describe node), then retry or skip it`;
  const outcome = { kind: 'failed' as const, at: child.state, why, nodeEmpty: false };
  const { node, attempt } = child;
  apply(run, { kind: 'nodeEnded', node, attempt, ...goOf(child), outcome });
}

function abruptEndText(error: unknown): string {
  const cause = error instanceof ChildWorkflowFailure ? error.cause : error;
  if (cause instanceof TerminatedFailure) return 'its workflow was terminated';
  if (cause instanceof TimeoutFailure) return 'its workflow timed out';
  return `its workflow failed (${cause instanceof Error ? cause.message : String(cause)})`;
}

/** Looks at the children that an earlier run started: one that was terminated never reports. */
export async function collectAdopted(run: FleetRun): Promise<void> {
  const adopted = Object.values(run.state.active).filter((child) => child.adopted);
  if (adopted.length === 0) return;
  const states = await planning
    .collectChildren({ children: adopted.map(({ childId }) => childId) })
    .catch(() => []);
  for (const found of states) {
    const child = adopted.find(({ childId }) => childId === found.childId);
    if (child === undefined || found.kind === 'open' || own(run.state.active, child.node) === undefined)
      continue;
    const { result } = found;
    if (result === null) {
      endAbruptly(run, child, `its workflow is ${found.status.toLowerCase()} without a result`);
      continue;
    }
    const { attempt, outcome } = result;
    apply(run, { kind: 'nodeEnded', node: child.node, attempt, ...goOf(result), outcome });
  }
}

/**
 * Ends this run of the workflow: its next self knows everything, and every child knows where to report.
 * Returns only when the run was aborted meanwhile: that ends in the run in which it was said.
 */
export async function handOver(run: FleetRun): Promise<void> {
  const children = Object.values(run.state.active).filter((child) => !child.adopted);
  const told = await Promise.all(children.map((child) => tellToReport(child)));
  // One that could not be told has ended: its result is on its way to this very run.
  const untold = children.filter((_, index) => told[index] === false);
  const isGone = ({ node, attempt }: ActiveChild) => own(run.state.active, node)?.attempt !== attempt;
  const settled = () =>
    run.commands.length === 0 && !run.sending && allHandlersFinished() && untold.every(isGone);
  await condition(() => settled() || run.state.aborting !== null);
  if (run.state.aborting !== null) return;
  apply(run, { kind: 'handedOver' });
  await run.continueAsNew({ kind: 'carried', state: run.state });
}

async function tellToReport(child: ActiveChild): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(child.childId).signal(nodeControlSignal, { kind: 'reportEnd' });
    return true;
  } catch {
    return false;
  }
}
