// A rollout in memory, driven by the planner alone: a world of nodes, a run that does what the
// planner answers, and the rules that must hold at every single step. Simulations and scenarios share it.
//
// The planner may be shown an older picture than what is true, as a watch does.
import { timeAfter } from '../../domain/machines/clock-math.ts';
import { keepCanaryClocks, noteCanaryLooks } from '../../domain/machines/fleet-canary.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import type { Look, Looks } from '../../domain/planning/answer.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { GateWish, NextSteps, PlanSummary } from '../../domain/plan.ts';
import { ROW_CODES, withCode } from '../../domain/row-codes.ts';
import type { RowCodeName } from '../../domain/row-codes.ts';
import type { RunDefinition } from '../../domain/run.ts';
import {
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  instanceOf,
  plannedRows,
  sampleImages,
  sampleInventory,
} from '../domain/planning/sample-fleet.ts';
import { planRun } from '../../domain/planning/plan-run.ts';
import { checkAnswer, checkOwnShare } from './rollout-rules.ts';
import { codeOf } from './rollout-state.ts';
import type { Rollout } from './rollout-state.ts';

export function startRollout(definition: RunDefinition, nodes: readonly NodeFacts[]): Rollout {
  const inventory = sampleInventory(nodes);
  const rows = plannedRows(definition, inventory);
  const plan = planRun(definition, inventory, OWNER);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  const summary: PlanSummary = { ...plan.draft, digest: 'sha256:plan', pages: [] };
  return {
    definition,
    rows,
    codes: firstQuestion(definition, rows).codes,
    nodes: new Map(nodes.map((node) => [node.name, node])),
    instances: new Map(nodes.map(instanceOf).map((instance) => [instance.instanceId, instance])),
    atWork: new Map(),
    retries: [],
    attempts: new Map(),
    deferred: new Map(),
    run: { state: { ...newRunState(OBSERVED_AT), plan: summary }, scope: newScope(rows) },
    gatesOpened: new Set(),
    gates: [],
    minutes: 0,
    canariesEndedAt: new Map(),
    unwellAt: new Map(),
    othersBegun: new Set(),
  };
}

function timeOf(minutes: number): string {
  return timeAfter(OBSERVED_AT, minutes * 60_000);
}

/** How long a deferred node is left to its pods. */
const DEFERRED_MINUTES = 4;

/** What a run does when a person answers a gate of the planner. */
export function answerGate(rollout: Rollout, { name, kind, pool }: GateWish, yes: boolean): void {
  if (yes) {
    rollout.gatesOpened.add(name);
    return;
  }
  for (const row of rollout.rows) {
    const waits = row.pool === pool && codeOf(rollout, row.node) === ROW_CODES.waiting;
    if (waits && (kind === 'canary' || row.wasNotReady === true)) setCode(rollout, row.node, 'skipped');
  }
}

export function setCode(rollout: Rollout, node: string, name: RowCodeName): void {
  if (name !== 'waiting' && name !== 'active') rollout.deferred.delete(node);
  const index = rollout.rows.findIndex((row) => row.node === node);
  if (index >= 0) rollout.codes = withCode(rollout.codes, index, ROW_CODES[name]);
}

export function change(rollout: Rollout, name: string, changes: Partial<NodeFacts>): void {
  const node = rollout.nodes.get(name);
  if (node !== undefined) rollout.nodes.set(name, { ...node, ...changes });
}

/** True when no node of the run waits, is at work, or is to be tried again. */
export function isOver(rollout: Rollout): boolean {
  return !/[wa]/.test(rollout.codes) && rollout.atWork.size === 0 && rollout.retries.length === 0;
}

/** Asks the planner, checks its answer, and does what it says. Throws naming the broken rule. */
export function tick(rollout: Rollout, shown: readonly NodeFacts[] = [...rollout.nodes.values()]): NextSteps {
  rollout.minutes += 1;
  const { run, codes, retries } = rollout;
  run.state = keepCanaryClocks({ ...run.state, codes, retries }, run.scope, timeOf(rollout.minutes));
  const next = askPlanner(rollout, shown);
  checkAnswer(rollout, shown, next);
  run.state = noteCanaryLooks(run.state, next.canaries ?? [], next.observedAt);
  rollout.gates = next.gates ?? [];
  for (const { node, disposition } of next.settled) {
    setCode(rollout, node, disposition.kind === 'upToDate' ? 'upToDate' : 'leftAlone');
    rollout.retries = rollout.retries.filter((retry) => retry.node !== node);
  }
  for (const step of next.steps) {
    rollout.retries = rollout.retries.filter((retry) => retry.node !== step.node);
    const node = rollout.nodes.get(step.node);
    const ours = node?.annotations['refit.dev/owner'] === OWNER;
    // As the cordon answers when the world has moved on since the picture was taken.
    if (node?.uid !== step.uid || (node.unschedulable && !ours)) {
      setCode(rollout, step.node, 'leftAlone');
      continue;
    }
    setCode(rollout, step.node, 'active');
    rollout.atWork.set(step.node, { pool: step.pool, attempt: step.attempt });
    rollout.attempts.set(step.node, step.attempt);
    const before = rollout.deferred.get(step.node);
    if (before !== undefined) rollout.deferred.set(step.node, { ...before, until: null });
    change(rollout, step.node, { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } });
  }
  checkOwnShare(rollout, shown, next);
  return next;
}

export type Ending = 'done' | 'failed' | 'putBack' | 'deferred';

export function finish(rollout: Rollout, name: string, outcome: Ending): void {
  rollout.atWork.delete(name);
  if (outcome === 'deferred') {
    const times = (rollout.deferred.get(name)?.times ?? 0) + 1;
    rollout.deferred.set(name, { times, until: rollout.minutes + DEFERRED_MINUTES });
  } else if (outcome !== 'putBack') {
    rollout.deferred.delete(name);
  }
  if (outcome === 'failed') {
    setCode(rollout, name, 'failed');
    return;
  }
  setCode(rollout, name, outcome === 'done' ? 'done' : 'waiting');
  const release = rollout.definition.catalog.find((one) => one.name === '2026.11');
  const shows = outcome === 'done' ? { kubeletVersion: release?.expects.kubeletVersion ?? '' } : {};
  change(rollout, name, { unschedulable: false, annotations: {}, ...shows });
}

function askPlanner(rollout: Rollout, shown: readonly NodeFacts[]): NextSteps {
  const seen: Record<string, Look> = {};
  const images = sampleImages();
  const occupied = [...rollout.atWork].map(([node, { pool }]) => ({ node, pool }));
  const { definition, rows, codes, retries } = rollout;
  const { canaries } = rollout.run.state;
  const gatesOpened = [...rollout.gatesOpened];
  const deferred = [...rollout.deferred].map(([node, { times, until }]) => {
    const attempt = rollout.attempts.get(node) ?? 1;
    return { node, attempt, times, until: until === null ? null : timeOf(until) };
  });
  const base = { definition, owner: OWNER, rows, codes, occupied, retries };
  const question = { ...base, canaries, gatesOpened, deferred };
  for (let round = 0; ; round += 1) {
    const looks: Looks = { seen, images, final: round === 8 };
    const plan = planNext(question, { observedAt: timeOf(rollout.minutes), nodes: shown }, looks);
    if (plan.kind === 'steps') return plan.next;
    if (plan.nodes.some(({ node }) => node in seen)) throw new Error('rule: looks at a node twice');
    for (const { node, instanceId } of plan.nodes) {
      seen[node] = { instance: rollout.instances.get(instanceId) ?? null, daemonSets: [] };
    }
  }
}
