// What lives on the fleet: the DaemonSets of a GPU node, services under disruption budgets, a training
// gang, batch Jobs, and pods with an emptyDir. Sized so that three nodes of a pool can be away and every
// evicted pod finds another place. Pure.

type Manifest = Record<string, unknown>;

export interface FleetSize {
  h100: number;
  batch: number;
}

const IMAGE = 'registry.example/sandbox:1';
export const DEVICE_PLUGIN = 'nvidia-device-plugin-daemonset';
const NAMESPACES = ['gpu-operator', 'serving', 'training', 'batch', 'platform'] as const;

// The gang takes four whole nodes; below this size its pods would leave no place to land for anything else.
const GANG_NODES = 4;
const GANG_FLEET_MIN = 8;

function template(o: {
  app: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  gpus?: number;
  pool?: string;
  spec?: Record<string, unknown>;
}): Manifest {
  const gpu = o.gpus === undefined ? {} : { 'nvidia.com/gpu': String(o.gpus) };
  return {
    metadata: { labels: { app: o.app, ...o.labels }, annotations: o.annotations ?? {} },
    spec: {
      containers: [
        {
          name: 'main',
          image: IMAGE,
          resources: { requests: { cpu: '1', memory: '1Gi', ...gpu }, limits: gpu },
        },
      ],
      ...(o.pool === undefined ? {} : { nodeSelector: { 'refit.dev/pool': o.pool } }),
      ...o.spec,
    },
  };
}

/** Keeps GPU pods together, so that whole nodes stay free for gangs. */
function together(app: string): Record<string, unknown> {
  return {
    affinity: {
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: {
              topologyKey: 'kubernetes.io/hostname',
              labelSelector: { matchLabels: { app } },
            },
          },
        ],
      },
    },
  };
}

function daemonSet(name: string): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name, namespace: 'gpu-operator' },
    spec: {
      selector: { matchLabels: { app: name } },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%' } },
      template: template({
        app: name,
        spec: { nodeSelector: { 'nvidia.com/gpu.present': 'true' }, tolerations: [{ operator: 'Exists' }] },
      }),
    },
  };
}

function replicated(
  kind: 'Deployment' | 'StatefulSet',
  o: { name: string; namespace: string; replicas: number; template: Manifest },
): Manifest {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name: o.name, namespace: o.namespace },
    spec: {
      replicas: o.replicas,
      selector: { matchLabels: { app: o.name } },
      template: o.template,
      ...(kind === 'StatefulSet' ? { serviceName: o.name, podManagementPolicy: 'Parallel' } : {}),
    },
  };
}

function budget(name: string, namespace: string, maxUnavailable: number | string): Manifest {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace },
    spec: { maxUnavailable, selector: { matchLabels: { app: name } } },
  };
}

/** Four pods of eight GPUs, labelled as a JobSet labels its workers. */
function gang(): Manifest {
  const labels = {
    'jobset.sigs.k8s.io/jobset-name': 'llama',
    'jobset.sigs.k8s.io/replicatedjob-name': 'workers',
    'jobset.sigs.k8s.io/job-index': '0',
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'llama-workers-0', namespace: 'training', labels },
    spec: {
      completionMode: 'Indexed',
      completions: GANG_NODES,
      parallelism: GANG_NODES,
      backoffLimit: 1000,
      template: template({
        app: 'llama',
        labels,
        gpus: 8,
        pool: 'h100',
        annotations: { 'pod-complete.stage.kwok.x-k8s.io/delay': '240h' },
        spec: { restartPolicy: 'Never' },
      }),
    },
  };
}

function batchJob(parallelism: number): Manifest {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'tokenize', namespace: 'batch' },
    spec: {
      completions: 10_000,
      parallelism,
      backoffLimit: 1000,
      template: template({
        app: 'tokenize',
        gpus: 2,
        pool: 'batch',
        annotations: {
          // Long enough that its finished pods do not pile up on the nodes while somebody looks.
          'pod-complete.stage.kwok.x-k8s.io/delay': '15m',
        },
        spec: { restartPolicy: 'Never' },
      }),
    },
  };
}

export function workloads(size: FleetSize): Manifest[] {
  const nodes = size.h100 + size.batch;
  return [
    ...NAMESPACES.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    daemonSet(DEVICE_PLUGIN),
    daemonSet('nvidia-dcgm-exporter'),
    replicated('Deployment', {
      name: 'chat',
      namespace: 'serving',
      replicas: size.h100,
      template: template({ app: 'chat', gpus: 2, pool: 'h100', spec: together('chat') }),
    }),
    budget('chat', 'serving', '25%'),
    replicated('StatefulSet', {
      name: 'embeddings',
      namespace: 'serving',
      replicas: Math.max(2, Math.floor(size.h100 / 3)),
      template: template({ app: 'embeddings', gpus: 1, pool: 'h100', spec: together('embeddings') }),
    }),
    budget('embeddings', 'serving', 1),
    replicated('Deployment', {
      name: 'cache',
      namespace: 'platform',
      replicas: nodes,
      template: template({
        app: 'cache',
        spec: {
          volumes: [{ name: 'scratch', emptyDir: {} }],
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: { app: 'cache' } },
            },
          ],
        },
      }),
    }),
    ...(size.batch > 0 ? [batchJob(size.batch)] : []),
    ...(size.h100 >= GANG_FLEET_MIN ? [gang()] : []),
  ];
}
