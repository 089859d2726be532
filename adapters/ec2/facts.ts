// EC2's descriptions cut to what decisions need. Pure; an absent field becomes null or '', never a guess.
import type { Image, Instance, ReplaceRootVolumeTask, Tag, Volume } from '@aws-sdk/client-ec2';
import type { ImageFacts, InstanceFacts } from '../../domain/inventory.ts';
import { PortError } from '../ports/errors.ts';
import type { RootVolumeTask, TaskState } from '../ports/instances.ts';

/** EC2 leaves PlatformDetails out of old descriptions; without `Platform: windows` those are Linux. */
const PLATFORM_BY_DEFAULT = 'Linux/UNIX';

export function rootVolumeIdOf(instance: Instance): string | null {
  const root = instance.BlockDeviceMappings?.find((device) => device.DeviceName === instance.RootDeviceName);
  return root?.Ebs?.VolumeId ?? null;
}

export function toInstanceFacts(instance: Instance, rootVolume: Volume | undefined): InstanceFacts {
  return {
    instanceId: instance.InstanceId ?? '',
    state: instance.State?.Name ?? 'unknown',
    imageId: instance.ImageId ?? '',
    architecture: instance.Architecture ?? '',
    virtualizationType: instance.VirtualizationType ?? '',
    bootMode: instance.CurrentInstanceBootMode ?? instance.BootMode ?? null,
    platform: instance.PlatformDetails ?? instance.Platform ?? PLATFORM_BY_DEFAULT,
    productCodes: codesOf(instance.ProductCodes),
    instanceType: instance.InstanceType ?? '',
    rootDeviceType: instance.RootDeviceType ?? '',
    rootVolumeId: rootVolumeIdOf(instance),
    rootVolumeSizeGib: rootVolume?.Size ?? null,
    rootVolumeCreatedAt: rootVolume?.CreateTime?.toISOString() ?? null,
    tags: tagsOf(instance.Tags),
    subnetId: instance.SubnetId ?? null,
    ...placeOf(instance),
    ...(instance.LaunchTime === undefined ? {} : { launchedAt: instance.LaunchTime.toISOString() }),
  };
}

function placeOf({ Placement, CapacityReservationId }: Instance): Partial<InstanceFacts> {
  const { AvailabilityZone: zone, Tenancy: tenancy } = Placement ?? {};
  return {
    ...(zone === undefined ? {} : { zone }),
    ...(tenancy === undefined ? {} : { tenancy }),
    ...(CapacityReservationId === undefined ? {} : { reservationId: CapacityReservationId }),
  };
}

export function toImageFacts(image: Image): ImageFacts {
  const root = image.BlockDeviceMappings?.find((device) => device.DeviceName === image.RootDeviceName);
  return {
    imageId: image.ImageId ?? '',
    architecture: image.Architecture ?? '',
    virtualizationType: image.VirtualizationType ?? '',
    bootMode: image.BootMode ?? null,
    platform: image.PlatformDetails ?? image.Platform ?? PLATFORM_BY_DEFAULT,
    productCodes: codesOf(image.ProductCodes),
    rootDeviceType: image.RootDeviceType ?? '',
    rootVolumeSizeGib: root?.Ebs?.VolumeSize ?? null,
    state: image.State ?? 'unknown',
  };
}

export function toRootVolumeTask(task: ReplaceRootVolumeTask): RootVolumeTask {
  const taskId = task.ReplaceRootVolumeTaskId;
  // What came before the boot and what after is told by StartTime: without it nothing could be verified.
  if (taskId === undefined || task.InstanceId === undefined || task.StartTime === undefined) {
    throw new PortError('unsafe', 'EC2 described a root-volume task without its id, instance or start');
  }
  return {
    taskId,
    instanceId: task.InstanceId,
    imageId: task.ImageId ?? null,
    state: toTaskState(taskId, task.TaskState),
    startedAt: task.StartTime,
    completedAt: task.CompleteTime ?? null,
    tags: tagsOf(task.Tags),
  };
}

function toTaskState(taskId: string, state: string | undefined): TaskState {
  switch (state) {
    case 'pending':
    case 'in-progress':
    case 'failing':
    case 'succeeded':
    case 'failed':
    case 'failed-detached':
      return state;
    // In EC2's text though not in its list of values; it ends as failed-detached.
    case 'failing-detached':
      return 'failing';
    default:
      throw new PortError('unsafe', `${taskId} is in state ${String(state)}, which Refit does not know`);
  }
}

export function tagsOf(tags: readonly Tag[] | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries((tags ?? []).map((tag) => [tag.Key ?? '', tag.Value ?? '']));
}

export function toTags(tags: Readonly<Record<string, string>>): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function codesOf(codes: readonly { ProductCodeId?: string | undefined }[] | undefined): readonly string[] {
  return (codes ?? []).flatMap((code) => (code.ProductCodeId === undefined ? [] : [code.ProductCodeId]));
}
