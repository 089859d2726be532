// A real Kubernetes control plane whose kubelets are simulated: etcd, API server, controller manager,
// scheduler and kwok, laid out by kwokctl and then kept as this sandbox's own processes. What stands in the
// cluster, its nodes and workloads, is not decided here.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { binaryPin, pinnedVersion, readPinnedModule } from './binary-pins.ts';
import { isApiServerReady } from './cluster-health.ts';
import { chooseClusterPorts, renderClusterConfig } from './cluster-config.ts';
import type { ClusterBinaries } from './cluster-config.ts';
import { processCommandLine } from './process-identity.ts';
import { adoptProcess, crashProcess, isRunning, logTail, startProcess, stopProcess } from './processes.ts';
import { CommandFailed, runCommand } from './run-command.ts';

export const clusterComponents = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok-controller',
] as const;
export type ClusterComponent = (typeof clusterComponents)[number];

/** Where one cluster stands. */
export interface ClusterPlace {
  dir: string;
  name: string;
}

// On two busy cores a start was seen to take four to ten seconds.
const START_TIMEOUT_SECONDS = 300;
const API_SERVER_TIMEOUT_MS = 300_000;

function workdir(o: ClusterPlace): string {
  return join(o.dir, 'kwok', 'clusters', o.name);
}

export function clusterProcess(o: ClusterPlace, component: ClusterComponent): { dir: string; name: string } {
  return { dir: o.dir, name: `${o.name}.${component}` };
}

/** kwokctl itself, while it starts the others. */
export function layingOutProcess(o: ClusterPlace): { dir: string; name: string } {
  return { dir: o.dir, name: `${o.name}.kwokctl` };
}

export function pkiDir(o: ClusterPlace): string {
  return join(workdir(o), 'pki');
}

export function auditLogFile(o: ClusterPlace): string {
  return join(workdir(o), 'logs', 'audit.log');
}

function kwokctlEnv(dir: string): Record<string, string> {
  return { KWOK_WORKDIR: join(dir, 'kwok') };
}

interface LaidOutComponent {
  name: string;
  binary: string;
  args: string[];
}

// kwokctl keeps what it laid out in its own configuration, with the whole command line of each part.
async function laidOut(o: ClusterPlace): Promise<LaidOutComponent[]> {
  const path = join(workdir(o), 'kwok.yaml');
  const documents = (await readFile(path, 'utf8')).split(/^---$/m).map((text) => parse(text) as unknown);
  for (const document of documents) {
    const components = (document as { components?: LaidOutComponent[] } | null)?.components;
    if (components !== undefined) return components;
  }
  throw new Error(`${path} names no components; was it written by another version of kwokctl?`);
}

/**
 * Records what kwokctl started, so that a stop finds it, also after a start that broke off in the middle. A
 * number in kwokctl's files counts only when that process runs out of this cluster's folder.
 */
export async function adoptComponents(o: ClusterPlace): Promise<void> {
  for (const component of clusterComponents) {
    const place = clusterProcess(o, component);
    if (await isRunning(place)) continue;
    let pid: number;
    try {
      pid = Number(await readFile(join(workdir(o), 'pids', `${component}.pid`), 'utf8'));
    } catch {
      continue;
    }
    const commandLine = await processCommandLine(pid);
    if (commandLine?.includes(workdir(o)) === true) {
      await adoptProcess({ ...place, pid, command: component, args: [] });
    }
  }
}

/** The clusters that kwokctl began to lay out in this folder. */
export async function laidOutClusters(dir: string): Promise<string[]> {
  try {
    return await readdir(join(dir, 'kwok', 'clusters'));
  } catch {
    return [];
  }
}

async function startFailure(o: ClusterPlace, error: CommandFailed): Promise<Error> {
  const tails: string[] = [];
  for (const component of clusterComponents) {
    const log = join(workdir(o), 'logs', `${component}.log`);
    tails.push(`--- ${log} ends with:`, await logTail(log));
  }
  return new Error(`cluster ${o.name} did not start: ${error.message}\n${tails.join('\n')}`, {
    cause: error,
  });
}

async function createCluster(o: ClusterPlace, binaries: ClusterBinaries, config: string): Promise<void> {
  // Recorded too: were this run killed now, kwokctl would go on and start what nobody knew of.
  const kwokctl = layingOutProcess(o);
  let recorded: Promise<unknown> = Promise.resolve();
  try {
    await runCommand({
      command: binaries.kwokctl,
      args: [
        ...['--name', o.name, '--config', config],
        ...['create', 'cluster', '--kubeconfig', '', '--wait', `${String(START_TIMEOUT_SECONDS)}s`],
      ],
      env: kwokctlEnv(o.dir),
      timeoutMs: START_TIMEOUT_SECONDS * 1000,
      onStart: (pid) => {
        // It may have ended before it could be looked at; then the run's own end tells.
        recorded = adoptProcess({ ...kwokctl, pid, command: 'kwokctl', args: [] }).catch(() => undefined);
      },
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw await startFailure(o, error);
  } finally {
    await recorded;
    await stopProcess(kwokctl);
    await adoptComponents(o);
  }
  // kwokctl reports success even when it gave up waiting.
  for (const component of clusterComponents) {
    if (await isRunning(clusterProcess(o, component))) continue;
    throw await startFailure(o, new CommandFailed(`${component} ended`, ''));
  }
}

/** Starts it with nothing in it but what Kubernetes itself makes. */
export async function startCluster(
  o: ClusterPlace & { binaries: ClusterBinaries; nodes: number },
): Promise<{ server: string }> {
  const pin = binaryPin('kube-apiserver');
  const kubeVersion = pinnedVersion(pin, await readPinnedModule(pin));
  const ports = await chooseClusterPorts();
  const config = join(o.dir, 'clusters', `${o.name}.yaml`);
  await mkdir(join(o.dir, 'clusters'), { recursive: true });
  await writeFile(config, await renderClusterConfig({ ...o, ports, kubeVersion }));
  await createCluster(o, o.binaries, config);
  const server = `https://127.0.0.1:${String(ports.apiServer)}`;
  return { server };
}

/** Ends the API server as a crash would and starts it again on the same port; etcd and the rest run on. */
export async function restartApiServer(o: ClusterPlace & { server: string }): Promise<{ pid: number }> {
  const place = clusterProcess(o, 'kube-apiserver');
  await crashProcess(place);
  return startApiServer(o);
}

/** For a test that wants it away for a while: crashProcess, and later this. */
export async function startApiServer(o: ClusterPlace & { server: string }): Promise<{ pid: number }> {
  const component = (await laidOut(o)).find((c) => c.name === 'kube-apiserver');
  if (component === undefined) throw new Error(`kwokctl laid out no kube-apiserver for ${o.name}`);
  return startProcess({
    ...clusterProcess(o, 'kube-apiserver'),
    command: component.binary,
    args: component.args,
    readyWhen: () => isApiServerReady({ server: o.server, caFile: join(pkiDir(o), 'ca.crt') }),
    timeoutMs: API_SERVER_TIMEOUT_MS,
  });
}
