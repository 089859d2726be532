// What the activities of one node are called with, on a cluster whose fakes know that node.
import type { NodeActivityInput } from '../../activities/api.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { NodeStep } from '../../domain/plan.ts';
import type { FleetTiers } from '../../domain/rollout.ts';
import { createFakeInstances, imageFacts, instanceFacts } from './fake-instances.ts';
import type { FakeInstances } from './fake-instances.ts';
import { OWNER_ANNOTATION, createFakeKubernetes, nodeFacts } from './fake-kubernetes.ts';
import type { FakeCluster } from './fake-kubernetes.ts';
import { createFakeRecords } from './fake-records.ts';
import type { FakeRecords } from './fake-records.ts';
import { createFakeRuns } from './fake-runs.ts';
import type { FakeRuns } from './fake-runs.ts';

export const START = '2026-01-02T00:00:00.000Z';
const RUN = { workflowId: 'upgrade.training.east', firstExecutionRunId: 'run-1' };
export const OWNER = `default/${RUN.workflowId}/${RUN.firstExecutionRunId}`;

export const NO_TIERS: FleetTiers = {
  promotion: { soakMs: 0, successMinPercent: 100 },
  clusters: [],
  releases: [],
};

export type FakeBed = {
  deps: ActivityDeps;
  cluster: FakeCluster;
  instances: FakeInstances;
  runs: FakeRuns;
  records: FakeRecords;
  /** The time that `deps.now` tells; tests move it. */
  clock: { now: Date };
};

export function createFakeBed(): FakeBed {
  const kubernetes = createFakeKubernetes();
  const cluster = kubernetes.fakeCluster('east');
  const instances = createFakeInstances();
  const runs = createFakeRuns();
  const records = createFakeRecords();
  const clock = { now: new Date(START) };
  cluster.nodes.set(
    'n1',
    nodeFacts({ name: 'n1', unschedulable: true, annotations: { [OWNER_ANNOTATION]: OWNER } }),
  );
  instances.instances.set('i-n1', instanceFacts({ instanceId: 'i-n1' }));
  instances.images.set('ami-new', imageFacts({ imageId: 'ami-new' }));
  const fleetFiles = {
    collectFleets: () => Promise.resolve([]),
    collectTiers: () => Promise.resolve(NO_TIERS),
    resolveRun: () => Promise.reject(new Error('no fleet file in this test')),
    changePolicy: () => Promise.reject(new Error('no fleet file in this test')),
  };
  const deps = {
    kubernetes,
    instances,
    records,
    runs,
    notifier: { send: () => Promise.reject(new Error('nobody is told in this test')) },
    fleetFiles,
    namespace: 'default',
    now: () => clock.now,
  };
  return { deps, cluster, instances, runs, records, clock };
}

export function nodeStep(changes: Partial<NodeStep> = {}): NodeStep {
  return {
    node: 'n1',
    uid: 'uid-n1',
    pool: 'h100',
    zone: 'us-east-1a',
    instanceId: 'i-n1',
    attempt: 1,
    from: '2026.09',
    release: {
      name: '2026.11',
      imageId: 'ami-new',
      expects: { kubeletVersion: 'v1.36.1', osImage: null, labels: {} },
    },
    before: {
      bootId: 'boot-1',
      gpusAllocatable: 8,
      rootVolumeId: 'vol-i-n1',
      imageId: 'ami-old',
      daemonSets: [],
    },
    podsToMove: 0,
    drain: { timeoutMs: 1_800_000 },
    reimage: {
      method: 'rootVolume',
      timeoutMs: 1_800_000,
      oldRootVolume: { kind: 'keep', forMs: 604_800_000 },
    },
    rejoinTimeoutMs: 1_800_000,
    verifySoakMs: 0,
    ...changes,
  };
}

export function nodeInput(step: NodeStep = nodeStep()): NodeActivityInput {
  return {
    cluster: {
      name: 'east',
      connection: { kind: 'context', context: 'east' },
      provider: { kind: 'ec2', region: 'us-east-1' },
    },
    run: { ...RUN, owner: OWNER },
    grant: {
      parentId: RUN.workflowId,
      parentFirstRunId: RUN.firstExecutionRunId,
      childId: `${RUN.workflowId}/node/${step.node}`,
    },
    step,
  };
}
