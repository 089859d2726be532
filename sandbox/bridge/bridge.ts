// Keeps the nodes of one cluster in step with their EC2 instances. Watches nodes and device plugins, follows
// the front's machines, and takes one step after another for each node that differs from its machine.
import { setTimeout as pause } from 'node:timers/promises';
import { between } from '../chance.ts';
import { ApiRefusal, createClusterApi } from '../cluster-api.ts';
import type { ClusterApi } from '../cluster-api.ts';
import { imageById } from '../ec2/images.ts';
import type { Machine } from '../ec2/machine.ts';
import { appliesTo, faultOf } from '../faults/fault-file.ts';
import type { Fault } from '../faults/fault-file.ts';
import {
  BOOTED_AT_ANNOTATION,
  BOOT_ANNOTATION,
  OFF_ANNOTATION,
  RESTARTED_ANNOTATION,
  SETTLED_ANNOTATION,
} from '../fleet/node-object.ts';
import { joiningNode } from '../fleet/joining-node.ts';
import { DEVICE_PLUGIN } from '../fleet/workloads.ts';
import { watchCollection } from './collection-watch.ts';
import type { Collection } from './collection-watch.ts';
import { annotation, hasCondition, instanceIdOf, startedSince } from './kube-shapes.ts';
import type { KubeNode, KubePod } from './kube-shapes.ts';
import type { MachineFeed } from './machine-feed.ts';
import { nextStep } from './next-step.ts';
import type { NodeShows, Staleness, Step } from './next-step.ts';
import { takeStep } from './node-writes.ts';
import { createPodRevival } from './revived-pods.ts';
import type { PodRevival } from './revived-pods.ts';

const USER_AGENT = 'sandbox-bridge';
const RETRY_MS = 250;
// How long the past lingers, by the step that ends it.
const LINGER_MS: Partial<Record<Step['kind'], { min: number; max: number }>> = {
  restartPods: { min: 200, max: 800 },
  settle: { min: 200, max: 1_000 },
};

// From the moment that a machine is off; its next boot may be through before that.
const READY_LINGERS_MS = { min: 50, max: 6_000 };

export interface BridgeOptions {
  cluster: { name: string; kubeconfig: string; context: string };
  seed: number;
  speed: number;
  feed: MachineFeed;
  faults: () => readonly Fault[];
  log: (text: string) => void;
  signal: AbortSignal;
}

export interface ClusterBridge {
  machineChanged(machine: Machine): void;
  /** Looks at every node again: a fault came or went. */
  lookAgain(): void;
  close(): Promise<void>;
}

interface Bridge extends BridgeOptions {
  api: ClusterApi;
  nodes: Collection<KubeNode>;
  plugins: Collection<KubePod>;
  nodeOfInstance: Map<string, string>;
  revival: PodRevival;
  busy: Set<string>;
}

function staleness(bridge: Bridge, node: KubeNode): Staleness {
  const { name } = node.metadata;
  const faults = bridge.faults();
  const ready = faultOf(faults, 'stale-ready');
  const labels = faultOf(faults, 'stale-labels');
  const offAt = annotation(node, OFF_ANNOTATION);
  const { min, max } = READY_LINGERS_MS;
  const lingers = between(min, max, bridge.seed, name, 'ready', offAt ?? '') * bridge.speed;
  const byChance = offAt === undefined ? 0 : Date.parse(offAt) + lingers;
  return {
    readyUntil: ready !== undefined && appliesTo(ready.nodes, name) ? Infinity : byChance,
    labels: labels !== undefined && appliesTo(labels.nodes, name),
  };
}

function shows(bridge: Bridge, node: KubeNode): NodeShows {
  const count = (key: string): number => Number(annotation(node, key) ?? '0');
  const plugin = bridge.plugins.get(node.metadata.name);
  const bootedAt = annotation(node, BOOTED_AT_ANNOTATION) ?? '';
  return {
    off: annotation(node, OFF_ANNOTATION) !== undefined,
    ready: hasCondition(node, 'Ready'),
    boot: count(BOOT_ANNOTATION),
    restarted: count(RESTARTED_ANNOTATION),
    settled: count(SETTLED_ANNOTATION),
    pluginReady: plugin !== undefined && hasCondition(plugin, 'Ready') && startedSince(plugin, bootedAt),
  };
}

async function stepOnce(bridge: Bridge, name: string): Promise<boolean> {
  const node = bridge.nodes.get(name);
  const instanceId = node === undefined ? undefined : instanceIdOf(node);
  const machine = instanceId === undefined ? undefined : bridge.feed.machine(instanceId);
  const image = imageById(machine?.imageId ?? '');
  const known = node !== undefined && annotation(node, BOOT_ANNOTATION) !== undefined;
  if (!known || instanceId === undefined || machine === undefined || image === undefined) return false;
  const stale = staleness(bridge, node);
  const shown = shows(bridge, node);
  const step = nextStep(machine, image.behaviour, shown, stale, Date.now());
  if (step.kind === 'none') {
    if (!shown.off && shown.settled >= machine.boot) bridge.revival.seen(node);
    return false;
  }
  if (step.kind === 'wait') {
    await pause(Math.max(1, step.until - Date.now()), undefined, { signal: bridge.signal });
    return true;
  }
  const linger = LINGER_MS[step.kind];
  if (linger !== undefined) {
    const ms = between(linger.min, linger.max, bridge.seed, name, step.kind, machine.boot) * bridge.speed;
    await pause(ms, undefined, { signal: bridge.signal });
  }
  const written = await takeStep(
    {
      ...bridge,
      node,
      instanceId,
      image,
      keepReady: shown.ready,
      keepGpus: stale.labels,
      devicePluginApp: DEVICE_PLUGIN,
    },
    step,
  );
  if (written !== undefined) bridge.nodes.offer(written);
  return written !== undefined;
}

/** One at a time for each node; whoever asks meanwhile is served by the one at work, which looks again. */
async function bringInStep(bridge: Bridge, name: string): Promise<void> {
  if (bridge.busy.has(name)) return;
  bridge.busy.add(name);
  try {
    for (;;) {
      try {
        if (!(await stepOnce(bridge, name))) return;
      } catch (error) {
        if (bridge.signal.aborted) return;
        bridge.log(`node ${name}: ${String(error)}`);
        await pause(RETRY_MS);
      }
    }
  } finally {
    bridge.busy.delete(name);
  }
}

/** A machine of this cluster that was launched from a template makes its Node when it has booted. */
async function joinOnce(bridge: Bridge, { instanceId, launch }: Machine): Promise<void> {
  const key = `join ${instanceId}`;
  if (launch?.cluster !== bridge.cluster.name || bridge.busy.has(key)) return;
  bridge.busy.add(key);
  try {
    while (!bridge.signal.aborted) {
      const machine = bridge.feed.machine(instanceId);
      const image = imageById(machine?.imageId ?? '');
      const ends = machine?.power !== 'on' || image === undefined || image.behaviour === 'neverRejoins';
      if (ends || bridge.nodeOfInstance.has(instanceId)) return;
      const leftMs = machine.upAt - Date.now();
      if (leftMs > 0) {
        await pause(leftMs, undefined, { signal: bridge.signal });
        continue;
      }
      const node = joiningNode({ instanceId, launch, seed: bridge.seed, content: image.content });
      try {
        await bridge.api.create('/api/v1/nodes', node);
        return;
      } catch (error) {
        // Made before a restart of the bridge: the watch will show it.
        if (error instanceof ApiRefusal && error.status === 409) return;
        bridge.log(`instance ${instanceId} could not join: ${String(error)}`);
        await pause(RETRY_MS);
      }
    }
  } catch (error) {
    if (!bridge.signal.aborted) bridge.log(`instance ${instanceId}: ${String(error)}`);
  } finally {
    bridge.busy.delete(key);
  }
}

export function bridgeCluster(o: BridgeOptions): ClusterBridge {
  const api = createClusterApi({ ...o.cluster, userAgent: USER_AGENT });
  const nodeOfInstance = new Map<string, string>();
  const busy = new Set<string>();
  const look = (name: string): void => void bringInStep(bridge, name);
  const common = { api, log: o.log, signal: o.signal };
  const nodes = watchCollection<KubeNode>({
    ...common,
    path: '/api/v1/nodes',
    keyOf: (node) => node.metadata.name,
    onChange: (node) => {
      const instanceId = instanceIdOf(node);
      if (instanceId !== undefined) nodeOfInstance.set(instanceId, node.metadata.name);
      look(node.metadata.name);
    },
  });
  const plugins = watchCollection<KubePod>({
    ...common,
    path: '/api/v1/pods',
    query: { labelSelector: `app=${DEVICE_PLUGIN}` },
    keyOf: (pod) => pod.spec?.nodeName ?? '',
    onChange: (pod) => look(pod.spec?.nodeName ?? ''),
  });
  const revival = createPodRevival(common);
  const bridge: Bridge = { ...o, api, nodes, plugins, nodeOfInstance, revival, busy };
  return {
    machineChanged: (machine) => {
      const name = nodeOfInstance.get(machine.instanceId);
      if (name !== undefined) look(name);
      else void joinOnce(bridge, machine);
    },
    lookAgain: () => {
      for (const node of nodes.values()) look(node.metadata.name);
    },
    close: () => api.close(),
  };
}
