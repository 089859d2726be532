// What a run does with the steps that the planner offers: start them, ask at a gate first, or let them
// lie while the run is held. Steps that lie are not kept: the planner is asked again when it matters.
import { OCCUPIED_MAX, codeOf, occupiedNodes, withEvent, withNodeCode, withNote } from './fleet-state.ts';
import type { OpenGate, RunState, Scope } from './fleet-state.ts';
import type { NextSteps, NodeStep } from '../plan.ts';
import type { Policy } from '../policy.ts';
import { ROW_CODES, countCodes } from '../row-codes.ts';

export function applyOffer(state: RunState, scope: Scope, next: NextSteps, at: string): RunState {
  const settled = next.settled.reduce((so, row) => settle(so, scope, row, at), state);
  const known: RunState = {
    ...settled,
    lastPlan: { at, slots: next.slots, waiting: next.waiting },
    planFailure: null,
    planWanted: state.planWanted || next.more === true,
  };
  if (state.aborting !== null || state.paused !== null) return known;
  return next.steps.reduce((so, step) => offer(so, scope, step, next.observedAt, at), known);
}

function settle(state: RunState, scope: Scope, row: NextSteps['settled'][number], at: string): RunState {
  const retries = state.retries.filter(({ node }) => node !== row.node);
  const nodesApproved = state.nodesApproved.filter((node) => node !== row.node);
  const settled = { ...state, retries, nodesApproved };
  switch (row.disposition.kind) {
    case 'upgrade':
      return state;
    case 'upToDate':
      return withEvent(
        withNodeCode(settled, scope, row.node, ROW_CODES.upToDate),
        at,
        `${row.node}: is up to date`,
      );
    case 'leftAlone': {
      const why = row.disposition.why.text;
      const coded = withNodeCode(settled, scope, row.node, ROW_CODES.leftAlone);
      return withEvent(
        withNote(coded, row.node, { state: 'leftAlone', why, at }),
        at,
        `${row.node}: left alone, ${why}`,
      );
    }
  }
}

function offer(state: RunState, scope: Scope, step: NodeStep, observedAt: string, at: string): RunState {
  const code = codeOf(state, scope, step.node);
  const retry = state.retries.some(({ node }) => node === step.node);
  if (occupiedNodes(state).length >= OCCUPIED_MAX) return state;
  const open = code === ROW_CODES.waiting || (code === ROW_CODES.failed && retry);
  if (!open || occupiedNodes(state).some(({ node }) => node === step.node)) return state;
  // A retry is a person's explicit wish: it asks no gate, and starts although the run has tripped.
  if (retry) return start(state, step, observedAt);
  if (state.tripped !== null) return state;
  const policy = state.definition?.pools.find(({ name }) => name === step.pool)?.policy;
  if (policy === undefined) return state;
  switch (policy.approval.before) {
    case 'never':
      return start(state, step, observedAt);
    case 'pool':
      if (state.poolsApproved.includes(step.pool)) return start(state, step, observedAt);
      return openPoolGate(state, scope, step, at);
    case 'canary':
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
  const inPool = scope.rows.filter(
    (row, index) => row.pool === step.pool && state.codes[index] === ROW_CODES.waiting,
  );
  const gate: OpenGate = {
    name,
    openedAt: at,
    about: { kind: 'pool', pool: step.pool },
    evidence: [
      `${String(inPool.length)} nodes of pool ${step.pool} would be taken, first ${step.node}`,
      `to ${step.release.name}: image ${step.release.imageId} by ${step.reimage.method}`,
      soFar(state),
    ],
  };
  return withEvent({ ...state, gates: [...state.gates, gate] }, at, `gate ${name} opened`);
}

function openNodeGate(
  state: RunState,
  scope: Scope,
  step: NodeStep,
  observedAt: string,
  at: string,
): RunState {
  const name = `node/${step.node}`;
  const pods = step.podsToMove === undefined ? [] : [`pods to move: ${String(step.podsToMove)}`];
  const gate: OpenGate = {
    name,
    openedAt: at,
    about: { kind: 'node', node: step.node, pool: step.pool, step, observedAt },
    evidence: [
      `${step.node} (${step.pool}, ${step.zone}): ${step.from ?? 'unknown release'} → ${step.release.name}`,
      `image ${step.release.imageId} by ${step.reimage.method} of ${step.instanceId}`,
      ...pods,
      `drained within ${String(Math.round(step.drain.timeoutMs / 60_000))} minutes or failed`,
      soFar(state),
    ],
  };
  const coded = withNodeCode(state, scope, step.node, ROW_CODES.active);
  const opened: RunState = { ...coded, gates: [...coded.gates, gate], asked: coded.asked + 1 };
  return withEvent(opened, at, `gate ${name} opened`);
}

function soFar(state: RunState): string {
  const counts = countCodes(state.codes);
  return `so far ${String(counts.done)} done, ${String(counts.failed)} failed, ${String(counts.waiting)} waiting`;
}
