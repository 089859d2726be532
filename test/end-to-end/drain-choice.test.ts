// The choice of pods beside the real kubectl's, on a real API server: one pod to a node, so that each
// node's verdict is that pod's. `--dry-run=client` is the reference; it evicts nothing.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createKubernetes } from '../../adapters/kubernetes/connect.ts';
import type { Kubernetes, KubernetesCluster } from '../../adapters/ports/kubernetes.ts';
import { apply, kubectl, openBed, stock } from './bed.ts';
import type { Bed } from './bed.ts';

const SEED = 20261101;
const PODS = 36;
const AT_ONCE = 4;
const NAMESPACE = 'choice';

let bed: Bed;
let kubernetes: Kubernetes;
let cluster: KubernetesCluster;

type Shape = {
  phase: string;
  mirror: boolean;
  emptyDir: boolean;
  controller: { apiVersion: string; kind: string; name: string } | null;
};

const anyShape: fc.Arbitrary<Shape> = fc.record({
  phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed'),
  mirror: fc.boolean(),
  emptyDir: fc.boolean(),
  controller: fc.constantFrom(
    null,
    { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'there' },
    { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'missing' },
    { apiVersion: 'apps/v1beta2', kind: 'DaemonSet', name: 'missing' },
    { apiVersion: 'apps.kruise.io/v1alpha1', kind: 'DaemonSet', name: 'missing' },
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'missing' },
    { apiVersion: 'batch/v1', kind: 'Job', name: 'missing' },
  ),
});

const shapes = fc.sample(anyShape, { seed: SEED, numRuns: PODS });
const nodeOf = (at: number) => `choice-${String(at)}`;

function podOf(shape: Shape, at: number): object {
  // An owner of a kind that nobody knows makes the garbage collector keep the pod.
  const keeper = { apiVersion: 'nobody.example/v1', kind: 'Nothing', name: 'x', uid: 'x' };
  const controller =
    shape.controller === null ? [] : [{ ...shape.controller, uid: `c-${String(at)}`, controller: true }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${String(at)}`,
      namespace: NAMESPACE,
      annotations: shape.mirror ? { 'kubernetes.io/config.mirror': '' } : {},
      ownerReferences: [...controller, keeper],
    },
    spec: {
      nodeName: nodeOf(at),
      // No kubelet speaks for these nodes: in time the control plane would clear them of its own.
      tolerations: [{ operator: 'Exists' }],
      containers: [{ name: 'c', image: 'x' }],
      volumes: shape.emptyDir ? [{ name: 'v', emptyDir: {} }] : [],
    },
  };
}

beforeAll(async () => {
  bed = await openBed({ nodes: 1 });
  // Nodes that no kubelet, not even a simulated one, serves: pods keep the phase that they are given.
  await apply(bed, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    ...shapes.map((_, at) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: nodeOf(at) } })),
    {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'there', namespace: NAMESPACE },
      spec: {
        selector: { matchLabels: { app: 'there' } },
        template: {
          metadata: { labels: { app: 'there' } },
          spec: { nodeSelector: { nowhere: 'yes' }, containers: [{ name: 'c', image: 'x' }] },
        },
      },
    },
  ]);
  await apply(bed, shapes.map(podOf));
  for (const phase of ['Running', 'Succeeded', 'Failed']) {
    const names = shapes.flatMap((shape, at) => (shape.phase === phase ? [`pod/pod-${String(at)}`] : []));
    const patch = JSON.stringify({ status: { phase } });
    await kubectl(
      bed,
      '-n',
      NAMESPACE,
      'patch',
      ...names,
      '--subresource=status',
      '--type=merge',
      '-p',
      patch,
    );
  }
  kubernetes = createKubernetes({ env: bed.env });
  const [{ context } = { context: '' }] = bed.sandbox.clusters;
  cluster = kubernetes.cluster({
    name: context,
    connection: { kind: 'context', context },
    provider: { kind: 'ec2', region: 'us-east-1' },
  });
});

afterAll(async () => {
  await kubernetes?.close();
  await bed?.close();
});

async function kubectlVerdict(at: number, force: boolean): Promise<string> {
  const flags = [
    '--ignore-daemonsets',
    '--delete-emptydir-data',
    '--dry-run=client',
    ...(force ? ['--force'] : []),
  ];
  const said = await stock(bed, 'kubectl', ['drain', nodeOf(at), ...flags]);
  if (said.code !== 0) return 'blocked';
  return said.stdout.includes(`evicting pod ${NAMESPACE}/pod-${String(at)} `) ? 'evict' : 'skip';
}

async function ourVerdict(at: number, force: boolean): Promise<string> {
  const choice = await cluster.planDrain({ node: nodeOf(at), force });
  const found = (['evict', 'skip', 'blocked'] as const).filter((kind) => choice[kind].length > 0);
  return found.join('+');
}

describe('the choice of pods on a real API server', () => {
  it.each([false, true])('is the real kubectl’s, with force %s [I20]', async (force) => {
    const rows: { shape: Shape; kubectl: string; ours: string }[] = [];
    const left = shapes.map((shape, at) => ({ shape, at }));
    const work = async () => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const { shape, at } = next;
        rows.push({ shape, kubectl: await kubectlVerdict(at, force), ours: await ourVerdict(at, force) });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect(rows.filter((row) => row.kubectl !== row.ours)).toEqual([]);
    // The comparison means something only when every verdict is among them.
    expect(new Set(rows.map((row) => row.kubectl)).size).toBeGreaterThanOrEqual(force ? 2 : 3);
  });
});
