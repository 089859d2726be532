// The token of one attempt at one node, and owner marks as EC2's tags hold them.
import { createHash } from 'node:crypto';
import { renderAttemptIdentity } from '../domain/reimage/client-token.ts';
import type { NodeActivityInput } from './api.ts';

export function clientTokenOf(namespace: string, { run, step }: NodeActivityInput): string {
  const identity = renderAttemptIdentity({
    namespace,
    workflowId: run.workflowId,
    firstExecutionRunId: run.firstExecutionRunId,
    instanceId: step.instanceId,
    imageId: step.release.imageId,
    attempt: step.attempt,
  });
  return createHash('sha256').update(identity, 'utf8').digest('hex');
}

/** EC2's tag values hold 256 characters of a small set; a workflow id may be any text of any length. */
export function toTagValue(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} +=.:/@_-]/gu, '_').slice(0, 256);
}
