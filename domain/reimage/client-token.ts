// What makes one attempt at one node unique. The activity hashes this text into EC2's ClientToken, so
// equal attempts give equal tokens, on any worker and after any crash, and different ones never do.

export type AttemptIdentity = {
  namespace: string;
  workflowId: string;
  firstExecutionRunId: string;
  instanceId: string;
  imageId: string;
  /** Rises only by retry or rollback. */
  attempt: number;
};

/** JSON quotes each part: no choice of ids can make two different attempts one text. */
export function renderAttemptIdentity(o: AttemptIdentity): string {
  return JSON.stringify([
    o.namespace,
    o.workflowId,
    o.firstExecutionRunId,
    o.instanceId,
    o.imageId,
    o.attempt,
  ]);
}
