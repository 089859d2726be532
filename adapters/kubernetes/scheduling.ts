// What a pod asks of the node that it would stand on: requests as the scheduler counts them, node selector,
// required node affinity, tolerations, claims. Reads defensively, and leaves out what no one looks at.
import type { PodLoad } from '../../domain/planning/drain-tally.ts';
import type { NodeTerm, PodShape, Toleration } from '../../domain/planning/placing.ts';
import { parseQuantity } from '../../domain/planning/quantity.ts';
import type { Amounts } from '../../domain/planning/quantity.ts';
import type { RawObject } from './object-cache.ts';
import { toPod } from './objects.ts';

type RawResources = { requests?: Readonly<Record<string, string>> };
type RawContainer = { resources?: RawResources; restartPolicy?: string };
type RawRequirement = { key: string; operator: string; values?: readonly string[] };
export type RawNodeSelector = {
  nodeSelectorTerms?: readonly {
    matchExpressions?: readonly RawRequirement[];
    matchFields?: readonly RawRequirement[];
  }[];
};
type RawPodSpec = {
  containers?: readonly RawContainer[];
  initContainers?: readonly RawContainer[];
  resources?: RawResources;
  overhead?: Readonly<Record<string, string>>;
  nodeSelector?: Readonly<Record<string, string>>;
  affinity?: {
    nodeAffinity?: { requiredDuringSchedulingIgnoredDuringExecution?: RawNodeSelector };
  };
  tolerations?: readonly { key?: string; operator?: string; value?: string; effect?: string }[];
  volumes?: readonly {
    name: string;
    emptyDir?: unknown;
    persistentVolumeClaim?: { claimName: string };
    ephemeral?: unknown;
  }[];
};

export function toLoad(raw: RawObject): PodLoad {
  const spec = (raw as unknown as { spec?: RawPodSpec }).spec ?? {};
  const volumes = spec.volumes ?? [];
  const claims = volumes.flatMap(({ persistentVolumeClaim, ephemeral }) => {
    // The claim of a generic ephemeral volume goes with its pod; the next one gets a new claim.
    if (ephemeral !== undefined) return [];
    return persistentVolumeClaim === undefined ? [] : [persistentVolumeClaim.claimName];
  });
  return {
    pod: toPod(raw),
    shape: toShape(spec),
    claims: [...new Set(claims)].sort(),
    keepsEmptyDir: volumes.some(({ emptyDir }) => emptyDir !== undefined),
  };
}

function toShape(spec: RawPodSpec): PodShape {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return {
    requests: { ...requestsOf(spec), pods: 1 },
    nodeSelector: spec.nodeSelector ?? {},
    affinity: required === undefined ? null : toTerms(required),
    tolerations: (spec.tolerations ?? []).map(({ key, operator, value, effect }): Toleration => ({
      key: key ?? '',
      operator: operator ?? 'Equal',
      value: value ?? '',
      effect: effect ?? '',
    })),
  };
}

export function toTerms({ nodeSelectorTerms }: RawNodeSelector): readonly NodeTerm[] {
  const read = (requirements: readonly RawRequirement[] | undefined) =>
    (requirements ?? []).map(({ key, operator, values }) => ({ key, operator, values: values ?? [] }));
  return (nodeSelectorTerms ?? []).map(({ matchExpressions, matchFields }) => ({
    labels: read(matchExpressions),
    fields: read(matchFields),
  }));
}

/**
 * All containers together, or one init container with the sidecars that were started before it, whichever is
 * more; what the pod as a whole asks for replaces that; its overhead comes on top.
 */
function requestsOf(spec: RawPodSpec): Amounts {
  let sidecars: Amounts = {};
  let most: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const asked = read(container.resources?.requests);
    if (container.restartPolicy === 'Always') {
      sidecars = combine(sidecars, asked, (a, b) => a + b);
      most = combine(most, sidecars, Math.max);
    } else {
      most = combine(
        most,
        combine(sidecars, asked, (a, b) => a + b),
        Math.max,
      );
    }
  }
  const running = (spec.containers ?? []).reduce(
    (sum, { resources }) => combine(sum, read(resources?.requests), (a, b) => a + b),
    sidecars,
  );
  const whole = { ...combine(running, most, Math.max), ...read(spec.resources?.requests) };
  return combine(whole, read(spec.overhead), (a, b) => a + b);
}

function read(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(quantities ?? {}).map(([resource, text]) => [
      resource,
      // What cannot be read fits nowhere, rather than anywhere.
      parseQuantity(resource, text) ?? Number.POSITIVE_INFINITY,
    ]),
  );
}

function combine(a: Amounts, b: Amounts, how: (a: number, b: number) => number): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, how(a[name] ?? 0, b[name] ?? 0)]));
}
