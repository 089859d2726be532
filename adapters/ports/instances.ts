// What Refit asks of the cloud that the nodes are instances of. Implemented by adapters/ec2.
import type { LaunchTemplateRef, Provider } from '../../domain/fleet.ts';
import type {
  ImageFacts,
  InstanceFacts,
  LaunchTemplateFacts,
  ReservationFacts,
} from '../../domain/inventory.ts';

/** EC2's own words for a root-volume task. */
export type TaskState = 'pending' | 'in-progress' | 'failing' | 'succeeded' | 'failed' | 'failed-detached';

export type RootVolumeTask = {
  taskId: string;
  instanceId: string;
  imageId: string | null;
  state: TaskState;
  startedAt: string;
  completedAt: string | null;
  /** Our tags on the task; a task without them is somebody else's. */
  tags: Readonly<Record<string, string>>;
};

/** No room in the zone, or no more instances for this account: it may be otherwise later. */
export type LaunchOutcome =
  { kind: 'launched'; instance: InstanceFacts } | { kind: 'noCapacity'; why: string };

export type LaunchRequest = {
  templateId: string;
  /** A number: what an alias stands for may change between two tries. */
  version: string;
  /** What the template leaves open. */
  instanceType: string | null;
  subnetId: string | null;
  clientToken: string;
  tags: Readonly<Record<string, string>>;
};

export interface Instances {
  /** Batched: any number of ids; an instance that is gone is absent from the answer. */
  collectInstances(
    provider: Provider,
    ids: readonly string[],
  ): Promise<Readonly<Record<string, InstanceFacts>>>;
  collectImages(provider: Provider, ids: readonly string[]): Promise<Readonly<Record<string, ImageFacts>>>;
  /** Tasks of these instances that are open or younger than a day; batched across callers. */
  collectTasks(provider: Provider, instanceId: string): Promise<readonly RootVolumeTask[]>;
  /** One task by its id; batched across callers (one call for all nodes that wait). */
  collectTask(provider: Provider, taskId: string): Promise<RootVolumeTask | undefined>;
  /** Idempotent by clientToken: the same token gives the same task. */
  ensureRootVolumeTask(
    provider: Provider,
    o: {
      instanceId: string;
      imageId: string;
      clientToken: string;
      deleteReplaced: boolean;
      tags: Readonly<Record<string, string>>;
    },
  ): Promise<RootVolumeTask>;
  /** The version that the reference stands for now; undefined when there is none. */
  collectTemplate(provider: Provider, template: LaunchTemplateRef): Promise<LaunchTemplateFacts | undefined>;
  /** Capacity reservations of these types in these zones, whatever their state. */
  collectReservations(
    provider: Provider,
    o: { instanceTypes: readonly string[]; zones: readonly string[] },
  ): Promise<readonly ReservationFacts[]>;
  /** Instances whose tag says that they were launched to replace this one, terminated ones included. */
  collectReplacements(provider: Provider, instanceId: string): Promise<readonly InstanceFacts[]>;
  /** One instance. Idempotent by clientToken: the same token gives the same instance. */
  ensureInstance(provider: Provider, o: LaunchRequest): Promise<LaunchOutcome>;
  /** TerminateInstances: doing it again does nothing more. */
  ensureTerminated(provider: Provider, instanceId: string): Promise<void>;
  /** RebootInstances; EC2 has no token for it, so the caller asks only after a durable note. */
  reboot(provider: Provider, instanceId: string): Promise<void>;
  /** Marks the replaced volume with its time to go (tag `refit.dev/delete-after`, RFC 3339). */
  tagOldRootVolume(
    provider: Provider,
    o: { volumeId: string; deleteAfter: string; owner: string },
  ): Promise<void>;
  /** Deletes `available` volumes that carry our tag and whose time has come; answers their ids. */
  reapOldRootVolumes(provider: Provider, now: string): Promise<readonly string[]>;
}
