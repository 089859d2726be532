// What the front itself asks of moto, by the SDK: it looks at instances and images, and changes roots.
import {
  AttachVolumeCommand,
  CreateVolumeCommand,
  DeleteVolumeCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  EC2Client,
  paginateDescribeInstances,
} from '@aws-sdk/client-ec2';
import type { Image, Instance, Volume } from '@aws-sdk/client-ec2';

export interface Moto {
  instance(instanceId: string): Promise<Instance | undefined>;
  /** Those that run, or are about to. */
  instances(): Promise<readonly Instance[]>;
  image(imageId: string): Promise<Image | undefined>;
  volume(volumeId: string): Promise<Volume | undefined>;
  /** Lays a new volume in the root's place; doing it again after it was done does nothing more. */
  replaceRoot(o: { instanceId: string; oldVolumeId: string; deleteOld: boolean }): Promise<void>;
  /** The instance is left without a root. */
  detachRoot(instanceId: string): Promise<void>;
}

export function rootVolumeIdOf(instance: Instance): string | undefined {
  return instance.BlockDeviceMappings?.find((device) => device.DeviceName === instance.RootDeviceName)?.Ebs
    ?.VolumeId;
}

export function sandboxClient(endpoint: string, region: string, userAgent: string): EC2Client {
  return new EC2Client({
    region,
    endpoint,
    // moto and the front check none, and no real ones must reach them.
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
    customUserAgent: userAgent,
  });
}

/** Undefined when EC2 says that there is none. */
async function unlessNotFound<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof Error && /\.(NotFound|Malformed)$/.test(error.name)) return undefined;
    throw error;
  }
}

export function openMoto(endpoint: string, region: string): Moto {
  const client = sandboxClient(endpoint, region, 'sandbox-front');
  const instance: Moto['instance'] = async (instanceId) => {
    const found = await unlessNotFound(() =>
      client.send(new DescribeInstancesCommand({ InstanceIds: [instanceId] })),
    );
    return found?.Reservations?.[0]?.Instances?.[0];
  };
  const volume: Moto['volume'] = async (volumeId) => {
    const found = await unlessNotFound(() =>
      client.send(new DescribeVolumesCommand({ VolumeIds: [volumeId] })),
    );
    return found?.Volumes?.[0];
  };
  const rootOf = async (instanceId: string): Promise<{ device: string; volumeId: string | undefined }> => {
    const found = await instance(instanceId);
    if (found?.RootDeviceName === undefined) throw new Error(`instance ${instanceId} is gone from moto`);
    return { device: found.RootDeviceName, volumeId: rootVolumeIdOf(found) };
  };
  const detachRoot: Moto['detachRoot'] = async (instanceId) => {
    const { device, volumeId } = await rootOf(instanceId);
    if (volumeId === undefined) return;
    await client.send(
      new DetachVolumeCommand({ VolumeId: volumeId, InstanceId: instanceId, Device: device }),
    );
  };
  return {
    instance,
    instances: async () => {
      const found: Instance[] = [];
      const Filters = [{ Name: 'instance-state-name', Values: ['pending', 'running'] }];
      for await (const page of paginateDescribeInstances({ client }, { Filters })) {
        for (const { Instances = [] } of page.Reservations ?? []) found.push(...Instances);
      }
      return found;
    },
    volume,
    detachRoot,
    image: async (imageId) => {
      const found = await unlessNotFound(() =>
        client.send(new DescribeImagesCommand({ ImageIds: [imageId] })),
      );
      return found?.Images?.[0];
    },
    replaceRoot: async (o) => {
      const { device, volumeId } = await rootOf(o.instanceId);
      if (volumeId !== undefined && volumeId !== o.oldVolumeId) return;
      const old = await volume(o.oldVolumeId);
      const fresh = await client.send(
        new CreateVolumeCommand({
          AvailabilityZone: old?.AvailabilityZone ?? `${region}a`,
          Size: old?.Size ?? 1,
          VolumeType: old?.VolumeType ?? 'gp3',
        }),
      );
      await detachRoot(o.instanceId);
      await client.send(
        new AttachVolumeCommand({
          VolumeId: fresh.VolumeId,
          InstanceId: o.instanceId,
          Device: device,
        }),
      );
      if (o.deleteOld) await client.send(new DeleteVolumeCommand({ VolumeId: o.oldVolumeId }));
    },
  };
}
