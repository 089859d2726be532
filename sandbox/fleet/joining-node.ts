// The Node of an instance that was launched from a template, as its kubelet makes it: before any pod of a
// DaemonSet has run there, without GPUs and without what feature discovery writes. Pure.
import type { ImageContent } from '../ec2/images.ts';
import type { MachineLaunch } from '../ec2/machine.ts';
import { nodeOfLaunch } from './layout.ts';
import { GPUS_RESOURCE, SETTLED_ANNOTATION, discoveredLabels, nodeObject } from './node-object.ts';

interface NodeObject {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  status: Record<string, unknown>;
}

export function joiningNode(o: {
  instanceId: string;
  launch: MachineLaunch;
  seed: number;
  content: ImageContent;
}): Record<string, unknown> {
  const { instanceId, seed, content } = o;
  const now = new Date().toISOString();
  const node = nodeOfLaunch(instanceId, o.launch);
  const settled = nodeObject({ node, seed, instanceId, content, now }) as unknown as NodeObject;
  const { labels, annotations } = settled.metadata;
  const written = new Set(Object.keys(discoveredLabels(content)));
  const resources = { ...(settled.status['capacity'] as Record<string, string>), [GPUS_RESOURCE]: '0' };
  return {
    ...settled,
    metadata: {
      ...settled.metadata,
      labels: Object.fromEntries(Object.entries(labels).filter(([key]) => !written.has(key))),
      // Its pods are new: none has to be started again.
      annotations: { ...annotations, [SETTLED_ANNOTATION]: '0' },
    },
    status: { ...settled.status, capacity: resources, allocatable: resources },
  };
}
