// Keeps a node's way for good, when it has ended. Must never lose a node because nothing can be recorded.
import { firstLocally, recordingLocally, undoing } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import type { NodeRun } from './inputs.ts';
import type { NodeWay } from '../domain/machines/node-types.ts';
import type { NodeHistory } from '../domain/report.ts';

/** The record's digest; null when it could not be written. */
export async function recordHistory(
  { run, way, startedAt }: { run: NodeRun; way: NodeWay; startedAt: string },
  outcome: NodeHistory['outcome'],
): Promise<string | null> {
  const { step, facts, trail } = way;
  const history: NodeHistory = {
    workflowId: run.run.workflowId,
    node: step.node,
    uid: step.uid,
    pool: step.pool,
    instanceId: step.instanceId,
    attempt: step.attempt,
    from: step.from,
    to: step.release.name,
    startedAt,
    endedAt: workflowNow(),
    transitions: trail,
    outcome,
    ...facts,
  };
  const input = { run: run.run, history };
  try {
    return await firstLocally(
      () => recordingLocally.recordNode(input),
      () => undoing.recordNode(input),
    );
  } catch {
    // A node is not lost because a disk is full: the result still tells its outcome, without a digest.
    return null;
  }
}
