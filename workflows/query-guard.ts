// Sees to it that a query never moves a workflow. A query that waited for a busy worker comes with whatever has
// happened meanwhile, and the SDK lets the cached workflow act on that ahead of its workflow task: its history
// then tells another order than the one that was lived, and cannot be replayed. Refused here, the worker forgets
// the workflow and reads it anew from its history; the query fails, and whoever asked asks again.
//
// Told by the clock of the activation, which is the start of its workflow task: events that came without a task
// of their own bear the time of the one before. Must never refuse a replay.
import type { WorkflowInterceptors } from '@temporalio/workflow';
import { QUERY_AHEAD_OF_TASK } from './messages.ts';

type Activation = {
  isReplaying?: boolean | null;
  historyLength?: number | null;
  timestamp?: { seconds?: unknown; nanos?: number | null } | null;
  jobs?: readonly { queryWorkflow?: unknown; signalWorkflow?: unknown }[] | null;
};

/** Remembers the last activation of one workflow; true: this one brings events without a task of their own. */
export function createQueryGuard(): (activation: Activation) => boolean {
  let lengthBefore = 0;
  let taskBefore = '';
  return ({ isReplaying, historyLength, timestamp, jobs }) => {
    if ((jobs ?? []).every(({ queryWorkflow }) => queryWorkflow !== undefined && queryWorkflow !== null))
      return false;
    const length = historyLength ?? 0;
    const task = `${String(timestamp?.seconds)}.${String(timestamp?.nanos)}`;
    const isAhead = lengthBefore > 0 && length > lengthBefore && task === taskBefore;
    if (isAhead && isReplaying !== true) return true;
    lengthBefore = length;
    taskBefore = task;
    return false;
  };
}

export function interceptors(): WorkflowInterceptors {
  const isAhead = createQueryGuard();
  return {
    internals: [
      {
        activate(input, next) {
          if (isAhead(input.activation)) throw new Error(QUERY_AHEAD_OF_TASK);
          next(input);
        },
      },
    ],
  };
}
