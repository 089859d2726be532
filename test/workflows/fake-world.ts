// Fake activities over nodes that exist only here: each step can be held, failed and counted. They ask for
// their grant and report their states through the real port `runs`, as the real ones do.
import { Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type {
  Activities,
  ClusterHold,
  DriftActivities,
  DrainResult,
  NodeActivityInput,
  PlanForPeople,
  PlanNextInput,
  PlanOutcome,
  Withheld,
} from '../../activities/api.ts';
import { overridePolicies } from '../../adapters/fleet-files/resolve-run.ts';
import type { Runs } from '../../adapters/ports/runs.ts';
import type { ForcePod } from '../../domain/node-state.ts';
import { PLAN_PAGE_ROWS } from '../../domain/plan.ts';
import type { NextSteps, PlanRow } from '../../domain/plan.ts';
import type { Policy } from '../../domain/policy.ts';
import type { MeetsRow } from '../../domain/preflight.ts';
import type { Decision, NodeHistory, RunReport } from '../../domain/report.ts';
import type { Notice, NotificationTarget } from '../../domain/notification.ts';
import { inHours, planSimply } from './fake-planner.ts';
import { fakeReplacements } from './fake-replacements.ts';
import type { ReplaceStepName } from './fake-replacements.ts';
import { definitionOf, plannedOf, policyOf, rowOf } from './shapes.ts';

type StepName =
  | 'cordonNode'
  | 'drainNode'
  | 'reimageNode'
  | 'awaitRejoined'
  | 'verifyNode'
  | 'soakNode'
  | ReplaceStepName
  | 'planNext'
  | 'resolvePolicyChange'
  | 'recordDecision';

/** As the real ones: a step that is soon over is not told of. */
const REJOINING_TOLD_AT_LOOK = 3;
const VERIFYING_TOLD_AT_LOOK = 4;

export type WorldOptions = {
  nodes: number;
  unavailableMax?: number;
  approval?: Partial<Policy['approval']>;
  failuresMax?: number;
  verifySoakMs?: number;
  policy?: Partial<Policy>;
  notifications?: readonly NotificationTarget[];
  /** Called before the run starts. */
  prepare?: (world: FakeWorld) => void;
};

export class FakeWorld {
  readonly calls: { step: string; node: string; attempt: number }[] = [];
  readonly decisions: Decision[] = [];
  readonly reports: RunReport[] = [];
  readonly histories: NodeHistory[] = [];
  readonly notices: { target: string; about: readonly string[]; notice: Notice }[] = [];
  /** Tells people instead of this world. */
  notify: Activities['notify'] | undefined;
  /** Notifications that nobody takes, by name: for now, or whatever is tried. */
  readonly deaf = new Map<string, 'away' | 'gone'>();
  /** Of the plan's one page of them. */
  meets: readonly MeetsRow[] = [];
  readonly cordoned = new Set<string>();
  /** `n1/1`: attempts for which another instance was launched and not taken away again. */
  readonly launched = new Set<string>();
  /** The release that was laid on each node last. */
  readonly laid = new Map<string, string>();
  /** The most nodes that were cordoned at one moment. */
  cordonedMost = 0;
  holder: ClusterHold = { kind: 'held' };
  /** Why the cluster cannot be asked for, as long as that is so. */
  holdRefused: string | null = null;
  readonly adoptedFrom: string[] = [];
  /** Nothing can be recorded, for good. */
  recordsBroken = false;
  /** A refused reimage is known to its activity, and is not answered yet. */
  holdRefusals = false;
  released = 0;
  outcome: PlanOutcome | undefined;
  /** Pods that only force takes away, by node. */
  readonly bare = new Map<string, ForcePod[]>();
  /** Of each drain that was begun with somebody's word for it: the UIDs. */
  readonly forced: (readonly string[])[] = [];
  /** Steps that are not there yet: `drainNode/n1`. */
  readonly #held = new Set<string>();
  readonly #failing = new Map<string, number>();
  readonly rows: PlanRow[];
  readonly policy: Policy;
  /** Answers instead of this world's own simple planner. */
  planner: ((o: Parameters<Activities['planNext']>[0]) => NextSteps) | undefined;
  readonly #o: WorldOptions;
  readonly #runs: Runs;

  constructor(o: WorldOptions, runs: Runs) {
    this.#o = o;
    this.#runs = runs;
    this.policy = policyOf(o);
    this.rows = Array.from({ length: o.nodes }, (_, index) => rowOf(`n${String(index + 1)}`));
    o.prepare?.(this);
  }

  hold(step: StepName, node: string): void {
    this.#held.add(`${step}/${node}`);
  }

  release(step: StepName, node: string): void {
    this.#held.delete(`${step}/${node}`);
  }

  /** The next `times` goes of this step fail, as a step fails whose node is bad. */
  fail(step: StepName, node: string, times = 1): void {
    this.#failing.set(`${step}/${node}`, times);
  }

  count(step: string, node?: string): number {
    return this.calls.filter((call) => call.step === step && (node === undefined || call.node === node))
      .length;
  }

  #wait(step: StepName, node: string): void {
    if (!this.#held.has(`${step}/${node}`)) return;
    Context.current().heartbeat();
    this.calls.push({ step: `${step} held`, node, attempt: 0 });
    throw ApplicationFailure.create({
      message: `${step} of ${node} is held`,
      type: 'NotYet',
      category: ApplicationFailureCategory.BENIGN,
      nextRetryDelay: '100ms',
    });
  }

  #fails(step: StepName, node: string): boolean {
    const left = this.#failing.get(`${step}/${node}`) ?? 0;
    if (left > 0) this.#failing.set(`${step}/${node}`, left - 1);
    return left > 0;
  }

  #note(step: string, o: NodeActivityInput): void {
    this.calls.push({ step, node: o.step.node, attempt: o.step.attempt });
  }

  async #withheld(o: NodeActivityInput): Promise<Withheld | undefined> {
    const { parentId, parentFirstRunId } = o.grant;
    const grant = await this.#runs.checkGrant({
      workflowId: parentId,
      firstExecutionRunId: parentFirstRunId,
      node: o.step.node,
    });
    return grant.kind === 'granted' ? undefined : { kind: 'withheld', grant: grant.kind, why: grant.why };
  }

  activities(): Omit<Activities, keyof DriftActivities> {
    return { ...this.#fleetActivities(), ...this.#nodeActivities() };
  }

  #fleetActivities() {
    return {
      resolveRun: (input) => {
        if (input.cluster !== 'prod-east') {
          throw ApplicationFailure.nonRetryable(
            `cluster: found "${input.cluster}", expected prod-east`,
            'InvalidInput',
          );
        }
        const definition = definitionOf(this.policy, input);
        const { notifications } = this.#o;
        return Promise.resolve(notifications === undefined ? definition : { ...definition, notifications });
      },
      resolvePolicyChange: ({ definition, policy }) => {
        this.#wait('resolvePolicyChange', '');
        this.calls.push({ step: 'resolvePolicyChange', node: '', attempt: 0 });
        // By the very functions that the adapter uses: their own tests say what is refused.
        try {
          return Promise.resolve({ kind: 'resolved', definition: overridePolicies(definition, policy) });
        } catch (error) {
          return Promise.resolve({ kind: 'refused', why: (error as Error).message });
        }
      },
      holdCluster: ({ adoptFrom }) => {
        if (this.holdRefused !== null) throw ApplicationFailure.nonRetryable(this.holdRefused, 'Unreachable');
        if (this.holder.kind !== 'needsAdoption' || adoptFrom !== this.holder.holder)
          return Promise.resolve(this.holder);
        this.adoptedFrom.push(adoptFrom);
        return Promise.resolve({ kind: 'held' });
      },
      releaseCluster: () => {
        this.released += 1;
        return Promise.resolve();
      },
      planRun: () => Promise.resolve(this.outcome ?? plannedOf(this.rows)),
      readPlanPage: ({ digest }) => {
        const from = Number(/-(\d+)$/.exec(digest)?.[1] ?? 0) * PLAN_PAGE_ROWS;
        return Promise.resolve(this.rows.slice(from, from + PLAN_PAGE_ROWS));
      },
      planForPeople: () => Promise.resolve(this.#planForPeople()),
      readMeetsPage: () => Promise.resolve(this.meets),
      planNext: (o) => {
        this.#wait('planNext', '');
        this.calls.push({ step: 'planNext', node: '', attempt: 0 });
        return Promise.resolve(this.planner?.(o) ?? inHours(o, this.#next(o)));
      },
      collectChildren: async ({ children }) =>
        Promise.all(
          children.map(async (childId) => {
            const found = await this.#runs.collectChild({ childId });
            if (found.kind === 'open') return { childId, kind: 'open' as const };
            const closed = found.kind === 'closed' ? found : { status: 'UNKNOWN', result: null };
            return {
              childId,
              kind: 'closed' as const,
              status: closed.status,
              result: closed.result as never,
            };
          }),
        ),
      recordDecision: ({ decision }) => {
        this.#wait('recordDecision', '');
        if (this.recordsBroken) throw ApplicationFailure.nonRetryable('disk full', 'Invalid');
        this.decisions.push(decision);
        return Promise.resolve('sha256:decision');
      },
      recordReport: ({ report }) => {
        if (this.recordsBroken) throw ApplicationFailure.nonRetryable('disk full', 'Invalid');
        this.reports.push(report);
        return Promise.resolve('sha256:report');
      },
      reapOldRootVolumes: () => Promise.resolve([]),
      notify: (o) => {
        if (this.notify !== undefined) return this.notify(o);
        const { target, about, notice } = o;
        this.calls.push({ step: 'notify', node: target.name, attempt: 0 });
        const deaf = this.deaf.get(target.name);
        const why = `notification ${target.name} is ${deaf ?? 'there'}`;
        if (deaf !== undefined)
          throw ApplicationFailure.create({ message: why, nonRetryable: deaf === 'gone' });
        this.notices.push({ target: target.name, about, notice });
        return Promise.resolve();
      },
    } satisfies Partial<Activities>;
  }

  #planForPeople(): PlanForPeople {
    const plan = this.outcome ?? plannedOf(this.rows);
    if (plan.kind === 'refused') return plan;
    const gpuHours = { low: 1, high: 2 };
    const whole = { lowMs: 60_000, highMs: 120_000, gpuHours, measured: 0 };
    const from = plan.summary.observedAt;
    return { ...plan, estimate: { from, whole, pools: [], openings: [], openingsLeft: 0, approvals: [] } };
  }

  #next(o: PlanNextInput): NextSteps {
    return planSimply(o, { rows: this.rows, cordoned: this.cordoned });
  }

  #drainBare(o: Parameters<Activities['drainNode']>[0]): DrainResult | undefined {
    const pods = this.bare.get(o.step.node) ?? [];
    const force = { pods, total: pods.length };
    const progress = { podsTotal: 3, podsLeft: pods.length, blockers: [], blockersTotal: 0 };
    if (pods.length === 0) return undefined;
    if (o.force === undefined) return { kind: 'timedOut', progress, force };
    const isSame = pods.length === o.force.length && pods.every(({ uid }) => o.force?.includes(uid));
    if (!isSame) return { kind: 'forceOutdated', force };
    this.forced.push(o.force);
    this.bare.delete(o.step.node);
    return undefined;
  }

  #nodeActivities() {
    const soon = () => new Date().toISOString();
    return {
      cordonNode: async (o) => {
        this.#wait('cordonNode', o.step.node);
        const withheld = await this.#withheld(o);
        if (withheld !== undefined) return withheld;
        this.#note('cordonNode', o);
        if (this.#fails('cordonNode', o.step.node)) return { kind: 'cordonedByOther', by: 'somebody' };
        this.cordoned.add(o.step.node);
        this.cordonedMost = Math.max(this.cordonedMost, this.cordoned.size);
        return { kind: 'cordoned' };
      },
      awaitGrant: async (o) => {
        this.#note('awaitGrant', o);
        const withheld = await this.#withheld(o);
        if (withheld?.grant !== 'paused') return withheld ?? { kind: 'granted' };
        throw ApplicationFailure.create({
          message: withheld.why,
          type: 'NotYet',
          category: ApplicationFailureCategory.BENIGN,
          nextRetryDelay: '1s',
        });
      },
      awaitGrantLost: async (o) => {
        const withheld = await this.#withheld(o);
        if (withheld !== undefined && withheld.grant !== 'paused') return withheld;
        throw ApplicationFailure.create({
          message: 'the grant holds',
          type: 'NotYet',
          category: ApplicationFailureCategory.BENIGN,
          nextRetryDelay: '1s',
        });
      },
      drainNode: async (o) => {
        if (Context.current().info.attempt === 1) {
          const withheld = await this.#withheld(o);
          if (withheld !== undefined) return withheld;
        }
        this.#wait('drainNode', o.step.node);
        this.#note('drainNode', o);
        const bare = this.#drainBare(o);
        if (bare !== undefined) return bare;
        if (this.#fails('drainNode', o.step.node)) {
          return {
            kind: 'timedOut',
            progress: { podsTotal: 3, podsLeft: 1, blockers: [], blockersTotal: 0 },
          };
        }
        return { kind: 'drained', evicted: 3, atMs: Date.now() };
      },
      reimageNode: async (o) => {
        const parentId = o.grant.parentId;
        if (this.count('reimageTask', o.step.node) < o.step.attempt) {
          const withheld = await this.#withheld(o);
          if (withheld !== undefined) {
            this.#note('refused', o);
            while (this.holdRefusals) await Context.current().sleep(50);
            return withheld;
          }
          this.#note('reimageTask', o);
          this.laid.set(o.step.node, o.step.release.name);
          await this.#runs.reportState({ parentId, node: o.step.node, state: 'reimaging' });
        }
        this.#wait('reimageNode', o.step.node);
        if (this.#fails('reimageNode', o.step.node))
          return { kind: 'taskFailed', state: 'failed', why: 'bad image' };
        return { kind: 'reimaged', taskId: 'replacevol-1', oldRootVolumeId: 'vol-1', startedAt: soon() };
      },
      awaitRejoined: async (o) => {
        if (Context.current().info.attempt === REJOINING_TOLD_AT_LOOK) {
          await this.#runs.reportState({ parentId: o.grant.parentId, node: o.step.node, state: 'rejoining' });
        }
        this.#wait('awaitRejoined', o.step.node);
        if (this.#fails('awaitRejoined', o.step.node)) return { kind: 'timedOut', why: 'not Ready' };
        return { kind: 'rejoined', bootId: `boot-${o.step.node}`, at: soon() };
      },
      verifyNode: async (o) => {
        if (Context.current().info.attempt === VERIFYING_TOLD_AT_LOOK) {
          await this.#runs.reportState({ parentId: o.grant.parentId, node: o.step.node, state: 'verifying' });
        }
        this.#wait('verifyNode', o.step.node);
        this.#note('verifyNode', o);
        if (this.#fails('verifyNode', o.step.node))
          return { kind: 'failed', evidence: [], why: 'wrong version' };
        return { kind: 'verified', evidence: [] };
      },
      soakNode: async (o) => {
        if (Context.current().info.attempt === 1) {
          await this.#runs.reportState({ parentId: o.grant.parentId, node: o.step.node, state: 'soaking' });
        }
        this.#wait('soakNode', o.step.node);
        this.#note('soakNode', o);
        if (this.#fails('soakNode', o.step.node))
          return { kind: 'failed', evidence: [], why: 'turned bad while it soaked: gpus' };
        return { kind: 'verified', evidence: [] };
      },
      ...fakeReplacements({
        launched: this.launched,
        cordoned: this.cordoned,
        wait: (step, node) => this.#wait(step, node),
        fails: (step, node) => this.#fails(step, node),
        note: (step, o) => this.#note(step, o),
        withheld: (o) => this.#withheld(o),
      }),
      uncordonNode: (o) => {
        this.#note('uncordonNode', o);
        if (o.replacement !== undefined) return Promise.resolve({ uncordoned: true, why: 'uncordoned' });
        this.cordoned.delete(o.step.node);
        return Promise.resolve({ uncordoned: true, why: 'uncordoned' });
      },
      putBackNode: (o) => {
        this.#note('putBackNode', o);
        const uncordoned = this.cordoned.delete(o.step.node);
        return Promise.resolve({
          uncordoned,
          why: uncordoned ? 'uncordoned' : 'nothing of ours stood there',
        });
      },
      recordNode: ({ history }) => {
        this.histories.push(history);
        return Promise.resolve('sha256:history');
      },
    } satisfies Partial<Activities>;
  }
}
