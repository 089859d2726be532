// May this child still act? Asked before cordon, before the first eviction and right before reimage.
import type { Runs } from '../adapters/ports/runs.ts';
import type { NodeActivityInput, Withheld } from './api.ts';

/** Why the step must not be taken, or undefined when the grant holds. */
export async function whyWithheld(runs: Runs, o: NodeActivityInput): Promise<Withheld | undefined> {
  const grant = await runs.checkGrant({
    workflowId: o.grant.parentId,
    firstExecutionRunId: o.grant.parentFirstRunId,
    node: o.step.node,
  });
  return grant.kind === 'granted' ? undefined : { kind: 'withheld', grant: grant.kind, why: grant.why };
}
