// What must outlive a run's history: each written once, under the run's workflow id. A workflow id is
// used again by the next run, so that each record also says of which run it is.
import type { FleetActivities, NodeActivities } from './api.ts';
import { mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { rolloutOf } from './rollouts.ts';
import { rolloutKey } from '../domain/rollout.ts';

export function createRecordActivities(
  deps: ActivityDeps,
): Pick<FleetActivities & NodeActivities, 'recordNode' | 'recordDecision' | 'recordReport'> {
  return {
    recordNode: ({ run, history }) =>
      mapped(() => {
        const body = { ...history, firstExecutionRunId: run.firstExecutionRunId };
        return deps.records.put({ kind: 'nodeHistory', key: run.workflowId, body });
      }),
    recordDecision: ({ run, decision }) =>
      mapped(() => {
        const { workflowId, firstExecutionRunId } = run;
        const body = { ...decision, workflowId, firstExecutionRunId };
        return deps.records.put({ kind: 'decision', key: workflowId, body });
      }),
    recordReport: ({ run, report }) =>
      mapped(async () => {
        // First: a report that is there says that all of its run is.
        const rollout = rolloutOf(report);
        if (rollout !== undefined) {
          await deps.records.put({ kind: 'rollout', key: rolloutKey(rollout), body: rollout });
        }
        return await deps.records.put({ kind: 'report', key: run.workflowId, body: report });
      }),
  };
}
