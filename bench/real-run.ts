// One real upgrade on a sandbox: a worker of its own process, the workflow as anybody would start it. What
// was used is read from the audit log, from Temporal's own account of its histories and from /proc.
import { readHistoryCost } from '../test/checker/history-cost.ts';
import type { HistoryCost } from '../test/checker/history-cost.ts';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { RunStatus } from '../domain/status.ts';
import { waitUntil } from '../sandbox/waiting.ts';
import { QUERY_AHEAD_OF_TASK } from '../workflows/messages.ts';
import type { BenchBed } from './bed.ts';

const FLEET = 'sandbox';
const RELEASE = 'next';
const PARENT = 'fleetUpgrade';
const CHILD = 'nodeUpgrade';
/** A reimage of the sandbox takes seconds; this is for a machine that is very busy with other things. */
const NODE_TIMEOUT_MS = 120_000;
const VISIBILITY_TIMEOUT_MS = 30_000;
/** As often as `refit` looks while somebody watches: more would be a load of its own, and slow what it looks at. */
const LOOK_EVERY_MS = 1_000;

export type RunAsked = { unavailableMax: number; nodes?: readonly string[]; pools?: readonly string[] };

export async function startRun(bed: BenchBed, workflowId: string, o: RunAsked): Promise<void> {
  const input = {
    fleet: FLEET,
    cluster: bed.cluster.name,
    release: RELEASE,
    requestedBy: 'bench',
    policy: { disruption: { unavailableMax: o.unavailableMax }, approval: { before: 'never' } },
    ...(o.nodes === undefined ? {} : { nodes: o.nodes }),
    ...(o.pools === undefined ? {} : { pools: o.pools }),
  };
  await bed.client.workflow.start(PARENT, { workflowId, taskQueue: 'refit', args: [input] });
}

/** Follows the run until this is so; a failed node ends the wait, for then the figures mean nothing. */
export async function awaitRun(
  bed: BenchBed,
  workflowId: string,
  o: { what: string; until: (status: RunStatus) => boolean; timeoutMs: number; restMs?: number },
): Promise<RunStatus> {
  let last: RunStatus | undefined;
  await waitUntil({
    condition: async () => {
      last = (await readStatus(bed, workflowId)) ?? last;
      if (last !== undefined && last.counts.failed > 0)
        throw new Error(`a node failed: ${JSON.stringify(last.waiting)}`);
      if (last !== undefined && o.until(last)) return true;
      if (o.restMs !== undefined) await pause(o.restMs);
      return false;
    },
    timeoutMs: o.timeoutMs,
    onTimeout: () => new Error(`waited for ${o.what}; last: ${JSON.stringify(last)}`),
  });
  if (last === undefined) throw new Error('no status was read');
  return last;
}

/** Undefined: to be asked again (workflows/query-guard.ts). */
async function readStatus(bed: BenchBed, workflowId: string): Promise<RunStatus | undefined> {
  try {
    return await bed.client.workflow.getHandle(workflowId).query<RunStatus>('status');
  } catch (error) {
    if (error instanceof Error && error.message.includes(QUERY_AHEAD_OF_TASK)) return undefined;
    throw error;
  }
}

export async function runToEnd(bed: BenchBed, workflowId: string, nodes: number): Promise<RunStatus> {
  const status = await awaitRun(bed, workflowId, {
    what: 'the end of the run',
    until: ({ phase }) => phase === 'ended',
    timeoutMs: nodes * NODE_TIMEOUT_MS,
    restMs: LOOK_EVERY_MS,
  });
  if (status.outcome !== 'succeeded') throw new Error(`the run ended ${String(status.outcome)}`);
  return status;
}

/** `length`: its events, which is told of a closed history alone. */
type Closed = { workflowId: string; runId: string; length: number };
type OfRun<T> = { parents: readonly T[]; children: readonly T[] };

/** Every history that belongs to the run, those that it continued from too; all of them must be closed. */
export async function listHistories(
  bed: Pick<BenchBed, 'client'>,
  workflowId: string,
): Promise<OfRun<Closed>> {
  let found: OfRun<Closed> | undefined;
  await waitUntil({
    condition: async () => {
      found = await listClosed(bed, workflowId);
      return found !== undefined;
    },
    timeoutMs: VISIBILITY_TIMEOUT_MS,
    onTimeout: () => new Error(`the histories of ${workflowId} do not show as closed`),
  });
  if (found === undefined) throw new Error('no history was read');
  return found;
}

async function listClosed(
  bed: Pick<BenchBed, 'client'>,
  workflowId: string,
): Promise<OfRun<Closed> | undefined> {
  const parents: Closed[] = [];
  const children: Closed[] = [];
  const query = `WorkflowType IN ("${PARENT}", "${CHILD}")`;
  for await (const each of bed.client.workflow.list({ query })) {
    const isParent = each.workflowId === workflowId;
    if (!isParent && !each.workflowId.startsWith(`${workflowId}/`)) continue;
    if (each.status.name === 'RUNNING') return undefined;
    const { runId, historyLength: length = 0 } = each;
    (isParent ? parents : children).push({ workflowId: each.workflowId, runId, length });
  }
  return parents.length === 0 ? undefined : { parents, children };
}

export type Costs = OfRun<HistoryCost>;

/** Reads each history whole. */
export async function readCosts(bed: BenchBed, workflowId: string): Promise<Costs> {
  const { parents, children } = await listHistories(bed, workflowId);
  const cost = (each: Closed) => readHistoryCost(bed.client.workflow.getHandle(each.workflowId, each.runId));
  return { parents: await Promise.all(parents.map(cost)), children: await Promise.all(children.map(cost)) };
}

/** Length of an open workflow's history, as Temporal tells it. */
export async function historyLength(bed: BenchBed, workflowId: string): Promise<number> {
  return (await bed.client.workflow.getHandle(workflowId).describe()).historyLength;
}

export type Memory = { nowMib: number; peakMib: number };

export function readMemory(pid: number): Memory {
  return parseMemory(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
}

/** Resident memory, and the most that it ever was. */
export function parseMemory(status: string): Memory {
  const mib = (name: string): number => {
    const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
    if (kib === undefined) throw new Error(`/proc status has no ${name}`);
    return Math.round(Number(kib) / 1024);
  };
  return { nowMib: mib('VmRSS'), peakMib: mib('VmHWM') };
}
