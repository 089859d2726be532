// Schedules by the stock client of Temporal. Must never touch one that it was not told to.
import { ScheduleAlreadyRunning, ScheduleNotFoundError } from '@temporalio/client';
import type { Client, ScheduleSummary } from '@temporalio/client';
import { SCHEDULED_TYPES, ScheduleUnknown } from './schedule-side.ts';
import type { ScheduleRow, ScheduleSide } from './schedule-side.ts';
import { TASK_QUEUE } from './temporal-side.ts';

/** After an outage nobody needs the looks of yesterday: the next one sees all of it. */
const CATCHUP_WINDOW = '10m';
const SCHEDULES_MAX = 500;

type Bounded = <T>(call: () => Promise<T>) => Promise<T>;

export function createScheduleSide(client: Client, bounded: Bounded): ScheduleSide {
  const { schedule } = client;
  return {
    create: (o) => bounded(() => create(client, o)),
    list: () =>
      bounded(async () => {
        const rows: ScheduleRow[] = [];
        for await (const summary of schedule.list()) {
          const type = summary.action?.workflowType ?? '';
          if ((SCHEDULED_TYPES as readonly string[]).includes(type)) rows.push(rowOf(summary, type));
          if (rows.length === SCHEDULES_MAX) break;
        }
        return rows;
      }),
    pause: ({ scheduleId, note }) =>
      bounded(() => known(scheduleId, () => schedule.getHandle(scheduleId).pause(note))),
    resume: ({ scheduleId, note }) =>
      bounded(() => known(scheduleId, () => schedule.getHandle(scheduleId).unpause(note))),
    delete: (scheduleId) => bounded(() => known(scheduleId, () => schedule.getHandle(scheduleId).delete())),
  };
}

async function create(
  client: Client,
  o: Parameters<ScheduleSide['create']>[0],
): Promise<'created' | 'exists'> {
  try {
    await client.schedule.create({
      scheduleId: o.scheduleId,
      spec: { intervals: [{ every: o.everyMs }] },
      policies: { overlap: 'SKIP', catchupWindow: CATCHUP_WINDOW },
      action: {
        type: 'startWorkflow',
        workflowType: o.type,
        workflowId: o.scheduleId,
        taskQueue: TASK_QUEUE,
        args: [o.input],
      },
      state: { note: o.note },
    });
    return 'created';
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return 'exists';
    throw error;
  }
}

function rowOf({ scheduleId, spec, state, info }: ScheduleSummary, type: string): ScheduleRow {
  const [interval, second] = spec?.intervals ?? [];
  const isPlain = second === undefined && (spec?.calendars ?? []).length === 0;
  return {
    scheduleId,
    type,
    everyMs: interval !== undefined && isPlain ? Number(interval.every) : null,
    paused: state.paused,
    note: state.note ?? '',
    lastAt: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
    nextAt: info.nextActionTimes[0]?.toISOString() ?? null,
  };
}

async function known<T>(scheduleId: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) throw new ScheduleUnknown(scheduleId, { cause: error });
    throw error;
  }
}
