// A Temporal side in memory: runs with the answers that a test gives them.
import type { PromotionInput } from '../../domain/promotion.ts';
import type { StepTrouble } from '../../domain/step-trouble.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import type { RunStatus } from '../../domain/status.ts';
import { ScheduleUnknown } from '../../clients/cli/schedule-side.ts';
import type { ScheduleRow, ScheduleSide } from '../../clients/cli/schedule-side.ts';
import { NoAnswer, RunNotOpen, UpdateRefused } from '../../clients/cli/temporal-side.ts';
import type {
  QueryAnswers,
  RunDescription,
  RunEnd,
  TemporalSide,
  Workers,
} from '../../clients/cli/temporal-side.ts';

export type FakeRunState = {
  description: RunDescription;
  /** Statuses in the order in which they are seen; the last one stays. */
  statuses?: RunStatus[];
  answers?: Partial<Omit<QueryAnswers, 'status'>>;
  end?: RunEnd;
};

class FakeSchedules implements ScheduleSide {
  readonly rows = new Map<string, ScheduleRow & { input: object }>();

  create(o: Parameters<ScheduleSide['create']>[0]): Promise<'created' | 'exists'> {
    const { scheduleId, type, everyMs, note, input } = o;
    if (this.rows.has(scheduleId)) return Promise.resolve('exists');
    const nextAt = '2026-11-21T13:00:00Z';
    this.rows.set(scheduleId, {
      scheduleId,
      type,
      everyMs,
      note,
      input,
      paused: false,
      lastAt: null,
      nextAt,
    });
    return Promise.resolve('created');
  }

  list(): Promise<readonly ScheduleRow[]> {
    return Promise.resolve([...this.rows.values()]);
  }

  pause({ scheduleId, note }: { scheduleId: string; note: string }): Promise<void> {
    return this.#change(scheduleId, (row) => this.rows.set(scheduleId, { ...row, paused: true, note }));
  }

  resume({ scheduleId, note }: { scheduleId: string; note: string }): Promise<void> {
    return this.#change(scheduleId, (row) => this.rows.set(scheduleId, { ...row, paused: false, note }));
  }

  delete(scheduleId: string): Promise<void> {
    return this.#change(scheduleId, () => this.rows.delete(scheduleId));
  }

  #change(scheduleId: string, work: (row: ScheduleRow & { input: object }) => unknown): Promise<void> {
    const row = this.rows.get(scheduleId);
    if (row === undefined) return Promise.reject(new ScheduleUnknown(scheduleId));
    work(row);
    return Promise.resolve();
  }
}

export type SentUpdate = { workflowId: string; name: string; content: object; updateId: string };

export class FakeTemporal implements TemporalSide {
  readonly address = 'temporal.example:7233';
  readonly namespace = 'fleets';
  readonly runs = new Map<string, FakeRunState>();
  readonly started: { workflowId: string; input: FleetUpgradeInput | PromotionInput }[] = [];
  readonly plans: { workflowId: string; input: FleetUpgradeInput }[] = [];
  planned: Partial<FakeRunState> = {};
  /** Of children, by their ids. */
  readonly troubles = new Map<string, readonly StepTrouble[] | 'silent'>();
  /** Children whose troubles were asked for. */
  readonly asked: string[] = [];
  readonly updates: SentUpdate[] = [];
  workers: Workers = { polling: 1, lastSeenAt: '2026-11-21T11:59:50Z' };
  refusal: string | undefined;
  /** Which of them the refusal is for; unless a test says otherwise, each. */
  refuses: (o: SentUpdate) => boolean = () => true;
  closed = false;
  readonly schedules = new FakeSchedules();

  add(workflowId: string, run: Partial<FakeRunState> = {}): void {
    this.runs.set(workflowId, { description: openRun(workflowId), ...run });
  }

  listOpenRuns(): Promise<readonly RunDescription[]> {
    const open = [...this.runs.values()].map((run) => run.description);
    return Promise.resolve(open.filter((run) => run.closedAt === null));
  }

  describe(workflowId: string): Promise<RunDescription | undefined> {
    const run = this.runs.get(workflowId);
    // A run ends once its last status has been seen.
    if (run?.end !== undefined && (run.statuses ?? []).length <= 1) {
      return Promise.resolve({ ...run.description, status: 'COMPLETED', closedAt: '2026-11-21T12:30:00Z' });
    }
    return Promise.resolve(run?.description);
  }

  collectTroubles(workflowId: string): Promise<readonly StepTrouble[]> {
    this.asked.push(workflowId);
    const troubles = this.troubles.get(workflowId);
    return troubles === 'silent' ? Promise.reject(new NoAnswer(workflowId)) : Promise.resolve(troubles ?? []);
  }

  start(o: {
    workflowId: string;
    input: FleetUpgradeInput | PromotionInput;
  }): Promise<'started' | 'alreadyOpen'> {
    if (this.runs.has(o.workflowId)) return Promise.resolve('alreadyOpen');
    this.started.push(o);
    this.add(o.workflowId, { statuses: [makeStatus({ workflowId: o.workflowId, planDigest: 'sha256:aa' })] });
    return Promise.resolve('started');
  }

  /** Makes the plan at once, as `planned` says. */
  startPlan(o: { workflowId: string; input: FleetUpgradeInput }): Promise<void> {
    this.plans.push(o);
    this.add(o.workflowId, this.planned);
    return Promise.resolve();
  }

  query<Name extends keyof QueryAnswers>(workflowId: string, name: Name): Promise<QueryAnswers[Name]> {
    const run = this.runs.get(workflowId);
    if (run === undefined) return Promise.reject(new RunNotOpen(workflowId));
    const statuses = run.statuses ?? [];
    const answer =
      name === 'status'
        ? statuses.length > 1
          ? statuses.shift()
          : statuses[0]
        : run.answers?.[name as Exclude<Name, 'status'>];
    if (answer === undefined) return Promise.reject(new Error(`the test gave no answer to ${name}`));
    return Promise.resolve(answer as QueryAnswers[Name]);
  }

  update(o: SentUpdate): Promise<{ effect: string }> {
    const run = this.runs.get(o.workflowId);
    if (run === undefined || run.description.closedAt !== null) {
      return Promise.reject(new RunNotOpen(o.workflowId));
    }
    if (this.refusal !== undefined && this.refuses(o)) return Promise.reject(new UpdateRefused(this.refusal));
    this.updates.push(o);
    return Promise.resolve({ effect: 'done as asked' });
  }

  collectEnd(workflowId: string): Promise<RunEnd> {
    const end = this.runs.get(workflowId)?.end;
    return end === undefined ? Promise.reject(new Error('the run is open')) : Promise.resolve(end);
  }

  collectWorkers(): Promise<Workers> {
    return Promise.resolve(this.workers);
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

export function openRun(workflowId: string): RunDescription {
  return {
    workflowId,
    type: 'fleetUpgrade',
    startedAt: '2026-11-21T11:00:00Z',
    status: 'RUNNING',
    closedAt: null,
    firstExecutionRunId: 'run-1',
    searchAttributes: { RefitPhase: 'running', RefitNodesDone: 3 },
    troubles: [],
  };
}

export function makeStatus(o: Partial<RunStatus> = {}): RunStatus {
  return {
    workflowId: 'upgrade.training.prod-east',
    fleet: 'training',
    cluster: 'prod-east',
    requestedBy: 'ana',
    startedAt: '2026-11-21T11:00:00Z',
    phase: 'running',
    phaseWhy: null,
    outcome: null,
    planDigest: 'sha256:aa',
    counts: {
      total: 4,
      waiting: 2,
      active: 1,
      done: 1,
      failed: 0,
      skipped: 0,
      upToDate: 0,
      leftAlone: 0,
    },
    active: [],
    waiting: [],
    gates: [],
    ignored: [],
    events: [],
    reportDigest: null,
    ...o,
  };
}
