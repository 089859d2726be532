// What a blocked node writes into history: each change of its reasons, and a minute and more of no change at
// all. Then its PDB allows, and the drain's next eviction shows how long Temporal and the activity take.
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeObject } from '../sandbox/cluster-api.ts';
import { say } from './bed.ts';
import type { BenchBed } from './bed.ts';
import { awaitRun, historyLength, runToEnd, startRun } from './real-run.ts';
import { withWorker } from './worker.ts';
import { CONTROLLER_MANAGER, REFIT, endOfLog, evictionsTaken, readRequests } from './requests.ts';

const WORKFLOW_ID = 'upgrade.sandbox.blocked';
const NAMESPACE = 'platform';
const APP = 'cache';
const BUDGETS = `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets`;
const CHANGES = 4;
/** Longer than a drain's patience of a minute: what stalls and comes back is in it. */
const UNCHANGED_MS = 75_000;
const CHANGE_TIMEOUT_MS = 30_000;
/** Reasons are told at most once a second, and every signal has a workflow task to its own. */
const SETTLE_MS = 3_000;

export type Blocked = {
  changes: number;
  eventsPerChange: number;
  unchangedSeconds: number;
  eventsUnchanged: number;
  /** From the status of the PDB that allows to the answer to the next eviction. */
  delayMs: number;
};

function budget(name: string): unknown {
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name, namespace: NAMESPACE },
    spec: { maxUnavailable: 0, selector: { matchLabels: { app: APP } } },
  };
}

async function nodeOfPod(bed: BenchBed): Promise<string> {
  type Pod = KubeObject & { spec: { nodeName?: string } };
  const path = `/api/v1/namespaces/${NAMESPACE}/pods`;
  const { items } = await bed.api.list<Pod>(path, { labelSelector: `app=${APP}` });
  const node = items.find((pod) => pod.spec.nodeName !== undefined)?.spec.nodeName;
  if (node === undefined) throw new Error(`no pod of ${NAMESPACE}/${APP} is bound to a node`);
  return node;
}

async function events(bed: BenchBed, node: string): Promise<number> {
  const parent = await historyLength(bed, WORKFLOW_ID);
  return parent + (await historyLength(bed, `${WORKFLOW_ID}/node/${node}`));
}

/** Waits until the run shows this kind of reason alone. */
async function awaitReason(bed: BenchBed, node: string, kind: string): Promise<void> {
  await awaitRun(bed, WORKFLOW_ID, {
    what: `the reason ${kind} of ${node}`,
    until: ({ active }) => {
      const blockers = active.find((each) => each.node === node)?.progress?.blockers ?? [];
      return blockers.length > 0 && blockers.every((blocker) => blocker.kind === kind);
    },
    timeoutMs: CHANGE_TIMEOUT_MS,
  });
}

async function changeReasons(bed: BenchBed, node: string): Promise<number> {
  const before = await events(bed, node);
  for (let change = 0; change < CHANGES; change += 1) {
    const isSecond = change % 2 === 0;
    if (isSecond) await bed.api.create(BUDGETS, budget('second'));
    else await bed.api.remove(`${BUDGETS}/second`);
    await awaitReason(bed, node, isSecond ? 'twoPdbs' : 'pdbNever');
    await pause(SETTLE_MS);
  }
  return (await events(bed, node)) - before;
}

async function allow(bed: BenchBed): Promise<number> {
  const from = endOfLog(bed.cluster.auditLog);
  const askedAt = Date.now();
  await bed.api.patch(`${BUDGETS}/first`, 'merge', { spec: { maxUnavailable: '100%' } });
  await runToEnd(bed, WORKFLOW_ID, 1);
  const requests = readRequests(bed.cluster.auditLog, from, [REFIT, CONTROLLER_MANAGER]);
  const allowed = requests.find(
    (each) => each.resource === 'poddisruptionbudgets' && each.subresource === 'status' && each.at >= askedAt,
  );
  const next = evictionsTaken(requests).find((each) => each.at >= (allowed?.at ?? Number.POSITIVE_INFINITY));
  if (allowed === undefined || next === undefined) throw new Error('the log shows no eviction after the PDB');
  return next.at - allowed.at;
}

export async function blockNode(bed: BenchBed): Promise<Blocked> {
  const node = await nodeOfPod(bed);
  await bed.api.create(BUDGETS, budget('first'));
  return withWorker(bed, async () => {
    say(`${node} is upgraded against a PDB that allows nothing`);
    await startRun(bed, WORKFLOW_ID, { unavailableMax: 1, nodes: [node] });
    await awaitReason(bed, node, 'pdbNever');
    await pause(SETTLE_MS);
    const added = await changeReasons(bed, node);
    say(`nothing changes for ${String(UNCHANGED_MS / 1000)} s`);
    const before = await events(bed, node);
    await pause(UNCHANGED_MS);
    const eventsUnchanged = (await events(bed, node)) - before;
    return {
      changes: CHANGES,
      eventsPerChange: added / CHANGES,
      unchangedSeconds: UNCHANGED_MS / 1000,
      eventsUnchanged,
      delayMs: await allow(bed),
    };
  });
}
