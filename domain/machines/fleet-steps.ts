// What a run does with the steps that the planner offers: start them, ask at a gate first, or let them
// lie while the run is held. Steps that lie are not kept: the planner is asked again when it matters.
import { noteCanaryLooks, openWishedGates, watchedOn } from './fleet-canary.ts';
import { withoutDeferral } from './fleet-deferral.ts';
import { withSettled } from './fleet-changes.ts';
import { nodeEvidence, poolEvidence } from './fleet-evidence.ts';
import { isTooLate, whyTooLate } from './fleet-hours.ts';
import { settleBack } from './fleet-rollback.ts';
import { withSince } from './fleet-since.ts';
import { codeOf, occupiedNodes, withEvent, withNodeCode, withNote } from './fleet-state.ts';
import type { OpenGate, RunState, Scope } from './fleet-state.ts';
import { OCCUPIED_MAX } from '../plan.ts';
import type { NextSteps, NodeStep, WaitingNodes, Why } from '../plan.ts';
import type { Policy } from '../policy.ts';
import { ROW_CODES } from '../row-codes.ts';
import { own } from '../own.ts';

export function applyOffer(state: RunState, scope: Scope, next: NextSteps, at: string): RunState {
  return withSince(state, takeOffer(state, scope, next, at), at);
}

function takeOffer(state: RunState, scope: Scope, next: NextSteps, at: string): RunState {
  const settled = next.settled.reduce((so, row) => settle(so, scope, row, at), state);
  const known: RunState = {
    ...settled,
    lastPlan: {
      at,
      slots: next.slots,
      waiting: next.waiting,
      ...(next.cluster === undefined ? {} : { cluster: next.cluster }),
    },
    planFailure: null,
    planWanted: state.planWanted || next.more === true,
  };
  const isHeld = state.aborting !== null || state.paused !== null;
  const looks = next.canaries ?? [];
  const found = isHeld || state.tripped !== null ? watchedOn(looks) : looks;
  const looked = noteCanaryLooks(known, found, next.observedAt);
  if (isHeld) return looked;
  // While the run has tripped, the planner is asked for retries alone.
  const asked = state.tripped === null ? openWishedGates(looked, next.gates ?? [], at) : looked;
  const offered = next.steps.reduce((so, step) => offer(so, scope, step, next.observedAt, at), asked);
  const told = tellHeldBack(offered, scope, next.steps);
  // Where a gate or a trip lets all of a cut answer lie, the next one would be the same, for ever.
  const taken = occupiedNodes(offered).length > occupiedNodes(asked).length;
  const isSame = next.settled.length === 0 && next.steps.length > 0 && !taken;
  return isSame ? { ...told, planWanted: state.planWanted } : told;
}

/** Steps that were offered and lie all the same: each node that waits has its reason. */
function tellHeldBack(state: RunState, scope: Scope, steps: readonly NodeStep[]): RunState {
  const { lastPlan } = state;
  const occupied = occupiedNodes(state);
  const holding = new Set(occupied.map(({ node }) => node));
  const held = new Map<string, WaitingNodes>();
  for (const step of steps) {
    const { node } = step;
    const retry = state.retries.some((one) => one.node === node);
    if (holding.has(node) || (!retry && codeOf(state, scope, node) !== ROW_CODES.waiting)) continue;
    const why = whyHeldBack(state, step, occupied.length);
    const key = `${step.pool}\n${why.text}`;
    const told = held.get(key);
    held.set(key, { why, nodes: (told?.nodes ?? 0) + 1, example: told?.example ?? node, pool: step.pool });
  }
  if (lastPlan === null || held.size === 0) return state;
  return { ...state, lastPlan: { ...lastPlan, waiting: [...lastPlan.waiting, ...held.values()] } };
}

function whyHeldBack(state: RunState, step: NodeStep, occupied: number): Why {
  const { pool } = step;
  const at = state.lastPlan?.at;
  if (at !== undefined && isTooLate(step, at)) return whyTooLate(step, at);
  if (state.tripped !== null) return { kind: 'tripped', text: `the run is paused: ${state.tripped.why}` };
  if (occupied >= OCCUPIED_MAX) {
    return {
      kind: 'slots',
      text: `the run holds ${String(occupied)} nodes, which is all that it may; freed when one ends`,
    };
  }
  const gates = state.gates.filter(({ about }) => 'pool' in about && about.pool === pool);
  const [gate] = gates.length > 0 ? gates : state.gates;
  const name = gate?.name ?? `pool/${pool}`;
  return {
    kind: 'approval',
    text: `nobody runs ahead of a question; freed when gate ${name} is answered`,
    freedBy: `refit approve ${name}, or refit reject ${name}`,
  };
}

/** Never by a lower attempt than before: what that one reimaged would be taken for this one's work. */
function withAttempt(state: RunState, step: NodeStep): NodeStep {
  const attempt = Math.max(step.attempt, own(state.attempts, step.node) ?? 1);
  return attempt === step.attempt ? step : { ...step, attempt };
}

function settle(state: RunState, scope: Scope, row: NextSteps['settled'][number], at: string): RunState {
  if (state.rollback !== null) return settleBack(state, scope, row, at);
  const retries = state.retries.filter(({ node }) => node !== row.node);
  const nodesApproved = state.nodesApproved.filter((node) => node !== row.node);
  const settled = withoutDeferral({ ...state, retries, nodesApproved }, row.node);
  switch (row.disposition.kind) {
    case 'upgrade':
      return state;
    case 'upToDate':
      return withEvent(
        withSettled(withNodeCode(settled, scope, row.node, ROW_CODES.upToDate), row.node, 'is up to date'),
        at,
        `${row.node}: is up to date`,
      );
    case 'leftAlone': {
      const why = row.disposition.why.text;
      const told = withSettled(settled, row.node, `left alone, ${why}`);
      const coded = withNodeCode(told, scope, row.node, ROW_CODES.leftAlone);
      return withEvent(
        withNote(coded, row.node, { state: 'leftAlone', why, at }),
        at,
        `${row.node}: left alone, ${why}`,
      );
    }
  }
}

function offer(state: RunState, scope: Scope, offered: NodeStep, observedAt: string, at: string): RunState {
  const step = withAttempt(state, offered);
  const code = codeOf(state, scope, step.node);
  const retry = state.retries.some(({ node }) => node === step.node);
  if (occupiedNodes(state).length >= OCCUPIED_MAX) return state;
  const open = code === ROW_CODES.waiting || (code === ROW_CODES.failed && retry);
  if (!open || occupiedNodes(state).some(({ node }) => node === step.node)) return state;
  if (isTooLate(step, at)) return state;
  if ((step.back === undefined) !== (state.rollback === null)) return state;
  // A retry is a person's explicit wish: it asks no gate, and starts although the run has tripped.
  if (retry) return start(state, step, observedAt);
  if (state.tripped !== null) return state;
  const policy = state.definition?.pools.find(({ name }) => name === step.pool)?.policy;
  if (policy === undefined) return state;
  switch (policy.approval.before) {
    case 'never':
    // The planner holds back what waits for gate `canary`.
    case 'canary':
      return start(state, step, observedAt);
    case 'pool':
      if (state.poolsApproved.includes(step.pool)) return start(state, step, observedAt);
      return openPoolGate(state, scope, step, at);
    case 'node':
      if (asksFor(state, step, policy)) return openNodeGate(state, scope, step, observedAt, at);
      // The first nodes are asked about so that somebody sees them go well: nobody runs ahead of a question.
      if (!state.nodesApproved.includes(step.node) && hasOpenNodeGate(state)) return state;
      return start(state, step, observedAt);
  }
}

function asksFor(state: RunState, step: NodeStep, policy: Policy): boolean {
  if (state.nodesApproved.includes(step.node)) return false;
  const { firstNodes } = policy.approval;
  return firstNodes === null || state.asked < firstNodes;
}

function hasOpenNodeGate(state: RunState): boolean {
  return state.gates.some(({ about }) => about.kind === 'node');
}

function start(state: RunState, step: NodeStep, observedAt: string): RunState {
  return { ...state, ready: [...state.ready, { step, observedAt }] };
}

function openPoolGate(state: RunState, scope: Scope, step: NodeStep, at: string): RunState {
  const name = `pool/${step.pool}`;
  if (state.gates.some((gate) => gate.name === name)) return state;
  const evidence = poolEvidence(state, scope, step.pool);
  const gate: OpenGate = { name, openedAt: at, about: { kind: 'pool', pool: step.pool }, evidence };
  return withEvent({ ...state, gates: [...state.gates, gate] }, at, `gate ${name} opened`);
}

function openNodeGate(
  state: RunState,
  scope: Scope,
  step: NodeStep,
  observedAt: string,
  at: string,
): RunState {
  const { node, pool } = step;
  const name = `node/${node}`;
  const about = { kind: 'node' as const, node, pool, step, observedAt };
  const gate: OpenGate = { name, openedAt: at, about, evidence: nodeEvidence(step) };
  const coded = withNodeCode(state, scope, node, ROW_CODES.active);
  const opened: RunState = { ...coded, gates: [...coded.gates, gate], asked: coded.asked + 1 };
  return withEvent(opened, at, `gate ${name} opened`);
}
