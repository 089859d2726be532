// What a run remembers of the canaries of a pool: a fact that travels between the planner and the workflow.
// Must never reach the planner's own code, which workflows do not load.

/** When the canaries of a pool had all ended, and how they were found since. */
export type CanaryClock = {
  endedAt: string;
  /** First of the looks in a row that found one of them unwell; null: the last look found them well. */
  unwellSince: string | null;
  /** The last look that found one unwell: the soak counts from here. */
  unwellLast: string | null;
  /** `bootId` of each canary when last looked at, by node; absent: not looked at yet, or by an older version. */
  boots?: Readonly<Record<string, string>>;
  /** The others were let go: the canaries are watched no longer. */
  passed: boolean;
};
