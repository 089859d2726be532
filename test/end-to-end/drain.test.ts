// A drain on a real API server, under a real Temporal server, while a PDB allows nothing: what it asks,
// what it tells, what the wait costs, and how soon it goes on. Read from the audit log and the history.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NativeConnection, Worker } from '@temporalio/worker';
import { join } from 'node:path';
import { createDrainActivities } from '../../activities/drain.ts';
import { createKubernetes } from '../../adapters/kubernetes/connect.ts';
import type { Kubernetes, KubernetesCluster } from '../../adapters/ports/kubernetes.ts';
import type { DrainProgress } from '../../domain/node-state.ts';
import { evictions, readAuditLog } from '../checker/audit-log.ts';
import { createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import { kubectl, openBed, say } from './bed.ts';
import type { Bed } from './bed.ts';
import type { drainAlone } from './drain-alone.ts';

/** A minute in the slot, then retries of a few milliseconds; long enough for two floors of 30 s. */
const BLOCKED_MS = 100_000;
// Wide enough for any machine; what is aimed at, and measured, stands in docs/performance.md.
const TOLD_WITHIN_MS = 20_000;
const GOES_ON_WITHIN_MS = 10_000;
/** One second, less what a timer may be early. */
const TOLD_APART_MS = 990;
const NODE = 'drain-1';
const TASK_QUEUE = 'drain-alone';

let bed: Bed;
let kubernetes: Kubernetes;
let cluster: KubernetesCluster;

async function apply(items: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  const said = await say(bed, 'sh', ['-c', `kubectl apply -f - <<'END'\n${list}\nEND`]);
  if (said.code !== 0) throw new Error(said.stderr);
}

const capacity = { cpu: '8', memory: '16Gi', pods: '110' };
const labels = { app: 'held' };
const node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: NODE, annotations: { 'kwok.x-k8s.io/node': 'fake' }, labels: { 'drain-test': 'yes' } },
  status: { allocatable: capacity, capacity },
};
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'held', namespace: 'default' },
  spec: {
    replicas: 3,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        nodeSelector: { 'drain-test': 'yes' },
        terminationGracePeriodSeconds: 1,
        containers: [{ name: 'c', image: 'x' }],
      },
    },
  },
};
const pdb = (minAvailable: number) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'held', namespace: 'default' },
  spec: { minAvailable, selector: { matchLabels: labels } },
});

beforeAll(async () => {
  bed = await openBed({ nodes: 1 });
  await apply([node, deployment, pdb(3)]);
  await kubectl(bed, 'wait', '--for=condition=Available', 'deployment/held', '--timeout=150s');
  kubernetes = createKubernetes({ env: bed.env });
  const context = bed.sandbox.clusters[0]?.context ?? '';
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

describe('a drain that a PDB holds', () => {
  it('asks twice a minute at the most, tells at once, costs no history, and goes on when allowed [I24, I32]', async () => {
    const uid = (await cluster.collectNodesCached()).find((each) => each.name === NODE)?.uid ?? '';
    const { deps, runs } = createFakeBed();
    const told: { atMs: number; progress: DrainProgress }[] = [];
    runs.reportProgress = ({ progress }) => {
      told.push({ atMs: Date.now(), progress });
      return Promise.resolve();
    };
    const input = {
      ...nodeInput(nodeStep({ node: NODE, uid })),
      deadline: new Date(Date.now() + 600_000).toISOString(),
    };
    await cluster.ensureCordoned({ node: NODE, uid, owner: input.run.owner });
    const connection = await NativeConnection.connect({ address: bed.sandbox.temporal.address });
    const real = {
      ...deps,
      runs,
      kubernetes: { ...kubernetes, cluster: () => cluster },
      now: () => new Date(),
    };
    const worker = await Worker.create({
      connection,
      namespace: bed.sandbox.temporal.namespace,
      taskQueue: TASK_QUEUE,
      workflowsPath: join(import.meta.dirname, 'drain-alone.ts'),
      activities: createDrainActivities(real),
    });
    await worker.runUntil(async () => {
      const startedAtMs = Date.now();
      const handle = await bed.client.workflow.start<typeof drainAlone>('drainAlone', {
        taskQueue: TASK_QUEUE,
        workflowId: 'drain-alone',
        args: [input],
      });
      await new Promise((resolve) => setTimeout(resolve, BLOCKED_MS));
      const relaxedAtMs = Date.now();
      await apply([pdb(0)]);
      const appliedAtMs = Date.now();
      expect(await handle.result()).toMatchObject({ kind: 'drained', evicted: 3 });

      const [first] = told;
      expect((first?.atMs ?? 0) - startedAtMs).toBeLessThan(TOLD_WITHIN_MS);
      expect(first?.progress.blockers.map((each) => each.kind)).toEqual(['pdbNever', 'pdbNever', 'pdbNever']);
      // Once while the PDB holds. After that the API server may refuse a pod once more, from a view of the PDB
      // that is a moment old: each change is told, but never sooner than a second after the one before.
      expect(told.filter(({ atMs }) => atMs < relaxedAtMs)).toHaveLength(1);
      told.slice(1).forEach(({ atMs }, at) => {
        expect(atMs - (told[at]?.atMs ?? 0)).toBeGreaterThanOrEqual(TOLD_APART_MS);
      });

      const history = await handle.fetchHistory();
      expect(history.events?.length).toBeLessThanOrEqual(12);

      const sent = evictions(readAuditLog(bed.sandbox.clusters[0]?.auditLog ?? '')).map(
        ({ request }) => request,
      );
      const refused = sent.filter((each) => each.status === 429 && each.at < relaxedAtMs);
      for (const name of new Set(refused.map((each) => each.name))) {
        const times = refused.filter((each) => each.name === name).map((each) => each.at);
        expect(times.length).toBeLessThanOrEqual(Math.ceil(BLOCKED_MS / 30_000));
        times.slice(1).forEach((time, at) => expect(time - (times[at] ?? 0)).toBeGreaterThanOrEqual(29_000));
      }
      const taken = sent.filter((each) => each.status === 201).map((each) => each.at);
      expect(taken).toHaveLength(3);
      expect(taken[0]).toBeGreaterThanOrEqual(relaxedAtMs);
      expect((taken[0] ?? 0) - appliedAtMs).toBeLessThan(GOES_ON_WITHIN_MS);
    });
    await connection.close();
  });
});
