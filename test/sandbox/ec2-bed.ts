// A sandbox's EC2 alone, without a cluster, and what its tests ask of it by the real SDK.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { Instance } from '@aws-sdk/client-ec2';
import { ROOT_DEVICE, sandboxImages } from '../../sandbox/ec2/images.ts';
import type { Machine } from '../../sandbox/ec2/machine.ts';
import { startEc2, stopEc2 } from '../../sandbox/ec2/start.ts';
import { ensureMoto } from '../../sandbox/python-environments.ts';

export interface Ec2Bed {
  dir: string;
  endpoint: string;
  ec2: EC2Client;
  close(): Promise<void>;
}

export async function openEc2Bed(): Promise<Ec2Bed> {
  const dir = await mkdtemp(join(tmpdir(), 'refit-ec2-'));
  const motoServer = await ensureMoto({ onProgress: () => undefined });
  const { endpoint } = await startEc2({ dir, motoServer, seed: 1, speed: 0.3 });
  const ec2 = new EC2Client({
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    customUserAgent: 'test-of-the-front',
  });
  const close = async () => {
    ec2.destroy();
    await stopEc2(dir);
    await rm(dir, { recursive: true, force: true });
  };
  return { dir, endpoint, ec2, close };
}

export async function describeInstance({ ec2 }: Ec2Bed, id: string): Promise<Instance | undefined> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  return Reservations?.[0]?.Instances?.[0];
}

/** Every state that was seen, in order, up to the last one. */
export async function statesUntil(bed: Ec2Bed, id: string, last: string): Promise<string[]> {
  const seen: string[] = [];
  while (seen.at(-1) !== last) {
    const state = (await describeInstance(bed, id))?.State?.Name ?? 'none';
    if (seen.at(-1) !== state) seen.push(state);
    await pause(20);
  }
  return seen;
}

/** As it is answered: an instance that is only beginning. */
export async function launch({ ec2 }: Ec2Bed, rootGib = 100): Promise<string> {
  const { Instances } = await ec2.send(
    new RunInstancesCommand({
      ImageId: sandboxImages.good,
      InstanceType: 'p5.48xlarge',
      MinCount: 1,
      MaxCount: 1,
      Placement: { AvailabilityZone: 'us-east-1b' },
      BlockDeviceMappings: [{ DeviceName: ROOT_DEVICE, Ebs: { VolumeSize: rootGib, VolumeType: 'gp3' } }],
    }),
  );
  return Instances?.[0]?.InstanceId ?? '';
}

export async function launchRunning(bed: Ec2Bed, rootGib = 100): Promise<string> {
  const id = await launch(bed, rootGib);
  await statesUntil(bed, id, 'running');
  return id;
}

/** What the bridge is told of the machine behind an instance. */
export async function machineOf({ endpoint }: Ec2Bed, id: string): Promise<Machine | undefined> {
  const answer = (await (await fetch(`${endpoint}/_sandbox/instances`)).json()) as { machines: Machine[] };
  return answer.machines.find((each) => each.instanceId === id);
}
