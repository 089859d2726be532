// Waits until a node is Ready out of its new boot. Reads the worker's shared watch: no request a look.
import { Context } from '@temporalio/activity';
import type { NodeActivities, RejoinResult } from './api.ts';
import { judgeRejoin } from '../domain/verify/rejoin.ts';
import { look, promptly } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { tellState } from './tell-state.ts';

/** Telling costs four events of the run's history: a boot that is over in two or three seconds is not worth them. */
const TOLD_AT_LOOK = 3;

export function createRejoinActivities(deps: ActivityDeps): Pick<NodeActivities, 'awaitRejoined'> {
  return {
    awaitRejoined: (o) =>
      look<RejoinResult>(
        { now: deps.now, deadline: o.deadline, late: (why) => ({ kind: 'timedOut', why }) },
        async () => {
          if (Context.current().info.attempt === TOLD_AT_LOOK) await tellState(deps.runs, o, 'rejoining');
          const { node, uid, before } = o.step;
          const facts = await promptly(deps.kubernetes.cluster(o.cluster).collectRejoin(node));
          const judged = judgeRejoin({ node, uid, bootIdBefore: before.bootId }, facts?.node, o.since);
          return judged.kind === 'notYet' ? { kind: 'waiting', why: judged.why } : judged;
        },
      ),
  };
}
