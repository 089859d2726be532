// A cloud in memory: instances, images and root-volume tasks that move only when the test says so.
// A token gives the same task for ever, as EC2's does.
import type { PortError } from '../../adapters/ports/errors.ts';
import type { Instances, RootVolumeTask, TaskState } from '../../adapters/ports/instances.ts';
import type {
  ImageFacts,
  InstanceFacts,
  LaunchTemplateFacts,
  ReservationFacts,
} from '../../domain/inventory.ts';

export type FakeInstances = Instances & {
  instances: Map<string, InstanceFacts>;
  images: Map<string, ImageFacts>;
  tasks: RootVolumeTask[];
  /** By id or name. */
  templates: Map<string, LaunchTemplateFacts>;
  reservations: ReservationFacts[];
  /** Why nothing can be launched; null while it can. */
  noCapacity: string | null;
  /** Each change of the world that was asked for, in order. */
  changes: {
    method: 'ensureRootVolumeTask' | 'reboot' | 'tagOldRootVolume' | 'ensureInstance' | 'ensureTerminated';
    argument: unknown;
  }[];
  /** Volumes that the next reaping answers. */
  reapable: string[];
  /** Thrown by every method while set. */
  failure: PortError | null;
  moveTask(taskId: string, state: TaskState, completedAt?: string): void;
};

export function instanceFacts(changes: Partial<InstanceFacts> & { instanceId: string }): InstanceFacts {
  return {
    state: 'running',
    imageId: 'ami-old',
    architecture: 'x86_64',
    virtualizationType: 'hvm',
    bootMode: null,
    platform: 'Linux/UNIX',
    productCodes: [],
    instanceType: 'p5.48xlarge',
    rootDeviceType: 'ebs',
    rootVolumeId: `vol-${changes.instanceId}`,
    rootVolumeSizeGib: 100,
    rootVolumeCreatedAt: '2026-01-01T00:00:00.000Z',
    tags: {},
    subnetId: 'subnet-1',
    ...changes,
  };
}

export function imageFacts(changes: Partial<ImageFacts> & { imageId: string }): ImageFacts {
  return {
    architecture: 'x86_64',
    virtualizationType: 'hvm',
    bootMode: null,
    platform: 'Linux/UNIX',
    productCodes: [],
    rootDeviceType: 'ebs',
    rootVolumeSizeGib: 100,
    state: 'available',
    ...changes,
  };
}

export function templateFacts(changes: Partial<LaunchTemplateFacts> = {}): LaunchTemplateFacts {
  return {
    templateId: 'lt-1',
    version: '3',
    imageId: 'ami-new',
    instanceType: null,
    subnetId: null,
    namesInterfaces: false,
    ...changes,
  };
}

/** Room for one more, for instances as `instanceFacts` makes them in us-east-1a. */
export function reservationFacts(changes: Partial<ReservationFacts> = {}): ReservationFacts {
  return {
    reservationId: 'cr-1',
    instanceType: 'p5.48xlarge',
    zone: 'us-east-1a',
    platform: 'Linux/UNIX',
    tenancy: 'default',
    state: 'active',
    match: 'open',
    total: 8,
    available: 1,
    endsAt: null,
    special: null,
    ...changes,
  };
}

export function createFakeInstances(): FakeInstances {
  const byToken = new Map<string, RootVolumeTask>();
  const launchedBy = new Map<string, InstanceFacts>();
  const picked = <T>(from: Map<string, T>, ids: readonly string[]) =>
    Object.fromEntries(ids.flatMap((id) => (from.has(id) ? [[id, from.get(id) as T]] : [])));
  /** Runs `work` unless the fake is told to fail. */
  const answer = async <T>(work: () => T): Promise<T> => {
    if (fake.failure !== null) throw fake.failure;
    return await Promise.resolve(work());
  };
  const fake: FakeInstances = {
    instances: new Map(),
    images: new Map(),
    templates: new Map(),
    reservations: [],
    noCapacity: null,
    tasks: [],
    changes: [],
    reapable: [],
    failure: null,
    moveTask: (taskId, state, completedAt) => {
      const index = fake.tasks.findIndex((task) => task.taskId === taskId);
      const task = fake.tasks[index];
      if (task === undefined) throw new Error(`no task ${taskId}`);
      fake.tasks[index] = { ...task, state, completedAt: completedAt ?? task.completedAt };
    },
    collectInstances: (_provider, ids) => answer(() => picked(fake.instances, ids)),
    collectImages: (_provider, ids) => answer(() => picked(fake.images, ids)),
    collectTasks: (_provider, instanceId) =>
      answer(() => fake.tasks.filter((task) => task.instanceId === instanceId)),
    collectTask: (_provider, taskId) => answer(() => fake.tasks.find((task) => task.taskId === taskId)),
    ensureRootVolumeTask: (_provider, request) =>
      answer(() => {
        fake.changes.push({ method: 'ensureRootVolumeTask', argument: request });
        const known = byToken.get(request.clientToken);
        if (known !== undefined) return known;
        const task: RootVolumeTask = {
          taskId: `replacevol-${fake.tasks.length + 1}`,
          instanceId: request.instanceId,
          imageId: request.imageId,
          state: 'pending',
          startedAt: '2026-01-02T00:00:00.000Z',
          completedAt: null,
          tags: request.tags,
        };
        byToken.set(request.clientToken, task);
        fake.tasks.push(task);
        return task;
      }),
    collectTemplate: (_provider, { id, name }) => answer(() => fake.templates.get(id ?? name ?? '')),
    collectReservations: (_provider, { instanceTypes, zones }) =>
      answer(() =>
        fake.reservations.filter(
          ({ instanceType, zone }) => instanceTypes.includes(instanceType) && zones.includes(zone),
        ),
      ),
    collectReplacements: (_provider, instanceId) =>
      answer(() =>
        [...fake.instances.values()].filter(({ tags }) => tags['refit.dev/replaces'] === instanceId),
      ),
    ensureInstance: (_provider, request) =>
      answer(() => {
        fake.changes.push({ method: 'ensureInstance', argument: request });
        if (fake.noCapacity !== null) return { kind: 'noCapacity', why: fake.noCapacity };
        const known = launchedBy.get(request.clientToken);
        if (known !== undefined) return { kind: 'launched', instance: known };
        const instance = instanceFacts({
          instanceId: `i-launched${String(launchedBy.size + 1)}`,
          imageId:
            [...fake.templates.values()].find((one) => one.templateId === request.templateId)?.imageId ?? '',
          tags: request.tags,
          launchedAt: '2026-01-02T00:00:00.000Z',
        });
        launchedBy.set(request.clientToken, instance);
        fake.instances.set(instance.instanceId, instance);
        return { kind: 'launched', instance };
      }),
    ensureTerminated: (_provider, instanceId) =>
      answer(() => {
        fake.changes.push({ method: 'ensureTerminated', argument: { instanceId } });
        const instance = fake.instances.get(instanceId);
        if (instance !== undefined) fake.instances.set(instanceId, { ...instance, state: 'shutting-down' });
      }),
    reboot: (_provider, instanceId) =>
      answer(() => {
        fake.changes.push({ method: 'reboot', argument: { instanceId } });
      }),
    tagOldRootVolume: (_provider, request) =>
      answer(() => {
        fake.changes.push({ method: 'tagOldRootVolume', argument: request });
      }),
    reapOldRootVolumes: () => answer(() => fake.reapable.splice(0)),
  };
  return fake;
}
