// Waits until a node shows everything that its release promises, or shows that it never will.
// Reads the worker's shared watch: no request a look.
import { Context } from '@temporalio/activity';
import type { NodeActivities, VerifyEvidence, VerifyResult } from './api.ts';
import { judgeVerification } from '../domain/verify/verification.ts';
import { look, promptly } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { tellState } from './tell-state.ts';

/**
 * Looks are a second apart, and pods and labels are mostly there after two or three: only a node that keeps
 * people waiting is told of. Telling of each costs four events of the run's history, above its sixty a node.
 */
const TOLD_AT_LOOK = 4;

export function createVerifyActivities(deps: ActivityDeps): Pick<NodeActivities, 'verifyNode'> {
  return {
    verifyNode: (o) => {
      let evidence: readonly VerifyEvidence[] = [];
      const failed = (why: string): VerifyResult => ({ kind: 'failed', evidence, why });
      return look<VerifyResult>({ now: deps.now, deadline: o.deadline, late: failed }, async () => {
        if (Context.current().info.attempt === TOLD_AT_LOOK) await tellState(deps.runs, o, 'verifying');
        const { node, uid } = o.step;
        const facts = await promptly(deps.kubernetes.cluster(o.cluster).collectRejoin(node));
        if (facts === undefined) return failed(`node ${node} is no longer in the cluster`);
        if (facts.node.uid !== uid) {
          return failed(`node ${node} now has UID ${facts.node.uid}, expected ${uid}: it was made anew`);
        }
        const judged = judgeVerification(o.step, facts, o.since, o.bootId);
        evidence = judged.evidence;
        return judged.kind === 'notYet' ? { kind: 'waiting', why: judged.why } : judged;
      });
    },
  };
}
