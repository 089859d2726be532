// A Node as a kubelet, AWS and NVIDIA's GPU operator would have left it, and what the bridge notes on it. Pure.
import { seededUuid } from '../chance.ts';
import type { ImageContent } from '../ec2/images.ts';
import { GPUS_PER_NODE } from './layout.ts';
import type { FleetNode } from './layout.ts';

export const POOL_LABEL = 'refit.dev/pool';
export const GPUS_RESOURCE = 'nvidia.com/gpu';
export const DRIVER_LABEL = 'nvidia.com/cuda.driver-version.full';

/** What the bridge keeps on a node. */
export const BOOT_ANNOTATION = 'sandbox.refit.dev/boot';
export const BOOTED_AT_ANNOTATION = 'sandbox.refit.dev/booted-at';
export const RESTARTED_ANNOTATION = 'sandbox.refit.dev/pods-restarted';
export const SETTLED_ANNOTATION = 'sandbox.refit.dev/settled';
export const OFF_ANNOTATION = 'sandbox.refit.dev/off';

/** What feature discovery writes; it changes with the image. */
export function discoveredLabels(content: ImageContent): Record<string, string> {
  const [major = '', minor = '', revision = ''] = content.driverVersion.split('.');
  const [cudaMajor = '', cudaMinor = ''] = content.cudaVersion.split('.');
  return {
    [DRIVER_LABEL]: content.driverVersion,
    'nvidia.com/cuda.driver-version.major': major,
    'nvidia.com/cuda.driver-version.minor': minor,
    'nvidia.com/cuda.driver-version.revision': revision,
    'nvidia.com/cuda.driver.major': major,
    'nvidia.com/cuda.driver.minor': minor,
    'nvidia.com/cuda.driver.rev': revision,
    'nvidia.com/cuda.runtime-version.full': content.cudaVersion,
    'nvidia.com/cuda.runtime-version.major': cudaMajor,
    'nvidia.com/cuda.runtime-version.minor': cudaMinor,
  };
}

function labelsOf(node: FleetNode, content: ImageContent): Record<string, string> {
  return {
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    'node.kubernetes.io/instance-type': node.instanceType,
    'topology.kubernetes.io/region': node.region,
    'topology.kubernetes.io/zone': node.zone,
    [POOL_LABEL]: node.pool,
    'nvidia.com/gpu.count': String(GPUS_PER_NODE),
    'nvidia.com/gpu.family': node.gpuFamily,
    'nvidia.com/gpu.memory': String(node.gpuMemoryMib),
    'nvidia.com/gpu.present': 'true',
    'nvidia.com/gpu.product': node.gpuProduct,
    'nvidia.com/gpu.deploy.dcgm-exporter': 'true',
    'nvidia.com/gpu.deploy.device-plugin': 'true',
    ...discoveredLabels(content),
  };
}

export function nodeInfoOf(
  seed: number,
  instanceId: string,
  boot: number,
  content: ImageContent,
): Record<string, string> {
  return {
    architecture: 'amd64',
    operatingSystem: 'linux',
    bootID: seededUuid(seed, instanceId, 'boot', boot),
    machineID: seededUuid(seed, instanceId, 'machine').replaceAll('-', ''),
    systemUUID: seededUuid(seed, instanceId, 'system'),
    osImage: content.osImage,
    kernelVersion: content.kernelVersion,
    kubeletVersion: content.kubeletVersion,
    kubeProxyVersion: '',
    containerRuntimeVersion: content.containerRuntimeVersion,
  };
}

export function nodeObject(o: {
  node: FleetNode;
  seed: number;
  instanceId: string;
  content: ImageContent;
  now: string;
}): Record<string, unknown> {
  const { node } = o;
  const resources = {
    cpu: String(node.cpus),
    memory: `${String(node.memoryGib)}Gi`,
    'ephemeral-storage': '100Gi',
    pods: '110',
    [GPUS_RESOURCE]: String(GPUS_PER_NODE),
  };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: labelsOf(node, o.content),
      annotations: {
        [BOOT_ANNOTATION]: '1',
        [BOOTED_AT_ANNOTATION]: o.now,
        [RESTARTED_ANNOTATION]: '1',
        [SETTLED_ANNOTATION]: '1',
      },
    },
    spec: { providerID: `aws:///${node.zone}/${o.instanceId}` },
    status: {
      addresses: [
        { type: 'InternalIP', address: node.internalIp },
        { type: 'Hostname', address: node.name },
      ],
      capacity: resources,
      allocatable: resources,
      nodeInfo: nodeInfoOf(o.seed, o.instanceId, 1, o.content),
    },
  };
}
