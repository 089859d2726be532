// What has become of the plan since it was made, for whoever answers a gate: rows that need nothing any more,
// policies that were changed, nodes that were deferred, drains that are held now. A line for each at most.
import { cut } from './fleet-state.ts';
import type { RunState } from './fleet-state.ts';
import { own } from '../own.ts';

const SETTLED_KEPT = 3;
const POLICIES_KEPT = 2;
const NAMED_MAX = 2;
const NAMED_CHARS_MAX = 66;
const POLICY_CHARS_MAX = 90;

/** A row of the plan that needs nothing any more, or is left alone, which the plan did not say. */
export function withSettled(state: RunState, node: string, what: string): RunState {
  const { nodes, last } = state.settledSince;
  const text = cut(`${node} ${what}`, NAMED_CHARS_MAX);
  return { ...state, settledSince: { nodes: nodes + 1, last: [...last, text].slice(-SETTLED_KEPT) } };
}

/** Before there is a plan, a change is part of it. */
export function withPolicyTold(state: RunState, text: string): RunState {
  if (state.plan === null) return state;
  return { ...state, policyTold: [...state.policyTold, cut(text, POLICY_CHARS_MAX)].slice(-POLICIES_KEPT) };
}

export function changesSincePlan(state: RunState): readonly string[] {
  const { settledSince, policyTold } = state;
  const settled = `${countText(settledSince.nodes)}, the last ${settledSince.last.join('; ')}`;
  return [
    ...(settledSince.nodes === 0 ? [] : [`changed since the plan: ${settled}`]),
    ...(policyTold.length === 0 ? [] : [`policy changed since the plan: ${policyTold.join('; ')}`]),
    ...deferredText(state),
    ...heldText(state),
  ];
}

/** What is taken up again was deferred all the same: it may be so again. */
function deferredText({ deferred, notes }: RunState): readonly string[] {
  const names = Object.keys(deferred);
  if (names.length === 0) return [];
  const last = names.slice(-NAMED_MAX).map((node) => named(node, own(notes, node)?.why));
  return [`deferred since the plan: ${countText(names.length)}, the last ${last.join('; ')}`];
}

function heldText({ active }: RunState): readonly string[] {
  const held = Object.values(active).flatMap(({ node, progress }) => {
    const [first] = progress?.blockers ?? [];
    return first === undefined ? [] : [named(node, `${first.namespace}/${first.pod}: ${first.text}`)];
  });
  if (held.length === 0) return [];
  return [`drains that are held now: ${countText(held.length)}, ${held.slice(0, NAMED_MAX).join('; ')}`];
}

function named(node: string, why: string | undefined): string {
  return cut(why === undefined ? node : `${node}: ${why}`, NAMED_CHARS_MAX);
}

function countText(nodes: number): string {
  return nodes === 1 ? '1 node' : `${String(nodes)} nodes`;
}
