// Stands beside a simulated run and writes down what happens in words of its own (test/checker), judging each
// step. Reads the run's state for one purpose alone: to hold it against what truly happened.
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { occupiedNodes } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { whyOf } from '../../domain/machines/fleet-views.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { NodeControl } from '../../domain/machines/child-messages.ts';
import type { ApproveMessage } from '../../domain/messages.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import type { NextSteps, NodeStep, PlanRow } from '../../domain/plan.ts';
import type { Decision } from '../../domain/report.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { askNow, checkAnswer, keepCanaries } from '../checker/rollout-answers.ts';
import type { Asked } from '../checker/rollout-answers.ts';
import { checkActs, checkCodes, checkOutcome, noteAct } from '../checker/rollout-ends.ts';
import type { Act, Acts } from '../checker/rollout-ends.ts';
import { noteBackEnd, noteForwardEnd } from '../checker/rollout-back.ts';
import { judgeFailures, noteEnd } from '../checker/rollout-failures.ts';
import type { End, Shown } from '../checker/rollout-failures.ts';
import { newLedger, require, stay } from '../checker/rollout-ledger.ts';
import type { Ledger, Picture, PlannedNode, RunRules } from '../checker/rollout-ledger.ts';
import { noteChildSkipped, noteMessage } from '../checker/rollout-people.ts';
import { noteStart } from '../checker/rollout-starts.ts';
import { hasQuorum, noteManyGiven } from '../checker/rollout-voices.ts';
import type { SimulatedRun } from './simulated-run.ts';
import { pictureOf } from './simulated-world.ts';

export type Witness = {
  ledger: Ledger;
  /** What has happened how often. */
  totals: Map<string, number>;
  asked(run: SimulatedRun, nodes: readonly NodeFacts[]): void;
  answered(next: NextSteps): void;
  aboutToStart(step: NodeStep, observedAt: string): void;
  acted(node: string, act: Act): void;
  happened(run: SimulatedRun, event: FleetEvent): void;
  refused(event: FleetEvent, why: string): void;
  /** Written down as a person's decision. */
  recorded(decision: Decision): void;
  /** By the run, to the child that is at work on it. */
  told(run: SimulatedRun, node: string, control: NodeControl): void;
  waits(run: SimulatedRun): void;
  mayWait(run: SimulatedRun, something: boolean): void;
};

type Notes = {
  ledger: Ledger;
  acts: Acts;
  pictures: Map<string, Picture>;
  question: Asked | undefined;
  observedAt: string;
  skips: Map<string, string>;
  /** Open after what happened last. */
  nodeGates: ReadonlySet<string>;
  /** Open before it, or since. */
  nodeGatesSeen: Set<string>;
};

function plannedNode(row: PlanRow): PlannedNode {
  const { node, uid, pool, zone, disposition } = row;
  const stand = disposition.kind === 'upgrade' ? 'waiting' : disposition.kind;
  const formerImage = row.former?.imageId ?? null;
  const marks = { canary: row.canary === true, wasNotReady: row.wasNotReady === true };
  const back = { formerImage, formerGone: row.formerGone === true };
  return { node, uid, pool, zone, ...marks, ...back, stand };
}

function rulesOf(definition: RunDefinition): RunRules {
  const { pools, clusterUnavailableMax: clusterMax, requestedBy, lowerTiers, tier } = definition;
  const until = lowerTiers?.until ?? null;
  const held = { gate: `tier/${tier}`, until: until === null ? null : Date.parse(until) };
  return { pools, clusterMax, requestedBy, tier: lowerTiers === undefined ? null : held };
}

export function createWitness(definition: RunDefinition, rows: readonly PlanRow[]): Witness {
  const ledger = newLedger(rows.map(plannedNode), rulesOf(definition));
  const notes: Notes = {
    ledger,
    acts: new Map(),
    pictures: new Map(),
    question: undefined,
    observedAt: '',
    skips: new Map(),
    nodeGates: new Set(),
    nodeGatesSeen: new Set(),
  };
  const totals = new Map<string, number>();
  const count = (what: string) => totals.set(what, (totals.get(what) ?? 0) + 1);
  return {
    ledger,
    totals,
    asked: (run, nodes) => noteQuestion(notes, run, nodes),
    answered: (next) => {
      if (notes.question !== undefined) checkAnswer(ledger, notes.question, answerOf(next));
    },
    aboutToStart: ({ node }, observedAt) => {
      require(notes.pictures.has(observedAt), `${node} is begun by a picture of a short while ago`);
      notes.observedAt = observedAt;
    },
    acted: (node, act) => {
      const stopped = ledger.tripped && !ledger.wasRetry.has(node);
      const forward = ledger.rolling && !ledger.back.has(node);
      const held = ledger.paused || ledger.ending || stopped || forward;
      const begins = /^(cordon|reimage|terminate)$/.test(act);
      require(!begins || !held, `${node} is held before its ${act} [I74] [I77] [I78] [I185]`);
      noteAct(ledger, notes.acts, node, act);
    },
    happened: (run, event) => {
      count(event.kind);
      noteEvent(notes, run, event, count);
      keepCanaries(ledger, run.time.nowMs());
      const held = new Set(occupiedNodes(run.state).map(({ node }) => node));
      if (run.state.plan !== null) checkCodes(ledger, run.state.codes, held);
      const open = run.state.gates.flatMap(({ name, about }) => (about.kind === 'node' ? [name] : []));
      ledger.nodeGatesOpened += open.filter((name) => !notes.nodeGates.has(name)).length;
      notes.nodeGatesSeen = new Set([...notes.nodeGates, ...open]);
      notes.nodeGates = new Set(open);
    },
    refused: (event, why) => {
      require(why !== '', `a refused ${event.kind} has its reason [I73]`);
      count('refused');
    },
    recorded: ({ kind, subject, by, saidAt }) => {
      if (kind !== 'approve' || saidAt === undefined) return;
      const gate = subject ?? '';
      noteManyGiven(ledger, { gate, by, saidAt: Date.parse(saidAt) });
      // Opened and answered by one and the same happening.
      if (!notes.nodeGatesSeen.has(gate)) ledger.nodeGatesOpened += 1;
      notes.nodeGatesSeen.add(gate);
      count('approved in advance');
    },
    told: (run, node, control) => {
      if (control.kind !== 'force') return;
      require(hasQuorum(ledger, `force/${node}`, run.time.nowMs()), `force on ${node} was approved [I241]`);
    },
    waits: (run) => checkReasons(run),
    mayWait: (run, something) => {
      const { gates, paused, tripped } = run.state;
      const person = gates.length > 0 || paused !== null || tripped !== null;
      require(something || person, `a run that waits has something to wait for [I107]: ${run.state.codes}`);
    },
  };
}

/** Pictures older than any that may still be acted upon. */
const PICTURES_KEPT = 60;

function noteQuestion(notes: Notes, run: SimulatedRun, nodes: readonly NodeFacts[]): void {
  const picture = pictureOf(run.world, nodes);
  notes.pictures.set(run.time.now(), picture);
  const [oldest] = notes.pictures.keys();
  if (notes.pictures.size > PICTURES_KEPT && oldest !== undefined) notes.pictures.delete(oldest);
  const held = occupiedNodes(run.state).map(({ node }) => node);
  const next = notes.ledger.next.filter((node) => notes.ledger.stands.get(node) === 'waiting');
  const images = new Set(Object.keys(run.world.images));
  const now = run.time.nowMs();
  notes.question = askNow(notes.ledger, { now, picture, held, images, next: [...new Set(next)] });
}

function answerOf(next: NextSteps): Parameters<typeof checkAnswer>[2] {
  return {
    steps: next.steps.map((step) => ({
      ...step,
      deferrals: step.drain.deferrals ?? 0,
      back: step.back !== undefined,
    })),
    settled: next.settled.flatMap(({ node, disposition: { kind } }) =>
      kind === 'upgrade' ? [] : [{ node, kind }],
    ),
    waiting: next.waiting.map(({ nodes, why }) => ({ nodes, text: why.text })),
  };
}

function shown({ tripped, aborting, rollback }: RunState): Shown {
  return { tripped: tripped !== null, ending: aborting !== null, rolling: rollback !== null };
}

function noteEvent(notes: Notes, run: SimulatedRun, event: FleetEvent, count: (what: string) => void): void {
  const { ledger } = notes;
  const now = run.time.nowMs();
  const judge = (failed?: string) => judgeFailures(ledger, shown(run.state), failed);
  switch (event.kind) {
    case 'approve':
      noteYesOf(ledger, event.message, now);
      return;
    case 'reject':
      noteMessage(ledger, { kind: event.kind, gate: event.message.gate, by: event.message.by }, now);
      judge();
      return;
    case 'pause':
    case 'resume':
    case 'rollback':
      noteMessage(ledger, { kind: event.kind }, now);
      return;
    case 'abort':
      noteMessage(ledger, { kind: event.message.rollback ? 'rollback' : 'abort' }, now);
      return;
    case 'forceAsked':
      // For other pods than before: what was said of those counts no more.
      ledger.yeses.delete(`force/${event.ask.node}`);
      return;
    case 'skipNode':
      notes.skips.set(event.askId, event.message.node);
      noteMessage(ledger, { kind: event.kind, node: event.message.node }, now);
      judge();
      return;
    case 'retryNode':
    case 'nextNode':
      noteMessage(ledger, { kind: event.kind, node: event.message.node }, now);
      return;
    case 'skipAnswered':
      if (event.accepted) noteChildSkipped(ledger, notes.skips.get(event.askId) ?? '');
      return;
    case 'policyChanged':
      ledger.pools = event.definition.pools;
      return;
    case 'stepsOffered':
      noteSettled(notes, event.next.settled);
      if (event.next.settled.length > 0) judge();
      return;
    case 'nodeStarted':
      noteBegun(notes, run, event.step, now);
      return;
    case 'nodeEnded': {
      const { node, attempt, outcome } = event;
      count(`ended as ${outcome.kind}`);
      checkActs(notes.acts, node, outcome.kind);
      const end = endOf(node, attempt, outcome);
      if (ledger.back.has(node)) {
        count(`went back as ${outcome.kind}`);
        noteBackEnd(ledger, end);
      } else {
        if (end.replacedBy !== undefined) count('replaced');
        noteEnd(ledger, end, now);
        if (ledger.rolling) noteForwardEnd(ledger, node);
      }
      judge(outcome.kind === 'failed' ? node : undefined);
      return;
    }
    case 'ended':
      checkOutcome(ledger, event.outcome, pictureOf(run.world, [...run.world.nodes.values()]));
      return;
    default:
  }
}

function noteYesOf(ledger: Ledger, { gate, by, next, pool, zone }: ApproveMessage, now: number): void {
  if (gate !== 'node/*') noteMessage(ledger, { kind: 'approve', gate, by }, now);
  else {
    const which = { next: next ?? null, pool: pool ?? null, zone: zone ?? null };
    noteMessage(ledger, { kind: 'approveMany', by, ...which }, now);
  }
}

/** What was asked before the run was rolled back, or by another policy on its way back, means nothing since. */
function noteSettled({ ledger, question }: Notes, settled: NextSteps['settled']): void {
  if (ledger.rolling && (question?.rolling === false || question?.pools !== ledger.pools)) return;
  for (const { node, disposition } of settled) {
    if (disposition.kind === 'upgrade') continue;
    ledger.retries.delete(node);
    ledger.deferred.delete(node);
    if (!ledger.rolling) ledger.stands.set(node, disposition.kind);
    else if (disposition.kind === 'leftAlone') stay(ledger, node);
    else ledger.stands.set(node, 'wentBack');
  }
}

function endOf(node: string, attempt: number, outcome: NodeOutcome): End {
  return {
    node,
    attempt,
    kind: outcome.kind,
    again: outcome.kind === 'putBack' && outcome.again === true,
    untouched: outcome.kind === 'failed' && outcome.untouched === true,
    uncordoned: outcome.kind === 'putBack' && outcome.uncordoned,
    replacedBy: outcome.kind === 'done' ? outcome.replacedBy : undefined,
  };
}

/** An approval that is void by now keeps its node from being begun: then nothing has. */
function noteBegun(notes: Notes, run: SimulatedRun, step: NodeStep, now: number): void {
  const { observedAt } = notes;
  const picture = notes.pictures.get(observedAt);
  if (!Object.hasOwn(run.state.active, step.node) || picture === undefined) return;
  const { imageId } = step.release;
  const start = { ...step, imageId, back: step.back?.how ?? null };
  noteStart(notes.ledger, start, { picture, observedAt: Date.parse(observedAt), now });
}

/** Of all that wait a few, by chance: each has its reason, and what would free it. */
const ASKED_WHY = 2;

function checkReasons(run: SimulatedRun): void {
  const waiting = [...run.witness.ledger.stands].filter(([, stand]) => /^waiting|^waitsBack$/.test(stand));
  for (let times = 0; times < ASKED_WHY; times += 1) {
    const [node = ''] = run.random.pick(waiting) ?? [];
    if (node === '') return;
    const told = whyOf(run.state, run.scope, { node }).items;
    const good = told.length > 0 && told.every(({ on, freedBy }) => on !== '' && freedBy !== '');
    require(good, `${node} waits for a reason, and for what would free it [I115]`);
  }
}
