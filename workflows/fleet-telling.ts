// What a run over one cluster tells people, and how: its part of telling.ts. Must never write an event where
// nobody is to be told.
import { condition } from '@temporalio/workflow';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { END_WAIT_MS, sendNotice } from './telling.ts';
import type { Teller } from './telling.ts';
import { listUntold, noticeOf, noticeOfFailedStart, targetsOf } from '../domain/machines/fleet-news.ts';

export function fleetTeller(run: FleetRun): Teller {
  return {
    telling: run.telling,
    runId: run.ids.firstExecutionRunId,
    targets: () => targetsOf(run.state),
    listUntold: () => (run.loaded ? listUntold(run.state, run.scope) : []),
    noticeOf: (event, news) => noticeOf(run.state, run.ids, event, news),
    hasEnded: () => run.state.outcome !== null,
    told: (o) => {
      apply(run, { kind: 'told', ...o });
    },
  };
}

/** The run fails before it has a plan: whoever started it by a schedule would hear of it from nobody else. */
export async function tellFailedStart(run: FleetRun, why: string): Promise<void> {
  const targets = targetsOf(run.state);
  if (targets.length === 0) return;
  const notice = noticeOfFailedStart(run.state, run.ids, why);
  let sent = false;
  void sendNotice(targets, [run.ids.firstExecutionRunId, 'start'], notice).then(() => {
    sent = true;
  });
  await condition(() => sent, END_WAIT_MS, { summary: 'the last messages to people' });
}
