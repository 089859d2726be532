// The port `runs` by a Temporal client: what activities ask of workflows, and tell them. Must never start,
// cancel or end a workflow, and never take silence for a yes.
import { QueryRejectedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import { PortError } from '../adapters/ports/errors.ts';
import type { ChildRun, Grant, RunState, Runs } from '../adapters/ports/runs.ts';
import { grantQuery, nodeProgressSignal, nodeStateSignal } from '../workflows/messages.ts';

/** A query waits for a worker; longer than this, the activity's own retry asks again. */
const CALL_TIMEOUT_MS = 10_000;

export function createRuns(client: Client): Runs {
  return {
    checkGrant: (o) => checkGrant(client, o),
    collectState: (o) => collectState(client, o),
    collectChild: (o) => collectChild(client, o.childId),
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

async function checkGrant(
  client: Client,
  o: { workflowId: string; firstExecutionRunId: string; node: string },
): Promise<Grant> {
  try {
    const answer = await bounded(client, () =>
      client.workflow.getHandle(o.workflowId).query(grantQuery, { node: o.node }),
    );
    if (answer.firstExecutionRunId !== o.firstExecutionRunId) {
      return {
        kind: 'parentGone',
        why: `${o.workflowId} is another run now: the one that granted this has ended`,
      };
    }
    return answer.kind === 'granted' ? { kind: 'granted' } : { kind: answer.kind, why: answer.why };
  } catch (error) {
    // The client is made to have queries of closed workflows rejected.
    if (error instanceof QueryRejectedError || error instanceof WorkflowNotFoundError) {
      return { kind: 'parentGone', why: `the run ${o.workflowId} is open no more` };
    }
    throw unreachable(`no grant from ${o.workflowId}`, error);
  }
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
