// A change of policy while the run is at work: what may change, from when on it counts, what is recorded.
// The fields themselves are checked before, by an activity. Must never undo anything: a stricter budget
// counts from the next start on, and a node at work keeps what it began with.
import { whyLooser } from '../approval-change.ts';
import { completeDefinition } from '../complete-definition.ts';
import type { Pool } from '../fleet.ts';
import { watchedOn } from './fleet-canary.ts';
import { withPolicyTold } from './fleet-changes.ts';
import type { Happening } from './fleet-events.ts';
import { ROW_CODES } from '../row-codes.ts';
import { codeOf, cut, decisionOf, moved, rejected, withEvent, withNodeCode } from './fleet-state.ts';
import type { FleetMove, OpenGate, RunState, Scope } from './fleet-state.ts';
import { listPolicyChanges } from '../policy-changes.ts';
import type { PolicyChange } from '../report.ts';

/** 27 fields in 100 pools would be a report of their own. */
const CHANGES_KEPT = 50;
/** In an answer that is read at once. */
const CHANGES_TOLD = 10;
const TOLD_CHARS_MAX = 60;

/** May it be changed now at all? Its fields are looked at only when it may. */
export function askPolicyChange(state: RunState): FleetMove {
  const why = whyNotNow(state);
  return why === undefined ? moved(state, 'its fields are checked') : rejected(why);
}

function whyNotNow({ aborting, definition, plan }: RunState): string | undefined {
  if (aborting !== null) return `the run is being aborted by ${aborting.by}: it starts no node any more`;
  if (definition === null) return 'the run has not read its fleet file yet: say it again in a moment';
  if (plan === null && definition.planDigest !== null) {
    return `the run was started for plan ${definition.planDigest} alone, and has not planned yet: another policy makes another plan`;
  }
  return undefined;
}

export function changePolicy(
  state: RunState,
  scope: Scope,
  event: Happening & { kind: 'policyChanged' },
): FleetMove {
  if (state.outcome !== null) return rejected(`the run has ended: ${state.outcome}`);
  const why = whyNotNow(state);
  if (why !== undefined || state.definition === null) return rejected(why ?? '');
  const definition = { ...state.definition, pools: completeDefinition(event.definition).pools };
  const changes = listPolicyChanges(state.definition.pools, definition.pools);
  if (changes.length === 0) return { kind: 'same', effect: 'every field has that value already' };
  const fixed = [
    ...changes.flatMap((change) => whyFixed(state, change) ?? []),
    ...listLooser(state.definition.pools, definition.pools),
  ];
  if (fixed.length > 0) return rejected(fixed.join('; '));
  const { at, by, reason } = event;
  const changed: RunState = {
    ...replanReady(state, scope),
    definition,
    // Their steps were made by the former policy.
    gates: state.gates.map(withoutStep),
    policyChanges: state.policyChanges + 1,
    planWanted: true,
  };
  const text = changesText(changes);
  const decision = {
    ...decisionOf(at, 'changePolicy', { by, reason }),
    changes: changes.slice(0, CHANGES_KEPT),
  };
  return moved(
    withPolicyTold(withEvent(changed, at, `policy changed by ${by}: ${text}: ${reason}`), `${by}: ${text}`),
    `${text}: counts from the next start on${keptText(state, changes)}`,
    [{ kind: 'record', decision }],
  );
}

/** What the run has built upon already. */
function whyFixed(state: RunState, { field }: PolicyChange): string | undefined {
  if (field === 'reimage.method') {
    return 'reimage.method cannot be changed in a run: its plan was checked for the one that it has; start another run';
  }
  if (field === 'canary.nodes' && state.plan !== null) {
    return 'canary.nodes cannot be changed once the run has planned: its canaries are chosen; start another run';
  }
  return undefined;
}

/** What asks less of people than the run was begun with. */
function listLooser(from: readonly Pool[], to: readonly Pool[]): readonly string[] {
  return from.flatMap(({ name, policy }) => {
    const changed = to.find((pool) => pool.name === name);
    const why = changed === undefined ? undefined : whyLooser(policy.approval, changed.policy.approval);
    return why === undefined ? [] : [`pool ${name}: ${why}`];
  });
}

/** Fields that each node takes along when it starts. */
const OF_A_NODE = /^(drain|reimage|verify)\./;

function keptText(state: RunState, changes: readonly PolicyChange[]): string {
  const fields = changes.map(({ field }) => field).filter((field) => OF_A_NODE.test(field));
  const atWork = Object.keys(state.active).length;
  if (fields.length === 0 || atWork === 0) return '';
  return `; ${String(atWork)} at work ${atWork === 1 ? 'keeps' : 'keep'} the former ${[...new Set(fields)].join(', ')}`;
}

function changesText(changes: readonly PolicyChange[]): string {
  const told = changes
    .slice(0, CHANGES_TOLD)
    .map(
      ({ field, from, to, pools }) =>
        `${field} ${cut(from, TOLD_CHARS_MAX)} → ${cut(to, TOLD_CHARS_MAX)} (${poolsText(pools)})`,
    );
  const left = changes.length - told.length;
  return [...told, ...(left > 0 ? [`and ${String(left)} more`] : [])].join(', ');
}

function poolsText(pools: readonly string[]): string {
  const [first, ...others] = pools;
  if (others.length === 0) return `pool ${first ?? ''}`;
  return others.length < 3 ? `pools ${pools.join(', ')}` : `${String(pools.length)} pools`;
}

function withoutStep(gate: OpenGate): OpenGate {
  return gate.about.kind === 'node' ? { ...gate, about: { ...gate.about, step: null } } : gate;
}

/**
 * Steps that have not started are planned again before they do. Nobody is asked a second time for one that
 * came out of a gate; one that needed no yes may need one by now.
 */
export function replanReady(state: RunState, scope: Scope): RunState {
  const approved = state.ready
    .map(({ step }) => step.node)
    .filter((node) => codeOf(state, scope, node) === ROW_CODES.active);
  const waiting = approved.reduce((so, node) => withNodeCode(so, scope, node, ROW_CODES.waiting), state);
  return { ...waiting, ready: [], nodesApproved: [...state.nodesApproved, ...approved] };
}

/**
 * What was planned by a former policy is not begun: the planner is asked again. Nor are canaries passed by it:
 * the soak that counts may be a longer one.
 */
export function withoutStaleSteps(
  state: RunState,
  event: Happening & { kind: 'stepsOffered' },
): Happening & { kind: 'stepsOffered' } {
  if (event.policyChanges === undefined || event.policyChanges === state.policyChanges) return event;
  // Of a run that is rolled back since, no row is what it was then.
  const settled = state.rollback === null ? event.next.settled : [];
  const { canaries } = event.next;
  const looks = canaries === undefined ? {} : { canaries: watchedOn(canaries) };
  return { ...event, next: { ...event.next, steps: [], gates: [], settled, ...looks } };
}
