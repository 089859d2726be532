// A Node as a kubelet, AWS and NVIDIA's GPU operator would have left it. Pure.
import type { ImageContent } from '../ec2/images.ts';
import { GPUS_PER_NODE } from './layout.ts';
import type { FleetNode } from './layout.ts';

/** What feature discovery writes about driver and CUDA; the bridge writes them again after a boot. */
export function driverLabels(content: ImageContent): Record<string, string> {
  const [driverMajor = '', driverMinor = '', driverRevision = ''] = content.driverVersion.split('.');
  const [cudaMajor = '', cudaMinor = ''] = content.cudaVersion.split('.');
  return {
    'nvidia.com/cuda.driver-version.full': content.driverVersion,
    'nvidia.com/cuda.driver-version.major': driverMajor,
    'nvidia.com/cuda.driver-version.minor': driverMinor,
    'nvidia.com/cuda.driver-version.revision': driverRevision,
    'nvidia.com/cuda.runtime-version.full': content.cudaVersion,
    'nvidia.com/cuda.runtime-version.major': cudaMajor,
    'nvidia.com/cuda.runtime-version.minor': cudaMinor,
  };
}

/** What the kubelet reports of the machine. */
export function nodeInfo(content: ImageContent, bootID: string, machineID: string): Record<string, string> {
  return {
    architecture: 'amd64',
    operatingSystem: 'linux',
    bootID,
    machineID,
    systemUUID: machineID,
    osImage: content.osImage,
    kernelVersion: content.kernelVersion,
    containerRuntimeVersion: content.containerRuntimeVersion,
    kubeletVersion: content.kubeletVersion,
    kubeProxyVersion: '',
  };
}

export function nodeObject(o: {
  node: FleetNode;
  instanceId: string;
  content: ImageContent;
  bootId: string;
}): Record<string, unknown> {
  const { node, content } = o;
  const resources = { cpu: '192', memory: '2Ti', pods: '110', 'nvidia.com/gpu': String(GPUS_PER_NODE) };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      annotations: { 'kwok.x-k8s.io/node': 'fake', 'node.alpha.kubernetes.io/ttl': '0' },
      labels: {
        'refit.dev/pool': node.pool,
        'kubernetes.io/arch': 'amd64',
        'kubernetes.io/os': 'linux',
        'kubernetes.io/hostname': node.name,
        'node.kubernetes.io/instance-type': node.instanceType,
        'topology.kubernetes.io/region': node.region,
        'topology.kubernetes.io/zone': node.zone,
        'nvidia.com/gpu.present': 'true',
        'nvidia.com/gpu.count': String(GPUS_PER_NODE),
        'nvidia.com/gpu.product': node.gpuProduct,
        'nvidia.com/gpu.machine': node.instanceType,
        'nvidia.com/mig.capable': 'true',
        ...driverLabels(content),
      },
    },
    spec: { providerID: `aws:///${node.zone}/${o.instanceId}` },
    status: {
      capacity: resources,
      allocatable: resources,
      addresses: [
        { type: 'InternalIP', address: node.internalIp },
        { type: 'Hostname', address: node.name },
      ],
      nodeInfo: nodeInfo(content, o.bootId, o.instanceId.replace('i-', 'ec2')),
    },
  };
}
