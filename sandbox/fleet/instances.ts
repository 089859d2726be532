// Launches the fleet's instances, one call for each pool and zone, and waits until all of them run.
import { DescribeInstancesCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { _InstanceType } from '@aws-sdk/client-ec2';
import { sandboxImages } from '../ec2/images.ts';
import { waitUntil } from '../waiting.ts';
import type { FleetNode } from './layout.ts';

// Instances come up in seconds here; a minute and more means that the front is in trouble.
const RUNNING_TIMEOUT_MS = 120_000;

/** Ids by node name. */
export async function launchInstances(o: {
  endpoint: string;
  cluster: string;
  nodes: readonly FleetNode[];
}): Promise<Map<string, string>> {
  const client = new EC2Client({
    endpoint: o.endpoint,
    region: o.nodes[0]?.region ?? 'us-east-1',
    credentials: { accessKeyId: 'sandbox', secretAccessKey: 'sandbox' },
  });
  try {
    const ids = new Map<string, string>();
    for (const group of groups(o.nodes)) {
      const launched = await launchGroup(client, o.cluster, group);
      group.forEach((node, at) => ids.set(node.name, launched[at] ?? ''));
    }
    await waitUntilRunning(client, [...ids.values()]);
    return ids;
  } finally {
    client.destroy();
  }
}

function groups(nodes: readonly FleetNode[]): FleetNode[][] {
  const byPlace = new Map<string, FleetNode[]>();
  for (const node of nodes) {
    const place = `${node.pool}/${node.zone}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), node]);
  }
  return [...byPlace.values()];
}

async function launchGroup(
  client: EC2Client,
  cluster: string,
  group: readonly FleetNode[],
): Promise<string[]> {
  const first = group[0];
  if (first === undefined) return [];
  const answer = await client.send(
    new RunInstancesCommand({
      ImageId: sandboxImages.good,
      InstanceType: first.instanceType as _InstanceType,
      MinCount: group.length,
      MaxCount: group.length,
      Placement: { AvailabilityZone: first.zone },
      TagSpecifications: [
        {
          ResourceType: 'instance',
          Tags: [
            { Key: `kubernetes.io/cluster/${cluster}`, Value: 'owned' },
            { Key: 'refit.dev/pool', Value: first.pool },
          ],
        },
      ],
    }),
  );
  return (answer.Instances ?? []).map((instance) => instance.InstanceId ?? '');
}

async function waitUntilRunning(client: EC2Client, ids: readonly string[]): Promise<void> {
  let running = 0;
  await waitUntil({
    condition: async () => {
      running = 0;
      let next: string | undefined;
      do {
        const page = await client.send(
          new DescribeInstancesCommand({
            Filters: [{ Name: 'instance-state-name', Values: ['running'] }],
            ...(next === undefined ? {} : { NextToken: next }),
          }),
        );
        const found = (page.Reservations ?? []).flatMap((one) => one.Instances ?? []);
        running += found.filter((instance) => ids.includes(instance.InstanceId ?? '')).length;
        next = page.NextToken;
      } while (next !== undefined);
      return running === ids.length;
    },
    timeoutMs: RUNNING_TIMEOUT_MS,
    onTimeout: () =>
      new Error(
        `only ${String(running)} of ${String(ids.length)} instances run after ${String(RUNNING_TIMEOUT_MS / 1000)} s`,
      ),
  });
}
