// Rollbacks by chance: the run's machine and the real planner over nodes in memory, which do not drain, fail
// their verification, are quarantined; people who stop, retry, skip and go on; runs that continue as new.
// The rules hold at every step, and every rollback ends once people have answered.
import { describe, expect, it } from '@jest/globals';
import type { NodeFacts } from '../../domain/inventory.ts';
import { backQuestionOf } from '../../domain/machines/fleet-back.ts';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { isOver, mayPlan, outcomeOf } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope, occupiedNodes } from '../../domain/machines/fleet-state.ts';
import type { ActiveChild, RunState, Scope } from '../../domain/machines/fleet-state.ts';
import { whyOf } from '../../domain/machines/fleet-views.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import { planRun } from '../../domain/planning/plan-run.ts';
import { ROW_CODES } from '../../domain/row-codes.ts';
import type { RunDefinition } from '../../domain/run.ts';
import {
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from '../domain/planning/sample-fleet.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';

const SEEDS = 200;
const STEPS_MAX = 2000;
const NODES = 8;
const FAILS_ONE_IN = 6;
const SAM = { by: 'sam', reason: 'x' };

type World = {
  random: Random;
  definition: RunDefinition;
  unavailableMax: number;
  scope: Scope;
  state: RunState;
  nodes: Map<string, NodeFacts>;
  steps: Map<string, NodeStep>;
  /** From here on nothing goes wrong any more. */
  atPeace: boolean;
};

function begin(seed: number): World {
  const random = createRandom(seed);
  const unavailableMax = 1 + random.below(3);
  const plain = withUnavailableMax(unavailableMax);
  const onExceeded = random.oneIn(2) ? ('rollback' as const) : ('pause' as const);
  const policy = {
    ...plain,
    approval: { ...plain.approval, before: 'never' as const },
    failure: { ...plain.failure, failuresMax: random.below(3), onExceeded },
  };
  const definition = sampleDefinition({ pools: [samplePool('batch', { policy })] });
  const nodes = sampleNodes('batch', NODES);
  const plan = planRun(definition, sampleInventory(nodes), OWNER);
  if (plan.kind === 'refused') throw new Error('refused');
  const world: World = {
    random,
    definition,
    unavailableMax,
    scope: newScope(plan.rows),
    state: { ...newRunState(OBSERVED_AT), definition, hold: { kind: 'held' } },
    nodes: new Map(nodes.map((node) => [node.name, node])),
    steps: new Map(),
    atPeace: false,
  };
  say(world, { kind: 'planned', summary: { ...plan.draft, digest: 'sha256:plan', pages: [] } });
  return world;
}

/** True when it changed anything. */
function say(world: World, event: object): boolean {
  const move = transition(world.state, world.scope, { ...event, at: OBSERVED_AT } as FleetEvent);
  if (move.kind === 'moved') world.state = move.state;
  return move.kind === 'moved';
}

const person = (kind: string, message: object) => ({ kind, askId: 'a', message: { ...SAM, ...message } });

function plan(world: World): void {
  const { state, scope } = world;
  const nodes = [...world.nodes.values()];
  const back = backQuestionOf(state, scope);
  const question = {
    ...firstQuestion(world.definition, scope.rows),
    codes: state.codes,
    occupied: occupiedNodes(state),
    retries: state.retries,
    ...(back === null ? {} : { back }),
  };
  say(world, { kind: 'planAsked' });
  const next = planNext(question, { observedAt: OBSERVED_AT, nodes }, sampleLooks(nodes));
  if (next.kind === 'look') throw new Error('looks');
  say(world, { kind: 'stepsOffered', next: next.next, policyChanges: state.policyChanges });
}

function start(world: World): void {
  for (const { step } of world.state.ready) {
    if (!say(world, { kind: 'nodeStarted', step, childId: `run/node/${step.node}` })) continue;
    world.steps.set(step.node, step);
    if (step.back?.how !== 'uncordon') setCordon(world, step.node, true);
  }
}

function setCordon(world: World, name: string, cordoned: boolean, kubeletVersion?: string): void {
  const node = world.nodes.get(name);
  if (node === undefined) return;
  const annotations = { ...node.annotations, 'refit.dev/owner': cordoned ? OWNER : '' };
  const version = kubeletVersion ?? node.kubeletVersion;
  world.nodes.set(name, { ...node, unschedulable: cordoned, annotations, kubeletVersion: version });
}

/** As the node's own machine would end it. */
function end(world: World, child: ActiveChild): void {
  const { random, steps } = world;
  const step = steps.get(child.node);
  if (step === undefined) throw new Error('never started');
  const { node, attempt } = child;
  const ended = (outcome: NodeOutcome) => say(world, { kind: 'nodeEnded', node, attempt, outcome });
  const failed = { kind: 'failed' as const, why: 'x', nodeEmpty: true };
  if (step.back?.how === 'uncordon' || (child.told !== null && random.oneIn(2))) {
    if (step.back?.how === 'reimage' && step.back.hadFailed) {
      ended({ ...failed, at: 'draining', untouched: true });
      return;
    }
    setCordon(world, node, false);
    ended({ kind: 'putBack', why: child.told ?? 'its reimage had not begun', uncordoned: true });
    return;
  }
  const fails = !world.atPeace && random.oneIn(FAILS_ONE_IN);
  if (fails && random.oneIn(3)) {
    ended({ ...failed, at: 'draining', untouched: true });
    return;
  }
  const version = step.release.expects.kubeletVersion ?? '';
  setCordon(world, node, fails, fails && random.oneIn(2) ? 'v0' : version);
  ended(fails ? { ...failed, at: 'verifying' } : { kind: 'done', release: step.release.name, bootId: 'b' });
}

function answer(world: World): void {
  const { state, scope, random } = world;
  const failed = scope.rows.find((_, index) => state.codes[index] === ROW_CODES.failed)?.node ?? '';
  const messages = [
    person('retryNode', { node: failed }),
    person('skipNode', { node: failed }),
    person('resume', {}),
  ];
  say(world, random.pick(messages) ?? {});
}

function check(world: World, before: RunState, awayBefore: number): void {
  const { state, scope, nodes, unavailableMax } = world;
  const away = countAway(nodes);
  expect(away).toBeLessThanOrEqual(Math.max(unavailableMax, awayBefore));
  for (const child of Object.values(state.active)) {
    if (before.rollback !== null && !(child.node in before.active)) expect(child.back).toBeDefined();
  }
  if (isOver(state)) return;
  scope.rows.forEach(({ node }, index) => {
    if (state.codes[index] === ROW_CODES.waiting)
      expect(whyOf(state, scope, { node }).total).toBeGreaterThan(0);
  });
}

const countAway = (nodes: World['nodes']) =>
  [...nodes.values()].filter(({ unschedulable }) => unschedulable).length;

/** Everything that went to the new release, or failed on its way, is back, or says why it is not. */
function checkEnd({ state, scope, nodes }: World): void {
  expect(outcomeOf(state)).toBe('rolledBack');
  scope.rows.forEach(({ node }, index) => {
    const code = state.codes[index];
    const { unschedulable = true, kubeletVersion = '' } = nodes.get(node) ?? {};
    if (code === ROW_CODES.wentBack) expect([unschedulable, kubeletVersion]).toEqual([false, 'v1.35.2']);
    else if (code === ROW_CODES.skipped)
      expect(state.notes[node] !== undefined || kubeletVersion === 'v1.35.2').toBe(true);
    else expect(state.notes[node]?.why).toBeDefined();
  });
}

function simulate(seed: number): World {
  const world = begin(seed);
  const { random } = world;
  const rollbackAt = 3 + random.below(40);
  for (let step = 0; step < STEPS_MAX && !isOver(world.state); step += 1) {
    const before = world.state;
    const awayBefore = countAway(world.nodes);
    world.atPeace = step > 200;
    const children = Object.values(world.state.active);
    if (step >= rollbackAt && world.state.rollback === null) say(world, person('rollback', {}));
    else if (random.oneIn(15)) say(world, { kind: 'handedOver' });
    else if (random.oneIn(40) && world.state.rollback !== null) quarantine(world);
    else if (world.state.ready.length > 0) start(world);
    else if (mayPlan(world.state)) plan(world);
    else if (children.length > 0) end(world, random.pick(children) as ActiveChild);
    else if (world.state.tripped !== null || world.state.paused !== null) answer(world);
    else repair(world);
    check(world, before, awayBefore);
  }
  return world;
}

/** What has failed or stays cordoned holds the budget until somebody has seen to it; then the run looks again. */
function repair(world: World): void {
  const { state, scope, nodes } = world;
  for (const [index, { node: name }] of scope.rows.entries()) {
    const node = nodes.get(name);
    if (state.codes[index] === ROW_CODES.failed) say(world, person('skipNode', { node: name }));
    if (node === undefined || !node.unschedulable || state.codes[index] === ROW_CODES.waiting) continue;
    nodes.set(name, { ...node, unschedulable: false, annotations: {} });
  }
  say(world, { kind: 'lookedAgain' });
}

function quarantine(world: World): void {
  const node = world.random.pick(
    [...world.nodes.values()].filter(({ name }) => !(name in world.state.active)),
  );
  if (node === undefined || world.atPeace) return;
  const annotations = { ...node.annotations, 'refit.dev/quarantine': 'ill' };
  world.nodes.set(node.name, { ...node, annotations });
}

describe('rollbacks by chance', () => {
  it('keep the budget, go forward no more, give each waiting node its reason, and end [I185] [I187] [I189]', () => {
    let wentBack = 0;
    let stopped = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      try {
        const world = simulate(seed);
        if (world.state.rollback === null) continue;
        expect(isOver(world.state)).toBe(true);
        checkEnd(world);
        wentBack += [...world.state.codes].filter((code) => code === ROW_CODES.wentBack).length;
        stopped += world.state.events.some(({ text }) => text.includes('could not go back')) ? 1 : 0;
      } catch (error) {
        throw new Error(`seed ${String(seed)}`, { cause: error });
      }
    }
    // They have been where something can go wrong.
    expect(wentBack).toBeGreaterThan(SEEDS);
    expect(stopped).toBeGreaterThan(SEEDS / 20);
  });
});
