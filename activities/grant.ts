// May this child still act? Asked before cordon, before the first eviction and right before reimage.
import type { Runs } from '../adapters/ports/runs.ts';
import type { NodeActivities, NodeActivityInput, Withheld } from './api.ts';
import type { ActivityDeps } from './deps.ts';
import { notYet, toApplicationFailure } from './failures.ts';

/** A held node hears of its run's end within this: the nudge of a resume comes by itself, a terminate does not. */
const ASK_AGAIN_MS = 30_000;

/** Why the step must not be taken, or undefined when the grant holds. */
export async function whyWithheld(runs: Runs, o: NodeActivityInput): Promise<Withheld | undefined> {
  const grant = await runs.checkGrant({
    workflowId: o.grant.parentId,
    firstExecutionRunId: o.grant.parentFirstRunId,
    node: o.step.node,
  });
  return grant.kind === 'granted' ? undefined : { kind: 'withheld', grant: grant.kind, why: grant.why };
}

export function createGrantActivities(
  deps: ActivityDeps,
): Pick<NodeActivities, 'awaitGrant' | 'awaitGrantLost'> {
  return {
    awaitGrant: async (o) => {
      try {
        const withheld = await whyWithheld(deps.runs, o);
        if (withheld?.grant !== 'paused') return withheld ?? { kind: 'granted' };
        throw notYet({ type: 'NotYet', message: withheld.why, retryDelayMs: ASK_AGAIN_MS });
      } catch (error) {
        throw toApplicationFailure(error);
      }
    },
    awaitGrantLost: async (o) => {
      try {
        const withheld = await whyWithheld(deps.runs, o);
        if (withheld !== undefined && withheld.grant !== 'paused') return withheld;
        const message = withheld?.why ?? 'the run lets the node go on';
        throw notYet({ type: 'NotYet', message, retryDelayMs: ASK_AGAIN_MS });
      } catch (error) {
        throw toApplicationFailure(error);
      }
    },
  };
}
