// The port `runs` by a Temporal client: what activities ask of workflows, and tell them. Must never start,
// cancel or end a workflow, and never take silence for a yes.
import { QueryRejectedError, WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { PortError } from '../adapters/ports/errors.ts';
import type { ChildRun, Grant, RunState, Runs } from '../adapters/ports/runs.ts';
import type { RunStatus } from '../domain/status.ts';
import { ASKING, createAsking } from './asking.ts';
import type { Ask } from './asking.ts';
import {
  grantQuery,
  nodeProgressSignal,
  nodeStateSignal,
  personUpdate,
  statusQuery,
} from '../workflows/messages.ts';

/** A query waits for a worker; longer than this, the activity's own retry asks again. */
const CALL_TIMEOUT_MS = 10_000;

export function createRuns(client: Client): Runs {
  const ask = createAsking(ASKING);
  return {
    checkGrant: (o) => checkGrant(client, ask, o),
    collectState: (o) => collectState(client, o),
    collectChild: (o) => collectChild(client, o.childId),
    collectStatus: ({ workflowId }) => collectStatus(client, workflowId),
    tellRun: (o) => tellRun(client, o),
    async reportProgress({ childId, parentId, node, progress }) {
      const report = { node, progress };
      await Promise.all([
        signal(client, childId, () => client.workflow.getHandle(childId).signal(nodeProgressSignal, report)),
        signal(client, parentId, () =>
          client.workflow.getHandle(parentId).signal(nodeProgressSignal, report),
        ),
      ]);
    },
    async reportState({ parentId, node, state }) {
      await signal(client, parentId, () =>
        client.workflow.getHandle(parentId).signal(nodeStateSignal, { node, state }),
      );
    },
  };
}

/** A node waits for it: a free slot for its cordon, an empty node for its reimage. */
async function checkGrant(
  client: Client,
  ask: Ask,
  o: { workflowId: string; firstExecutionRunId: string; node: string },
): Promise<Grant> {
  try {
    const handle = client.workflow.getHandle(o.workflowId);
    const put = () => handle.query(grantQuery, { node: o.node });
    const answer = await ask(() => bounded(client, put), isNotOpen);
    if (answer.firstExecutionRunId !== o.firstExecutionRunId) {
      return {
        kind: 'parentGone',
        why: `${o.workflowId} is another run now: the one that granted this has ended`,
      };
    }
    return answer.kind === 'granted' ? { kind: 'granted' } : { kind: answer.kind, why: answer.why };
  } catch (error) {
    if (isNotOpen(error)) {
      return { kind: 'parentGone', why: `the run ${o.workflowId} is open no more` };
    }
    throw unreachable(`no grant from ${o.workflowId}`, error);
  }
}

/** The client is made to have queries of closed workflows rejected. */
function isNotOpen(error: unknown): boolean {
  return error instanceof QueryRejectedError || error instanceof WorkflowNotFoundError;
}

async function collectState(
  client: Client,
  o: { workflowId: string; firstExecutionRunId: string },
): Promise<RunState> {
  const found = await describe(client, o.workflowId);
  if (found === undefined) return { kind: 'unknown' };
  // Only one run of an id is open at a time: a later one means that ours has ended.
  if (firstRunIdOf(found) !== o.firstExecutionRunId) return { kind: 'closed', status: 'SUPERSEDED' };
  if (found.status.name === 'RUNNING') return { kind: 'open' };
  return { kind: 'closed', status: found.status.name };
}

async function collectChild(client: Client, childId: string): Promise<ChildRun> {
  const found = await describe(client, childId);
  if (found === undefined) return { kind: 'unknown' };
  const status = found.status.name;
  if (status === 'RUNNING') return { kind: 'open' };
  if (status !== 'COMPLETED') return { kind: 'closed', status, result: null };
  const handle = client.workflow.getHandle(childId, found.runId);
  try {
    return { kind: 'closed', status, result: (await bounded(client, () => handle.result())) as unknown };
  } catch (error) {
    throw unreachable(`no result of ${childId}`, error);
  }
}

async function collectStatus(client: Client, workflowId: string): Promise<RunStatus> {
  try {
    return await bounded(client, () => client.workflow.getHandle(workflowId).query(statusQuery));
  } catch (error) {
    throw unreachable(`no status of ${workflowId}`, error);
  }
}

/** A skip of a node at work may take its run 30 s to answer. */
const TELL_TIMEOUT_MS = 40_000;

async function tellRun(
  client: Client,
  o: Parameters<Runs['tellRun']>[0],
): Promise<Awaited<ReturnType<Runs['tellRun']>>> {
  const handle = client.workflow.getHandle(o.workflowId);
  const send = () => handle.executeUpdate(personUpdate(o.name), { args: [o.content], updateId: o.updateId });
  try {
    const { effect } = await client.withDeadline(Date.now() + TELL_TIMEOUT_MS, send);
    return { kind: 'accepted', effect };
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      return { kind: 'refused', why: error.cause?.message ?? error.message };
    }
    if (error instanceof WorkflowNotFoundError) return { kind: 'refused', why: 'its run has ended' };
    throw unreachable(`${o.workflowId} did not answer ${o.name}`, error);
  }
}

async function describe(
  client: Client,
  workflowId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await bounded(client, () => client.workflow.getHandle(workflowId).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw unreachable(`cannot describe ${workflowId}`, error);
  }
}

function firstRunIdOf(found: WorkflowExecutionDescription): string | undefined {
  return found.raw.workflowExecutionInfo?.firstRunId ?? undefined;
}

/** Nobody listens any more: whoever needed to know has ended. */
async function signal(client: Client, workflowId: string, send: () => Promise<void>): Promise<void> {
  try {
    await bounded(client, send);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return;
    throw unreachable(`cannot signal ${workflowId}`, error);
  }
}

async function bounded<T>(client: Client, call: () => Promise<T>): Promise<T> {
  return await client.withDeadline(Date.now() + CALL_TIMEOUT_MS, call);
}

function unreachable(what: string, cause: unknown): PortError {
  return new PortError('unreachable', `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, {
    cause,
  });
}
