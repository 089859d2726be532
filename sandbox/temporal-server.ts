// The sandbox's Temporal server: the development server of the `temporal` command line with a database
// file, so that a killed server comes back on the same ports and still knows every workflow.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import { runningPid, startProcess, stopProcess } from './processes.ts';

const PROCESS_NAME = 'temporal';
const HOST = '127.0.0.1';
// The first start makes the schema; on a machine that also builds, that was seen to take seconds.
const START_TIMEOUT_MS = 300_000;
const PROBE_TIMEOUT_MS = 10_000;

const temporalNamespace = 'default';

/** What lists and filters of runs go by; a worker expects each of them. */
export const searchAttributes: Readonly<Record<string, 'Keyword' | 'Int'>> = {
  RefitFleet: 'Keyword',
  RefitCluster: 'Keyword',
  RefitPhase: 'Keyword',
  RefitWaitingOn: 'Keyword',
  RefitNodesDone: 'Int',
  RefitNodesTotal: 'Int',
};

export interface TemporalServer {
  address: string;
  namespace: string;
  ui: string;
}

interface Settings {
  binary: string;
  ports: { grpc: number; http: number; ui: number; metrics: number };
}

function settingsFile(dir: string): string {
  return join(dir, 'temporal', 'settings.json');
}

async function readSettings(dir: string): Promise<Settings | undefined> {
  try {
    return JSON.parse(await readFile(settingsFile(dir), 'utf8')) as Settings;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function serverArgs(dir: string, settings: Settings): string[] {
  const { ports } = settings;
  return [
    ...['server', 'start-dev', '--ip', HOST, '--ui-ip', HOST, '--ui-disable-news-fetch'],
    ...['--port', String(ports.grpc), '--http-port', String(ports.http)],
    ...['--ui-port', String(ports.ui), '--metrics-port', String(ports.metrics)],
    ...['--db-filename', join(dir, 'temporal', 'temporal.db')],
    ...Object.entries(searchAttributes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    // The settings of whoever starts the sandbox are about his own server.
    ...['--disable-config-file', '--disable-config-env', '--color', 'never'],
  ];
}

// The server listens before its namespace and search attributes are there; a worker that came in between
// would fail. Asking for the attributes answers for all of it.
async function servesAttributes(httpPort: number): Promise<boolean> {
  const url = `http://${HOST}:${String(httpPort)}/cluster/namespaces/${temporalNamespace}/search-attributes`;
  const response = await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${String(response.status)}: ${text}`);
  const known = (JSON.parse(text) as { customAttributes?: Record<string, string> }).customAttributes ?? {};
  return Object.keys(searchAttributes).every((name) => name in known);
}

async function serve(dir: string, settings: Settings): Promise<TemporalServer & { pid: number }> {
  const { pid } = await startProcess({
    name: PROCESS_NAME,
    dir,
    command: settings.binary,
    args: serverArgs(dir, settings),
    readyWhen: () => servesAttributes(settings.ports.http),
    timeoutMs: START_TIMEOUT_MS,
  });
  return { ...serverOf(settings), pid };
}

function serverOf(settings: Settings): TemporalServer {
  return {
    address: `${HOST}:${String(settings.ports.grpc)}`,
    namespace: temporalNamespace,
    ui: `http://${HOST}:${String(settings.ports.ui)}`,
  };
}

/** Where it listens, running or not; undefined when this folder never had one. */
export async function temporalServer(dir: string): Promise<TemporalServer | undefined> {
  const settings = await readSettings(dir);
  return settings === undefined ? undefined : serverOf(settings);
}

export async function temporalPid(dir: string): Promise<number | undefined> {
  return runningPid({ name: PROCESS_NAME, dir });
}

/** Its ports are chosen once for a folder and kept in it. */
export async function startTemporal(o: {
  dir: string;
  binary: string;
}): Promise<TemporalServer & { pid: number }> {
  const known = await readSettings(o.dir);
  const ports = known?.ports ?? {
    grpc: await freePort(),
    http: await freePort(),
    ui: await freePort(),
    metrics: await freePort(),
  };
  const settings: Settings = { binary: o.binary, ports };
  await mkdir(join(o.dir, 'temporal'), { recursive: true });
  await writeFile(settingsFile(o.dir), `${JSON.stringify(settings, undefined, 2)}\n`);
  return serve(o.dir, settings);
}

export async function stopTemporal(o: { dir: string }): Promise<void> {
  await stopProcess({ name: PROCESS_NAME, dir: o.dir });
}

/** On the same ports and the same database, after a stop or a crash. */
export async function restartTemporal(o: { dir: string }): Promise<TemporalServer & { pid: number }> {
  const settings = await readSettings(o.dir);
  if (settings === undefined) throw new Error(`${o.dir} never had a Temporal server`);
  await stopTemporal(o);
  return serve(o.dir, settings);
}
