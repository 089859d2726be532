// What is drained: nodes with exactly so many pods each, and others where replacements land. The same
// before every round, whoever drained before: a full node takes no more pods, so that none lands twice.
import PQueue from 'p-queue';
import type { KubeObject } from '../sandbox/cluster-api.ts';
import type { PatientApi } from './patient-api.ts';
import { waitUntil } from '../sandbox/waiting.ts';

const NAMESPACE = 'bench';
const APP = 'load';
const BUDGET = 'load';
/** One node in ten kubectl drains side by side carries each of these. */
export const LANES = 10;
const LABELS = {
  role: 'bench.refit.dev/role',
  lane: 'bench.refit.dev/lane',
  sequential: 'bench.refit.dev/sequential',
} as const;

export const SELECTORS = {
  all: `${LABELS.role}=drained`,
  sequential: `${LABELS.sequential}=true`,
  lane: (lane: number): string => `${LABELS.lane}=${String(lane)}`,
} as const;

export type LoadSize = { nodes: number; podsPerNode: number; sequentialNodes: number };
export type DrainedNode = { name: string; uid: string; isSequential: boolean };

const LANDING_NODES = 20;
const LANDING_PODS = 1000;
const WRITES_AT_ONCE = 8;
/** On two cores some twenty pods a second become Ready; a busy machine is slower. */
const READY_MIN_PER_SECOND = 2;
const READY_GRACE_MS = 60_000;

type Pod = KubeObject & {
  spec: { nodeName?: string };
  status: { conditions?: { type: string; status: string }[] };
};
type Deployment = KubeObject & { spec: { replicas: number }; status: { readyReplicas?: number } };
type Node = KubeObject & { status: { conditions?: { type: string; status: string }[] } };
export type Budget = KubeObject & {
  status?: { disruptionsAllowed?: number; currentHealthy?: number; observedGeneration?: number };
};

const PATHS = {
  nodes: '/api/v1/nodes',
  pods: `/api/v1/namespaces/${NAMESPACE}/pods`,
  deployment: `/apis/apps/v1/namespaces/${NAMESPACE}/deployments/${APP}`,
  budgets: `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets`,
} as const;

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const queue = new PQueue({ concurrency: WRITES_AT_ONCE });
  await Promise.all(items.map((item) => queue.add(() => work(item))));
}

export class Load {
  readonly #api: PatientApi;
  readonly #size: LoadSize;
  nodes: readonly DrainedNode[] = [];

  constructor(api: PatientApi, size: LoadSize) {
    this.#api = api;
    this.#size = size;
  }

  /** Pods of all drained nodes together. */
  get pods(): number {
    return this.#size.nodes * this.#size.podsPerNode;
  }

  async create(): Promise<void> {
    const api = this.#api;
    await api.create('/api/v1/namespaces', namespaceObject());
    await inParallel([...drainedNames(this.#size), ...landingNames()], (node) =>
      api.create(PATHS.nodes, node),
    );
    await this.#awaitNodes();
    await api.create(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, deploymentObject(this.pods));
    await this.fill();
  }

  async setBudget(maxUnavailable: number | string): Promise<void> {
    await this.#api.create(PATHS.budgets, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: BUDGET, namespace: NAMESPACE },
      spec: { maxUnavailable, selector: { matchLabels: { app: APP } } },
    });
  }

  async changeBudget(maxUnavailable: number | string): Promise<void> {
    await this.#api.patch(`${PATHS.budgets}/${BUDGET}`, 'merge', { spec: { maxUnavailable } });
  }

  async removeBudget(): Promise<void> {
    await this.#api.remove(`${PATHS.budgets}/${BUDGET}`);
  }

  async budget(): Promise<Budget | undefined> {
    return this.#api.get<Budget>(`${PATHS.budgets}/${BUDGET}`);
  }

  async scale(replicas: number): Promise<void> {
    await this.#api.patch(PATHS.deployment, 'merge', { spec: { replicas } });
  }

  /** Replacements may land. */
  async openLanding(): Promise<void> {
    await this.#setUnschedulable(landingNodes(), null);
  }

  /** Every drained node schedulable and full again, nothing on the others, all pods Ready. */
  async fill(): Promise<void> {
    await this.#setUnschedulable(landingNodes(), true);
    await this.#setUnschedulable(
      drainedNames(this.#size).map((node) => node.metadata.name),
      null,
    );
    await inParallel(landingNodes(), (name) =>
      this.#api.remove(PATHS.pods, { fieldSelector: `spec.nodeName=${name}` }),
    );
    await this.#awaitFull();
  }

  async #setUnschedulable(names: readonly string[], unschedulable: true | null): Promise<void> {
    await inParallel(names, (name) =>
      this.#api.patch(`${PATHS.nodes}/${name}`, 'merge', { spec: { unschedulable } }),
    );
  }

  async #awaitNodes(): Promise<void> {
    let unready: string[] = [];
    await waitUntil({
      condition: async () => {
        const { items } = await this.#api.list<Node>(PATHS.nodes, { labelSelector: LABELS.role });
        unready = items.filter((node) => !isReady(node)).map((node) => node.metadata.name);
        const drained = items.filter((node) => node.metadata.labels?.[LABELS.role] === 'drained');
        this.nodes = drained.map(({ metadata }) => ({
          name: metadata.name,
          uid: metadata.uid ?? '',
          isSequential: metadata.labels?.[LABELS.sequential] === 'true',
        }));
        return unready.length === 0;
      },
      timeoutMs: READY_GRACE_MS,
      onTimeout: () => new Error(`nodes are not Ready: ${unready.slice(0, 5).join(', ')}`),
    });
  }

  async #awaitFull(): Promise<void> {
    let why = '';
    await waitUntil({
      condition: async () => {
        const deployment = await this.#api.get<Deployment>(PATHS.deployment);
        why = `${String(deployment?.status.readyReplicas ?? 0)} of ${String(this.pods)} pods are Ready`;
        if (deployment?.status.readyReplicas !== this.pods) return false;
        why = (await this.#whyNotFull()) ?? '';
        return why === '';
      },
      timeoutMs: READY_GRACE_MS + (this.pods / READY_MIN_PER_SECOND) * 1000,
      onTimeout: () => new Error(`the bench's nodes do not fill up: ${why}`),
    });
  }

  async #whyNotFull(): Promise<string | undefined> {
    const { items } = await this.#api.list<Pod>(PATHS.pods);
    const perNode = new Map<string, number>();
    for (const pod of items) {
      if (!isReady(pod)) return `pod ${pod.metadata.name} is not Ready`;
      perNode.set(pod.spec.nodeName ?? '', (perNode.get(pod.spec.nodeName ?? '') ?? 0) + 1);
    }
    const wrong = this.nodes.find((node) => perNode.get(node.name) !== this.#size.podsPerNode);
    if (wrong !== undefined) return `${wrong.name} has ${String(perNode.get(wrong.name) ?? 0)} pods`;
    if (items.length !== this.pods) return `${String(items.length)} pods stand there`;
    const budget = await this.budget();
    const healthy = budget?.status?.currentHealthy;
    if (budget !== undefined && healthy !== this.pods)
      return `the PDB counts ${String(healthy)} healthy pods`;
    return undefined;
  }
}

function isReady(object: Pod | Node): boolean {
  return object.status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
}

function namespaceObject(): unknown {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
}

type NodeObject = { metadata: { name: string } };

function nodeObject(name: string, pods: number, labels: Record<string, string>): NodeObject {
  const resources = { cpu: '192', memory: '2048Gi', pods: String(pods) };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux', ...labels } },
    status: { capacity: resources, allocatable: resources },
  } as NodeObject;
}

function drainedNames(size: LoadSize): NodeObject[] {
  return Array.from({ length: size.nodes }, (_, at) =>
    nodeObject(`bench-${String(at + 1).padStart(4, '0')}`, size.podsPerNode, {
      [LABELS.role]: 'drained',
      [LABELS.lane]: String(at % LANES),
      ...(at < size.sequentialNodes ? { [LABELS.sequential]: 'true' } : {}),
    }),
  );
}

function landingNodes(): string[] {
  return Array.from({ length: LANDING_NODES }, (_, at) => `landing-${String(at + 1)}`);
}

function landingNames(): NodeObject[] {
  return landingNodes().map((name) => nodeObject(name, LANDING_PODS, { [LABELS.role]: 'landing' }));
}

function deploymentObject(replicas: number): unknown {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: APP, namespace: NAMESPACE },
    spec: {
      replicas,
      selector: { matchLabels: { app: APP } },
      template: {
        metadata: { labels: { app: APP } },
        spec: {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: [{ key: LABELS.role, operator: 'Exists' }] }],
              },
            },
          },
          containers: [
            {
              name: 'main',
              image: 'registry.example/sandbox:1',
              resources: { requests: { cpu: '10m', memory: '16Mi' } },
            },
          ],
        },
      },
    },
  };
}
