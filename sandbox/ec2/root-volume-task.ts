// A root-volume task from its birth to its end, as data: which state it enters when. Pure.
//
//   pending → in-progress → succeeded
//                         → failing → failed            the old root is back, and the instance boots it
//                                   → failed-detached   the instance has no root at all
import { between } from '../chance.ts';

const openStates = ['pending', 'in-progress', 'failing'] as const;
export type TaskState = (typeof openStates)[number] | 'succeeded' | 'failed' | 'failed-detached';

/** What was asked for, in the words of the request. */
export interface TaskRequest {
  instanceId: string;
  imageId: string | null;
  deleteReplaced: boolean;
  tags: Readonly<Record<string, string>>;
}

export interface RootVolumeTask extends TaskRequest {
  taskId: string;
  clientToken: string | null;
  /** The image that is laid, also where the request left it to the instance's own. */
  laidImageId: string;
  /** The root at the time of the request. */
  oldVolumeId: string;
  state: TaskState;
  startedAt: string;
  completedAt: string | null;
  /** What is still to come, soonest first; `at` in milliseconds since the epoch. */
  ahead: { state: TaskState; at: number }[];
  /** A fault holds its work until then, or until the fault is cleared. */
  heldUntil?: number;
}

export type TaskOutcome = 'succeeded' | 'failed' | 'failed-detached';

// Minutes on EC2; seconds here, so that somebody can watch a fleet go through it.
const PENDING_MS = { min: 200, max: 500 };
const WORK_MS = { min: 1_800, max: 3_500 };
const FAILING_MS = 400;

export function planTask(o: {
  now: number;
  seed: number;
  speed: number;
  key: string;
  outcome: TaskOutcome;
}): { state: TaskState; at: number }[] {
  const pending = between(PENDING_MS.min, PENDING_MS.max, o.seed, o.key, 'pending') * o.speed;
  const work = between(WORK_MS.min, WORK_MS.max, o.seed, o.key, 'work') * o.speed;
  const started = Math.round(o.now + pending);
  const worked = Math.round(started + work);
  const begin = { state: 'in-progress', at: started } as const;
  if (o.outcome === 'succeeded') return [begin, { state: 'succeeded', at: worked }];
  return [
    begin,
    { state: 'failing', at: worked },
    { state: o.outcome, at: Math.round(worked + FAILING_MS * o.speed) },
  ];
}

export function isOpen(task: { state: TaskState }): boolean {
  return (openStates as readonly TaskState[]).includes(task.state);
}

/** Two requests with one token must be this same thing. */
export function fingerprint(request: TaskRequest): string {
  const { instanceId, imageId, deleteReplaced, tags } = request;
  return JSON.stringify([instanceId, imageId, deleteReplaced, Object.entries(tags).sort()]);
}

/** In the form of DescribeReplaceRootVolumeTasks. */
export function renderTask(task: RootVolumeTask): Record<string, unknown> {
  const tags = Object.entries(task.tags).map(([key, value]) => ({ key, value }));
  return {
    replaceRootVolumeTaskId: task.taskId,
    instanceId: task.instanceId,
    taskState: task.state,
    startTime: task.startedAt,
    ...(task.completedAt === null ? {} : { completeTime: task.completedAt }),
    ...(task.imageId === null ? {} : { imageId: task.imageId }),
    deleteReplacedRootVolume: String(task.deleteReplaced),
    ...(tags.length === 0 ? {} : { tagSet: { item: tags } }),
  };
}
