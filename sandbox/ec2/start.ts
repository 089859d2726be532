// Starts and stops the sandbox's EC2: moto, and the front before it.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import { freePort } from '../ports.ts';
import { startProcess, stopProcess } from '../processes.ts';
import { REGION } from './front.ts';
import { motoImages } from './images.ts';

const main = fileURLToPath(new URL('main.ts', import.meta.url));
const MOTO = 'moto';
const FRONT = 'ec2';
// moto loads for four seconds on two busy cores.
const START_TIMEOUT_MS = 300_000;

interface Settings {
  port: number;
  motoEndpoint: string;
  pace: { seed: number; speed: number };
}

function settingsFile(dir: string): string {
  return join(dir, 'ec2.json');
}

async function answers(url: string): Promise<boolean> {
  const response = await request(url, { headersTimeout: 10_000 });
  await response.body.dump();
  return response.statusCode < 500;
}

async function startMoto(dir: string, motoServer: string): Promise<{ endpoint: string; pid: number }> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${String(port)}`;
  const images = join(dir, 'ec2-images.json');
  await writeFile(images, JSON.stringify(motoImages(), undefined, 2));
  const { pid } = await startProcess({
    dir,
    name: MOTO,
    command: motoServer,
    args: ['-H', '127.0.0.1', '-p', String(port)],
    env: { MOTO_AMIS_PATH: images, AWS_DEFAULT_REGION: REGION, MOTO_ALLOW_NONEXISTENT_REGION: 'false' },
    readyWhen: () => answers(`${endpoint}/moto-api/data.json`),
    timeoutMs: START_TIMEOUT_MS,
  });
  return { endpoint, pid };
}

async function startFront(dir: string, settings: Settings): Promise<{ endpoint: string; pid: number }> {
  const endpoint = `http://127.0.0.1:${String(settings.port)}`;
  const { pid } = await startProcess({
    dir,
    name: FRONT,
    command: process.execPath,
    args: [main, JSON.stringify({ dir, ...settings })],
    readyWhen: () => answers(`${endpoint}/_sandbox/healthy`),
    timeoutMs: START_TIMEOUT_MS,
  });
  return { endpoint, pid };
}

export async function startEc2(o: {
  dir: string;
  motoServer: string;
  seed: number;
  speed: number;
}): Promise<{ endpoint: string; pid: number; motoPid: number }> {
  const moto = await startMoto(o.dir, o.motoServer);
  const settings: Settings = {
    port: await freePort(),
    motoEndpoint: moto.endpoint,
    pace: { seed: o.seed, speed: o.speed },
  };
  await writeFile(settingsFile(o.dir), `${JSON.stringify(settings, undefined, 2)}\n`);
  const front = await startFront(o.dir, settings);
  return { ...front, motoPid: moto.pid };
}

/** The front alone, on its port and with its tasks, after a crash; moto keeps what it holds in memory only. */
export async function restartEc2Front(dir: string): Promise<{ pid: number }> {
  const settings = JSON.parse(await readFile(settingsFile(dir), 'utf8')) as Settings;
  await stopProcess({ dir, name: FRONT });
  return startFront(dir, settings);
}

export async function stopEc2(dir: string): Promise<void> {
  await stopProcess({ dir, name: FRONT });
  await stopProcess({ dir, name: MOTO });
}
