// On a real control plane: a node goes with its instance through reimage, reboot and each bad image. What is
// asked for goes through EC2; what is judged is what the API server shows.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateReplaceRootVolumeTaskCommand, RebootInstancesCommand } from '@aws-sdk/client-ec2';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { hasCondition, instanceIdOf, lastStart } from '../../sandbox/bridge/kube-shapes.ts';
import type { KubeNode, KubePod } from '../../sandbox/bridge/kube-shapes.ts';
import { startBridge, stopBridge } from '../../sandbox/bridge/start.ts';
import { createClusterApi } from '../../sandbox/cluster-api.ts';
import type { ClusterApi } from '../../sandbox/cluster-api.ts';
import { imageByName } from '../../sandbox/ec2/images.ts';
import type { ImageName } from '../../sandbox/ec2/images.ts';
import { sandboxClient } from '../../sandbox/ec2/moto.ts';
import { DRIVER_LABEL } from '../../sandbox/fleet/node-object.ts';
import { injectFault, removeFaults } from '../../sandbox/faults/inject.ts';
import { down, up } from '../../sandbox/sandbox.ts';
import type { SandboxServers } from '../../sandbox/state.ts';
import { waitUntil } from '../../sandbox/waiting.ts';
import { readAuditLog } from '../checker/audit-log.ts';

const UP_TIMEOUT_MS = 1_800_000;
const NODE_TIMEOUT_MS = 900_000;
const TEST_TIMEOUT_MS = 3_600_000;

interface Node extends KubeNode {
  status: NonNullable<KubeNode['status']> & {
    nodeInfo: { bootID: string; kubeletVersion: string; osImage: string };
    allocatable: Record<string, string>;
  };
}

let parent: string;
let dir: string;
let servers: SandboxServers;
let api: ClusterApi;
let ec2: EC2Client;

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'refit-bridge-'));
  dir = join(parent, 'sandbox');
  ({
    state: { servers },
  } = await up({ dir, nodes: 6, speed: 0.5 }));
  const [cluster] = servers.clusters;
  if (cluster === undefined) throw new Error('the sandbox has no cluster');
  api = createClusterApi({ ...cluster, userAgent: 'bridge-test' });
  ec2 = sandboxClient(servers.ec2.endpoint, servers.region, 'bridge-test');
}, UP_TIMEOUT_MS);

afterAll(async () => {
  ec2?.destroy();
  await api?.close();
  await down({ dir });
  await rm(parent, { recursive: true, force: true });
}, UP_TIMEOUT_MS);

async function nodeOf(name: string): Promise<Node> {
  const node = await api.get<Node>(`/api/v1/nodes/${name}`);
  if (node === undefined) throw new Error(`there is no node ${name}`);
  return node;
}

async function until(name: string, what: string, condition: (node: Node) => boolean): Promise<Node> {
  let node = await nodeOf(name);
  await waitUntil({
    condition: async () => {
      node = await nodeOf(name);
      return condition(node);
    },
    timeoutMs: NODE_TIMEOUT_MS,
    onTimeout: () => new Error(`${name} never showed ${what}: ${JSON.stringify(node, undefined, 1)}`),
  });
  return node;
}

const isReady = (node: Node): boolean => hasCondition(node, 'Ready');
const driverOf = (node: Node): string | undefined => node.metadata.labels?.[DRIVER_LABEL];
const gpusOf = (node: Node): string | undefined => node.status.allocatable['nvidia.com/gpu'];

async function reimage(name: string, image: ImageName): Promise<Node> {
  const before = await nodeOf(name);
  const ImageId = imageByName(image).imageId;
  await ec2.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId: instanceIdOf(before) ?? '', ImageId }));
  return before;
}

type StatusBody = {
  metadata?: { labels?: Record<string, string> };
  status?: { conditions?: { type: string; status: string }[] };
};

/** What was written to a node's status since a moment, in order. */
function statusWrites(
  name: string,
  since: number,
): { readyIs: string | undefined; driver: string | undefined }[] {
  return readAuditLog(servers.clusters[0]?.auditLog ?? '')
    .filter((one) => one.resource === 'nodes' && one.subresource === 'status')
    .filter((one) => one.name === name && one.at >= since && one.status < 300)
    .map(({ body }) => {
      const { metadata, status } = body as StatusBody;
      const readyIs = status?.conditions?.find(({ type }) => type === 'Ready')?.status;
      return { readyIs, driver: metadata?.labels?.[DRIVER_LABEL] };
    });
}

async function podsOn(name: string): Promise<KubePod[]> {
  return (await api.list<KubePod>('/api/v1/pods', { fieldSelector: `spec.nodeName=${name}` })).items;
}

async function readyPodOn(name: string): Promise<KubePod> {
  const found: KubePod[] = [];
  await waitUntil({
    condition: async () => {
      found.push(...(await podsOn(name)).filter((one) => hasCondition(one, 'Ready')));
      return found.length > 0;
    },
    timeoutMs: NODE_TIMEOUT_MS,
    onTimeout: () => new Error(`no pod is Ready on ${name}`),
  });
  return found[0] as KubePod;
}

describe('a node whose root volume is replaced', () => {
  it(
    'turns NotReady, and comes back with another bootID and with the versions and labels of the image',
    async () => {
      const name = 'ip-10-0-0-1';
      const { content } = imageByName('next');
      const began = Date.now();
      const before = await reimage(name, 'next');
      const back = await until(name, 'Ready on a new boot', (node) => {
        return isReady(node) && node.status.nodeInfo.bootID !== before.status.nodeInfo.bootID;
      });
      expect(back.status.nodeInfo).toMatchObject({
        kubeletVersion: content.kubeletVersion,
        osImage: content.osImage,
      });
      const settled = await until(name, 'its new driver', (node) => driverOf(node) === content.driverVersion);
      expect(gpusOf(settled)).toBe('8');
      // By the log: each of these stands for a moment only.
      const writes = statusWrites(name, began);
      const down = writes.findLastIndex(({ readyIs }) => readyIs === 'False');
      const up = writes.findIndex(({ readyIs }, at) => at > down && readyIs === 'True');
      const labelled = writes.findIndex(({ driver }) => driver === content.driverVersion);
      expect([down >= 0, up > down, labelled > up]).toEqual([true, true, true]);
      expect(settled.metadata.uid).toBe(before.metadata.uid);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'has its DaemonSet pods started again after the boot, and Ready',
    async () => {
      const name = 'ip-10-0-0-2';
      const daemons = (pods: KubePod[]): KubePod[] =>
        pods.filter((pod) => pod.metadata.ownerReferences?.[0]?.kind === 'DaemonSet');
      const began = Date.now();
      const before = await reimage(name, 'next');
      await until(name, 'the new boot', (n) => n.status.nodeInfo.bootID !== before.status.nodeInfo.bootID);
      await until(name, 'its new driver', (n) => driverOf(n) === imageByName('next').content.driverVersion);
      const allStarted = async (): Promise<boolean> =>
        daemons(await podsOn(name)).every(
          (pod) => hasCondition(pod, 'Ready') && Date.parse(lastStart(pod) ?? '') > began,
        );
      await waitUntil({
        condition: allStarted,
        timeoutMs: NODE_TIMEOUT_MS,
        onTimeout: () => new Error('a DaemonSet pod was not started after the boot'),
      });
      expect(daemons(await podsOn(name))).toHaveLength(2);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'stays NotReady with an image that never rejoins, until a good one is laid',
    async () => {
      const name = 'ip-10-0-0-3';
      const before = await reimage(name, 'neverRejoins');
      await until(name, 'NotReady', (node) => !isReady(node));
      const id = instanceIdOf(before);
      const machineUp = async (): Promise<boolean> => {
        const answer = await fetch(`${servers.ec2.endpoint}/_sandbox/instances`);
        const { machines } = (await answer.json()) as {
          machines: { instanceId: string; boot: number; upAt: number }[];
        };
        return machines.some((m) => m.instanceId === id && m.boot === 2 && m.upAt + 1_000 < Date.now());
      };
      await waitUntil({
        condition: machineUp,
        timeoutMs: NODE_TIMEOUT_MS,
        onTimeout: () => new Error('the machine never booted'),
      });
      expect(isReady(await nodeOf(name))).toBe(false);
      await reimage(name, 'good');
      const back = await until(name, 'Ready', isReady);
      expect(back.status.nodeInfo.bootID).not.toBe(before.status.nodeInfo.bootID);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'comes back with other versions than its release promises',
    async () => {
      const name = 'ip-10-0-0-4';
      const { content, promised } = imageByName('wrongVersion');
      await reimage(name, 'wrongVersion');
      const back = await until(
        name,
        'its driver, Ready',
        (node) => isReady(node) && driverOf(node) === content.driverVersion,
      );
      expect(back.status.nodeInfo.kubeletVersion).not.toBe(promised.kubeletVersion);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'comes back Ready with what its release promises, but without GPUs or a device plugin that runs',
    async () => {
      const name = 'ip-10-0-0-5';
      await reimage(name, 'failsChecks');
      const { promised } = imageByName('failsChecks');
      const back = await until(
        name,
        'its driver, Ready',
        (node) => isReady(node) && driverOf(node) === promised.driverVersion,
      );
      expect(back.status.nodeInfo.kubeletVersion).toBe(promised.kubeletVersion);
      expect(gpusOf(back)).toBe('0');
      const plugin = (await podsOn(name)).find((p) => p.metadata.name.includes('device-plugin'));
      expect(plugin && hasCondition(plugin, 'Ready')).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('a node that reboots', () => {
  it(
    'has another bootID and the same image, also when the bridge was away at the time',
    async () => {
      const name = 'ip-10-0-0-6';
      const before = await nodeOf(name);
      await stopBridge(dir);
      await ec2.send(new RebootInstancesCommand({ InstanceIds: [instanceIdOf(before) ?? ''] }));
      const { clusters, ec2: at } = servers;
      await startBridge({ dir, ec2Endpoint: at.endpoint, clusters, seed: 1, speed: 0.5 });
      const back = await until(name, 'a new boot', (node) => {
        return isReady(node) && node.status.nodeInfo.bootID !== before.status.nodeInfo.bootID;
      });
      expect(back.status.nodeInfo.kubeletVersion).toBe(before.status.nodeInfo.kubeletVersion);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'keeps its old labels and GPUs for as long as a fault says so',
    async () => {
      const name = 'ip-10-0-0-6';
      await until(name, 'the end of its reboot', (node) => {
        return node.metadata.annotations?.['sandbox.refit.dev/settled'] === '2';
      });
      await injectFault(dir, { kind: 'stale-labels', on: [name], seconds: 1, share: 1, actions: null });
      const before = await reimage(name, 'next');
      const { content } = imageByName('next');
      await until(name, 'the new boot with restarted pods', (node) => {
        const restarted = node.metadata.annotations?.['sandbox.refit.dev/pods-restarted'];
        return (
          isReady(node) && node.status.nodeInfo.kubeletVersion === content.kubeletVersion && restarted === '3'
        );
      });
      const stale = await nodeOf(name);
      expect([driverOf(stale), gpusOf(stale)]).toEqual([driverOf(before), '8']);
      expect(await removeFaults(dir)).toEqual(['stale-labels']);
      await until(name, 'its new driver', (node) => driverOf(node) === content.driverVersion);
    },
    TEST_TIMEOUT_MS,
  );
});

describe('a node that the control plane lost sight of for a while', () => {
  it(
    'has its pods Ready again without a restart, once it is heard of again',
    async () => {
      const name = 'ip-10-0-0-4';
      const pod = await readyPodOn(name);
      const path = `/api/v1/namespaces/${pod.metadata.namespace ?? ''}/pods/${pod.metadata.name}`;
      const lastTransitionTime = new Date(Date.now() + 1_000).toISOString();
      const unheard = (status: string) => ({
        status: { conditions: [{ type: 'Ready', status, reason: 'NodeStatusUnknown', lastTransitionTime }] },
      });
      await api.patch(`${path}/status`, 'strategic-merge', unheard('False'));
      await api.patch(`/api/v1/nodes/${name}/status`, 'strategic-merge', unheard('Unknown'));
      await until(name, 'Ready again', isReady);
      let now: KubePod | undefined;
      await waitUntil({
        condition: async () => {
          now = await api.get<KubePod>(path);
          return now !== undefined && hasCondition(now, 'Ready');
        },
        timeoutMs: NODE_TIMEOUT_MS,
        onTimeout: () =>
          new Error(`${pod.metadata.name} never was Ready again: ${JSON.stringify(now?.status)}`),
      });
      expect(now?.metadata.uid).toBe(pod.metadata.uid);
      expect(lastStart(now as KubePod)).toBe(lastStart(pod));
    },
    TEST_TIMEOUT_MS,
  );
});
