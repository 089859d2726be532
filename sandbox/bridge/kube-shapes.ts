// Nodes and pods as the bridge reads them.
import type { KubeObject } from '../cluster-api.ts';

export interface KubeNode extends KubeObject {
  spec?: { providerID?: string };
  status?: { conditions?: { type: string; status: string; lastTransitionTime?: string }[] };
}

export interface ContainerStatus {
  name: string;
  image: string;
  restartCount: number;
  state?: { running?: { startedAt: string }; terminated?: unknown; waiting?: unknown };
}

export interface KubePod extends KubeObject {
  spec?: { nodeName?: string; restartPolicy?: string };
  status?: {
    phase?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: ContainerStatus[];
  };
}

export function hasCondition(object: KubeNode | KubePod, type: string): boolean {
  return object.status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;
}

export function annotation(object: KubeObject, key: string): string | undefined {
  return object.metadata.annotations?.[key];
}

/** `aws:///us-east-1a/i-0123` → `i-0123`. */
export function instanceIdOf(node: KubeNode): string | undefined {
  return /^aws:\/\/\/[^/]+\/(i-[0-9a-f]+)$/.exec(node.spec?.providerID ?? '')?.[1];
}

/** When the last of its containers started; undefined while one does not run. */
export function lastStart(pod: KubePod): string | undefined {
  const starts = (pod.status?.containerStatuses ?? []).map((status) => status.state?.running?.startedAt);
  if (starts.length === 0 || starts.includes(undefined)) return undefined;
  return starts
    .filter((start) => start !== undefined)
    .sort()
    .at(-1);
}

/** Kubernetes tells whole seconds: what began in the same second counts as later. */
export function startedSince(pod: KubePod, bootedAt: string): boolean {
  const start = lastStart(pod);
  return start !== undefined && Date.parse(start) >= Math.floor(Date.parse(bootedAt) / 1000) * 1000;
}
