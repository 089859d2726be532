// Is the node back? Judged from what the shared watch shows, which may be seconds old and, right after
// a boot, shows for a while what the node was before it: nothing counts that is not of the new boot [I46].
import type { NodeFacts } from '../inventory.ts';

export type RejoinJudgement =
  | { kind: 'rejoined'; bootId: string; at: string }
  | { kind: 'notYet'; why: string }
  /** The Node object is another one, or none: a person must look. */
  | { kind: 'gone'; why: string };

export function judgeRejoin(
  expected: { node: string; uid: string; bootIdBefore: string },
  node: NodeFacts | undefined,
  since: string,
): RejoinJudgement {
  if (node === undefined) {
    return { kind: 'gone', why: `node ${expected.node} is no longer in the cluster` };
  }
  if (node.uid !== expected.uid) {
    return {
      kind: 'gone',
      why: `node ${expected.node} now has UID ${node.uid}, expected ${expected.uid}: it was deleted and made anew`,
    };
  }
  if (node.bootId === expected.bootIdBefore) {
    return { kind: 'notYet', why: `bootID is still ${node.bootId}: the node has not booted since ${since}` };
  }
  if (node.bootId === '') return { kind: 'notYet', why: 'the node shows no bootID' };
  const stale = whyReadyStale(node, since);
  if (stale !== undefined) return { kind: 'notYet', why: stale };
  if (node.ready !== 'True') {
    return { kind: 'notYet', why: `booted as ${node.bootId}, Ready is ${node.ready}` };
  }
  return { kind: 'rejoined', bootId: node.bootId, at: node.readyHeartbeatAt };
}

/** Why the Ready condition says nothing about the new boot, or undefined when it does. */
export function whyReadyStale(node: NodeFacts, since: string): string | undefined {
  if (Date.parse(node.readyHeartbeatAt) > Date.parse(since)) return undefined;
  const from = node.readyHeartbeatAt === '' ? 'never' : `at ${node.readyHeartbeatAt}`;
  return `Ready was last reported ${from}, before the boot (${since})`;
}
