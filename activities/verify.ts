// Waits until a node shows everything that its release promises, or shows that it never will; then watches
// that it stays so while it soaks. Reads the worker's shared watch: no request a look.
import { Context } from '@temporalio/activity';
import type {
  NodeActivities,
  NodeActivityInput,
  OfReplacement,
  VerifyEvidence,
  VerifyResult,
} from './api.ts';
import type { NodeStep } from '../domain/plan.ts';
import { judgeVerification } from '../domain/verify/verification.ts';
import type { VerificationJudgement, VerifyTarget } from '../domain/verify/verification.ts';
import { look, promptly } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { tellState } from './tell-state.ts';

/**
 * Looks are a second apart, and pods and labels are mostly there after two or three: only a node that keeps
 * people waiting is told of. Telling of each costs four events of the run's history, above its sixty a node.
 */
const TOLD_AT_LOOK = 4;

type Boot = OfReplacement & { since: string; bootId: string };

export function createVerifyActivities(deps: ActivityDeps): Pick<NodeActivities, 'verifyNode' | 'soakNode'> {
  return {
    verifyNode: (o) => {
      let evidence: readonly VerifyEvidence[] = [];
      const late = (why: string): VerifyResult => ({ kind: 'failed', evidence, why });
      return look<VerifyResult>({ now: deps.now, deadline: o.deadline, late }, async () => {
        if (Context.current().info.attempt === TOLD_AT_LOOK) await tellState(deps.runs, o, 'verifying');
        const judged = await judgeNode(deps, o);
        evidence = judged.evidence;
        return judged.kind === 'notYet' ? { kind: 'waiting', why: judged.why } : judged;
      });
    },
    soakNode: (o) => {
      const late = (why: string): VerifyResult => ({ kind: 'failed', evidence: [], why });
      return look<VerifyResult>({ now: deps.now, deadline: o.deadline, late }, async () => {
        if (Context.current().info.attempt === 1) await tellState(deps.runs, o, 'soaking');
        const judged = await judgeNode(deps, o);
        // It was all there before: what is missing now has gone away.
        if (judged.kind !== 'verified') {
          return {
            kind: 'failed',
            evidence: judged.evidence,
            why: `turned bad while it soaked: ${judged.why}`,
          };
        }
        const leftMs = Date.parse(o.until) - deps.now().getTime();
        if (!(leftMs > 0)) return judged;
        return { kind: 'waiting', why: `well so far, soaks until ${o.until}`, againWithinMs: leftMs };
      });
    },
  };
}

async function judgeNode(deps: ActivityDeps, o: NodeActivityInput & Boot): Promise<VerificationJudgement> {
  const { node, uid } = o.replacement ?? o.step;
  const facts = await promptly(deps.kubernetes.cluster(o.cluster).collectRejoin(node));
  const failed = (why: string): VerificationJudgement => ({ kind: 'failed', evidence: [], why });
  if (facts === undefined) return failed(`node ${node} is no longer in the cluster`);
  if (facts.node.uid !== uid) {
    return failed(`node ${node} now has UID ${facts.node.uid}, expected ${uid}: it was made anew`);
  }
  return judgeVerification(targetOf(o.step), facts, o.since, o.bootId);
}

/** A new node must show besides what puts it into its pool: no kubelet writes that of the old one's accord. */
function targetOf({ release, before, launch }: NodeStep): VerifyTarget {
  if (launch === undefined) return { release, before };
  const labels = { ...release.expects.labels, ...launch.matchLabels };
  return { before, release: { ...release, expects: { ...release.expects, labels } } };
}
