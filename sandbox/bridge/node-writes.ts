// The writes of the bridge, each one PATCH of a node's status subresource, which takes annotations and labels
// along: what a reader sees is never half of a step. Each may be done twice.
import type { ClusterApi } from '../cluster-api.ts';
import type { SandboxImage } from '../ec2/images.ts';
import {
  BOOTED_AT_ANNOTATION,
  BOOT_ANNOTATION,
  GPUS_RESOURCE,
  OFF_ANNOTATION,
  RESTARTED_ANNOTATION,
  SETTLED_ANNOTATION,
  discoveredLabels,
  nodeInfoOf,
} from '../fleet/node-object.ts';
import { GPUS_PER_NODE } from '../fleet/layout.ts';
import type { KubeNode, KubePod } from './kube-shapes.ts';
import { annotation } from './kube-shapes.ts';
import type { Step } from './next-step.ts';
import { statusAfterBoot } from './restarted-pods.ts';

export interface StepContext {
  api: ClusterApi;
  node: KubeNode;
  instanceId: string;
  image: SandboxImage;
  seed: number;
  /** The old Ready lasts over the boot. */
  keepReady: boolean;
  /** Allocatable GPUs stay as they were: a fault says so. */
  keepGpus: boolean;
  devicePluginApp: string;
}

function readyFalse(message: string): Record<string, unknown> {
  const now = new Date().toISOString();
  return {
    type: 'Ready',
    status: 'False',
    reason: 'KubeletNotReady',
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
}

function gpus(count: number): Record<string, unknown> {
  const amount = { [GPUS_RESOURCE]: String(count) };
  return { capacity: amount, allocatable: amount };
}

async function restartPods(o: StepContext): Promise<void> {
  const { name } = o.node.metadata;
  const { items } = await o.api.list<KubePod>('/api/v1/pods', { fieldSelector: `spec.nodeName=${name}` });
  const bootedAt = annotation(o.node, BOOTED_AT_ANNOTATION) ?? '';
  const now = new Date().toISOString();
  for (const pod of items) {
    const isPlugin = pod.metadata.labels?.['app'] === o.devicePluginApp;
    const crashes = isPlugin && o.image.behaviour === 'failsChecks';
    const status = statusAfterBoot(pod, { bootedAt, now, crashes });
    if (status === undefined) continue;
    const { namespace = '', name: podName, uid } = pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${podName}/status`;
    await o.api.patch(path, 'strategic-merge', { metadata: { uid }, status });
  }
}

function patchOf(o: StepContext, step: Step): Record<string, unknown> | undefined {
  const now = new Date().toISOString();
  switch (step.kind) {
    case 'none':
    case 'wait':
      return undefined;
    case 'switchOff':
      return { metadata: { annotations: { [OFF_ANNOTATION]: now } } };
    case 'loseReady':
      return { status: { conditions: [readyFalse('node is shutting down')] } };
    case 'boot': {
      const nodeInfo = nodeInfoOf(o.seed, o.instanceId, step.boot, o.image.content);
      const conditions = o.keepReady ? {} : { conditions: [readyFalse('container runtime is not ready')] };
      return {
        metadata: { annotations: { [BOOT_ANNOTATION]: String(step.boot), [BOOTED_AT_ANNOTATION]: now } },
        status: { nodeInfo, ...conditions },
      };
    }
    case 'wake':
      return {
        metadata: { annotations: { [OFF_ANNOTATION]: null } },
        status: { conditions: [readyFalse('container runtime is not ready')] },
      };
    case 'restartPods':
      return {
        metadata: { annotations: { [RESTARTED_ANNOTATION]: String(step.boot) } },
        // No plugin has registered with this kubelet yet.
        ...(o.keepGpus ? {} : { status: gpus(0) }),
      };
    case 'settle':
      return {
        metadata: {
          annotations: { [SETTLED_ANNOTATION]: String(step.boot) },
          labels: discoveredLabels(o.image.content),
        },
        status: gpus(o.image.behaviour === 'failsChecks' ? 0 : GPUS_PER_NODE),
      };
  }
}

/** The node as the write left it; undefined when it is gone. */
export async function takeStep(o: StepContext, step: Step): Promise<KubeNode | undefined> {
  if (step.kind === 'restartPods') await restartPods(o);
  const patch = patchOf(o, step);
  if (patch === undefined) return o.node;
  return o.api.patch<KubeNode>(`/api/v1/nodes/${o.node.metadata.name}/status`, 'strategic-merge', patch);
}
