// A rollout in memory, driven by the planner alone: a world of nodes, a run that does what the
// planner answers, and the rules that must hold at every single step. Simulations and scenarios share it.
//
// The planner may be shown an older picture than what is true, as a watch does.
import { instanceIdOf } from '../../domain/planning/node-reading.ts';
import { matches } from '../../domain/planning/match-pools.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import type { Look, Looks } from '../../domain/planning/plan-next.ts';
import type { InstanceFacts, NodeFacts } from '../../domain/inventory.ts';
import type { NextSteps, PlanRow } from '../../domain/plan.ts';
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

export type Rollout = {
  definition: RunDefinition;
  rows: readonly PlanRow[];
  codes: string;
  /** What is true now, whatever the planner is shown. */
  nodes: Map<string, NodeFacts>;
  instances: Map<string, InstanceFacts>;
  atWork: Map<string, { pool: string; attempt: number }>;
  retries: { node: string; attempt: number }[];
  attempts: Map<string, number>;
};

export function startRollout(definition: RunDefinition, nodes: readonly NodeFacts[]): Rollout {
  const rows = plannedRows(definition, sampleInventory(nodes));
  return {
    definition,
    rows,
    codes: firstQuestion(definition, rows).codes,
    nodes: new Map(nodes.map((node) => [node.name, node])),
    instances: new Map(nodes.map(instanceOf).map((instance) => [instance.instanceId, instance])),
    atWork: new Map(),
    retries: [],
    attempts: new Map(),
  };
}

export function codeOf(rollout: Rollout, node: string): string | undefined {
  return rollout.codes[rollout.rows.findIndex((row) => row.node === node)];
}

export function setCode(rollout: Rollout, node: string, name: RowCodeName): void {
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
  const next = askPlanner(rollout, shown);
  checkAnswer(rollout, shown, next);
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
    change(rollout, step.node, { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } });
  }
  checkOwnShare(rollout, shown, next);
  return next;
}

export function finish(rollout: Rollout, name: string, outcome: 'done' | 'failed' | 'putBack'): void {
  rollout.atWork.delete(name);
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
  const question = { definition, owner: OWNER, rows, codes, occupied, retries };
  for (let round = 0; ; round += 1) {
    const looks: Looks = { seen, images, final: round === 8 };
    const plan = planNext(question, { observedAt: OBSERVED_AT, nodes: shown }, looks);
    if (plan.kind === 'steps') return plan.next;
    if (plan.nodes.some(({ node }) => node in seen)) throw new Error('rule: looks at a node twice');
    for (const { node, instanceId } of plan.nodes) {
      seen[node] = { instance: rollout.instances.get(instanceId) ?? null, daemonSets: [] };
    }
  }
}

function checkAnswer(rollout: Rollout, shown: readonly NodeFacts[], next: NextSteps): void {
  const byName = new Map(shown.map((node) => [node.name, node]));
  const rule = (holds: boolean, text: string) => {
    if (!holds) throw new Error(`rule: ${text}`);
  };
  const started = next.steps.map((step) => step.node);
  rule(new Set(started).size === started.length, 'no node is started twice in one answer [I92]');
  const retried = new Set(rollout.retries.map((retry) => retry.node));
  for (const step of next.steps) {
    const { node: name } = step;
    const node = byName.get(name);
    rule(!rollout.atWork.has(name), `${name} is at work already [I92]`);
    const planned = rollout.rows.find((row) => row.node === name)?.uid;
    rule(node?.uid === planned && step.uid === planned, `${name} is the node that was planned [I104]`);
    if (node === undefined) continue;
    const foreign = node.unschedulable && node.annotations['refit.dev/owner'] !== OWNER;
    rule(!foreign, `${name} is not cordoned by another [I90]`);
    const instance = rollout.instances.get(instanceIdOf(node) ?? '');
    rule(instance?.state === 'running', `${name} has an instance that runs`);
    const expected = retried.has(name) ? ROW_CODES.failed : ROW_CODES.waiting;
    rule(codeOf(rollout, name) === expected, `${name} stands as ${expected}`);
    if (retried.has(name)) continue;
    checkTurn(rollout, byName, next, step.pool);
  }
  checkAccount(rollout, next);
}

/** Order: nothing of an earlier pool waits, and no Ready node waits behind one that is not. */
function checkTurn(
  rollout: Rollout,
  byName: ReadonlyMap<string, NodeFacts>,
  next: NextSteps,
  pool: string,
): void {
  const settled = new Set(next.settled.map((one) => one.node));
  const started = new Set(next.steps.map((step) => step.node));
  const pools = rollout.definition.pools.map((one) => one.name);
  const earlier = pools.slice(0, pools.indexOf(pool));
  const waits = (row: PlanRow) => codeOf(rollout, row.node) === ROW_CODES.waiting && !settled.has(row.node);
  for (const row of rollout.rows) {
    const open = waits(row) || codeOf(rollout, row.node) === ROW_CODES.active;
    if (earlier.includes(row.pool) && open) throw new Error(`rule: pool ${pool} waits for ${row.node} [I97]`);
  }
  const inPool = rollout.rows.filter((row) => row.pool === pool && waits(row));
  const isReady = (row: PlanRow) => byName.get(row.node)?.ready === 'True';
  const unreadyStarted = inPool.some((row) => started.has(row.node) && !isReady(row));
  const readyWaits = inPool.some((row) => !started.has(row.node) && isReady(row));
  // One that carries our own cordon stands idle already and goes first, Ready or not.
  const ours = inPool.some((row) => byName.get(row.node)?.annotations['refit.dev/owner'] === OWNER);
  if (unreadyStarted && readyWaits && !ours)
    throw new Error('rule: a node that is not Ready comes last [I98]');
}

/** Every waiting row is started, settled, or told why not. */
function checkAccount(rollout: Rollout, next: NextSteps): void {
  if (next.more === true) return;
  const waiting = [...rollout.codes].filter((code) => code === ROW_CODES.waiting).length;
  const asked = waiting + rollout.retries.filter((retry) => !rollout.atWork.has(retry.node)).length;
  const told = next.waiting.reduce((sum, one) => sum + one.nodes, 0);
  const answered = next.steps.length + next.settled.length + told;
  if (answered !== asked) throw new Error(`rule: ${asked} nodes wait, ${answered} are answered for [I101]`);
  const mute = next.waiting.find(({ why }) => !/begins when|taken when|freed when/.test(why.text));
  if (mute !== undefined) throw new Error(`rule: a reason says what frees it [I101]: ${mute.why.text}`);
}

/** What this run itself keeps away, in truth, never exceeds the budget by anything that was started now. */
function checkOwnShare(rollout: Rollout, shown: readonly NodeFacts[], next: NextSteps): void {
  for (const slot of next.slots) {
    const pool = rollout.definition.pools.find((one) => one.name === slot.pool);
    const freshlyStarted = next.steps.filter((step) => step.pool === slot.pool && step.attempt === 1);
    if (pool === undefined || freshlyStarted.length === 0) continue;
    const ours = [...rollout.nodes.values()].filter(
      (node) => matches(node, pool) && node.annotations['refit.dev/owner'] === OWNER,
    );
    const own = new Set([...ours.map((node) => node.name), ...namesAtWork(rollout, slot.pool)]);
    if (own.size > slot.unavailableMax) {
      throw new Error(
        `rule: ${own.size} of pool ${slot.pool} away by us, ${slot.unavailableMax} allowed [I91]`,
      );
    }
    const away = shown.filter((node) => matches(node, pool) && (node.unschedulable || node.ready !== 'True'));
    const all = new Set([...away.map((node) => node.name), ...namesAtWork(rollout, slot.pool)]);
    if (all.size > slot.unavailableMax) {
      throw new Error(`rule: ${all.size} of pool ${slot.pool} away, ${slot.unavailableMax} allowed [I91]`);
    }
  }
}

function namesAtWork(rollout: Rollout, pool: string): readonly string[] {
  return [...rollout.atWork].filter(([, one]) => one.pool === pool).map(([node]) => node);
}
