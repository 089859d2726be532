// From the API's objects to the facts that decisions need, and nothing more: what is left out here
// costs no memory. Reads defensively: a field that is absent is a fact, never an exception.
import { CHECKPOINT_DONE, CHECKPOINT_REQUESTED } from '../../domain/drain/rules.ts';
import type { CordonView } from '../../domain/drain/cordon.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { ControllerRef, PdbFacts, PodFacts } from '../../domain/drain/pod.ts';
import type { RawObject } from './object-cache.ts';

/** A node as the cache keeps it: the facts, and what cordon and uncordon look at. */
export type CachedNode = CordonView & { facts: Omit<NodeFacts, 'podsToMove'> };

export type CachedDaemonSet = { namespace: string; name: string; uid: string; resourceVersion: string };

/** What keeps autoscalers from removing a node under our hands. */
export const PROTECTION_KEYS = [
  'cluster-autoscaler.kubernetes.io/scale-down-disabled',
  'karpenter.sh/do-not-disrupt',
] as const;

const OUR_PREFIX = 'refit.dev/';
const DRAIN_ANNOTATION = 'refit.dev/drain';
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const GPU_RESOURCE = 'nvidia.com/gpu';

type Meta = RawObject['metadata'] & {
  creationTimestamp?: string;
  deletionTimestamp?: string;
  generation?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: (ControllerRef & { controller?: boolean })[];
  managedFields?: { manager?: string; time?: string; fieldsV1?: { 'f:spec'?: Record<string, unknown> } }[];
};
type Condition = { type: string; status: string; lastHeartbeatTime?: string };
type RawNode = {
  metadata: Meta;
  spec?: {
    unschedulable?: boolean;
    providerID?: string;
    taints?: { key: string; value?: string; effect: string }[];
  };
  status?: {
    conditions?: Condition[];
    nodeInfo?: { kubeletVersion?: string; osImage?: string; bootID?: string; architecture?: string };
    allocatable?: Record<string, string>;
    addresses?: { type: string; address: string }[];
  };
};
type RawPod = {
  metadata: Meta;
  spec?: { nodeName?: string };
  status?: {
    phase?: string;
    conditions?: Condition[];
    containerStatuses?: { state?: { running?: { startedAt?: string } } }[];
  };
};
type RawPdb = {
  metadata: Meta;
  spec?: {
    minAvailable?: number | string;
    maxUnavailable?: number | string;
    unhealthyPodEvictionPolicy?: string;
    selector?: {
      matchLabels?: Record<string, string>;
      matchExpressions?: { key: string; operator: string; values?: string[] }[];
    };
  };
  status?: {
    observedGeneration?: number;
    disruptionsAllowed?: number;
    currentHealthy?: number;
    desiredHealthy?: number;
    expectedPods?: number;
  };
};

export function toNode(raw: RawObject): CachedNode {
  const { metadata } = raw as unknown as RawNode;
  const facts = toNodeFacts(raw as unknown as RawNode);
  const { name, uid, resourceVersion, annotations, unschedulable } = facts;
  return {
    name,
    uid,
    resourceVersion,
    annotations,
    unschedulable,
    protections: pick(metadata.annotations ?? {}, (key) =>
      (PROTECTION_KEYS as readonly string[]).includes(key),
    ),
    unschedulableBy: unschedulableByOf(metadata),
    facts,
  };
}

function toNodeFacts({ metadata, spec, status }: RawNode): CachedNode['facts'] {
  const ready = status?.conditions?.find((each) => each.type === 'Ready');
  return {
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    labels: metadata.labels ?? {},
    annotations: pick(metadata.annotations ?? {}, (key) => key.startsWith(OUR_PREFIX)),
    taints: (spec?.taints ?? []).map(({ key, value, effect }) => ({ key, value: value ?? '', effect })),
    unschedulable: spec?.unschedulable === true,
    ready: ready?.status === 'True' || ready?.status === 'False' ? ready.status : 'Unknown',
    readyHeartbeatAt: ready?.lastHeartbeatTime ?? '',
    kubeletVersion: status?.nodeInfo?.kubeletVersion ?? '',
    osImage: status?.nodeInfo?.osImage ?? '',
    bootId: status?.nodeInfo?.bootID ?? '',
    architecture: status?.nodeInfo?.architecture ?? '',
    gpusAllocatable: Number(status?.allocatable?.[GPU_RESOURCE] ?? 0),
    internalIp: status?.addresses?.find((each) => each.type === 'InternalIP')?.address ?? '',
    providerId: spec?.providerID ?? '',
    createdAt: metadata.creationTimestamp ?? '',
  };
}

/** For a plan alone; a watch does not keep it. */
export function toAllocatable(raw: RawObject): Readonly<Record<string, string>> {
  return (raw as unknown as RawNode).status?.allocatable ?? {};
}

function unschedulableByOf(metadata: Meta): CordonView['unschedulableBy'] {
  const entry = metadata.managedFields?.find(
    (each) => each.fieldsV1?.['f:spec']?.['f:unschedulable'] !== undefined,
  );
  return entry === undefined ? null : { manager: entry.manager ?? 'unknown', at: entry.time ?? '' };
}

export function toPod(raw: RawObject): PodFacts {
  const { metadata, spec, status } = raw as unknown as RawPod;
  const controller = metadata.ownerReferences?.find((each) => each.controller === true);
  const starts = (status?.containerStatuses ?? []).flatMap((each) => each.state?.running?.startedAt ?? []);
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    node: spec?.nodeName ?? '',
    phase: status?.phase ?? 'Unknown',
    ready: status?.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') ?? false,
    deletionTimestamp: metadata.deletionTimestamp ?? null,
    labels: metadata.labels ?? {},
    controller:
      controller === undefined
        ? null
        : { apiVersion: controller.apiVersion, kind: controller.kind, name: controller.name },
    // The key alone counts, also with the value "".
    mirror: metadata.annotations?.[MIRROR_ANNOTATION] !== undefined,
    drainWish: metadata.annotations?.[DRAIN_ANNOTATION] ?? null,
    checkpoint: checkpointOf(metadata.annotations ?? {}),
    containersStartedAt: starts.sort().at(-1) ?? null,
  };
}

/** Nearly no pod has one: null costs nothing. */
function checkpointOf(annotations: Readonly<Record<string, string>>): PodFacts['checkpoint'] {
  const requestedAt = annotations[CHECKPOINT_REQUESTED] ?? null;
  const doneAt = annotations[CHECKPOINT_DONE] ?? null;
  return requestedAt === null && doneAt === null ? null : { requestedAt, doneAt };
}

export function toPdb(raw: RawObject): PdbFacts & { uid: string } {
  const { metadata, spec, status } = raw as unknown as RawPdb;
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    selector:
      spec?.selector === undefined
        ? null
        : {
            matchLabels: spec.selector.matchLabels ?? {},
            matchExpressions: (spec.selector.matchExpressions ?? []).map((each) => ({
              ...each,
              values: each.values ?? [],
            })),
          },
    minAvailable: spec?.minAvailable ?? null,
    maxUnavailable: spec?.maxUnavailable ?? null,
    alwaysAllowsUnhealthy: spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow',
    stale: (status?.observedGeneration ?? 0) < (metadata.generation ?? 0),
    disruptionsAllowed: status?.disruptionsAllowed ?? 0,
    currentHealthy: status?.currentHealthy ?? 0,
    desiredHealthy: status?.desiredHealthy ?? 0,
    expectedPods: status?.expectedPods ?? 0,
  };
}

export function toDaemonSet({ metadata }: RawObject): CachedDaemonSet {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
  };
}

function pick(
  from: Readonly<Record<string, string>>,
  wanted: (key: string) => boolean,
): Record<string, string> {
  return Object.fromEntries(Object.entries(from).filter(([key]) => wanted(key)));
}
