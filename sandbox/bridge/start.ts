// Starts and stops the process that keeps nodes in step with their instances.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess, stopProcess } from '../processes.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const NAME = 'bridge';
const START_TIMEOUT_MS = 300_000;

function logOf(dir: string): string {
  return join(dir, 'logs', `${NAME}.log`);
}

export interface BridgeStart {
  dir: string;
  ec2Endpoint: string;
  clusters: { name: string; kubeconfig: string; context: string }[];
  seed: number;
  speed: number;
}

/** It says so in its log once it has begun; what was missed before, it makes up for. */
async function saysThatItRuns(dir: string, before: number): Promise<boolean> {
  const log = await readFile(logOf(dir), 'utf8');
  return log.slice(before).includes('bridge of ');
}

async function logLength(dir: string): Promise<number> {
  try {
    return (await readFile(logOf(dir), 'utf8')).length;
  } catch {
    return 0;
  }
}

export async function startBridge(o: BridgeStart): Promise<{ pid: number }> {
  const before = await logLength(o.dir);
  const { dir, ec2Endpoint, seed, speed } = o;
  const clusters = o.clusters.map(({ name, kubeconfig, context }) => ({ name, kubeconfig, context }));
  return startProcess({
    dir,
    name: NAME,
    command: process.execPath,
    args: [main, JSON.stringify({ dir, ec2Endpoint, seed, speed, clusters })],
    readyWhen: () => saysThatItRuns(dir, before),
    timeoutMs: START_TIMEOUT_MS,
  });
}

export async function stopBridge(dir: string): Promise<void> {
  await stopProcess({ dir, name: NAME });
}
