// One node of a run's plan, for whoever speaks about it: whether it is known, where it stands in words,
// and how it is dropped. Must never drop a node that is with a child.
import { droppedCode } from './fleet-back.ts';
import { withoutDeferral } from './fleet-deferral.ts';
import { codeOf, withEvent, withNodeCode, withNote } from './fleet-state.ts';
import type { RunState, Scope } from './fleet-state.ts';
import type { NodeOutcome } from '../node-state.ts';
import { ROW_CODES } from '../row-codes.ts';
import { own } from '../own.ts';

export function dropNode(state: RunState, scope: Scope, node: string, why: string, at: string): RunState {
  const failed = codeOf(state, scope, node) === ROW_CODES.failed;
  const code = failed ? ROW_CODES.skipped : droppedCode(state, scope.indexOf.get(node) ?? -1);
  const skipped = withNodeCode(state, scope, node, code);
  const cleared: RunState = {
    ...skipped,
    gates: skipped.gates.filter(({ about }) => about.kind !== 'node' || about.node !== node),
    ready: skipped.ready.filter(({ step }) => step.node !== node),
    nodesApproved: skipped.nodesApproved.filter((name) => name !== node),
    retries: skipped.retries.filter((retry) => retry.node !== node),
    planWanted: true,
  };
  const name = code === ROW_CODES.skipped ? 'skipped' : 'notBack';
  const noted = withNote(withoutDeferral(cleared, node), node, { state: name, why, at });
  return withEvent(noted, at, `${node}: ${why}`);
}

/** Of the notes that a run keeps, those of failed nodes must find room: the records have every replacement. */
const REPLACEMENTS_NOTED_MAX = 100;

/** That a node is done, and by which name it is to be found now when another one has taken its place. */
export function withDoneTold(
  state: RunState,
  { node, outcome, at }: { node: string; outcome: NodeOutcome & { kind: 'done' }; at: string },
): RunState {
  const { release, note, replacedBy } = outcome;
  const by = replacedBy === undefined ? '' : `replaced by ${replacedBy}`;
  const told = withEvent(
    state,
    at,
    [`${node}: done, ${release}`, by].filter((text) => text !== '').join(', '),
  );
  if (note !== undefined) return withNote(told, node, { state: 'done', why: note, at });
  const full = Object.keys(state.notes).length >= REPLACEMENTS_NOTED_MAX;
  return by === '' || full ? told : withNote(told, node, { state: 'done', why: by, at });
}

export function whyUnknown(state: RunState, scope: Scope, node: string): string | undefined {
  if (state.plan === null) return 'the run has no plan yet';
  if (scope.indexOf.has(node)) return undefined;
  return `no node ${node} is in this run's plan`;
}

export function stateText(state: RunState, scope: Scope, node: string): string {
  const child = own(state.active, node);
  if (child !== undefined) return child.state;
  const code = codeOf(state, scope, node);
  const name = Object.entries(ROW_CODES).find(([, value]) => value === code)?.[0] ?? 'unknown';
  return name === 'active' ? 'at its gate' : name;
}

export function reasonText(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}
