// What commands ask of Temporal, in their own words; temporal-client.ts answers it, tests fake it.
import type {
  PageQuery,
  PlanPage,
  ReportAnswer,
  RunStatus,
  TablePage,
  UpdateAnswer,
  WhyPage,
} from '../../domain/status.ts';
import type { StepTrouble } from '../../domain/step-trouble.ts';
import type { PromotionInput } from '../../domain/promotion.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import type { ScheduleSide } from './schedule-side.ts';

export type OpenRun = { workflowId: string; type: string; startedAt: string };

/** What the server itself knows of a run, without a worker. */
export type RunDescription = OpenRun & {
  /** RUNNING, COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT */
  status: string;
  closedAt: string | null;
  firstExecutionRunId: string;
  /** `RefitPhase`, `RefitNodesDone`, …, as they stand. */
  searchAttributes: Readonly<Record<string, string | number>>;
  /** What its own steps failed with when they were last tried; the server tries them again. */
  troubles: readonly string[];
};

/** How a run that is closed ended. */
export type RunEnd =
  | { kind: 'completed'; result: unknown }
  /** `type` is the application's own: Refused, PlanChanged, InvalidInput, … */
  | { kind: 'failed'; type: string | null; message: string }
  | { kind: 'cancelled' }
  | { kind: 'terminated'; reason: string }
  | { kind: 'timedOut' };

export type Workers = {
  polling: number;
  /** The newest sign of life of any worker; null when none was seen lately. */
  lastSeenAt: string | null;
};

export type QueryAnswers = {
  status: RunStatus;
  table: TablePage;
  plan: PlanPage;
  why: WhyPage;
  report: ReportAnswer;
};

export interface TemporalSide {
  readonly address: string;
  readonly namespace: string;
  listOpenRuns(): Promise<readonly OpenRun[]>;
  /** undefined when the server does not know it (any more). */
  describe(workflowId: string): Promise<RunDescription | undefined>;
  /** Of a node's child: its own steps that fail and are tried again. */
  collectTroubles(workflowId: string): Promise<readonly StepTrouble[]>;
  start(o: {
    workflowId: string;
    input: FleetUpgradeInput | PromotionInput;
  }): Promise<'started' | 'alreadyOpen'>;
  /** Has a worker make a plan; it ends by itself. */
  startPlan(o: { workflowId: string; input: FleetUpgradeInput }): Promise<void>;
  query<Name extends keyof QueryAnswers>(
    workflowId: string,
    name: Name,
    page?: PageQuery,
  ): Promise<QueryAnswers[Name]>;
  /** Throws UpdateRefused when the run says no. The same updateId is the same wish. */
  update(o: { workflowId: string; name: string; content: object; updateId: string }): Promise<UpdateAnswer>;
  /** Of a run that is closed. */
  collectEnd(workflowId: string): Promise<RunEnd>;
  collectWorkers(): Promise<Workers>;
  readonly schedules: ScheduleSide;
  close(): Promise<void>;
}

/** The run understood, and said no. */
export class UpdateRefused extends Error {}

/** The server knows no open run of this id. */
export class RunNotOpen extends Error {}

/** No worker answered in time. */
export class NoAnswer extends Error {}

/** The server is away, or has trouble of its own: it may be well again in a moment. */
export class TemporalTrouble extends Error {}

/** Workers poll this queue. */
export const TASK_QUEUE = 'refit';

export const RUN_TYPES = ['fleetUpgrade', 'nodeUpgrade'] as const;
