// The faults that are on, in one file of the sandbox's folder: whoever acts by it reads it again each time,
// so that a fault outlives restarts and is gone as soon as it is cleared. An unreadable file is an error.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whole sandbox, or these nodes alone. */
interface OnNodes {
  nodes: readonly string[] | null;
}

/** EC2 or the machines behave badly; the front and the bridge read these. */
type MachineFault =
  | { kind: 'throttle'; share: number; actions: readonly string[] | null }
  | { kind: 'insufficient-capacity' }
  | { kind: 'reservation-full' }
  | ({ kind: 'task-fails' } & OnInstances)
  | ({ kind: 'task-fails-detached' } & OnInstances)
  | ({ kind: 'slow-reimage'; seconds: number } & OnInstances)
  | { kind: 'image-id-follows' }
  | { kind: 'instance-gone'; instances: readonly string[] }
  | ({ kind: 'stale-labels' } & OnNodes)
  | ({ kind: 'stale-ready' } & OnNodes);

interface OnInstances {
  instances: readonly string[] | null;
}

/** Something was changed in a cluster or in EC2, and is put back by clearing it. */
export interface ChangeFault {
  kind:
    'bare-pod' | 'two-pdbs' | 'pdb-blocks' | 'node-lost' | 'foreign-cordon' | 'no-provider-id' | 'asg-owned';
  cluster: string;
  /** The node's or the object's name. */
  on: string;
  /** What stood there before, as far as it must be put back. */
  before: Readonly<Record<string, string>>;
}

export type Fault = MachineFault | ChangeFault;
export type FaultKind = Fault['kind'];

export function faultFile(dir: string): string {
  return join(dir, 'faults.json');
}

export function readFaults(dir: string): readonly Fault[] {
  let text: string;
  try {
    text = readFileSync(faultFile(dir), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return JSON.parse(text) as Fault[];
}

export function writeFaults(dir: string, faults: readonly Fault[]): void {
  if (faults.length === 0) {
    rmSync(faultFile(dir), { force: true });
    return;
  }
  const draft = `${faultFile(dir)}.${String(process.pid)}`;
  writeFileSync(draft, `${JSON.stringify(faults, undefined, 2)}\n`);
  renameSync(draft, faultFile(dir));
}

/** The one of this kind that is on; of each machine fault there is at most one. */
export function faultOf<K extends FaultKind>(
  faults: readonly Fault[],
  kind: K,
): Extract<Fault, { kind: K }> | undefined {
  return faults.find((fault): fault is Extract<Fault, { kind: K }> => fault.kind === kind);
}

/** Null stands for all of them. */
export function appliesTo(list: readonly string[] | null, name: string): boolean {
  return list === null || list.includes(name);
}
