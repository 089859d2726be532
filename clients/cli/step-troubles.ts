// The steps of one workflow that fail and are tried again, out of what the server says of its pending activities.
import type { Client } from '@temporalio/client';
import type { StepTrouble } from '../../domain/step-trouble.ts';

type Described = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['describe']>>['raw'];
type Pending = NonNullable<Described['pendingActivities']>[number];
type Timestamp = NonNullable<Pending['lastStartedTime']>;

const APPLICATION_ERROR_CATEGORY_BENIGN = 1;
const PENDING_ACTIVITY_STATE_STARTED = 2;
/** No look lasts longer: what has been at work for more than this makes progress, and its failure is past. */
const TRIED_MAX_MS = 120_000;

/** Without those that only say "not yet". */
export function stepTroublesOf({ pendingActivities }: Described, now: number): readonly StepTrouble[] {
  return (pendingActivities ?? []).flatMap((pending) => {
    const { lastFailure, activityType, attempt, lastStartedTime, lastAttemptCompleteTime } = pending;
    const said = lastFailure?.applicationFailureInfo;
    if (lastFailure === null || lastFailure === undefined) return [];
    if (said?.category === APPLICATION_ERROR_CATEGORY_BENIGN) return [];
    const isTried = pending.state === PENDING_ACTIVITY_STATE_STARTED;
    if (isTried && now - (msOf(lastStartedTime) ?? now) > TRIED_MAX_MS) return [];
    return [
      {
        step: activityType?.name ?? 'a step',
        kind: said?.type ?? null,
        text: lastFailure.message ?? 'failed',
        attempt: attempt ?? 1,
        failedAt: timeOf(lastAttemptCompleteTime),
        nextAt: isTried ? null : timeOf(pending.nextAttemptScheduleTime ?? pending.scheduledTime),
      },
    ];
  });
}

function msOf(time: Timestamp | null | undefined): number | undefined {
  return time === null || time === undefined
    ? undefined
    : Number(time.seconds ?? 0) * 1000 + Math.floor((time.nanos ?? 0) / 1e6);
}

function timeOf(time: Timestamp | null | undefined): string | null {
  const ms = msOf(time);
  return ms === undefined ? null : new Date(ms).toISOString();
}
