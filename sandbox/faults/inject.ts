// Turns faults on and off in a running sandbox, by name and by the names of its nodes.
import { createClusterApi } from '../cluster-api.ts';
import { sandboxClient } from '../ec2/moto.ts';
import { readState } from '../state.ts';
import { DEFAULT_PDB, faultCatalog } from './catalog.ts';
import { applyChange, instanceOfNode, undoChange } from './cluster-faults.ts';
import type { FaultPlace } from './cluster-faults.ts';
import { readFaults, writeFaults } from './fault-file.ts';
import type { ChangeFault, Fault, FaultKind } from './fault-file.ts';
import { setFault } from './machine-faults.ts';

const USER_AGENT = 'sandbox-fault';

export interface FaultRequest {
  kind: FaultKind;
  /** Nodes, or the PodDisruptionBudget. */
  on: readonly string[];
  /** The first one when absent. */
  cluster?: string | undefined;
  seconds: number;
  share: number;
  actions: readonly string[] | null;
}

async function withPlace<T>(
  dir: string,
  cluster: string | undefined,
  work: (o: FaultPlace) => Promise<T>,
): Promise<T> {
  const servers = (await readState(dir))?.servers;
  if (servers === undefined) throw new Error(`no sandbox is up in ${dir}. Start one with: refit sandbox up`);
  const names = servers.clusters.map((c) => c.name);
  const found = servers.clusters.find((c) => cluster === undefined || c.name === cluster);
  if (found === undefined)
    throw new Error(`the sandbox has no cluster ${String(cluster)}; it has ${names.join(', ')}`);
  const api = createClusterApi({ ...found, userAgent: USER_AGENT });
  const ec2 = sandboxClient(servers.ec2.endpoint, servers.region, USER_AGENT);
  try {
    return await work({ cluster: found.name, api, ec2 });
  } finally {
    ec2.destroy();
    await api.close();
  }
}

function isChange(fault: Fault): fault is ChangeFault {
  return 'before' in fault;
}

async function makeChange(dir: string, o: FaultPlace, kind: ChangeFault['kind'], on: string): Promise<void> {
  const there = readFaults(dir).some(
    (f) => isChange(f) && f.kind === kind && f.on === on && f.cluster === o.cluster,
  );
  if (there) return;
  const before = await applyChange(o, kind, on);
  writeFaults(dir, [...readFaults(dir), { kind, cluster: o.cluster, on, before }]);
}

export async function injectFault(dir: string, request: FaultRequest): Promise<void> {
  const { kind, on } = request;
  const { target } = faultCatalog[kind];
  if (target === 'node' && on.length === 0)
    throw new Error(`fault ${kind} needs the name of a node; see: kubectl get nodes`);
  if (target === 'none' && on.length > 0)
    throw new Error(`fault ${kind} takes no names; it was given ${on.join(', ')}`);
  const unnamed = target === 'pdb' ? on.find((name) => !/^[^/]+\/[^/]+$/.test(name)) : undefined;
  if (unnamed !== undefined)
    throw new Error(`fault ${kind} takes NAMESPACE/NAME; it was given ${unnamed}; see: kubectl get pdb -A`);
  await withPlace(dir, request.cluster, async (place) => {
    const instances = async (): Promise<string[]> =>
      Promise.all(on.map((name) => instanceOfNode(place, name)));
    const some = async (): Promise<string[] | null> => (on.length === 0 ? null : instances());
    switch (kind) {
      case 'throttle':
        return setFault(dir, { kind, share: request.share, actions: request.actions });
      case 'insufficient-capacity':
      case 'reservation-full':
      case 'image-id-follows':
        return setFault(dir, { kind });
      case 'task-fails':
      case 'task-fails-detached':
        return setFault(dir, { kind, instances: await some() });
      case 'slow-reimage':
        return setFault(dir, { kind, seconds: request.seconds, instances: await some() });
      case 'instance-gone':
        return setFault(dir, { kind, instances: await instances() });
      case 'stale-labels':
      case 'stale-ready':
        await instances();
        return setFault(dir, { kind, nodes: on.length === 0 ? null : on });
      default:
        for (const name of kind === 'pdb-blocks' && on.length === 0 ? [DEFAULT_PDB] : on) {
          await makeChange(dir, place, kind, name);
        }
    }
  });
}

/** Puts back what was changed; all faults, or those of one kind. Answers the names of what was on. */
export async function removeFaults(dir: string, kind?: FaultKind): Promise<string[]> {
  const going = readFaults(dir).filter((fault) => kind === undefined || fault.kind === kind);
  for (const fault of going) {
    if (isChange(fault)) await withPlace(dir, fault.cluster, (place) => undoChange(place, fault));
    const gone = JSON.stringify(fault);
    writeFaults(
      dir,
      readFaults(dir).filter((other) => JSON.stringify(other) !== gone),
    );
  }
  return going.map((fault) => fault.kind);
}
