// Which nodes a sandbox's cluster has: names, pools, zones and types. Pure; the same for the same size.

import type { MachineLaunch } from '../ec2/machine.ts';

export interface FleetNode {
  name: string;
  pool: 'h100' | 'batch';
  zone: string;
  region: string;
  instanceType: string;
  gpuProduct: string;
  gpuFamily: string;
  gpuMemoryMib: number;
  cpus: number;
  memoryGib: number;
  internalIp: string;
}

const REGION = 'us-east-1';
const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'] as const;
export const GPUS_PER_NODE = 8;

const pools = {
  h100: {
    instanceType: 'p5.48xlarge',
    gpuProduct: 'NVIDIA-H100-80GB-HBM3',
    gpuFamily: 'hopper',
    gpuMemoryMib: 81559,
    cpus: 192,
    memoryGib: 2048,
  },
  batch: {
    instanceType: 'p4d.24xlarge',
    gpuProduct: 'NVIDIA-A100-SXM4-40GB',
    gpuFamily: 'ampere',
    gpuMemoryMib: 40960,
    cpus: 96,
    memoryGib: 1152,
  },
} as const;

// Addresses of one octet stay away from 0 and 255.
const NODES_PER_OCTET = 250;

/** The number of a cluster among its sandbox's, from the name that it was given there: 0, 1, … */
function clusterNumber(name: string): number {
  const last = /-(\d+)$/.exec(name)?.[1];
  return last === undefined ? 0 : Number(last) - 1;
}

/** Two thirds are `h100`; zones take turns within each pool. Names differ between clusters. */
export function fleetNodes(o: { nodes: number; cluster: string }): FleetNode[] {
  const h100 = Math.ceil((o.nodes * 2) / 3);
  const subnet = clusterNumber(o.cluster) * 16;
  return Array.from({ length: o.nodes }, (_, at) => {
    const pool = at < h100 ? 'h100' : 'batch';
    const third = String(subnet + Math.floor(at / NODES_PER_OCTET));
    const fourth = String((at % NODES_PER_OCTET) + 1);
    return {
      name: `ip-10-0-${third}-${fourth}`,
      pool,
      zone: ZONES[(pool === 'h100' ? at : at - h100) % ZONES.length] ?? ZONES[0],
      region: REGION,
      ...pools[pool],
      internalIp: `10.0.${third}.${fourth}`,
    };
  });
}

/** A node that takes another one's place; AWS can name it by its instance, which no other node is named by. */
export function nodeOfLaunch(instanceId: string, launch: MachineLaunch): FleetNode {
  const pool = launch.pool === 'batch' ? 'batch' : 'h100';
  const { zone, privateIp: internalIp, instanceType } = launch;
  return { name: instanceId, pool, zone, region: REGION, ...pools[pool], instanceType, internalIp };
}
