// A drain on a real API server, under a real Temporal server, while a PDB allows nothing: what it asks,
// what it tells, what the wait costs, and what wakes it. Read from the audit log and the history. No speed is
// judged: everything is measured against the half minute after which a held pod is asked about anyway.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NativeConnection, Worker } from '@temporalio/worker';
import { join } from 'node:path';
import { createDrainActivities } from '../../activities/drain.ts';
import { createKubernetes } from '../../adapters/kubernetes/connect.ts';
import type { Kubernetes, KubernetesCluster } from '../../adapters/ports/kubernetes.ts';
import type { DrainProgress } from '../../domain/node-state.ts';
import { evictions, readAuditLog } from '../checker/audit-log.ts';
import type { Request } from '../checker/audit-log.ts';
import { createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import { apply, kubectl, openBed } from './bed.ts';
import type { Bed } from './bed.ts';
import type { drainAlone } from './drain-alone.ts';
import { awaitThat } from './run-control.ts';

/** A minute in the slot, then retries of a few milliseconds; long enough for two floors of 36 s at the most. */
const BLOCKED_MS = 80_000;
/** A held pod is asked about again after so long, by whoever woke nobody; a second less for two clocks. */
const ASKED_AGAIN_MS = 29_000;
/** One second, less what a timer may be early. */
const TOLD_APART_MS = 990;
const NODE = 'drain-1';
const TASK_QUEUE = 'drain-alone';

let bed: Bed;
let kubernetes: Kubernetes;
let cluster: KubernetesCluster;

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
  await apply(bed, [node, deployment, pdb(3)]);
  await kubectl(bed, 'wait', '--for=condition=Available', 'deployment/held', '--timeout=540s');
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

const sent = (): readonly Request[] =>
  evictions(readAuditLog(bed.sandbox.clusters[0]?.auditLog ?? '')).map(({ request }) => request);
const refusals = () => sent().filter((each) => each.status === 429);

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
      deadline: new Date(Date.now() + 3_600_000).toISOString(),
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
      const handle = await bed.client.workflow.start<typeof drainAlone>('drainAlone', {
        taskQueue: TASK_QUEUE,
        workflowId: 'drain-alone',
        args: [input],
      });
      await new Promise((resolve) => setTimeout(resolve, BLOCKED_MS));
      // Right after one was asked about: for half a minute from now on, only the PDB's own word wakes its drain.
      const before = refusals().length;
      await awaitThat('a pod to be asked about once more', () => refusals().length > before);
      const relaxedAtMs = Date.now();
      await apply(bed, [pdb(0)]);
      expect(await handle.result()).toMatchObject({ kind: 'drained', evicted: 3 });

      const refused = refusals().filter(({ at }) => at < relaxedAtMs);
      // Told before anything is asked about a second time; one pod after the other if the server answers slowly,
      // and nothing twice. After that the API server may refuse a pod once more, from a view of the PDB that is a
      // moment old: each change is told, but never sooner than a second after the one before.
      expect((told[0]?.atMs ?? Infinity) - (refused[0]?.at ?? 0)).toBeLessThan(ASKED_AGAIN_MS);
      const held = told.filter(({ atMs }) => atMs < relaxedAtMs).map(({ progress }) => progress.blockers);
      expect(held.at(-1)?.map(({ kind }) => kind)).toEqual(['pdbNever', 'pdbNever', 'pdbNever']);
      const texts = held.map((blockers) => blockers.map(({ pod, kind }) => `${pod} ${kind}`).join());
      expect(new Set(texts).size).toBe(texts.length);
      told.slice(1).forEach(({ atMs }, at) => {
        expect(atMs - (told[at]?.atMs ?? 0)).toBeGreaterThanOrEqual(TOLD_APART_MS);
      });

      const history = await handle.fetchHistory();
      // However often its workflow task was tried: the activity, and nothing for the wait.
      const ofWait = (history.events ?? []).filter(
        (event) => event.timerStartedEventAttributes ?? event.workflowExecutionSignaledEventAttributes,
      );
      expect(ofWait).toEqual([]);
      expect(
        (history.events ?? []).filter((event) => event.activityTaskScheduledEventAttributes),
      ).toHaveLength(1);

      const names = new Set(refused.map((each) => each.name));
      expect(refused.length).toBeGreaterThan(names.size);
      for (const name of names) {
        const times = refused.filter((each) => each.name === name).map((each) => each.at);
        times
          .slice(1)
          .forEach((time, at) => expect(time - (times[at] ?? 0)).toBeGreaterThanOrEqual(ASKED_AGAIN_MS));
      }
      const taken = sent().filter((each) => each.status === 201);
      expect(taken).toHaveLength(3);
      expect(taken[0]?.at).toBeGreaterThanOrEqual(relaxedAtMs);
      const sinceAsked = taken.map(
        ({ name, at }) => at - (refused.findLast((each) => each.name === name)?.at ?? 0),
      );
      expect(Math.min(...sinceAsked)).toBeLessThan(ASKED_AGAIN_MS);
    });
    await connection.close();
  });
});
