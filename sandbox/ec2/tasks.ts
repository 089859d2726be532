// Takes root-volume tasks from request to end: checks them, keeps them idempotent by their token, and does
// what each state brings when its time has come, also after a restart of the front.
import { randomBytes } from 'node:crypto';
import { appliesTo, faultOf } from '../faults/fault-file.ts';
import type { Fault } from '../faults/fault-file.ts';
import type { FrontState } from './front-state.ts';
import type { MachineEvent, Pace } from './machine.ts';
import { rootVolumeIdOf } from './moto.ts';
import type { Moto } from './moto.ts';
import { checkPreconditions, checkRequest } from './preconditions.ts';
import type { RootFacts } from './preconditions.ts';
import { Ec2Refusal, filtersOf, flag, groupsOf, listOf, tagsFor } from './query-protocol.ts';
import type { Filter, Parameters } from './query-protocol.ts';
import { fingerprint, isOpen, planTask, renderTask } from './root-volume-task.ts';
import type { RootVolumeTask, TaskOutcome, TaskRequest } from './root-volume-task.ts';

const PAGE_MAX = 50;

export interface TaskContext {
  state: FrontState;
  moto: Moto;
  pace: Pace;
  faults: () => readonly Fault[];
  /** The instance's state as callers are shown it. */
  shownState: (instanceId: string, motoState: string) => string;
}

export interface Tasks {
  create(parameters: Parameters): Promise<{ content: Record<string, unknown>; taskId: string }>;
  describe(parameters: Parameters): Record<string, unknown>;
  /** Enters every state whose time has come. */
  advance(now: number): Promise<void>;
}

function outcomeFor(faults: readonly Fault[], instanceId: string): TaskOutcome {
  const detached = faultOf(faults, 'task-fails-detached');
  if (detached !== undefined && appliesTo(detached.instances, instanceId)) return 'failed-detached';
  const fails = faultOf(faults, 'task-fails');
  return fails !== undefined && appliesTo(fails.instances, instanceId) ? 'failed' : 'succeeded';
}

function slowMsFor(faults: readonly Fault[], instanceId: string): number | undefined {
  const slow = faultOf(faults, 'slow-reimage');
  return slow !== undefined && appliesTo(slow.instances, instanceId) ? slow.seconds * 1000 : undefined;
}

/** Its next state is due; the work of a slow one only when its time is over, or the fault is gone. */
function isDue(task: RootVolumeTask, now: number, faults: () => readonly Fault[]): boolean {
  if ((task.ahead[0]?.at ?? Infinity) > now) return false;
  if (task.state !== 'in-progress' || task.heldUntil === undefined || task.heldUntil <= now) return true;
  return slowMsFor(faults(), task.instanceId) === undefined;
}

function requestOf(parameters: Parameters): TaskRequest {
  return {
    instanceId: parameters['InstanceId'] ?? '',
    imageId: parameters['ImageId'] ?? null,
    deleteReplaced: flag(parameters, 'DeleteReplacedRootVolume'),
    tags: tagsFor(parameters, 'replace-root-volume-task'),
  };
}

function checkTagTypes(parameters: Parameters): void {
  for (const { ResourceType } of groupsOf(parameters, 'TagSpecification')) {
    if (ResourceType === 'replace-root-volume-task') continue;
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `'${String(ResourceType)}' is not a valid taggable resource type for this operation.`,
    );
  }
}

function known(o: TaskContext, request: TaskRequest, token: string | null): RootVolumeTask | undefined {
  const task = token === null ? undefined : o.state.tasks.find((t) => t.clientToken === token);
  if (task === undefined || fingerprint(task) === fingerprint(request)) return task;
  throw new Ec2Refusal(
    'IdempotentParameterMismatch',
    'The client token you have provided is associated with a resource that is different from the one specified in the request',
  );
}

async function collectRootFacts(o: TaskContext, request: TaskRequest): Promise<RootFacts> {
  const instance = await o.moto.instance(request.instanceId);
  const volumeId = instance === undefined ? undefined : rootVolumeIdOf(instance);
  const volume = volumeId === undefined ? undefined : await o.moto.volume(volumeId);
  return {
    instance,
    rootVolume: volumeId === undefined ? undefined : { volumeId, sizeGib: volume?.Size ?? 0 },
    // Without an image the root goes back to what the instance was launched from.
    image: await o.moto.image(request.imageId ?? instance?.ImageId ?? ''),
  };
}

async function create(o: TaskContext, parameters: Parameters): Promise<RootVolumeTask> {
  const request = requestOf(parameters);
  const clientToken = parameters['ClientToken'] ?? null;
  checkRequest(request, { clientToken, snapshotId: parameters['SnapshotId'] ?? null });
  checkTagTypes(parameters);
  const before = known(o, request, clientToken);
  if (before !== undefined) return before;
  const facts = await collectRootFacts(o, request);
  // From here on nothing waits: of two requests side by side, the second one finds the first one's task.
  const meanwhile = known(o, request, clientToken);
  if (meanwhile !== undefined) return meanwhile;
  const { image, rootVolume } = checkPreconditions(request, facts, {
    state: o.shownState(request.instanceId, facts.instance?.State?.Name ?? 'terminated'),
    openTaskId: o.state.tasks.find((t) => t.instanceId === request.instanceId && isOpen(t))?.taskId,
  });
  if (flag(parameters, 'DryRun')) {
    throw new Ec2Refusal('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
  }
  const now = Date.now();
  const faults = o.faults();
  const ofInstance = o.state.tasks.filter((t) => t.instanceId === request.instanceId).length;
  const slowMs = slowMsFor(faults, request.instanceId);
  const task: RootVolumeTask = {
    ...request,
    taskId: `replacevol-${randomBytes(9).toString('hex').slice(0, 17)}`,
    clientToken,
    laidImageId: image.ImageId ?? '',
    oldVolumeId: rootVolume.volumeId,
    state: 'pending',
    startedAt: new Date(now).toISOString(),
    completedAt: null,
    ahead: planTask({
      now,
      ...o.pace,
      key: `${request.instanceId}/${String(ofInstance)}`,
      outcome: outcomeFor(faults, request.instanceId),
    }),
    ...(slowMs === undefined ? {} : { heldUntil: now + slowMs }),
  };
  o.state.addTask(task);
  return task;
}

function matches(task: RootVolumeTask, filter: Filter): boolean {
  if (filter.name === 'instance-id') return filter.values.includes(task.instanceId);
  if (filter.name === 'tag-key') return filter.values.some((key) => key in task.tags);
  if (filter.name.startsWith('tag:')) {
    return filter.values.includes(task.tags[filter.name.slice('tag:'.length)] ?? '');
  }
  throw new Ec2Refusal('InvalidParameterValue', `The filter '${filter.name}' is invalid`);
}

function describe(o: TaskContext, parameters: Parameters): Record<string, unknown> {
  const ids = listOf(parameters, 'ReplaceRootVolumeTaskId');
  const unknown = ids.find((id) => !o.state.tasks.some((task) => task.taskId === id));
  if (unknown !== undefined) {
    throw new Ec2Refusal(
      'InvalidReplaceRootVolumeTaskId.NotFound',
      `The replace root volume task ID '${unknown}' does not exist`,
    );
  }
  const filters = filtersOf(parameters);
  const found = o.state.tasks.filter(
    (task) =>
      (ids.length === 0 || ids.includes(task.taskId)) && filters.every((filter) => matches(task, filter)),
  );
  const from = Number(parameters['NextToken'] ?? '0');
  const asked = Number(parameters['MaxResults'] ?? String(PAGE_MAX));
  const size = ids.length > 0 ? found.length : Math.min(asked, PAGE_MAX);
  const page = found.slice(from, from + size);
  const next = from + size < found.length ? { nextToken: String(from + size) } : {};
  const set = page.length === 0 ? {} : { item: page.map(renderTask) };
  return { replaceRootVolumeTaskSet: set, ...next };
}

async function enter(o: TaskContext, task: RootVolumeTask): Promise<void> {
  const now = Date.now();
  const next = task.ahead[0];
  if (next === undefined) return;
  const tell = (event: MachineEvent): void => o.state.tellMachine(task.instanceId, event);
  switch (next.state) {
    case 'in-progress':
      tell({ kind: 'replacementBegan' });
      break;
    case 'succeeded':
      await o.moto.replaceRoot({
        instanceId: task.instanceId,
        oldVolumeId: task.oldVolumeId,
        deleteOld: task.deleteReplaced,
      });
      tell({ kind: 'rootReplaced', imageId: task.laidImageId, now });
      break;
    case 'failed':
      tell({ kind: 'rootRestored', now });
      break;
    case 'failed-detached':
      await o.moto.detachRoot(task.instanceId);
      tell({ kind: 'rootLost' });
      break;
    case 'pending':
    case 'failing':
      break;
  }
  const ahead = task.ahead.slice(1);
  const completedAt = ahead.length === 0 ? new Date(now).toISOString() : null;
  o.state.setTask({ ...task, state: next.state, ahead, completedAt });
}

export function createTasks(o: TaskContext): Tasks {
  return {
    create: async (parameters) => {
      const task = await create(o, parameters);
      return { content: { replaceRootVolumeTask: renderTask(task) }, taskId: task.taskId };
    },
    describe: (parameters) => describe(o, parameters),
    advance: async (now) => {
      for (const { taskId } of o.state.tasks.filter((t) => isDue(t, now, o.faults))) {
        const task = o.state.tasks.find((t) => t.taskId === taskId);
        if (task !== undefined) await enter(o, task);
      }
    },
  };
}
