// Every fault of the sandbox by name: what it takes and what it does, in one line each.
import type { FaultKind } from './fault-file.ts';

/** `node`: one is needed; `nodes`: some, or all when none is named; `pdb`: NAMESPACE/NAME. */
type FaultTarget = 'none' | 'node' | 'nodes' | 'pdb';

export interface FaultEntry {
  target: FaultTarget;
  what: string;
}

export const DEFAULT_PDB = 'serving/chat';

export const faultCatalog: Readonly<Record<FaultKind, FaultEntry>> = {
  'bare-pod': { target: 'node', what: 'a pod without a controller on the node: it blocks a drain' },
  'two-pdbs': {
    target: 'node',
    what: 'a pod under two PodDisruptionBudgets on the node: nothing can evict it',
  },
  'pdb-blocks': {
    target: 'pdb',
    what: `a PodDisruptionBudget (default ${DEFAULT_PDB}) that allows no disruption`,
  },
  'stale-labels': { target: 'nodes', what: 'labels and allocatable stay as before the next boots' },
  'stale-ready': { target: 'nodes', what: 'Ready stays as before the next boots, heartbeat and all' },
  throttle: {
    target: 'none',
    what: 'EC2 answers RequestLimitExceeded (--share of the calls, --action only)',
  },
  'insufficient-capacity': { target: 'none', what: 'EC2 has no capacity to run or start instances' },
  'reservation-full': { target: 'none', what: 'others have taken every place of the capacity reservations' },
  'task-fails': { target: 'nodes', what: 'new root-volume tasks fail; the instance boots its old root' },
  'task-fails-detached': {
    target: 'nodes',
    what: 'new root-volume tasks fail and leave the instance without a root',
  },
  'slow-reimage': { target: 'nodes', what: 'new root-volume tasks take --seconds, or until it is cleared' },
  'image-id-follows': {
    target: 'none',
    what: "DescribeInstances tells the root's image, not the launch image",
  },
  'instance-gone': { target: 'node', what: "EC2 does not know the node's instance any more" },
  'asg-owned': { target: 'node', what: "the node's instance is tagged as an Auto Scaling group's" },
  'node-lost': {
    target: 'node',
    what: 'the kubelet falls silent: the node turns Unknown after some seconds',
  },
  'foreign-cordon': { target: 'node', what: 'somebody else has cordoned the node' },
  'no-provider-id': { target: 'node', what: 'the Node is made anew without a providerID' },
};

const faultKinds = Object.keys(faultCatalog) as FaultKind[];

export function parseFaultKind(name: string): FaultKind {
  const kind = faultKinds.find((candidate) => candidate === name);
  if (kind === undefined) throw new Error(`there is no fault ${name}; there are ${faultKinds.join(', ')}`);
  return kind;
}

const usages: Record<FaultTarget, string> = {
  none: '',
  node: ' NODE…',
  nodes: ' [NODE…]',
  pdb: ' [NAMESPACE/NAME]',
};

export function renderFaultCatalog(): string {
  const rows = faultKinds.map((kind) => ({
    usage: `${kind}${usages[faultCatalog[kind].target]}`,
    what: faultCatalog[kind].what,
  }));
  const width = Math.max(...rows.map((row) => row.usage.length));
  return rows.map((row) => `${row.usage.padEnd(width)}  ${row.what}`).join('\n');
}
