// The sandbox as a whole: up, down, reset, status and env. Everything it starts is on loopback and on free
// ports, stands in one folder, and goes with it; several stand side by side. When a start fails, all that
// was started is stopped again.
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBinaries } from './binaries.ts';
import type { BinaryName } from './binary-pins.ts';
import { startBridge } from './bridge/start.ts';
import { cacheDir, withLock } from './cache.ts';
import { auditLogFile, pkiDir, startCluster } from './cluster.ts';
import { sandboxImages } from './ec2/images.ts';
import { startEc2 } from './ec2/start.ts';
import { renderShell, sandboxEnvironment, temporalConfig, temporalConfigFile } from './environment.ts';
import type { SandboxEnvironment } from './environment.ts';
import { createFleet, fleetFile } from './fleet/create.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import type { OnProgress } from './progress.ts';
import { renderSeconds } from './progress.ts';
import { ensureMoto } from './python-environments.ts';
import { runCommand } from './run-command.ts';
import { readState, refuseForeignFolder, sandboxDir, stateLock, writeState } from './state.ts';
import type { SandboxCluster, SandboxOptions, SandboxServers, SandboxState } from './state.ts';
import { endedProcesses, observeSandbox } from './status.ts';
import type { SandboxStatus } from './status.ts';
import { tearDown } from './teardown.ts';
import { startTemporal } from './temporal-server.ts';

const REGION = 'us-east-1';
const TIER = 'prod';
// What kwok was tried with in one process.
const NODES_MAX = 1_000;
// Each cluster takes about half a gigabyte.
const CLUSTERS_MAX = 8;

export const sandboxDefaults: SandboxOptions = { nodes: 24, clusters: 1, seed: 1, speed: 1 };

export interface UpOptions extends Partial<SandboxOptions> {
  dir?: string | undefined;
  onProgress?: OnProgress;
  /** Looked at between steps; what was started by then is stopped. */
  signal?: AbortSignal;
}

export interface UpResult {
  state: SandboxState & { servers: SandboxServers };
  /** False when it was up already, and nothing was done. */
  started: boolean;
}

function checkWhole(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new Error(
    `--${name} is ${String(value)}; expected a whole number between ${String(min)} and ${String(max)}`,
  );
}

function checkOptions(options: SandboxOptions): void {
  checkWhole('nodes', options.nodes, 1, NODES_MAX);
  checkWhole('clusters', options.clusters, 1, CLUSTERS_MAX);
  checkWhole('seed', options.seed, 0, Number.MAX_SAFE_INTEGER);
  if (!(options.speed > 0)) throw new Error(`speed is ${String(options.speed)}; expected a number above 0`);
}

interface Start {
  dir: string;
  options: SandboxOptions;
  binaries: Record<BinaryName, string>;
  motoServer: string;
  say: (text: string) => void;
  checkInterrupted: () => void;
}

async function timed<T>(start: Start, what: string, work: () => Promise<T>): Promise<T> {
  start.checkInterrupted();
  const begin = performance.now();
  const result = await work();
  start.say(`${what}: ready after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  return result;
}

function clusterName(at: number): string {
  return at === 0 ? 'prod-east' : `prod-east-${String(at + 1)}`;
}

async function startClusters(start: Start): Promise<SandboxCluster[]> {
  const { dir, binaries } = start;
  const kubeconfig = join(dir, 'kubeconfig');
  const clusters: SandboxCluster[] = [];
  for (let at = 0; at < start.options.clusters; at += 1) {
    const name = clusterName(at);
    const { server } = await timed(start, `Cluster ${name}`, () =>
      startCluster({ dir, name, binaries, nodes: start.options.nodes }),
    );
    clusters.push({
      name,
      context: name,
      kubeconfig,
      server,
      auditLog: auditLogFile({ dir, name }),
      tier: TIER,
    });
  }
  await writeKubeconfig(
    kubeconfig,
    clusters.map((c) => ({ name: c.name, server: c.server, pki: pkiDir({ dir, name: c.name }) })),
  );
  for (const cluster of clusters) {
    await runCommand({
      command: binaries.kubectl,
      args: ['--kubeconfig', kubeconfig, '--context', cluster.context, 'create', 'namespace', 'refit-system'],
    });
  }
  return clusters;
}

// Links, because a folder on PATH must hold these two and nothing that would hide the user's own tools.
async function linkBinaries(dir: string, binaries: Record<BinaryName, string>): Promise<string> {
  const binDir = join(dir, 'bin');
  await mkdir(binDir, { recursive: true });
  for (const name of ['kubectl', 'temporal'] as const) await symlink(binaries[name], join(binDir, name));
  return binDir;
}

// Servers choose their ports before they bind them: two sandboxes that start at once do so in turn.
async function startServers(start: Start, onProgress: OnProgress) {
  const { dir, options, motoServer } = start;
  const lock = join(cacheDir(), 'locks', 'ports.lock');
  const what = 'starts the servers of another sandbox';
  return withLock({ lock, what, onProgress }, async () => {
    const begun = await Promise.allSettled([
      timed(start, 'Temporal', () => startTemporal({ dir, binary: start.binaries.temporal })),
      timed(start, 'EC2', () => startEc2({ dir, motoServer, seed: options.seed, speed: options.speed })),
      startClusters(start),
    ]);
    // All have come to their end here, so that a clean-up races with none of them.
    const [temporal, ec2, clusters] = begun;
    if (temporal.status === 'rejected') throw temporal.reason;
    if (ec2.status === 'rejected') throw ec2.reason;
    if (clusters.status === 'rejected') throw clusters.reason;
    return { ec2: ec2.value, clusters: clusters.value };
  });
}

async function startEverything(start: Start, onProgress: OnProgress): Promise<SandboxServers> {
  const { dir, options } = start;
  const { ec2, clusters } = await startServers(start, onProgress);
  await writeFile(temporalConfigFile(dir), temporalConfig);
  const bridge = await timed(start, 'Bridge from EC2 instances to nodes', async () =>
    startBridge({
      dir,
      ec2Endpoint: ec2.endpoint,
      clusters,
      seed: options.seed,
      speed: options.speed,
    }),
  );
  for (const cluster of clusters) {
    await timed(start, `Fleet of ${String(options.nodes)} nodes in ${cluster.name}`, () =>
      createFleet({
        dir,
        nodes: options.nodes,
        seed: options.seed,
        ec2Endpoint: ec2.endpoint,
        cluster,
        tier: cluster.tier,
      }),
    );
  }
  start.checkInterrupted();
  const fleet = join(dir, 'fleet.yaml');
  await writeFile(fleet, fleetFile({ clusters, region: REGION }));
  const recordsDir = join(dir, 'records');
  await mkdir(recordsDir, { recursive: true });
  const binDir = await linkBinaries(dir, start.binaries);
  return {
    clusters,
    ec2,
    bridgePid: bridge.pid,
    fleet,
    images: sandboxImages,
    region: REGION,
    binDir,
    recordsDir,
  };
}

async function cleanUp(dir: string, error: unknown): Promise<never> {
  try {
    await tearDown(dir);
  } catch (second) {
    throw new AggregateError([error, second], `${String(error)}\nand the clean-up failed: ${String(second)}`);
  }
  throw error;
}

/** What was asked for by name and stands there otherwise; what was left out is as it stands. */
function refuseOtherOptions(dir: string, there: SandboxOptions, asked: Partial<SandboxOptions>): void {
  const names = ['nodes', 'clusters', 'seed', 'speed'] as const;
  const differs = names.filter((name) => asked[name] !== undefined && asked[name] !== there[name]);
  if (differs.length === 0) return;
  const told = differs.map((name) => `${name} ${String(there[name])}, not ${String(asked[name])}`);
  throw new Error(
    `the sandbox in ${dir} is up already, with ${told.join(' and ')}. Take it down first ` +
      '(refit sandbox down), or put this one beside it with --dir DIR',
  );
}

async function alreadyUp(
  dir: string,
  asked: Partial<SandboxOptions>,
  say: (text: string) => void,
): Promise<UpResult | undefined> {
  const state = await readState(dir);
  if (state === undefined) {
    await refuseForeignFolder(dir);
    return undefined;
  }
  if (state.servers === undefined) {
    say(`An earlier start in ${dir} broke off: stopping what is left of it.`);
    await tearDown(dir);
    return undefined;
  }
  const ended = await endedProcesses(dir);
  if (ended.length > 0) {
    throw new Error(
      `the sandbox in ${dir} is up, but ${ended.join(', ')} ended (logs in ${join(dir, 'logs')}). ` +
        'Start it all anew with: refit sandbox reset',
    );
  }
  refuseOtherOptions(dir, state.options, asked);
  say(`The sandbox in ${dir} is up already. See it with: refit sandbox status`);
  return { state: { ...state, servers: state.servers }, started: false };
}

async function upLocked(
  dir: string,
  options: SandboxOptions,
  o: UpOptions,
  onProgress: OnProgress,
): Promise<UpResult> {
  const say = (text: string): void => onProgress({ kind: 'line', text });
  const there = await alreadyUp(dir, o, say);
  if (there !== undefined) return there;
  const checkInterrupted = (): void => o.signal?.throwIfAborted();
  const binaries = await ensureBinaries({ onProgress });
  checkInterrupted();
  const motoServer = await ensureMoto({ onProgress });
  checkInterrupted();
  const begin = performance.now();
  const state: SandboxState = { dir, options };
  await writeState(state);
  try {
    const start: Start = { dir, options, binaries, motoServer, say, checkInterrupted };
    const servers = await startEverything(start, onProgress);
    await writeState({ ...state, servers });
    say(`The sandbox in ${dir} is up after ${renderSeconds((performance.now() - begin) / 1000)}.`);
    return { state: { ...state, servers }, started: true };
  } catch (error) {
    return cleanUp(dir, error);
  }
}

const silent: OnProgress = () => undefined;

async function locked<T>(dir: string, onProgress: OnProgress, work: () => Promise<T>): Promise<T> {
  return withLock({ lock: stateLock(dir), what: `works on the sandbox in ${dir}`, onProgress }, work);
}

export async function up(o: UpOptions = {}): Promise<UpResult> {
  const dir = sandboxDir(o.dir);
  const onProgress = o.onProgress ?? silent;
  const options: SandboxOptions = {
    nodes: o.nodes ?? sandboxDefaults.nodes,
    clusters: o.clusters ?? sandboxDefaults.clusters,
    seed: o.seed ?? sandboxDefaults.seed,
    speed: o.speed ?? sandboxDefaults.speed,
  };
  checkOptions(options);
  return locked(dir, onProgress, () => upLocked(dir, options, o, onProgress));
}

/** False when there was nothing to take down. */
export async function down(o: { dir?: string | undefined; onProgress?: OnProgress } = {}): Promise<boolean> {
  const dir = sandboxDir(o.dir);
  return locked(dir, o.onProgress ?? silent, () => tearDown(dir));
}

/** Down and up again, as it was asked for the first time. */
export async function reset(o: Pick<UpOptions, 'dir' | 'onProgress' | 'signal'> = {}): Promise<UpResult> {
  const dir = sandboxDir(o.dir);
  const onProgress = o.onProgress ?? silent;
  return locked(dir, onProgress, async () => {
    const options = (await readState(dir))?.options ?? sandboxDefaults;
    await tearDown(dir);
    return upLocked(dir, options, o, onProgress);
  });
}

async function requireState(dir: string): Promise<SandboxState & { servers: SandboxServers }> {
  const state = await readState(dir);
  if (state === undefined) throw new Error(`there is no sandbox in ${dir}. Start one with: refit sandbox up`);
  if (state.servers !== undefined) return { ...state, servers: state.servers };
  throw new Error(
    `the sandbox in ${dir} is being started, or its start broke off. ` +
      'Remove what is left with: refit sandbox down',
  );
}

/** What is there, and the names of processes that should run and do not. */
export async function status(
  o: { dir?: string | undefined } = {},
): Promise<{ status: SandboxStatus; ended: string[] }> {
  const dir = sandboxDir(o.dir);
  const seen = await observeSandbox(await requireState(dir));
  if (seen === undefined)
    throw new Error(`the sandbox in ${dir} has lost its Temporal settings; take it down`);
  return { status: seen, ended: await endedProcesses(dir) };
}

/** The variables themselves, for a program that starts others against this sandbox. */
export async function environment(o: { dir?: string | undefined } = {}): Promise<SandboxEnvironment> {
  return sandboxEnvironment(await requireState(sandboxDir(o.dir)));
}

/** Shell lines to eval. */
export async function env(o: { dir?: string | undefined } = {}): Promise<string> {
  const state = await requireState(sandboxDir(o.dir));
  return renderShell(await sandboxEnvironment(state), state.servers.binDir);
}
