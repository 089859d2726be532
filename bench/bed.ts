// The bench's own sandbox: real servers, up for one part and down after it, whatever happens.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { createClusterApi } from '../sandbox/cluster-api.ts';
import { down, environment, status, up } from '../sandbox/sandbox.ts';
import type { SandboxStatus } from '../sandbox/status.ts';
import { beingPatient } from './patient-api.ts';
import type { PatientApi } from './patient-api.ts';

export type BenchBed = {
  dir: string;
  sandbox: SandboxStatus;
  cluster: SandboxStatus['clusters'][number];
  /** Pids of the control plane and the simulated kubelets, by component. */
  pids: Readonly<Record<string, number>>;
  /** For programs that are started against this sandbox. */
  env: NodeJS.ProcessEnv;
  client: Client;
  /** The bench's own hand; its requests are nobody's figures. */
  api: PatientApi;
};

export function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

/** A sandbox for the time of `work`; an interrupt takes it down as well. */
export async function withBed<T>(o: { nodes: number }, work: (bed: BenchBed) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort(new Error('interrupted: the sandbox is taken down'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
  const ended = new Promise<never>((_, reject) => {
    interrupted.signal.addEventListener('abort', () => reject(interrupted.signal.reason as Error));
  });
  // Awaited only while there is work; an interrupt before that ends the start itself.
  ended.catch(() => undefined);
  const parent = await mkdtemp(join(tmpdir(), 'refit-bench-'));
  const dir = join(parent, 'sandbox');
  try {
    say(`a sandbox of ${String(o.nodes)} nodes goes up`);
    await up({ dir, nodes: o.nodes, signal: interrupted.signal });
    return await withHands(dir, (bed) => Promise.race([work(bed), ended]));
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
    await down({ dir });
    await rm(parent, { recursive: true, force: true });
  }
}

async function withHands<T>(dir: string, work: (bed: BenchBed) => Promise<T>): Promise<T> {
  const sandbox = (await status({ dir })).status;
  const [cluster] = sandbox.clusters;
  if (cluster === undefined) throw new Error(`the sandbox in ${dir} has no cluster`);
  const pids = Object.entries(cluster.pids).map(([name, pid]): [string, number] => {
    if (pid === null) throw new Error(`${name} of the sandbox in ${dir} has ended`);
    return [name, pid];
  });
  const { set, unset } = await environment({ dir });
  const env: NodeJS.ProcessEnv = { ...process.env, ...set, NO_COLOR: '1' };
  for (const name of unset) delete env[name];
  const { address, namespace } = sandbox.temporal;
  const connection = await Connection.connect({ address });
  const api = createClusterApi({ ...cluster, userAgent: 'bench-load' });
  try {
    const client = new Client({ connection, namespace });
    return await work({
      dir,
      sandbox,
      cluster,
      pids: Object.fromEntries(pids),
      env,
      client,
      api: beingPatient(api),
    });
  } finally {
    await api.close();
    await connection.close();
  }
}
