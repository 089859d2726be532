// The bench's own sandbox: real servers, up for one part and down after it, whatever happens.
import { createClusterApi } from '../sandbox/cluster-api.ts';
import { beingPatient } from './patient-api.ts';
import type { PatientApi } from './patient-api.ts';
import type { SandboxStatus } from '../sandbox/status.ts';
import { openBed } from '../test/end-to-end/bed.ts';
import type { Bed } from '../test/end-to-end/bed.ts';

export type BenchBed = Bed & {
  cluster: SandboxStatus['clusters'][number];
  /** Pids of the control plane and the simulated kubelets, by component. */
  pids: Readonly<Record<string, number>>;
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
  // Awaited only while there is work; an interrupt before that is looked at below.
  ended.catch(() => undefined);
  try {
    say(`a sandbox of ${String(o.nodes)} nodes goes up`);
    const bed = await openBed(o);
    try {
      interrupted.signal.throwIfAborted();
      return await withHand(bed, (whole) => Promise.race([work(whole), ended]));
    } finally {
      await bed.close();
    }
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
  }
}

async function withHand<T>(bed: Bed, work: (bed: BenchBed) => Promise<T>): Promise<T> {
  const [cluster] = bed.sandbox.clusters;
  if (cluster === undefined) throw new Error(`the sandbox in ${bed.dir} has no cluster`);
  const pids = Object.entries(cluster.pids).map(([name, pid]): [string, number] => {
    if (pid === null) throw new Error(`${name} of the sandbox in ${bed.dir} has ended`);
    return [name, pid];
  });
  const api = createClusterApi({ ...cluster, userAgent: 'bench-load' });
  try {
    return await work({ ...bed, cluster, pids: Object.fromEntries(pids), api: beingPatient(api) });
  } finally {
    await api.close();
  }
}
