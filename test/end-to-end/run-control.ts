// What tests of broken runs share: runs started and ended with the stock tools, drains held by a
// PodDisruptionBudget of the test's own, and what the audit log and EC2 saw since a moment.
// Must never ask Refit for what an auditor could see by himself.
import { ServiceError, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { setTimeout as pause } from 'node:timers/promises';
import { byRefit, cordonHistory } from '../checker/audit-log.ts';
import { apply, auditLog, ec2Calls, kubectl, runStatus, runTable, temporal, waitForStatus } from './bed.ts';
import type { Bed } from './bed.ts';
import { waitUntil } from '../../sandbox/waiting.ts';

/** A limit against what hangs, and no judgement of how fast anything is. */
export const LONG_MS = 900_000;
/** As kubectl is told it: less than any command may take. */
const ROLLED_OUT_WITHIN = '540s';
const TROUBLES_MAX = 20;
const TROUBLE_PAUSE_MS = 1_000;

export type RunInput = {
  release: string;
  nodes?: readonly string[];
  pools?: readonly string[];
  policy?: Record<string, unknown>;
  requestedBy?: string;
};

/** Nobody is asked, nodes go side by side, and the run does not stop at a failure that a test makes. */
export const atOnce = (unavailableMax: number): Record<string, unknown> => ({
  disruption: { unavailableMax },
  approval: { before: 'never' },
});

export async function startRun(bed: Bed, workflowId: string, input: RunInput): Promise<void> {
  const json = JSON.stringify({ fleet: 'sandbox', cluster: 'prod-east', ...input });
  await temporal(
    bed,
    ...['workflow', 'start', '--task-queue', 'refit', '--type', 'fleetUpgrade'],
    ...['--workflow-id', workflowId, '--input', json],
  );
}

export type RunEnd = { outcome: string; counts: Record<string, number>; report: string | null };

/** Waits for the end, and says how the server closed it. */
export async function runEnd(
  bed: Bed,
  workflowId: string,
): Promise<{ status: string; result: RunEnd | undefined }> {
  for (let left = TROUBLES_MAX; ; left -= 1) {
    const handle = bed.client.workflow.getHandle(workflowId);
    try {
      const result = (await handle.result().catch(unlessFailed)) as RunEnd | undefined;
      return { status: (await handle.describe()).status.name, result };
    } catch (error) {
      // A server that was restarted, or is busy, says nothing of the run.
      if (left === 0 || !(error instanceof ServiceError)) throw error;
      await pause(TROUBLE_PAUSE_MS);
    }
  }
}

function unlessFailed(error: unknown): undefined {
  if (!(error instanceof WorkflowFailedError)) throw error;
}

/** Workflows of this run and its children that are still open. */
export async function openWorkflows(
  bed: Bed,
  workflowId: string,
  nodes: readonly string[],
): Promise<string[]> {
  const ids = [workflowId, ...nodes.map((node) => `${workflowId}/node/${node}`)];
  const open = await Promise.all(
    ids.map(async (id) => {
      try {
        return (await bed.client.workflow.getHandle(id).describe()).status.name === 'RUNNING';
      } catch (error) {
        // A server that is away says nothing about its workflows: they may well be open.
        return !(error instanceof WorkflowNotFoundError);
      }
    }),
  );
  return ids.filter((_, at) => open[at]);
}

/** A pod on the node that may not be evicted until `releaseDrain`. */
export async function holdDrain(bed: Bed, node: string): Promise<void> {
  const name = `held-${node}`;
  const labels = { app: name };
  await apply(bed, [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: 'platform' },
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            nodeSelector: { 'kubernetes.io/hostname': node },
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'main', image: 'registry.example/sandbox:1' }],
          },
        },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace: 'platform' },
      spec: { maxUnavailable: 0, selector: { matchLabels: labels } },
    },
  ]);
  await kubectl(
    bed,
    '-n',
    'platform',
    'rollout',
    'status',
    `deployment/${name}`,
    `--timeout=${ROLLED_OUT_WITHIN}`,
  );
}

export async function releaseDrain(bed: Bed, node: string): Promise<void> {
  await kubectl(bed, '-n', 'platform', 'delete', `pdb/held-${node}`);
}

/** The test's own pods go, so that a later drain meets none of them. */
export async function removeHeld(bed: Bed, node: string): Promise<void> {
  const name = `held-${node}`;
  await kubectl(bed, '-n', 'platform', 'delete', `pdb/${name}`, `deployment/${name}`, '--ignore-not-found');
}

export type NodeView = {
  unschedulable: boolean;
  kubelet: string;
  bootId: string;
  ready: boolean;
  instance: string;
  /** Those that Refit may write. */
  marks: Record<string, string>;
};

type NodeJson = {
  metadata: { annotations?: Record<string, string> };
  spec: { unschedulable?: boolean; providerID?: string };
  status: {
    nodeInfo: { kubeletVersion: string; bootID: string };
    conditions: { type: string; status: string }[];
  };
};

const MARKS = ['refit.dev/', 'cluster-autoscaler.kubernetes.io/', 'karpenter.sh/'];

export async function nodeView(bed: Bed, node: string): Promise<NodeView> {
  const { metadata, spec, status } = JSON.parse(
    await kubectl(bed, 'get', 'node', node, '-o', 'json'),
  ) as NodeJson;
  const marks = Object.entries(metadata.annotations ?? {}).filter(([key]) =>
    MARKS.some((prefix) => key.startsWith(prefix)),
  );
  return {
    unschedulable: spec.unschedulable === true,
    kubelet: status.nodeInfo.kubeletVersion,
    bootId: status.nodeInfo.bootID,
    ready: status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
    instance: spec.providerID?.split('/').at(-1) ?? '',
    marks: Object.fromEntries(marks),
  };
}

export async function leaseHolder(bed: Bed): Promise<string> {
  const text = await kubectl(bed, '-n', 'refit-system', 'get', 'lease', 'refit', '-o', 'json');
  return (JSON.parse(text) as { spec: { holderIdentity?: string } }).spec.holderIdentity ?? '';
}

/** Root-volume tasks that were begun on an instance, each once however often it was asked for. */
export async function rootVolumeTasks(bed: Bed, instance: string, since: number): Promise<string[]> {
  const calls = await ec2Calls(bed, since);
  const begun = calls.filter(
    (call) =>
      call.action === 'CreateReplaceRootVolumeTask' &&
      call.parameters['InstanceId'] === instance &&
      call.result.taskId !== null,
  );
  return [...new Set(begun.map((call) => call.result.taskId ?? ''))];
}

/** What the logs say of one node's way since a moment. */
export async function wayOf(
  bed: Bed,
  node: NodeView & { node: string },
  since: number,
): Promise<{ cordons: number; uncordons: number; tasks: number }> {
  const { cordons, uncordons } = cordonHistory(auditLog(bed, since));
  return {
    cordons: cordons.get(node.node) ?? 0,
    uncordons: uncordons.get(node.node)?.length ?? 0,
    tasks: (await rootVolumeTasks(bed, node.instance, since)).length,
  };
}

export const ONCE = { cordons: 1, uncordons: 1, tasks: 1 };
export const PUT_BACK = { cordons: 1, uncordons: 1, tasks: 0 };
export const UNTOUCHED = { cordons: 0, uncordons: 0, tasks: 0 };

/** Writes of Refit's since a moment, in the cluster and in EC2, save for its Lease. */
export async function writesSince(bed: Bed, since: number): Promise<string[]> {
  const verbs = ['create', 'update', 'patch', 'delete', 'deletecollection'];
  const cluster = auditLog(bed, since)
    .filter((one) => byRefit(one) && verbs.includes(one.verb) && one.resource !== 'leases')
    .map((one) => `${one.verb} ${one.resource}/${one.subresource} ${one.name}`);
  const ec2 = (await ec2Calls(bed, since))
    .filter((call) => call.userAgent.startsWith('refit/') && !call.action.startsWith('Describe'))
    .map((call) => call.action);
  return [...cluster, ...ec2];
}

export async function awaitThat(
  what: string,
  condition: () => Promise<boolean> | boolean,
  timeoutMs = LONG_MS,
): Promise<void> {
  let trouble: unknown;
  await waitUntil({
    condition: async () => {
      try {
        return await condition();
      } catch (error) {
        // A run that has not begun yet, or a busy server, cannot be asked: ask again until the time is up.
        trouble = error;
        return false;
      }
    },
    timeoutMs,
    onTimeout: () => {
      const last = trouble === undefined ? '' : `; the last trouble: ${String(trouble)}`;
      return new Error(`waited ${String(timeoutMs / 1000)} s for ${what}${last}`);
    },
  });
}

/** The same for what a run should do; a failure tells what the run and its pods were at instead. */
export async function awaitOfRun(
  bed: Bed,
  workflowId: string,
  what: string,
  condition: () => Promise<boolean>,
): Promise<void> {
  try {
    await awaitThat(what, condition);
  } catch (error) {
    const status = await runStatus(bed, workflowId).then(
      ({ active, waiting, events }) => JSON.stringify({ active, waiting, events }, null, 1),
      String,
    );
    const pods = await kubectl(bed, 'get', 'pods', '-A', '-o', 'wide').catch(String);
    throw new Error(`${String(error)}\n${status}\n${pods}`);
  }
}

/** The drain of a node from which `holdDrain` keeps a pod stands still. */
export async function drainHeld(bed: Bed, workflowId: string, node: string): Promise<void> {
  await waitForStatus(
    bed,
    workflowId,
    `the drain of ${node} to be held`,
    (seen) =>
      seen.active.some(
        (active) =>
          active.node === node &&
          active.progress?.blockers.some(({ pod }) => pod.startsWith(`held-${node}-`)) === true,
      ),
    LONG_MS,
  );
}

export async function shownStates(bed: Bed, workflowId: string): Promise<Record<string, string>> {
  const { rows } = await runTable(bed, workflowId);
  return Object.fromEntries(rows.map((row) => [row.node, row.state]));
}

/** Small workloads: two full nodes of pods have no place to go while four nodes of six are away. */
export async function shrinkWorkloads(bed: Bed): Promise<void> {
  await kubectl(bed, '-n', 'serving', 'scale', 'deployment/chat', 'statefulset/embeddings', '--replicas=1');
  await kubectl(bed, '-n', 'training', 'delete', 'job', '--all', '--wait=false');
  await kubectl(bed, '-n', 'batch', 'delete', 'job', '--all', '--wait=false');
}
