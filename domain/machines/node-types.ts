// The states, events and facts of one node's way; the moves between them stand in node.ts.
import type { DrainProgress, ForcePod, ForcePods, NodeOutcome, NodeStateName } from '../node-state.ts';
import type { NodeStep } from '../plan.ts';
import type { NodeTransition } from '../report.ts';

export type Evidence = { check: string; subject: string; expected: string; found: string; ok: boolean };

export type NodeState =
  /** Nothing was touched. `held`: why the run does not let it begin; null when it may. */
  | { kind: 'waiting'; held: string | null }
  /** `force`: UIDs of the pods that a person let go by force. `asked`: how often somebody was asked for it. */
  | {
      kind: 'draining';
      until: string;
      progress: DrainProgress | null;
      force?: readonly string[];
      asked?: number;
    }
  /** The drain timed out: somebody is asked whether these pods may go although nothing would bring them back. */
  | { kind: 'askingForce'; ask: number; pods: readonly ForcePod[]; why: string }
  /** Cordoned, and the run holds it there; `drained` says where it goes on. */
  | { kind: 'cordoned'; drained: boolean; held: string }
  | { kind: 'reimaging'; until: string }
  | { kind: 'rejoining'; until: string; reimagedAt: string }
  | { kind: 'burning-in'; reimagedAt: string; bootId: string }
  | { kind: 'verifying'; until: string; reimagedAt: string; bootId: string }
  | { kind: 'soaking'; until: string; reimagedAt: string; bootId: string }
  /** All evidence is there; the uncordon is still to come. */
  | { kind: 'verified'; bootId: string }
  /** On the way back to how it was; `deferring`: to be taken up again later. */
  | { kind: 'puttingBack'; why: string; deferring?: true }
  | { kind: 'done'; outcome: NodeOutcome & { kind: 'done' } }
  | { kind: 'putBack'; outcome: NodeOutcome & { kind: 'putBack' } }
  | { kind: 'deferred'; outcome: NodeOutcome & { kind: 'deferred' } }
  | { kind: 'failed'; outcome: NodeOutcome & { kind: 'failed' } };

export type NodeStateKind = NodeState['kind'];

export type NodeEvent = { at: string } & (
  | { kind: 'cordoned' }
  | { kind: 'cordonedByOther'; by: string }
  | { kind: 'notTheNode'; found: string }
  | { kind: 'withheld'; grant: 'paused' | 'aborted' | 'parentGone'; why: string }
  | { kind: 'resumed' }
  | { kind: 'progressed'; progress: DrainProgress }
  | { kind: 'drained'; evicted: number }
  /** `force`: what force would add; absent: not looked at. */
  | { kind: 'drainTimedOut'; progress: DrainProgress | null; why: string; force?: ForcePods }
  /** Before anything was forced: the pods are others than those that the person saw. */
  | { kind: 'forceOutdated'; force: ForcePods }
  | { kind: 'forceApproved'; ask: number; by: string }
  | { kind: 'forceRejected'; ask: number; by: string; reason: string }
  | { kind: 'reimaged'; taskId: string | null; oldRootVolumeId: string | null; startedAt: string }
  | { kind: 'occupied'; pods: readonly { namespace: string; name: string; why: string }[] }
  | { kind: 'rejoined'; bootId: string; burnIn: boolean }
  | { kind: 'burnInPassed' }
  | { kind: 'verified'; evidence: readonly Evidence[] }
  | { kind: 'verifyFailed'; evidence: readonly Evidence[]; why: string }
  | { kind: 'soaked' }
  | { kind: 'uncordoned'; uncordoned: boolean; why: string }
  | { kind: 'wasPutBack'; uncordoned: boolean; why: string }
  /** The step at hand cannot go on: its time is up, it is unsafe, or its activity failed for good. */
  | { kind: 'stepFailed'; of: NodeStateKind; why: string }
  | { kind: 'skipAsked'; by: string; reason: string }
  | { kind: 'putBackAsked'; why: string }
  /** Its window leaves it no time any more: it was long on its way here. */
  | { kind: 'cameTooLate'; why: string }
  | { kind: 'abortAsked'; why: string }
);

export type NodeEventKind = NodeEvent['kind'];

export type NodeFactsKnown = {
  taskId: string | null;
  oldRootVolumeId: string | null;
  evidence: readonly Evidence[];
};

/** One node's way so far: plain data, and all of it. */
export type NodeWay = {
  step: NodeStep;
  state: NodeState;
  facts: NodeFactsKnown;
  trail: readonly NodeTransition[];
};

/** What the driver does next. Times in it are deadlines. */
export type NextNodeStep =
  | { kind: 'cordon' }
  | { kind: 'awaitGrant' }
  | { kind: 'drain'; until: string; force?: readonly string[] }
  | { kind: 'awaitForce'; ask: number; pods: readonly ForcePod[]; why: string }
  | { kind: 'reimage'; until: string }
  | { kind: 'awaitRejoined'; until: string; reimagedAt: string }
  | { kind: 'burnIn' }
  | { kind: 'verify'; until: string; reimagedAt: string; bootId: string }
  | { kind: 'soak'; until: string; reimagedAt: string; bootId: string }
  | { kind: 'uncordon' }
  | { kind: 'putBack'; why: string }
  | { kind: 'end'; outcome: NodeOutcome };

/** The STATE that people see for each state of the machine. */
export const STATE_SHOWN: Readonly<Record<NodeStateKind, NodeStateName>> = {
  waiting: 'waiting',
  draining: 'draining',
  askingForce: 'draining',
  cordoned: 'cordoned',
  reimaging: 'reimaging',
  rejoining: 'rejoining',
  'burning-in': 'burning-in',
  verifying: 'verifying',
  soaking: 'soaking',
  verified: 'verifying',
  puttingBack: 'cordoned',
  done: 'normal',
  putBack: 'normal',
  deferred: 'deferred',
  failed: 'failed',
};
