// Counts yeses to one gate and opens it on the last of a quorum. Asks nobody's right to say it: that is
// fleet-approval.ts's and fleet-standing.ts's. Must never open a gate before the quorum is complete.
import { oldest, rulesOf, tally, validYeses, voidAt } from './approval-rules.ts';
import type { Approval, Yes } from './approval-state.ts';
import { answerCapacity } from './fleet-capacity.ts';
import { msBetween } from './clock-math.ts';
import { isTooLate } from './fleet-hours.ts';
import type { FleetCommand } from './fleet-events.ts';
import { answerForce } from './fleet-force.ts';
import { DECIDED_KEPT, STEP_FRESH_MS, withEvent, withNodeCode } from './fleet-state.ts';
import type { decisionOf, DecidedGate, OpenGate, RunState, Scope } from './fleet-state.ts';
import { ROW_CODES } from '../row-codes.ts';

/** What a gate that has opened leads to. */
type Opened = { state: RunState; effect: string; commands?: readonly FleetCommand[] };

export function whyOtherPlan(state: RunState, planDigest: string | undefined): string | undefined {
  if (planDigest === undefined || state.plan === null || planDigest === state.plan.digest) return undefined;
  return `this run's plan is ${state.plan.digest}; the message was for ${planDigest}`;
}

/** A decision is about the plan that the run has, named by the sender or not. */
export function aboutPlan(
  state: RunState,
  subject: string,
  o: { by: string; reason?: string; planDigest?: string },
): Parameters<typeof decisionOf>[2] {
  const planDigest = o.planDigest ?? state.plan?.digest;
  return { ...o, subject, ...(planDigest === undefined ? {} : { planDigest }) };
}

/** Adds one yes, and opens the gate when it was the last of its quorum. */
export function giveYes(
  state: RunState,
  scope: Scope,
  gate: OpenGate,
  o: { yes: Yes; at: string; said: string; planDigest: string | null },
): Opened & { count: string } {
  const rules = rulesOf(state, gate.about);
  const yeses = [...validYeses(gate, rules, o.at), o.yes];
  const count = `${String(yeses.length)} of ${String(rules.approvers)}`;
  if (yeses.length < rules.approvers) {
    const counted = { ...gate, yeses };
    const gates = state.gates.map((open) => (open === gate ? counted : open));
    const text = `${gate.name}: yes of ${o.yes.by}${o.said} (${count})`;
    const effect = `the yes of ${o.yes.by} to ${gate.name} counts: ${tally(state, counted) ?? count}`;
    return { state: withEvent({ ...state, gates }, o.at, text), effect, count };
  }
  const others = yeses.slice(0, -1).map(({ by }) => by);
  const decided: DecidedGate = {
    gate: gate.name,
    decision: 'approve',
    by: o.yes.by,
    planDigest: o.planDigest,
    at: o.at,
    ...(others.length === 0 ? {} : { others }),
  };
  const closed = closeGate(state, gate, decided);
  const people = [...others, o.yes.by].join(', ');
  const told = withEvent(closed, o.at, `${gate.name} approved by ${people}${o.said}`);
  const approval = { by: yeses.map(({ by }) => by), until: voidAt(oldest(yeses), rules) };
  return { ...openGate(told, scope, { gate, approval, at: o.at }), count };
}

export function closeGate(state: RunState, gate: OpenGate, decided: DecidedGate): RunState {
  return {
    ...state,
    gates: state.gates.filter((open) => open !== gate),
    decided: [...state.decided, decided].slice(-DECIDED_KEPT),
    planWanted: true,
  };
}

function openGate(
  state: RunState,
  scope: Scope,
  o: { gate: OpenGate; approval: Approval; at: string },
): Opened {
  const { about } = o.gate;
  switch (about.kind) {
    case 'adopt':
      return {
        state: { ...state, adoptFrom: about.holder },
        effect: `takes the cluster over from ${about.holder}`,
      };
    case 'pool': {
      const poolsApproved = [...state.poolsApproved, about.pool];
      const approved = withApproval({ ...state, poolsApproved }, o.gate.name, o.approval);
      return { state: approved, effect: `pool ${about.pool} is begun` };
    }
    case 'canary':
    case 'notReady':
    case 'noWayBack':
    case 'tier': {
      const gatesOpened = [...state.gatesOpened, o.gate.name];
      const approved = withApproval({ ...state, gatesOpened }, o.gate.name, o.approval);
      return { state: approved, effect: WISHED_EFFECT[about.kind](about.pool) };
    }
    case 'force':
      return answerForce(state, about, { kind: 'force', by: o.approval.by.join(', ') }, o.at);
    case 'capacity':
      return answerCapacity(state, about, { kind: 'mayLose', by: o.approval.by.join(', ') }, o.at);
    case 'node':
      return beginNode(withApproval(state, o.gate.name, o.approval), scope, about, o.at);
  }
}

const WISHED_EFFECT = {
  canary: (pool: string) => `the others of pool ${pool} follow`,
  notReady: (pool: string) => `those that were not Ready of pool ${pool} follow`,
  noWayBack: (pool: string) => `those without a way back of pool ${pool} follow`,
  tier: () => 'the run begins, although not all below has soaked',
} as const;

/** A step that is fresh, and that nothing holds, starts at once; any other is planned again first. */
function beginNode(
  state: RunState,
  scope: Scope,
  { node, step, observedAt }: OpenGate['about'] & { kind: 'node' },
  at: string,
): { state: RunState; effect: string } {
  const held = state.paused !== null || state.tripped !== null;
  const late = step !== null && isTooLate(step, at);
  if (!held && !late && step !== null && msBetween(observedAt, at) < STEP_FRESH_MS) {
    return {
      state: { ...state, ready: [...state.ready, { step, observedAt }] },
      effect: `node ${node} is started`,
    };
  }
  const waiting = withNodeCode(state, scope, node, ROW_CODES.waiting);
  return {
    state: { ...waiting, nodesApproved: [...waiting.nodesApproved, node] },
    effect: held
      ? `node ${node} starts after resume`
      : late
        ? `node ${node} starts in its window: refit why ${node} tells when`
        : `node ${node} is looked at again, then started`,
  };
}

/** Approvals of nodes that ended long ago go: those of a few hundred gates stay. */
function withApproval(state: RunState, gate: string, approval: Approval): RunState {
  const live = new Set([
    ...state.poolsApproved.map((pool) => `pool/${pool}`),
    ...state.gatesOpened,
    ...[
      ...state.nodesApproved,
      ...state.ready.map(({ step }) => step.node),
      // Put back by itself or refused its start, a node at work is approved still.
      ...Object.keys(state.active),
    ].map((node) => `node/${node}`),
  ]);
  const kept = Object.entries(state.approvals).filter(([name]) => live.has(name));
  return { ...state, approvals: { ...Object.fromEntries(kept), [gate]: approval } };
}
