// A whole run in simulated time: the planner and the machines as they are, driven as workflows/fleet-driver.ts
// drives them, over simulated nodes and children; its witness checks every step. Chooses nothing by itself.
import { transition } from '../../domain/machines/fleet.ts';
import { grantOf } from '../../domain/machines/fleet-grant.ts';
import { listDeferred } from '../../domain/machines/fleet-deferral.ts';
import type { FleetCommand, FleetEvent } from '../../domain/machines/fleet-events.ts';
import { nextExpiry } from '../../domain/machines/fleet-expiry.ts';
import { nodeTimesOf } from '../../domain/machines/fleet-hours.ts';
import { nextLookOf } from '../../domain/machines/fleet-look.ts';
import { listNext } from '../../domain/machines/fleet-next.ts';
import { isOver, mayPlan, outcomeOf } from '../../domain/machines/fleet-phase.ts';
import { completeRunState, newRunState, newScope, occupiedNodes } from '../../domain/machines/fleet-state.ts';
import type { FleetMove, RunState, Scope } from '../../domain/machines/fleet-state.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import { backQuestionOf } from '../../domain/machines/fleet-back.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import type { NextSteps, NodeStep, PlanRow, PlanSummary } from '../../domain/plan.ts';
import type { Looks } from '../../domain/planning/answer.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import { planRun } from '../../domain/planning/plan-run.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { NEW, OWNER, sampleInventory } from '../domain/planning/sample-fleet.ts';
import { templateFacts } from '../fakes/fake-instances.ts';
import type { Random } from './random.ts';
import type { RandomFleet } from './random-fleet.ts';
import { control, killChild, startChild } from './simulated-child.ts';
import type { Child, Surroundings } from './simulated-child.ts';
import type { SimulatedTime } from './simulated-time.ts';
import { createWorld, lookAtNodes } from './simulated-world.ts';
import type { World } from './simulated-world.ts';
import type { Witness } from './witness.ts';

export type SimulatedRun = {
  time: SimulatedTime;
  random: Random;
  world: World;
  witness: Witness;
  state: RunState;
  scope: Scope;
  children: Map<string, Child>;
  inUse: Set<string>;
  around: Surroundings;
  /** The planner is at work: nothing else is begun meanwhile. */
  planning: boolean;
  /** Counts waits: a timer of an earlier one means nothing. */
  waits: number;
  waiting: boolean;
  outsideWaitMs: number;
  expiryAwaited: string | null;
  rough: boolean;
  /** For how many rounds of people a node has been failed since there was peace. */
  failedInPeace: Map<string, number>;
  /** Once so many nodes have ended somebody rolls it back. */
  rollbackAfter: number;
};

type Happened = FleetEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

const OUTSIDE_WAIT_MS = { first: 15_000, last: 120_000 };

export type RunBegun = { summary: PlanSummary; rows: readonly PlanRow[] };

/** Undefined when its plan is refused, which is a rollout that never was. */
export function planRollout({ definition, nodes, images }: RandomFleet, at: string): RunBegun | undefined {
  const replaced = definition.pools.filter(({ launchTemplate }) => launchTemplate !== undefined);
  const templates = Object.fromEntries(
    replaced.map(({ name }) => [name, templateFacts({ imageId: NEW.imageId })]),
  );
  const inventory = sampleInventory(nodes, { observedAt: at, images, templates });
  const plan = planRun(definition, inventory, OWNER);
  if (plan.kind === 'refused') return undefined;
  return { rows: plan.rows, summary: { ...plan.draft, digest: 'sha256:plan', pages: [] } };
}

export function beginRun(o: {
  fleet: RandomFleet;
  begun: RunBegun;
  time: SimulatedTime;
  random: Random;
  witness: Witness;
}): SimulatedRun {
  const { time, random, witness } = o;
  const inUse = new Set<string>();
  const world = createWorld(o.fleet.nodes, o.fleet.images, inUse);
  const base = { time, random, world, witness, inUse, scope: newScope(o.begun.rows) };
  const run: SimulatedRun = {
    ...base,
    state: newRunState(time.now()),
    children: new Map(),
    around: undefined as unknown as Surroundings,
    planning: false,
    waits: 0,
    waiting: false,
    outsideWaitMs: OUTSIDE_WAIT_MS.first,
    expiryAwaited: null,
    rough: true,
    failedInPeace: new Map(),
    rollbackAfter: random.oneIn(5) ? (o.fleet.nodes.length * (10 + random.below(70))) / 100 : Infinity,
  };
  run.around = { time, random, world, rough: () => run.rough, parent: parentOf(run) };
  apply(run, { kind: 'resolved', definition: o.fleet.definition });
  apply(run, { kind: 'clusterHeld' });
  apply(run, { kind: 'planned', summary: o.begun.summary });
  return run;
}

function parentOf(run: SimulatedRun): Surroundings['parent'] {
  const later = (happen: () => void) => run.time.after(run.random.below(1_000), happen);
  return {
    grant: (node) => grantOf(run.state, node),
    // In their order: a signal of a child never overtakes the one before.
    tellState: (node, state) =>
      run.time.after(500, () => apply(run, { kind: 'nodeStateReported', node, state })),
    tellAnswer: (answer) => later(() => apply(run, { kind: 'skipAnswered', ...answer })),
    askForce: ({ step }, { ask, pods, why }) => {
      const { node, attempt, drain } = step;
      const goes = drain.deferrals === undefined ? {} : { deferrals: drain.deferrals };
      const otherwise = (drain.deferralsLeft ?? 0) > 0 ? ('deferred' as const) : ('failed' as const);
      const question = { node, attempt, ...goes, ask, pods, why, otherwise };
      later(() => apply(run, { kind: 'forceAsked', ask: question }));
    },
    tellEnd: (child, outcome) => later(() => end(run, child, outcome)),
    noteAct: (node, act) => run.witness.acted(node, act),
  };
}

function end(run: SimulatedRun, child: Child, outcome: NodeOutcome): void {
  const { node, attempt, drain } = child.step;
  const goes = drain.deferrals === undefined ? {} : { deferrals: drain.deferrals };
  run.children.delete(child.id);
  run.inUse.delete(node);
  apply(run, { kind: 'nodeEnded', node, attempt, ...goes, outcome });
}

/** The workflow of a child is terminated by somebody. */
export function terminateChild(run: SimulatedRun, child: Child): void {
  killChild(child);
  const why = 'its workflow was terminated';
  end(run, child, { kind: 'failed', at: 'draining', why, nodeEmpty: false });
}

export function apply(run: SimulatedRun, happened: Happened): FleetMove {
  const event = { ...happened, at: run.time.now() } as FleetEvent;
  const move = transition(run.state, run.scope, event);
  if (move.kind === 'moved') {
    run.state = move.state;
    run.witness.happened(run, event);
    for (const command of move.commands) send(run, command);
  } else {
    run.witness.refused(event, move.kind === 'same' ? move.effect : move.why);
  }
  watchYeses(run);
  return move;
}

function send(run: SimulatedRun, command: FleetCommand): void {
  if (command.kind === 'record') {
    run.witness.recorded(command.decision);
    return;
  }
  const { childId } = command;
  const child = run.children.get(childId);
  if (child !== undefined) run.witness.told(run, child.step.node, command.control);
  run.time.after(run.random.below(2_000), () => {
    if (child !== undefined) control(run.around, child, command.control);
  });
}

function watchYeses(run: SimulatedRun): void {
  const due = nextExpiry(run.state);
  if (due === null || due === run.expiryAwaited) return;
  run.expiryAwaited = due;
  run.time.after(Date.parse(due) - run.time.nowMs(), () => {
    if (run.expiryAwaited === due) run.expiryAwaited = null;
    if (nextExpiry(run.state) === due) apply(run, { kind: 'yesesDue' });
  });
}

/** Does what the driver's loop does, until it waits for something. */
export function pump(run: SimulatedRun): void {
  while (!run.planning && run.state.outcome === null) {
    const { state } = run;
    if (isOver(state)) {
      apply(run, { kind: 'ended', outcome: outcomeOf(state) });
      return;
    }
    const needed = state.ready.length > 0 || mayPlan(state);
    if (run.waiting && !needed) return;
    run.waiting = false;
    if (state.ready.length > 0) startReady(run);
    else if (mayPlan(state)) askPlanner(run);
    else {
      if (run.rough && run.random.oneIn(40)) continueAsNew(run);
      wait(run);
      return;
    }
  }
}

/** What it knows is carried as JSON, as it stands. */
function continueAsNew(run: SimulatedRun): void {
  apply(run, { kind: 'handedOver' });
  run.state = completeRunState(JSON.parse(JSON.stringify(run.state)) as RunState);
}

function wait(run: SimulatedRun): void {
  run.waiting = true;
  run.witness.waits(run);
  const turn = (run.waits += 1);
  const look = nextLookOf(run.state);
  if (look.kind === 'none') {
    // It waits for children, for people, or for the end of a yes: else it would wait for ever.
    run.witness.mayWait(run, run.children.size > 0 || nextExpiry(run.state) !== null);
    return;
  }
  const at = look.kind === 'at' ? look.at : look.by;
  const untilMs = at === null ? Infinity : Math.max(5_000, Date.parse(at) - run.time.nowMs());
  const waitMs = look.kind === 'at' ? untilMs : Math.min(run.outsideWaitMs, untilMs);
  run.time.after(waitMs, () => {
    if (!run.waiting || run.waits !== turn) return;
    if (look.kind === 'soon') run.outsideWaitMs = Math.min(run.outsideWaitMs * 2, OUTSIDE_WAIT_MS.last);
    run.waiting = false;
    apply(run, { kind: 'lookedAgain' });
  });
}

function startReady(run: SimulatedRun): void {
  for (const { step, observedAt } of run.state.ready) {
    if (!run.state.ready.some((one) => one.step.node === step.node)) continue;
    begin(run, step, observedAt);
  }
}

function begin(run: SimulatedRun, step: NodeStep, observedAt: string): void {
  const id = `run/node/${step.node}`;
  const before = run.state.active[step.node];
  run.witness.aboutToStart(step, observedAt);
  const move = apply(run, { kind: 'nodeStarted', step, childId: id });
  if (move.kind !== 'moved' || before !== undefined || !Object.hasOwn(run.state.active, step.node)) return;
  const child = startChild(run.around, id, step);
  run.children.set(id, child);
  run.inUse.add(step.node);
}

function askPlanner(run: SimulatedRun): void {
  const { state, random } = run;
  const nodes = lookAtNodes(run.world, run.rough ? random.below(3) : 0, run.time.nowMs());
  const observedAt = run.time.now();
  const { policyChanges } = state;
  run.witness.asked(run, nodes);
  const next = ask(run, nodes, observedAt);
  apply(run, { kind: 'planAsked' });
  run.planning = true;
  run.time.after(100 + random.below(3_000), () => {
    run.planning = false;
    if (run.rough && random.oneIn(60)) {
      apply(run, { kind: 'planFailed', why: 'the API server does not answer' });
      return;
    }
    if (next.steps.length > 0) run.outsideWaitMs = OUTSIDE_WAIT_MS.first;
    run.witness.answered(next);
    apply(run, { kind: 'stepsOffered', next, policyChanges });
  });
}

/** The records say each time what has soaked below: here all of it, once its time has come. */
function judgedAgain(definition: RunDefinition, observedAt: string): RunDefinition {
  const { lowerTiers, ...soaked } = definition;
  const until = lowerTiers?.until ?? null;
  return until !== null && Date.parse(until) <= Date.parse(observedAt) ? soaked : definition;
}

/** Looks that one answer may take, as the activity that plans does. */
const LOOKS_MAX = 8;

function ask(run: SimulatedRun, nodes: readonly NodeFacts[], observedAt: string): NextSteps {
  const { state, scope } = run;
  const { definition, codes, retries, canaries, gatesOpened } = state;
  if (definition === null) throw new Error('the run has no definition');
  const nodeTimes = nodeTimesOf(state);
  const back = backQuestionOf(state, scope);
  const question = {
    definition: judgedAgain(definition, observedAt),
    owner: OWNER,
    rows: scope.rows,
    codes,
    occupied: occupiedNodes(state),
    retries,
    next: listNext(state, scope),
    deferred: listDeferred(state),
    canaries,
    gatesOpened,
    ...(nodeTimes === null ? {} : { nodeTimes }),
    ...(back === null ? {} : { back }),
  };
  const seen: Looks['seen'] = {};
  for (let look = 0; ; look += 1) {
    const looks = { seen, images: run.world.images, final: look === LOOKS_MAX };
    const plan = planNext(question, { observedAt, nodes }, looks);
    if (plan.kind === 'steps') return plan.next;
    for (const { node, instanceId } of plan.nodes) {
      const instance = run.world.instances.get(instanceId) ?? null;
      Object.assign(seen, { [node]: { instance, daemonSets: [] } });
    }
  }
}
