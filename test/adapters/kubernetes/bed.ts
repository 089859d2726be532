// The adapter on the API server in memory: one node, pods and PDBs as a test wants them.
import { createKubernetes } from '../../../adapters/kubernetes/connect.ts';
import { ApiServer } from './api-server.ts';
import type { DrainProgress } from '../../../domain/node-state.ts';
import type {
  DrainOutcome,
  DrainRequest,
  DrainResume,
  Kubernetes,
  KubernetesCluster,
} from '../../../adapters/ports/kubernetes.ts';

export const owner = 'default/upgrade/1';

export type AdapterBed = {
  server: ApiServer;
  kubernetes: Kubernetes;
  cluster: KubernetesCluster;
  close: () => Promise<void>;
};

export async function openAdapterBed(): Promise<AdapterBed> {
  const server = new ApiServer();
  await server.start();
  const kubernetes = createKubernetes({ env: {}, random: () => 0 });
  const cluster = kubernetes.cluster({
    name: 'prod',
    connection: { kind: 'kubeconfig', path: server.kubeconfig(), context: 'test' },
    provider: { kind: 'ec2', region: 'us-east-1' },
  });
  return {
    server,
    kubernetes,
    cluster,
    close: async () => {
      await kubernetes.close();
      await server.stop();
    },
  };
}

export function putNode(server: ApiServer, name: string, annotations: Record<string, string> = {}): void {
  server.put('nodes', { metadata: { name, annotations }, spec: {}, status: {} });
}

export function putPod(
  server: ApiServer,
  name: string,
  o: { node?: string; bare?: boolean; uid?: string; app?: string; phase?: string } = {},
): void {
  const ownerReferences =
    o.bare === true ? [] : [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', controller: true }];
  server.put('pods', {
    metadata: {
      name,
      namespace: 'default',
      labels: { app: o.app ?? 'web' },
      ownerReferences,
      ...(o.uid === undefined ? {} : { uid: o.uid }),
    },
    spec: { nodeName: o.node ?? 'n1' },
    status: { phase: o.phase ?? 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
}

export function putPdb(server: ApiServer, disruptionsAllowed: number, name = 'web'): void {
  server.put('pdbs', {
    metadata: { name, namespace: 'default' },
    spec: { maxUnavailable: 1, selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed, currentHealthy: 2, desiredHealthy: 2, expectedPods: 3 },
  });
}

export type Drained = {
  outcome: Promise<DrainOutcome>;
  told: DrainProgress[];
  beats: DrainResume[];
  stop: AbortController;
};

export function drain(cluster: KubernetesCluster, changes: Partial<DrainRequest> = {}): Drained {
  const stop = new AbortController();
  const [told, beats]: [DrainProgress[], DrainResume[]] = [[], []];
  const outcome = cluster.drain({
    node: 'n1',
    uid: 'uid-n1',
    owner,
    resume: null,
    signal: stop.signal,
    beforeEvicting: () => Promise.resolve(),
    onBlockersChanged: (progress) => told.push(progress),
    onHeartbeat: (resume) => beats.push(resume),
    ...changes,
  });
  return { outcome, told, beats, stop };
}

/** What a drain that stalled leaves to the next attempt, when it had seen nothing yet. */
export const STALLED: DrainResume = { podsTotal: 0, evicted: 0, since: {}, told: '0', stalled: true };

export async function until(condition: () => boolean, timeoutMs = 60_000): Promise<void> {
  const untilMs = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > untilMs) throw new Error(`not so after ${timeoutMs} ms: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
