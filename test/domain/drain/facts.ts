// Pods and PDBs for tests: ordinary ones, with what the test says changed.
import type { PdbFacts, PodFacts } from '../../../domain/drain/pod.ts';

export function pod(changes: Partial<PodFacts> = {}): PodFacts {
  const name = changes.name ?? 'web-1';
  return {
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    node: 'n1',
    phase: 'Running',
    ready: true,
    deletionTimestamp: null,
    labels: { app: 'web' },
    controller: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web' },
    mirror: false,
    drainWish: null,
    checkpoint: null,
    containersStartedAt: null,
    ...changes,
  };
}

export function pdb(changes: Partial<PdbFacts> = {}): PdbFacts {
  return {
    namespace: 'default',
    name: 'web',
    resourceVersion: '1',
    selector: { matchLabels: { app: 'web' }, matchExpressions: [] },
    minAvailable: null,
    maxUnavailable: 1,
    alwaysAllowsUnhealthy: false,
    stale: false,
    disruptionsAllowed: 1,
    currentHealthy: 3,
    desiredHealthy: 2,
    expectedPods: 3,
    ...changes,
  };
}
