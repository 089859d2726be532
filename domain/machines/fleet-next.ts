// "This node next": before the others of its pool, as soon as everything that holds them lets it go too.
// Must never lift a budget, a window, a gate or a turn: the planner alone starts nodes.
import { rollbackText } from './fleet-back.ts';
import { deferralNow } from './fleet-deferral.ts';
import { stateText, whyUnknown } from './fleet-nodes.ts';
import { codeOf, decisionOf, moved, rejected, withEvent } from './fleet-state.ts';
import type { FleetMove, RunState, Scope } from './fleet-state.ts';
import type { MessageByName } from '../messages.ts';
import { ROW_CODES } from '../row-codes.ts';
import { own } from '../own.ts';

/** Whoever names more has an order of his own in mind, which is the plan's to give. */
const NEXT_MAX = 100;

export function nextNode(
  state: RunState,
  scope: Scope,
  at: string,
  message: MessageByName['nextNode'],
): FleetMove {
  const { node, by } = message;
  if (state.aborting !== null) return rejected(`the run is being aborted by ${state.aborting.by}`);
  if (state.rollback !== null) {
    return rejected(
      `the run is ${rollbackText(state.rollback)}: those that failed go first, then the newest`,
    );
  }
  const unknown = whyUnknown(state, scope, node);
  if (unknown !== undefined) return rejected(unknown);
  const whyNot = whyNotWaiting(state, scope, node);
  if (whyNot !== undefined) return rejected(whyNot);
  const next = listWished(state, scope);
  if (next.includes(node)) return { kind: 'same', effect: `node ${node} ${turnText(next, node)} already` };
  if (next.length >= NEXT_MAX) {
    return rejected(`${String(NEXT_MAX)} nodes are to come next already: wait for some of them`);
  }
  const wanted = [...next, node];
  const told = withEvent({ ...state, next: wanted, planWanted: true }, at, `node ${node} next, by ${by}`);
  const effect = `node ${node} ${turnText(wanted, node)}${conditionText(state, node)}`;
  return moved(told, effect, [
    { kind: 'record', decision: decisionOf(at, 'nextNode', { subject: node, by }) },
  ]);
}

/** What the planner is told: those that still wait, in the order of asking. */
export function listNext(state: RunState, scope: Scope): readonly string[] {
  return state.next.filter((node) => codeOf(state, scope, node) === ROW_CODES.waiting);
}

/** Also those that stand at their gates: a yes that came too late for its step lets them wait again. */
function listWished(state: RunState, scope: Scope): readonly string[] {
  const open: readonly (string | undefined)[] = [ROW_CODES.waiting, ROW_CODES.active];
  return state.next.filter((node) => open.includes(codeOf(state, scope, node)));
}

function whyNotWaiting(state: RunState, scope: Scope, node: string): string | undefined {
  const code = codeOf(state, scope, node);
  if (code === ROW_CODES.waiting) return undefined;
  const text = `node ${node} is ${stateText(state, scope, node)}`;
  if (code === ROW_CODES.failed) return `${text}: to take it again, refit retry ${node}`;
  const atGate = code === ROW_CODES.active && own(state.active, node) === undefined;
  return atGate
    ? `${text}: to begin it, refit approve node/${node}`
    : `${text}: only a waiting node is put first`;
}

function turnText(next: readonly string[], node: string): string {
  const before = next.indexOf(node);
  const after = before === 0 ? '' : `, after ${next.slice(0, before).slice(-3).join(', ')}`;
  return `goes before the others of its pool${after}`;
}

/** What it waits for all the same, as far as the run itself knows; `why` tells the rest. */
function conditionText(state: RunState, node: string): string {
  const deferred = deferralNow(state, node);
  const held = state.paused !== null || state.tripped !== null;
  const until = [
    ...(held ? ['the run is resumed'] : []),
    ...(deferred === undefined ? [] : [`its deferral ends at ${deferred.until}`]),
    'budget, windows and gates allow',
  ];
  return `, once ${until.join(' and ')}`;
}
