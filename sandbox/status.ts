// What runs in a sandbox now: read from its records and from the processes themselves, never assumed.
import { clusterComponents, clusterProcess } from './cluster.ts';
import { recordedProcesses, runningPid } from './processes.ts';
import type { SandboxImages, SandboxState } from './state.ts';
import { temporalPid, temporalServer } from './temporal-server.ts';

/** A pid is null when that process has ended. */
export interface SandboxStatus {
  dir: string;
  temporal: { address: string; namespace: string; ui: string; pid: number | null };
  clusters: {
    name: string;
    context: string;
    kubeconfig: string;
    server: string;
    auditLog: string;
    pids: Record<string, number | null>;
  }[];
  ec2: { endpoint: string; pid: number | null };
  fleet: string;
  images: SandboxImages;
}

/** Every process that was started here and does not run any more. */
export async function endedProcesses(dir: string): Promise<string[]> {
  const ended: string[] = [];
  for (const name of (await recordedProcesses(dir)).sort()) {
    if ((await runningPid({ name, dir })) === undefined) ended.push(name);
  }
  return ended;
}

async function clusterPids(dir: string, name: string): Promise<Record<string, number | null>> {
  const pids: Record<string, number | null> = {};
  for (const component of clusterComponents) {
    pids[component] = (await runningPid(clusterProcess({ dir, name }, component))) ?? null;
  }
  return pids;
}

/** Undefined while a start has not come to its end. */
export async function observeSandbox(state: SandboxState): Promise<SandboxStatus | undefined> {
  const { dir, servers } = state;
  const temporal = await temporalServer(dir);
  if (servers === undefined || temporal === undefined) return undefined;
  const clusters = servers.clusters.map(async (c) => ({
    name: c.name,
    context: c.context,
    kubeconfig: c.kubeconfig,
    server: c.server,
    auditLog: c.auditLog,
    pids: await clusterPids(dir, c.name),
  }));
  return {
    dir,
    temporal: { ...temporal, pid: (await temporalPid(dir)) ?? null },
    clusters: await Promise.all(clusters),
    ec2: { endpoint: servers.ec2.endpoint, pid: (await runningPid({ name: 'ec2', dir })) ?? null },
    fleet: servers.fleet,
    images: servers.images,
  };
}

export function renderStatus(status: SandboxStatus, ended: readonly string[]): string {
  const pid = (value: number | null): string => (value === null ? 'ENDED' : `pid ${String(value)}`);
  const lines = [
    `Sandbox in ${status.dir}`,
    `  Temporal   ${status.temporal.address}, namespace ${status.temporal.namespace}, ${pid(status.temporal.pid)}`,
    `  Web UI     ${status.temporal.ui}`,
  ];
  for (const cluster of status.clusters) {
    lines.push(`  Cluster    ${cluster.name} at ${cluster.server}`);
    for (const [component, value] of Object.entries(cluster.pids))
      lines.push(`    ${component.padEnd(24)} ${pid(value)}`);
    lines.push(`    ${'audit log'.padEnd(24)} ${cluster.auditLog}`);
  }
  lines.push(
    `  EC2        ${status.ec2.endpoint}, ${pid(status.ec2.pid)}`,
    `  Fleet file ${status.fleet}`,
    `  Images     ${Object.entries(status.images)
      .map(([name, ami]) => `${name} ${String(ami)}`)
      .join(', ')}`,
  );
  if (ended.length > 0) lines.push(`Ended: ${ended.join(', ')}. Start it all anew with: refit sandbox reset`);
  return lines.join('\n');
}
