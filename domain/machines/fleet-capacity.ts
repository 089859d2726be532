// Gate `capacity/<node>`, and what becomes of a node that has given its capacity up. A person is asked about each
// such node, whatever the policy asks otherwise, and by no yes to many. Must never let a second node give its
// capacity up while one has and nothing stands in its place.
import { msBetween, timeAfter } from './clock-math.ts';
import type { NodeCapacityAsk, NodeStrandedReport } from './child-messages.ts';
import type { FleetCommand } from './fleet-events.ts';
import { tripRun } from './fleet-failure.ts';
import { decisionOf, moved, rejected, withEvent } from './fleet-state.ts';
import type { ActiveChild, FleetMove, OpenGate, RunState } from './fleet-state.ts';
import { own } from '../own.ts';
import type { MessageByName } from '../messages.ts';
import { renderRoom } from '../reimage/reservation.ts';

export function askCapacity(state: RunState, { at, ask }: { at: string; ask: NodeCapacityAsk }): FleetMove {
  const child = childOf(state, ask);
  if (child === undefined) return rejected(`node ${ask.node} is not with the child that asks`);
  // It is on its way back: its question is void.
  if (child.told !== null || state.aborting !== null) return rejected(`node ${ask.node} is being put back`);
  const name = `capacity/${ask.node}`;
  const before = state.gates.find((gate) => gate.name === name);
  if (before?.about.kind === 'capacity' && before.about.ask >= ask.ask) {
    return rejected(`question ${String(ask.ask)} of node ${ask.node} was asked already`);
  }
  const gate: OpenGate = {
    name,
    openedAt: at,
    about: { kind: 'capacity', node: ask.node, pool: child.pool, ask: ask.ask },
    evidence: evidenceOf(child, ask),
  };
  const gates = [...state.gates.filter((open) => open !== before), gate];
  const asking: ActiveChild = { ...child, state: 'cordoned', since: at, until: null, progress: null };
  const asked = withChild({ ...state, gates }, asking);
  const again = ask.ask > 1 ? ' again' : '';
  return moved(withEvent(asked, at, `gate ${name} opened${again}: ${renderRoom(ask.room)}`), 'asks');
}

/** A child is named by its attempt and by how often that was deferred. */
function childOf(
  state: RunState,
  { node, attempt, deferrals = 0 }: NodeCapacityAsk | NodeStrandedReport,
): ActiveChild | undefined {
  const child = own(state.active, node);
  return child?.attempt === attempt && (child.deferrals ?? 0) === deferrals ? child : undefined;
}

function withChild(state: RunState, child: ActiveChild): RunState {
  return { ...state, active: { ...state.active, [child.node]: child } };
}

function evidenceOf({ node, pool }: ActiveChild, { room }: NodeCapacityAsk): readonly string[] {
  return [
    `${node} (${pool}): it is drained, and its instance is to go before there is another one in its place`,
    `instance type ${room.instanceType}, zone ${room.zone}`,
    `capacity reservation ${renderRoom(room)}`,
    room.own
      ? 'whoever launches into that reservation meanwhile may take the place that comes back'
      : 'the instance runs outside of that reservation: its own capacity goes to whoever asks for it next',
    'approve: the reservation and the node are looked at once more, then the instance is terminated, and another one launched',
    'if that launch fails, the capacity is lost: the run waits for a person, and gives up no other node meanwhile',
    'reject: the node takes pods again, and is left as it is',
  ];
}

/** What a person looked at may have changed since the question before this one. */
const READ_MIN_MS = 5_000;

/** Why this gate takes no yes at this moment. */
export function whyNotGivenUp(
  state: RunState,
  { about, openedAt, name }: OpenGate,
  at: string,
): string | undefined {
  if (about.kind !== 'capacity') return undefined;
  const other = Object.values(state.active).find(
    (child) => child.node !== about.node && (child.givesUp === true || child.stranded !== undefined),
  );
  if (other !== undefined) {
    return `${other.node} has given its capacity up, and nothing stands in its place yet: no other node does meanwhile`;
  }
  const { tripped, paused, rollback } = state;
  if (tripped !== null) return `the run is paused: ${tripped.why}`;
  if (paused !== null) return `the run is paused by ${paused.by}: ${paused.reason}`;
  if (rollback !== null) return 'the run is rolled back';
  if (about.ask > 1 && msBetween(openedAt, at) < READ_MIN_MS) {
    return `${name} was asked again at ${openedAt}: read what it says now, then answer`;
  }
  return undefined;
}

/** What a closed gate means to its child; nothing when the child has ended meanwhile. */
export function answerCapacity(
  state: RunState,
  { node, ask }: OpenGate['about'] & { kind: 'capacity' },
  answer: { kind: 'mayLose'; by: string } | { kind: 'mayNotLose'; by: string; reason: string },
  at: string,
): { state: RunState; effect: string; commands: readonly FleetCommand[] } {
  const child = own(state.active, node);
  if (child === undefined) return { state, effect: `node ${node} is at work no more`, commands: [] };
  const control = { ...answer, ask };
  const commands: readonly FleetCommand[] = [{ kind: 'tell', childId: child.childId, control }];
  if (answer.kind === 'mayNotLose')
    return { state, effect: `node ${node} is put back and left as it is`, commands };
  const until = timeAfter(at, child.reimageTimeoutMs);
  const going: ActiveChild = { ...child, state: 'reimaging', since: at, until, givesUp: true };
  const effect = `the instance of node ${node} goes, if the reservation shows room still; then another one is launched`;
  return { state: withChild(state, going), effect, commands };
}

/** The child has ended: its question is void. */
export function withoutCapacityGate(state: RunState, node: string): RunState {
  const isIts = ({ about }: OpenGate) => about.kind === 'capacity' && about.node === node;
  return state.gates.some(isIts) ? { ...state, gates: state.gates.filter((gate) => !isIts(gate)) } : state;
}

/** One is one too many, whatever the policy allows: the run waits for a person. */
export function strand(
  state: RunState,
  { at, report }: { at: string; report: NodeStrandedReport },
): FleetMove {
  const child = childOf(state, report);
  if (child === undefined) return rejected(`node ${report.node} is not with the child that says so`);
  const why = `node ${report.node}: ${report.why}`;
  if (child.stranded?.why === report.why) return rejected(`${why}: said already`);
  const stranded: ActiveChild = {
    ...child,
    state: 'failed',
    since: at,
    until: null,
    progress: null,
    // It was told so of a node that stands; this one is held by nothing but a person.
    told: child.told === 'putBack' ? null : child.told,
    stranded: { why: report.why, at },
  };
  const known = withEvent(withChild(state, stranded), at, why);
  if (state.tripped !== null || state.aborting !== null || state.rollback !== null)
    return moved(known, 'waits');
  const tripped = tripRun(known, `capacity is lost: ${why}`, at);
  return moved(tripped.state, 'waits', tripped.commands);
}

/** A retry of a node that has given its capacity up goes to its child, which is at work still. */
export function relaunch(
  state: RunState,
  child: ActiveChild,
  at: string,
  { node, by }: MessageByName['retryNode'],
): FleetMove {
  const attempt = Math.max(own(state.attempts, node) ?? 1, child.attempt) + 1;
  const { stranded, ...rest } = child;
  if (stranded === undefined) return rejected(`node ${node} is at work`);
  const again: ActiveChild = {
    ...rest,
    // Its capacity is given up as before.
    givesUp: true,
    state: 'reimaging',
    since: at,
    until: timeAfter(at, child.reimageTimeoutMs),
  };
  const attempts = { ...state.attempts, [node]: attempt };
  const told = withEvent(withChild({ ...state, attempts }, again), at, `retry of node ${node} by ${by}`);
  return moved(told, `node ${node} is taken up where it stands, attempt ${String(attempt)}`, [
    { kind: 'record', decision: decisionOf(at, 'retryNode', { subject: node, by }) },
    { kind: 'tell', childId: child.childId, control: { kind: 'relaunch', attempt, by } },
  ]);
}
