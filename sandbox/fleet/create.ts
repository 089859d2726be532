// Fills one cluster with a simulated fleet: an EC2 instance and a Node for each machine, and what runs on
// them. It answers when every node and every workload is Ready, and tells what is not when it gives up.
import { CreateTagsCommand, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { EC2Client } from '@aws-sdk/client-ec2';
import PQueue from 'p-queue';
import { collectionPath, createClusterApi } from '../cluster-api.ts';
import type { ClusterApi, KubeObject } from '../cluster-api.ts';
import { ROOT_DEVICE, ROOT_VOLUME_GIB, ROOT_VOLUME_TYPE, imageByName } from '../ec2/images.ts';
import { sandboxClient } from '../ec2/moto.ts';
import { waitUntil } from '../waiting.ts';
import { fleetNodes } from './layout.ts';
import type { FleetNode } from './layout.ts';
import { nodeObject } from './node-object.ts';
import { workloads } from './workloads.ts';

export { fleetFile } from './fleet-file.ts';

const REGION = 'us-east-1';
const USER_AGENT = 'sandbox-fleet';
// More in flight at once only wait for the API server.
const CREATES_AT_ONCE = 16;
const TAGS_AT_ONCE = 4;
const READY_TIMEOUT_MS = 600_000;
// On two busy cores some twenty pods a second become Ready, and each node has two of its own.
const READY_TIMEOUT_PER_NODE_MS = 400;
const UNREADY_SHOWN_MAX = 5;

export interface FleetOptions {
  dir: string;
  nodes: number;
  seed: number;
  ec2Endpoint: string;
  cluster: { name: string; kubeconfig: string; context: string };
  tier: string;
}

async function inParallel<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = new PQueue({ concurrency });
  await Promise.all(items.map((item) => queue.add(() => work(item))));
}

/** One call for all instances of a type and a zone; the ids are dealt out in the nodes' order. */
async function launch(
  ec2: EC2Client,
  nodes: readonly FleetNode[],
  cluster: string,
): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const groups = new Map<string, FleetNode[]>();
  for (const node of nodes) {
    const key = `${node.pool}/${node.zone}`;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const answer = await ec2.send(
      new RunInstancesCommand({
        ImageId: imageByName('good').imageId,
        InstanceType: first.instanceType as never,
        MinCount: group.length,
        MaxCount: group.length,
        Placement: { AvailabilityZone: first.zone },
        BlockDeviceMappings: [
          { DeviceName: ROOT_DEVICE, Ebs: { VolumeSize: ROOT_VOLUME_GIB, VolumeType: ROOT_VOLUME_TYPE } },
        ],
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
    for (const [at, node] of group.entries()) {
      const id = answer.Instances?.[at]?.InstanceId;
      if (id === undefined)
        throw new Error(`EC2 launched ${String(at)} instances of the ${String(group.length)} asked for`);
      ids.set(node.name, id);
    }
  }
  await inParallel(nodes, TAGS_AT_ONCE, async (node) => {
    const tag = { Key: 'Name', Value: node.name };
    await ec2.send(new CreateTagsCommand({ Resources: [ids.get(node.name) ?? ''], Tags: [tag] }));
  });
  return ids;
}

async function createNodes(
  api: ClusterApi,
  o: FleetOptions,
  nodes: readonly FleetNode[],
  ids: Map<string, string>,
): Promise<void> {
  const { content } = imageByName('good');
  const now = new Date().toISOString();
  await inParallel(nodes, CREATES_AT_ONCE, async (node) => {
    const instanceId = ids.get(node.name) ?? '';
    await api.create('/api/v1/nodes', nodeObject({ node, seed: o.seed, instanceId, content, now }));
  });
}

interface Counted extends KubeObject {
  spec?: { replicas?: number; parallelism?: number };
  status?: {
    conditions?: { type: string; status: string }[];
    desiredNumberScheduled?: number;
    numberReady?: number;
    readyReplicas?: number;
    ready?: number;
    active?: number;
  };
}

function named(object: Counted): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

function isNodeReady(node: Counted): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
}

async function unreadyNodes(api: ClusterApi): Promise<string[]> {
  const { items } = await api.list<Counted>('/api/v1/nodes');
  return items.filter((node) => !isNodeReady(node)).map((node) => `node ${named(node)}`);
}

async function unreadyWorkloads(api: ClusterApi, nodeCount: number): Promise<string[]> {
  const unready: string[] = [];
  const check = (kind: string, object: Counted, ready: number, wanted: number): void => {
    if (ready < wanted) unready.push(`${kind} ${named(object)}: ${String(ready)} of ${String(wanted)} pods`);
  };
  for (const set of (await api.list<Counted>('/apis/apps/v1/daemonsets')).items) {
    check('DaemonSet', set, set.status?.numberReady ?? 0, nodeCount);
  }
  for (const kind of ['Deployment', 'StatefulSet']) {
    for (const set of (await api.list<Counted>(`/apis/apps/v1/${kind.toLowerCase()}s`)).items) {
      check(kind, set, set.status?.readyReplicas ?? 0, set.spec?.replicas ?? 1);
    }
  }
  for (const job of (await api.list<Counted>('/apis/batch/v1/jobs')).items) {
    check('Job', job, job.status?.ready ?? 0, job.spec?.parallelism ?? 1);
  }
  return unready;
}

async function awaitReady(api: ClusterApi, nodeCount: number): Promise<void> {
  const timeoutMs = READY_TIMEOUT_MS + nodeCount * READY_TIMEOUT_PER_NODE_MS;
  let unready: string[] = [];
  await waitUntil({
    condition: async () => {
      unready = await unreadyNodes(api);
      if (unready.length === 0) unready = await unreadyWorkloads(api, nodeCount);
      return unready.length === 0;
    },
    timeoutMs,
    onTimeout: () => {
      const shown = unready.slice(0, UNREADY_SHOWN_MAX).join('; ');
      const more =
        unready.length > UNREADY_SHOWN_MAX ? `; and ${String(unready.length - UNREADY_SHOWN_MAX)} more` : '';
      return new Error(`after ${String(timeoutMs / 1000)} s the fleet is not Ready: ${shown}${more}`);
    },
  });
}

export async function createFleet(o: FleetOptions): Promise<void> {
  const nodes = fleetNodes({ nodes: o.nodes, cluster: o.cluster.name });
  const ec2 = sandboxClient(o.ec2Endpoint, REGION, USER_AGENT);
  const api = createClusterApi({ ...o.cluster, userAgent: USER_AGENT });
  try {
    const ids = await launch(ec2, nodes, o.cluster.name);
    await createNodes(api, o, nodes, ids);
    const h100 = nodes.filter((node) => node.pool === 'h100').length;
    for (const manifest of workloads({ h100, batch: o.nodes - h100 })) {
      await api.create(collectionPath(manifest), manifest);
    }
    await awaitReady(api, o.nodes);
  } finally {
    ec2.destroy();
    await api.close();
  }
}
