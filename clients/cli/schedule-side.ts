// What `refit schedule` asks of Temporal, in its own words; schedule-client.ts answers it, tests fake it.

/** Workflows that are made to be started by a schedule. */
export const SCHEDULED_TYPES = ['driftWatch'] as const;

export type ScheduledType = (typeof SCHEDULED_TYPES)[number];

export type ScheduleRow = {
  scheduleId: string;
  type: string;
  /** Null: not by one interval; somebody has changed it. */
  everyMs: number | null;
  paused: boolean;
  note: string;
  lastAt: string | null;
  nextAt: string | null;
};

export interface ScheduleSide {
  /** One run at a time: a look that lasts longer than the interval is not doubled. */
  create(o: {
    scheduleId: string;
    type: ScheduledType;
    input: object;
    everyMs: number;
    note: string;
  }): Promise<'created' | 'exists'>;
  /** Those that start a workflow of SCHEDULED_TYPES. */
  list(): Promise<readonly ScheduleRow[]>;
  /** Throws ScheduleUnknown, as the next two. */
  pause(o: { scheduleId: string; note: string }): Promise<void>;
  resume(o: { scheduleId: string; note: string }): Promise<void>;
  delete(scheduleId: string): Promise<void>;
}

/** The server has no schedule of this id. */
export class ScheduleUnknown extends Error {}
