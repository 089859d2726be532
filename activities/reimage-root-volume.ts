// Reimage by a root-volume task: find the task of this attempt, else begin it, then follow it to its end.
// Must never begin a task without its token, nor while another is open on the instance.
import { PortError } from '../adapters/ports/errors.ts';
import type { RootVolumeTask } from '../adapters/ports/instances.ts';
import { CLIENT_TOKEN_TAG, judgeTasks, whyDetached } from '../domain/reimage/root-volume-tasks.ts';
import type { NodeActivityInput, ReimageResult } from './api.ts';
import { Context } from '@temporalio/activity';
import { clientTokenOf, toTagValue } from './attempt-token.ts';
import { promptly } from './attempt.ts';
import type { Waiting } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyNotBegin } from './reimage-begin.ts';
import { tellState } from './tell-state.ts';

type RootVolumeInput = NodeActivityInput & { deadline: string };

/**
 * What a later attempt of the activity resumes from: EC2 may not show a new task for some seconds. `told`: the
 * run knows that its node is being reimaged; a worker that died in between leaves that to the next one.
 */
type Note = { taskId: string; told: boolean };

export async function replaceRootVolume(
  deps: ActivityDeps,
  o: RootVolumeInput,
  beat: (note: Note) => void,
): Promise<ReimageResult | Waiting> {
  const { provider } = o.cluster;
  const noted = parseNote(Context.current().info.heartbeatDetails);
  if (noted !== undefined) {
    const task = await promptly(deps.instances.collectTask(provider, noted.taskId));
    if (task === undefined) return { kind: 'waiting', why: `EC2 does not show ${noted.taskId} yet` };
    await tellOnce(deps, o, { note: noted, beat });
    return follow(deps, o, task);
  }
  const clientToken = clientTokenOf(deps.namespace, o);
  const tasks = await promptly(deps.instances.collectTasks(provider, o.step.instanceId));
  const judged = judgeTasks(tasks, clientToken);
  if (judged.kind === 'unsafe') return judged;
  if (judged.kind === 'ours') {
    await tellOnce(deps, o, { note: { taskId: judged.task.taskId, told: false }, beat });
    return follow(deps, o, judged.task);
  }
  const obstacle = await whyNotBegin(deps, o);
  if (obstacle !== undefined) return obstacle;
  return begin(deps, o, { clientToken, beat });
}

async function begin(
  deps: ActivityDeps,
  o: RootVolumeInput,
  { clientToken, beat }: { clientToken: string; beat: (note: Note) => void },
): Promise<ReimageResult | Waiting> {
  const { step, run } = o;
  try {
    const task = await deps.instances.ensureRootVolumeTask(o.cluster.provider, {
      instanceId: step.instanceId,
      imageId: step.release.imageId,
      clientToken,
      deleteReplaced: step.reimage.oldRootVolume.kind === 'delete',
      // The same on every try: EC2 refuses a token that comes with other parameters.
      tags: {
        [CLIENT_TOKEN_TAG]: clientToken,
        'refit.dev/owner': toTagValue(run.owner),
        'refit.dev/node': toTagValue(step.node),
        'refit.dev/attempt': String(step.attempt),
      },
    });
    await tellOnce(deps, o, { note: { taskId: task.taskId, told: false }, beat });
    return await follow(deps, o, task);
  } catch (error) {
    if (error instanceof PortError && (error.kind === 'invalid' || error.kind === 'notFound')) {
      return { kind: 'unsafe', why: `EC2 refused the root-volume task: ${error.message}` };
    }
    throw error;
  }
}

async function tellOnce(
  deps: ActivityDeps,
  o: RootVolumeInput,
  { note, beat }: { note: Note; beat: (note: Note) => void },
): Promise<void> {
  // The task's id goes first: it must outlive a worker that dies while it tells.
  beat(note);
  if (!note.told) beat({ ...note, told: await tellState(deps.runs, o, 'reimaging') });
}

/** What the task's state means; a state that is not final is looked at again later. */
async function follow(
  deps: ActivityDeps,
  o: RootVolumeInput,
  task: RootVolumeTask,
): Promise<ReimageResult | Waiting> {
  const { step } = o;
  const { taskId, state } = task;
  switch (state) {
    case 'pending':
    case 'in-progress':
    case 'failing':
      return { kind: 'waiting', why: `root-volume task ${taskId} is ${state}` };
    case 'failed':
      return {
        kind: 'taskFailed',
        state,
        why: `root-volume task ${taskId} failed; the old root volume is still attached. Retry the node, or skip it`,
      };
    case 'failed-detached':
      return { kind: 'unsafe', why: whyDetached(task) };
    case 'succeeded': {
      if (task.imageId !== null && task.imageId !== step.release.imageId) {
        const why = `root-volume task ${taskId} laid ${task.imageId}, ${step.release.imageId} was meant`;
        return { kind: 'unsafe', why };
      }
      await markOldRootVolume(deps, o, task);
      const oldRootVolumeId = step.before.rootVolumeId;
      return { kind: 'reimaged', taskId, oldRootVolumeId, startedAt: task.startedAt };
    }
  }
}

async function markOldRootVolume(
  deps: ActivityDeps,
  o: RootVolumeInput,
  task: RootVolumeTask,
): Promise<void> {
  const { rootVolumeId } = o.step.before;
  const { oldRootVolume } = o.step.reimage;
  if (rootVolumeId === null || oldRootVolume.kind === 'delete') return;
  // Counted from the task, not from now: doing it again writes the same time.
  const replacedAtMs = Date.parse(task.completedAt ?? task.startedAt);
  const mark = {
    volumeId: rootVolumeId,
    deleteAfter: new Date(replacedAtMs + oldRootVolume.forMs).toISOString(),
    owner: toTagValue(o.run.owner),
  };
  await deps.instances.tagOldRootVolume(o.cluster.provider, mark).catch((error: unknown) => {
    // Somebody has deleted it already: nothing is left that could cost.
    if (!(error instanceof PortError) || error.kind !== 'notFound') throw error;
  });
}

function parseNote(details: unknown): Note | undefined {
  if (typeof details !== 'object' || details === null || !('taskId' in details)) return undefined;
  const told = 'told' in details && details.told === true;
  return typeof details.taskId === 'string' ? { taskId: details.taskId, told } : undefined;
}
