// What a sandbox knows of itself between two commands: one folder, one state.json in it, written before
// anything is started, so that a start that broke off can be cleaned up by the next command.
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { cacheDir, cacheKey } from './cache.ts';

export interface SandboxCluster {
  name: string;
  context: string;
  kubeconfig: string;
  server: string;
  auditLog: string;
  tier: string;
}

export interface SandboxImages {
  good: string;
  next: string;
  neverRejoins: string;
  wrongVersion: string;
  failsChecks: string;
}

/** How it was asked for; `reset` asks for the same again. */
export interface SandboxOptions {
  nodes: number;
  clusters: number;
  seed: number;
  /** Factor on simulated durations: 1 is the demo's. */
  speed: number;
}

/** What stands once everything is up. */
export interface SandboxServers {
  clusters: SandboxCluster[];
  ec2: { endpoint: string; pid: number; motoPid: number };
  bridgePid: number;
  fleet: string;
  images: SandboxImages;
  region: string;
  /** The folder with links to the sandbox's kubectl and temporal. */
  binDir: string;
  recordsDir: string;
}

export interface SandboxState {
  dir: string;
  options: SandboxOptions;
  /** Undefined while it is being started, or when that broke off. */
  servers?: SandboxServers;
}

export function sandboxDir(
  dir?: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (dir !== undefined) return resolve(dir);
  const set = env['REFIT_SANDBOX'];
  if (set !== undefined && set !== '') return resolve(set);
  return resolve('.refit', 'sandbox');
}

export function stateFile(dir: string): string {
  return join(dir, 'state.json');
}

/** Outside the folder, because the folder comes and goes under it. */
export function stateLock(dir: string): string {
  return join(cacheDir(), 'locks', `sandbox-${cacheKey([dir])}.lock`);
}

export async function readState(dir: string): Promise<SandboxState | undefined> {
  let text: string;
  try {
    text = await readFile(stateFile(dir), 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as SandboxState;
  } catch (error) {
    throw new Error(
      `${stateFile(dir)} is not JSON (${String(error)}); is ${dir} really a sandbox's folder?`,
      {
        cause: error,
      },
    );
  }
}

export async function writeState(state: SandboxState): Promise<void> {
  await mkdir(state.dir, { recursive: true });
  const draft = `${stateFile(state.dir)}.${String(process.pid)}`;
  await writeFile(draft, `${JSON.stringify(state, undefined, 2)}\n`);
  await rename(draft, stateFile(state.dir));
}

/** `down` removes the whole folder, so `up` never moves into one that holds something else. */
export async function refuseForeignFolder(dir: string): Promise<void> {
  // kwokctl cuts its folder's path at the first space and would lay its clusters out in another place.
  if (/\s/.test(dir))
    throw new Error(`${dir} has a space in its name; kwokctl needs a folder without: --dir DIR`);
  let entries: string[];
  try {
    entries = await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new Error(`${dir} cannot hold a sandbox: ${String(error)}`, { cause: error });
  }
  if (entries.length === 0) return;
  throw new Error(
    `${dir} holds ${entries.slice(0, 3).join(', ')}, and no sandbox. Name a new or empty folder: a sandbox's folder ` +
      `is removed as a whole by "refit sandbox down", and ${dirname(dir)} is a place for one.`,
  );
}
