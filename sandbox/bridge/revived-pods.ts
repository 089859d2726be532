// A node that is not heard of for a while (a busy machine, an API server that was away): the control plane
// marks its pods not Ready, and leaves it to the kubelet to say otherwise once it is back. Does what that
// kubelet would do; KWOK does not. Must never touch pods whose machine has rebooted: those start anew.
import { setTimeout as pause } from 'node:timers/promises';
import type { ClusterApi } from '../cluster-api.ts';
import { hasCondition } from './kube-shapes.ts';
import type { KubeNode, KubePod } from './kube-shapes.ts';

/** The marks may be written a while after the node is Ready again. */
const LOOKS_AFTER_MS = [500, 3_000, 10_000];

/** Runs, and is only not Ready because somebody said so from outside. */
function wasMarkedFromOutside(pod: KubePod): boolean {
  return (
    pod.metadata.deletionTimestamp === undefined &&
    pod.status?.phase === 'Running' &&
    hasCondition(pod, 'ContainersReady') &&
    !hasCondition(pod, 'Ready')
  );
}

async function revive(api: ClusterApi, node: string): Promise<void> {
  const { items } = await api.list<KubePod>('/api/v1/pods', { fieldSelector: `spec.nodeName=${node}` });
  const now = new Date().toISOString();
  const conditions = [
    { type: 'Ready', status: 'True', reason: null, message: null, lastTransitionTime: now },
  ];
  for (const pod of items.filter(wasMarkedFromOutside)) {
    const { namespace = '', name, uid } = pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`;
    await api.patch(path, 'strategic-merge', { metadata: { uid }, status: { conditions } });
  }
}

export interface PodRevival {
  /** To be told of every change of a node that shows its machine as it is. */
  seen(node: KubeNode): void;
}

export function createPodRevival(o: {
  api: ClusterApi;
  log: (text: string) => void;
  signal: AbortSignal;
}): PodRevival {
  const readySince = new Map<string, string>();
  const lookAfter = async (name: string, since: string): Promise<void> => {
    for (const ms of LOOKS_AFTER_MS) {
      await pause(ms, undefined, { signal: o.signal });
      if (readySince.get(name) !== since) return;
      await revive(o.api, name).catch((error: unknown) => o.log(`pods of node ${name}: ${String(error)}`));
    }
  };
  return {
    seen: (node) => {
      const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
      if (ready?.status !== 'True') return;
      const { name } = node.metadata;
      const since = ready.lastTransitionTime ?? '';
      const before = readySince.get(name);
      readySince.set(name, since);
      if (before === undefined || before === since) return;
      lookAfter(name, since).catch(() => undefined);
    },
  };
}
