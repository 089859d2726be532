// Faults that change something in a cluster or in EC2's records, as a person or another program might have
// done it, and how each is undone. What stood there before is kept with the fault.
import { CreateTagsCommand, DeleteTagsCommand } from '@aws-sdk/client-ec2';
import type { EC2Client } from '@aws-sdk/client-ec2';
import { collectionPath } from '../cluster-api.ts';
import type { ClusterApi, KubeObject } from '../cluster-api.ts';
import { hasCondition, instanceIdOf } from '../bridge/kube-shapes.ts';
import type { KubeNode, KubePod } from '../bridge/kube-shapes.ts';
import { waitUntil } from '../waiting.ts';
import type { ChangeFault } from './fault-file.ts';

export interface FaultPlace {
  cluster: string;
  api: ClusterApi;
  ec2: EC2Client;
}

const NAMESPACE = 'platform';
const ASG_TAG = 'aws:autoscaling:groupName';
const LEASE_SECONDS = 3_600;
const POD_TIMEOUT_MS = 600_000;

function nodePath(name: string): string {
  return `/api/v1/nodes/${name}`;
}

async function requireNode(o: FaultPlace, name: string): Promise<KubeNode> {
  const node = await o.api.get<KubeNode>(nodePath(name));
  if (node === undefined) throw new Error(`cluster ${o.cluster} has no node ${name}; see: kubectl get nodes`);
  return node;
}

export async function instanceOfNode(o: FaultPlace, name: string): Promise<string> {
  const node = await requireNode(o, name);
  const id = instanceIdOf(node);
  if (id === undefined)
    throw new Error(`node ${name} names no instance: its providerID is ${String(node.spec?.providerID)}`);
  return id;
}

function podSpec(spec: Record<string, unknown>): Record<string, unknown> {
  return { containers: [{ name: 'main', image: 'registry.example/sandbox:1' }], ...spec };
}

async function create(o: FaultPlace, manifest: Record<string, unknown>): Promise<void> {
  await o.api.create(collectionPath(manifest), manifest);
}

async function awaitPod(o: FaultPlace, labelSelector: string): Promise<void> {
  await waitUntil({
    condition: async () => {
      const { items } = await o.api.list<KubePod>(`/api/v1/namespaces/${NAMESPACE}/pods`, { labelSelector });
      return items.some((pod) => hasCondition(pod, 'Ready'));
    },
    timeoutMs: POD_TIMEOUT_MS,
    onTimeout: () => new Error(`no pod with ${labelSelector} became Ready; is the node schedulable?`),
  });
}

async function addBarePod(o: FaultPlace, node: string): Promise<void> {
  const name = `bare-${node}`;
  await create(o, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { app: name } },
    spec: podSpec({ nodeName: node }),
  });
  await awaitPod(o, `app=${name}`);
}

function twoBudgets(node: string): {
  name: string;
  budgets: Record<string, unknown>[];
  deployment: Record<string, unknown>;
} {
  const name = `two-budgets-${node}`;
  const selector = { matchLabels: { app: name } };
  const spec = podSpec({ nodeSelector: { 'kubernetes.io/hostname': node } });
  return {
    name,
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: NAMESPACE },
      spec: { replicas: 1, selector, template: { metadata: { labels: { app: name } }, spec } },
    },
    budgets: ['a', 'b'].map((suffix) => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: `${name}-${suffix}`, namespace: NAMESPACE },
      spec: { maxUnavailable: '100%', selector },
    })),
  };
}

async function addTwoBudgets(o: FaultPlace, node: string): Promise<void> {
  const { name, deployment, budgets } = twoBudgets(node);
  for (const manifest of [...budgets, deployment]) await create(o, manifest);
  await awaitPod(o, `app=${name}`);
}

async function removeTwoBudgets(o: FaultPlace, node: string): Promise<void> {
  const { budgets, deployment } = twoBudgets(node);
  for (const manifest of [deployment, ...budgets]) {
    const { name } = (manifest as unknown as KubeObject).metadata;
    await o.api.remove(`${collectionPath(manifest)}/${name}`, { propagationPolicy: 'Background' });
  }
}

interface Budget extends KubeObject {
  spec: { maxUnavailable?: number | string; minAvailable?: number | string };
}

function budgetPath(on: string): string {
  const [namespace = '', name = ''] = on.split('/');
  return `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${name}`;
}

async function blockBudget(o: FaultPlace, on: string): Promise<Record<string, string>> {
  const budget = await o.api.get<Budget>(budgetPath(on));
  if (budget === undefined) {
    throw new Error(
      `cluster ${o.cluster} has no PodDisruptionBudget ${on} (NAMESPACE/NAME); see: kubectl get pdb -A`,
    );
  }
  await o.api.patch(budgetPath(on), 'merge', { spec: { maxUnavailable: 0, minAvailable: null } });
  const { maxUnavailable = null, minAvailable = null } = budget.spec;
  return { spec: JSON.stringify({ maxUnavailable, minAvailable }) };
}

function leasePath(node: string): string {
  return `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${node}`;
}

interface Lease extends KubeObject {
  spec: { holderIdentity?: string; leaseDurationSeconds?: number };
}

async function loseNode(o: FaultPlace, node: string): Promise<Record<string, string>> {
  const lease = await o.api.get<Lease>(leasePath(node));
  if (lease === undefined) throw new Error(`node ${node} has no Lease in kube-node-lease`);
  await o.api.patch(leasePath(node), 'merge', {
    spec: {
      holderIdentity: 'nobody',
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    },
  });
  return { seconds: String(lease.spec.leaseDurationSeconds ?? 40) };
}

/** providerID cannot be taken from a Node: it is made anew without one. */
async function forgetProvider(o: FaultPlace, name: string): Promise<Record<string, string>> {
  const node = await requireNode(o, name);
  const providerID = node.spec?.providerID ?? '';
  const { labels = {}, annotations = {} } = node.metadata;
  await o.api.remove(nodePath(name));
  const spec = { ...node.spec, providerID: undefined };
  await o.api.create('/api/v1/nodes', { ...node, metadata: { name, labels, annotations }, spec });
  return { providerID };
}

/** Makes the change; answers what undoing it needs. */
export async function applyChange(
  o: FaultPlace,
  kind: ChangeFault['kind'],
  on: string,
): Promise<Record<string, string>> {
  if (kind !== 'pdb-blocks') await requireNode(o, on);
  switch (kind) {
    case 'bare-pod':
      await addBarePod(o, on);
      return {};
    case 'two-pdbs':
      await addTwoBudgets(o, on);
      return {};
    case 'pdb-blocks':
      return blockBudget(o, on);
    case 'node-lost':
      return loseNode(o, on);
    case 'foreign-cordon':
      await o.api.patch(nodePath(on), 'merge', { spec: { unschedulable: true } });
      return {};
    case 'no-provider-id':
      return forgetProvider(o, on);
    case 'asg-owned': {
      const instance = await instanceOfNode(o, on);
      const Tags = [{ Key: ASG_TAG, Value: 'sandbox-group' }];
      await o.ec2.send(new CreateTagsCommand({ Resources: [instance], Tags }));
      return { instance };
    }
  }
}

export async function undoChange(o: FaultPlace, fault: ChangeFault): Promise<void> {
  const { on, before } = fault;
  switch (fault.kind) {
    case 'bare-pod':
      await o.api.remove(`/api/v1/namespaces/${NAMESPACE}/pods/bare-${on}`, { gracePeriodSeconds: '0' });
      return;
    case 'two-pdbs':
      await removeTwoBudgets(o, on);
      return;
    case 'pdb-blocks':
      await o.api.patch(budgetPath(on), 'merge', { spec: JSON.parse(before['spec'] ?? '{}') as unknown });
      return;
    case 'node-lost':
      // Expired at once: the simulated kubelet takes it back at its next look.
      await o.api.patch(leasePath(on), 'merge', {
        spec: { holderIdentity: null, leaseDurationSeconds: Number(before['seconds']), renewTime: null },
      });
      return;
    case 'foreign-cordon':
      await o.api.patch(nodePath(on), 'merge', { spec: { unschedulable: null } });
      return;
    case 'no-provider-id':
      await o.api.patch(nodePath(on), 'merge', { spec: { providerID: before['providerID'] } });
      return;
    case 'asg-owned':
      await o.ec2.send(
        new DeleteTagsCommand({ Resources: [before['instance'] ?? ''], Tags: [{ Key: ASG_TAG }] }),
      );
  }
}
