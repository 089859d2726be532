// The four shared watches of one cluster: nodes, pods by node, PDBs by namespace, DaemonSets.
// Each starts when it is first needed, and serves everyone in this process. Nothing polls a pod.
import { Reflector } from './watch.ts';
import { toDaemonSet, toNode, toPdb, toPod } from './objects.ts';
import type { PdbFacts, PodFacts } from '../../domain/drain/pod.ts';
import type { Api } from './api.ts';
import type { CachedDaemonSet, CachedNode } from './objects.ts';
import type { ReflectorLimits } from './watch.ts';

export type Watches = {
  nodes: Reflector<CachedNode>;
  pods: Reflector<PodFacts>;
  pdbs: Reflector<PdbFacts & { uid: string }>;
  daemonSets: Reflector<CachedDaemonSet>;
};

export const PATHS = {
  nodes: '/api/v1/nodes',
  pods: '/api/v1/pods',
  pdbs: '/apis/policy/v1/poddisruptionbudgets',
  daemonSets: '/apis/apps/v1/daemonsets',
} as const;

export function createWatches(api: Api, limits: Partial<ReflectorLimits> = {}): Watches {
  return {
    nodes: new Reflector({ api, limits, path: PATHS.nodes, resource: 'nodes', trim: toNode }),
    pods: new Reflector({
      api,
      limits,
      path: PATHS.pods,
      resource: 'pods',
      trim: toPod,
      groupOf: (pod) => pod.node,
      // A pod that is bound nowhere concerns no node.
      query: { fieldSelector: 'spec.nodeName!=' },
    }),
    pdbs: new Reflector({
      api,
      limits,
      path: PATHS.pdbs,
      resource: 'poddisruptionbudgets.policy',
      trim: toPdb,
      groupOf: (pdb) => pdb.namespace,
    }),
    daemonSets: new Reflector({
      api,
      limits,
      path: PATHS.daemonSets,
      resource: 'daemonsets.apps',
      trim: toDaemonSet,
    }),
  };
}

export async function stopWatches(watches: Watches): Promise<void> {
  await Promise.all(Object.values(watches).map((watch) => watch.stop()));
}
