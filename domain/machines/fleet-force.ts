// Gate `force/<node>`: a drain has timed out, and a person is asked whether the pods that nothing would bring
// back may go. Lists them by UID; the answer goes to the child, which holds the very list that was shown.
// Must never say yes for other pods than those of the question that was answered.
import type { NodeForceAsk } from './child-messages.ts';
import { msBetween, timeAfter } from './clock-math.ts';
import type { FleetCommand } from './fleet-events.ts';
import { moved, rejected, withEvent } from './fleet-state.ts';
import type { ActiveChild, FleetMove, OpenGate, RunState } from './fleet-state.ts';
import { defaultPolicy } from '../default-policy.ts';
import { formatDuration } from '../duration.ts';
import { own } from '../own.ts';

/** Five lists of twenty pods are 20 KB at most: they are carried and shown whole, or the answer would be blind. */
const FORCE_GATES_MAX = 5;

export function askForce(state: RunState, { at, ask }: { at: string; ask: NodeForceAsk }): FleetMove {
  const { node } = ask;
  const child = own(state.active, node);
  const isIts = child?.attempt === ask.attempt && (child.deferrals ?? 0) === (ask.deferrals ?? 0);
  if (child === undefined || !isIts) return rejected(`node ${node} is not with the child that asks`);
  // It is on its way back: its question is void.
  if (child.told !== null || state.aborting !== null) return rejected(`node ${node} is being put back`);
  const name = `force/${node}`;
  const before = state.gates.find((gate) => gate.name === name);
  if (before?.about.kind === 'force' && before.about.ask >= ask.ask) {
    return rejected(`question ${String(ask.ask)} of node ${node} was asked already`);
  }
  const others = state.gates.filter((open) => open !== before);
  if (others.filter(({ about }) => about.kind === 'force').length >= FORCE_GATES_MAX) {
    return noRoom(state, child, ask, at);
  }
  const gate: OpenGate = {
    name,
    openedAt: at,
    about: { kind: 'force', node, pool: child.pool, ask: ask.ask },
    evidence: evidenceOfForce(state, child, ask),
  };
  const gates = [...others, gate];
  const asking: ActiveChild = { ...child, state: 'draining', since: at, until: null };
  const asked: RunState = { ...state, gates, active: { ...state.active, [node]: asking } };
  const again = ask.ask > 1 ? ' again' : '';
  const text = `gate ${name} opened${again}: ${String(ask.pods.length)} pods; ${ask.why}`;
  return moved(withEvent(asked, at, text), 'asks');
}

/** Nobody reads more lists of pods than these one by one: as after a no. */
function noRoom(state: RunState, child: ActiveChild, { node, ask }: NodeForceAsk, at: string): FleetMove {
  const reason = `${String(FORCE_GATES_MAX)} such questions are open already`;
  const control = { kind: 'noForce' as const, ask, by: 'the run', reason };
  const text = `${node}: force is not asked for, ${reason}`;
  return moved(withEvent(state, at, text), 'not asked', [{ kind: 'tell', childId: child.childId, control }]);
}

/** UIDs come first: a line that is cut must not lose what tells one pod from the next of its name. */
function evidenceOfForce(state: RunState, child: ActiveChild, ask: NodeForceAsk): readonly string[] {
  const timeout = formatDuration(drainOf(state, child.pool).timeoutMs);
  return [
    `${ask.node} (${child.pool}): its drain has timed out, and ${String(ask.pods.length)} pods would not come back by themselves`,
    ...ask.pods.map(({ uid, namespace, name }) => `pod ${uid} ${namespace}/${name}`),
    `approve: within ${timeout} they are evicted too, by the eviction API: grace periods and PDBs hold as ever`,
    'when the pods are others by then, nothing is forced, and this is asked again',
    ask.otherwise === 'deferred'
      ? `reject: the node is put back and taken again after ${formatDuration(drainOf(state, child.pool).deferForMs)}`
      : 'reject: the node has failed and stays cordoned',
    ask.why,
  ];
}

/** A second click, or a yes that was on its way, was for the list before this one. */
const READ_MIN_MS = 5_000;

/** Why a yes of this moment cannot have been for the pods that the gate lists now. */
export function whyNotRead({ about, openedAt, name }: OpenGate, at: string): string | undefined {
  if (about.kind !== 'force' || about.ask === 1 || msBetween(openedAt, at) >= READ_MIN_MS) return undefined;
  return `${name} was asked again at ${openedAt}, for other pods: read the list, then answer`;
}

/** What a closed gate means to its child; nothing when the child has ended meanwhile. */
export function answerForce(
  state: RunState,
  about: OpenGate['about'] & { kind: 'force' },
  answer: { kind: 'force'; by: string } | { kind: 'noForce'; by: string; reason: string },
  at: string,
): { state: RunState; effect: string; commands: readonly FleetCommand[] } {
  const { node, ask, pool } = about;
  const child = own(state.active, node);
  if (child === undefined) return { state, effect: `node ${node} is at work no more`, commands: [] };
  const control = { ...answer, ask };
  const commands: readonly FleetCommand[] = [{ kind: 'tell', childId: child.childId, control }];
  if (answer.kind === 'noForce') {
    return { state, effect: `nothing of node ${node} is forced: it is deferred, or has failed`, commands };
  }
  const until = timeAfter(at, drainOf(state, pool).timeoutMs);
  const draining: ActiveChild = { ...child, since: at, until };
  return {
    state: { ...state, active: { ...state.active, [node]: draining } },
    effect: `node ${node} is drained with force for the pods that the gate listed`,
    commands,
  };
}

/** The child has ended: its question is void. */
export function withoutForceGate(state: RunState, node: string): RunState {
  const isIts = ({ about }: OpenGate) => about.kind === 'force' && about.node === node;
  return state.gates.some(isIts) ? { ...state, gates: state.gates.filter((gate) => !isIts(gate)) } : state;
}

function drainOf(state: RunState, pool: string) {
  return (state.definition?.pools.find(({ name }) => name === pool)?.policy ?? defaultPolicy).drain;
}
