// A node's child in simulated time: asks the node machine what comes next, does it to the simulated node, tells
// the machine what happened, as workflows/node-child.ts does. Every choice is the machine's; chance decides how
// each step ends.
import type { NodeControl } from '../../domain/machines/child-messages.ts';
import { beforeService } from '../../domain/machines/node-replacement.ts';
import { newNodeWay, nextStep, transition } from '../../domain/machines/node.ts';
import { STATE_SHOWN } from '../../domain/machines/node-types.ts';
import type { NextNodeStep, NodeEvent, NodeWay } from '../../domain/machines/node-types.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import type { NodeStep } from '../../domain/plan.ts';
import type { Act } from '../checker/rollout-ends.ts';
import type { Random } from './random.ts';
import { replaceNode, serve, subjectOf } from './simulated-replacement.ts';
import type { SimulatedTime } from './simulated-time.ts';
import { change, cordonOurs, isOurs, isQuarantined, uncordon } from './simulated-world.ts';
import type { World } from './simulated-world.ts';

/** What a child has of its run: what it asks, and what it tells, each by a message of its own. */
export type Parent = {
  grant(node: string): { kind: 'granted' | 'paused' | 'aborted'; why: string };
  tellState(node: string, state: string): void;
  tellAnswer(o: { node: string; askId: string; accepted: boolean; why: string }): void;
  askForce(child: Child, step: NextNodeStep & { kind: 'awaitForce' }): void;
  tellEnd(child: Child, outcome: NodeOutcome): void;
  noteAct(node: string, act: Act): void;
};

export type Child = {
  id: string;
  step: NodeStep;
  way: NodeWay;
  /** Counts what it does: an answer to what was given up means nothing. */
  turn: number;
  /** What it does now can be given up at once. */
  waits: boolean;
  ended: boolean;
};

/** Where a child lives. `rough`: things may go wrong. */
export type Surroundings = {
  time: SimulatedTime;
  random: Random;
  world: World;
  parent: Parent;
  rough(): boolean;
};

/** An event without its time and without which step it is of. */
export type Happened = NodeEvent extends infer E
  ? E extends { at: string }
    ? Omit<E, 'at' | 'of'>
    : never
  : never;

const GRANT_ASKED_MS = 60_000;

export function startChild(around: Surroundings, id: string, step: NodeStep): Child {
  const child: Child = { id, step, way: newNodeWay(step), turn: 0, waits: false, ended: false };
  around.time.after(around.random.below(1500), () => drive(around, child));
  return child;
}

/** Its workflow is gone, with whatever it was about to do. */
export function killChild(child: Child): void {
  child.turn += 1;
  child.ended = true;
}

function apply(around: Surroundings, child: Child, happened: Happened, of = child.way.state.kind): boolean {
  const before = STATE_SHOWN[child.way.state.kind];
  const move = transition(child.way, { ...happened, of, at: around.time.now() } as NodeEvent);
  if (move.kind !== 'moved') return false;
  child.way = move.way;
  const shown = STATE_SHOWN[child.way.state.kind];
  const isEnd = nextStep(child.way.state).kind === 'end';
  if (shown !== before && !isEnd) around.parent.tellState(child.step.node, shown);
  return true;
}

export function control(around: Surroundings, child: Child, message: NodeControl): void {
  if (child.ended) return;
  const { node } = child.step;
  const wish = (happened: Happened): boolean => {
    const moved = apply(around, child, happened);
    if (moved && child.waits) drive(around, child);
    return moved;
  };
  switch (message.kind) {
    case 'skip': {
      const { askId, by, reason } = message;
      const accepted = wish({ kind: 'skipAsked', by, reason });
      around.parent.tellAnswer({ node, askId, accepted, why: 'by its state' });
      return;
    }
    case 'putBack':
      wish({ kind: 'putBackAsked', why: message.why });
      return;
    case 'abort':
      wish({ kind: 'abortAsked', why: message.why });
      return;
    case 'force':
      wish({ kind: 'forceApproved', ask: message.ask, by: message.by });
      return;
    case 'noForce':
      wish({ kind: 'forceRejected', ask: message.ask, by: message.by, reason: message.reason });
      return;
    case 'nudge':
      if (nextStep(child.way.state).kind === 'awaitGrant' && child.waits) resume(around, child);
      return;
    case 'reportEnd':
    // Of pools that may lose capacity, of which there is none here.
    case 'mayLose':
    case 'mayNotLose':
    case 'relaunch':
  }
}

function resume(around: Surroundings, child: Child): void {
  apply(around, child, { kind: 'resumed' });
  drive(around, child);
}

function drive(around: Surroundings, child: Child): void {
  if (child.ended) return;
  const turn = (child.turn += 1);
  const next = nextStep(child.way.state);
  child.waits = /^(drain|awaitGrant|awaitForce)$/.test(next.kind) || beforeService(child.way);
  const of = child.way.state.kind;
  const then = (ms: number, end: () => Happened | undefined) =>
    around.time.after(ms, () => {
      if (child.turn !== turn || child.ended) return;
      const happened = end();
      if (happened !== undefined) apply(around, child, happened, of);
      drive(around, child);
    });
  if (next.kind === 'end') {
    child.ended = true;
    around.parent.tellEnd(child, next.outcome);
  } else if (next.kind === 'awaitForce') {
    around.parent.askForce(child, next);
  } else if (next.kind === 'awaitGrant') {
    then(GRANT_ASKED_MS, () => {
      const { kind } = around.parent.grant(child.step.node);
      return kind === 'paused' ? undefined : { kind: 'resumed' };
    });
  } else if (next.kind === 'reimage') {
    const held = withheld(around, child);
    if (held !== undefined) then(0, () => held);
    else then(beginReimage(around, child), () => reimaged(around, child));
  } else {
    then(lengthOf(around, child, next), () => perform(around, child, next));
  }
}

const STEP_FAILED: Happened = { kind: 'stepFailed', why: 'by chance' } as Happened;

function withheld(around: Surroundings, child: Child): Happened | undefined {
  const { kind, why } = around.parent.grant(child.step.node);
  return kind === 'granted' ? undefined : { kind: 'withheld', grant: kind, why };
}

function lengthOf({ random }: Surroundings, { step }: Child, next: NextNodeStep): number {
  if (next.kind === 'drain') return 1_000 + random.below(90_000);
  if (next.kind === 'soak') return step.verifySoakMs;
  if (next.kind === 'launch' || next.kind === 'awaitJoined') return 20_000 + random.below(90_000);
  return 500 + random.below(20_000);
}

function beginReimage(around: Surroundings, { step }: Child): number {
  around.parent.noteAct(step.node, 'reimage');
  change(around.world, step.node, { ready: 'Unknown' });
  return 60_000 + around.random.below(180_000);
}

function reimaged({ time, random, world, rough }: Surroundings, { step }: Child): Happened {
  const node = world.nodes.get(step.node);
  if (node?.uid !== step.uid || (rough() && random.oneIn(12))) return STEP_FAILED;
  const { kubeletVersion } = step.release.expects;
  change(world, step.node, { kubeletVersion: kubeletVersion ?? 'v1.34.9' });
  return { kind: 'reimaged', taskId: 'task-1', oldRootVolumeId: null, startedAt: time.now() };
}

function perform(around: Surroundings, child: Child, next: NextNodeStep): Happened | undefined {
  const { random, world, rough } = around;
  const { name, uid } = next.kind === 'verify' || next.kind === 'soak' ? subjectOf(child.way) : nodeOf(child);
  const node = world.nodes.get(name);
  const isIt = node?.uid === uid;
  switch (next.kind) {
    case 'cordon':
      return cordon(around, child);
    case 'drain':
      if (!isIt || !isOurs(node)) return STEP_FAILED;
      return rough() && random.oneIn(5) ? drainEnd(child, random) : { kind: 'drained', evicted: 3 };
    case 'awaitRejoined':
      if (!isIt || (rough() && random.oneIn(20))) return STEP_FAILED;
      change(world, name, { ready: 'True' });
      return { kind: 'rejoined', bootId: 'boot-1', burnIn: false };
    case 'verify':
    case 'soak':
      if (!isIt || (rough() && random.oneIn(25))) {
        return { kind: 'verifyFailed', evidence: [], why: 'not what its release promises' };
      }
      return next.kind === 'soak' ? { kind: 'soaked' } : { kind: 'verified', evidence: [] };
    case 'uncordon':
      if (beforeService(child.way)) return serve(around, child);
      return liftCordon(around, child, 'uncordon');
    case 'putBack':
      return liftCordon(around, child, 'putBack');
    case 'launch':
    case 'awaitJoined':
    case 'terminate':
    case 'removeReplacement':
      return replaceNode(around, child, next, () => withheld(around, child));
    default:
      return undefined;
  }
}

function nodeOf({ step }: Child): { name: string; uid: string } {
  return { name: step.node, uid: step.uid };
}

/** A quarantined node stays as it is, and so does what carries a cordon of others. */
function liftCordon({ world, parent }: Surroundings, child: Child, act: 'uncordon' | 'putBack'): Happened {
  const { name, uid } = nodeOf(child);
  const node = world.nodes.get(name);
  const ours = node !== undefined && (isOurs(node) || !node.unschedulable);
  const lifts = node?.uid === uid && ours && !isQuarantined(node);
  parent.noteAct(name, act);
  if (lifts) uncordon(world, name, {});
  const kind = act === 'uncordon' ? ('uncordoned' as const) : ('wasPutBack' as const);
  return { kind, uncordoned: lifts, why: lifts ? '' : 'its cordon was not ours to lift' };
}

function cordon(around: Surroundings, child: Child): Happened {
  const held = withheld(around, child);
  if (held !== undefined) return held;
  const { world, random, rough } = around;
  const { node: name, uid } = child.step;
  const node = world.nodes.get(name);
  if (node?.uid !== uid) return { kind: 'notTheNode', found: node?.uid ?? 'nothing' };
  if (node.unschedulable && !isOurs(node)) return { kind: 'cordonedByOther', by: 'somebody' };
  const begins = child.way.state.kind === 'waiting';
  if (begins && rough() && random.oneIn(40))
    return { kind: 'cameTooLate', why: 'its window left it no time' };
  around.parent.noteAct(name, 'cordon');
  cordonOurs(world, name);
  return { kind: 'cordoned' };
}

function drainEnd({ step }: Child, random: Random): Happened {
  if (random.oneIn(6)) return STEP_FAILED;
  const pods = [{ namespace: 'training', name: 'bare', uid: `uid-${String(random.below(3))}` }];
  const outdated = step.drain.onTimeout === 'force' && random.oneIn(4);
  if (outdated) return { kind: 'forceOutdated', force: { pods, total: 1 } };
  return { kind: 'drainTimedOut', progress: null, why: 'its pods did not leave', force: { pods, total: 1 } };
}
