// The parts of a sandbox that stand between the servers and the fleet: the simulated EC2, the bridge from
// an instance to its node, and what lives in a cluster.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SandboxImages } from './state.ts';

export interface ClusterConnection {
  name: string;
  kubeconfig: string;
  context: string;
}

export interface SandboxParts {
  startEc2: (o: {
    dir: string;
    motoServer: string;
    seed: number;
    speed: number;
  }) => Promise<{ endpoint: string; pid: number; motoPid: number }>;
  startBridge: (o: {
    dir: string;
    ec2Endpoint: string;
    clusters: ClusterConnection[];
    seed: number;
    speed: number;
  }) => Promise<{ pid: number }>;
  createFleet: (o: {
    dir: string;
    nodes: number;
    seed: number;
    ec2Endpoint: string;
    cluster: ClusterConnection;
    tier: string;
  }) => Promise<void>;
  fleetFile: (o: {
    clusters: { name: string; context: string; kubeconfig: string; tier: string }[];
    images: SandboxImages;
    region: string;
  }) => string;
  sandboxImages: SandboxImages;
}

export async function loadParts(): Promise<Partial<SandboxParts>> {
  const found: Partial<SandboxParts> = {};
  for (const file of ['ec2/start.ts', 'ec2/images.ts', 'bridge/start.ts', 'fleet/create.ts']) {
    const url = new URL(file, import.meta.url);
    if (existsSync(fileURLToPath(url))) Object.assign(found, await import(url.href));
  }
  return found;
}
