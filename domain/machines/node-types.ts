// The states, events and facts of one node's way; the moves between them stand in node.ts.
import type { DrainProgress, ForcePod, ForcePods, NodeOutcome, NodeStateName } from '../node-state.ts';
import type { NodeStep } from '../plan.ts';
import type { NodeTransition, Replacement } from '../report.ts';
import type { Room } from '../reimage/reservation.ts';

export type Evidence = { check: string; subject: string; expected: string; found: string; ok: boolean };

export type NodeState =
  /** Nothing was touched. `held`: why the run does not let it begin; null when it may. `launch`: by a launch. */
  | { kind: 'waiting'; held: string | null; launch?: true }
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
  /** Its replacement was launched, and is not Ready in the cluster yet. */
  | { kind: 'joining'; until: string; instanceId: string; launchedAt: string }
  /** Its replacement is verified and takes pods; the node itself is not touched yet. */
  | { kind: 'inService'; held: string | null }
  /** Drained; its instance is to go. */
  | { kind: 'terminating'; until: string }
  /** Its replacement, which has taken no pods yet, is taken away again. */
  | { kind: 'removing'; until: string; why: string }
  /** Not touched yet, and its instance is to go first: is there room for another one? */
  | { kind: 'checkingRoom' }
  /**
   * Drained; a person is asked whether its capacity may be lost. `room` null: it is looked at before that.
   * `unsure`: it may have been told to go.
   */
  | { kind: 'askingCapacity'; ask: number; room: Room | null; unsure?: true }
  /** Its instance is to go, if all holds in that moment. */
  | { kind: 'givingUp'; until: string }
  /** Its instance was told to go. */
  | { kind: 'leaving'; until: string }
  /** Its instance is gone; another one is to be launched. */
  | { kind: 'launching'; until: string }
  /** Given up, and nothing in its place; `at`: what a retry goes on with. */
  | { kind: 'stranded'; at: 'givingUp' | 'leaving' | 'launching'; why: string }
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
  | { kind: 'launched'; instanceId: string; launchedAt: string }
  /** Nothing was launched, and nothing is wrong with the release: there is no room for another instance. */
  | { kind: 'noCapacity'; why: string }
  | { kind: 'joined'; node: string; uid: string; bootId: string }
  | { kind: 'terminated' }
  | { kind: 'replacementRemoved'; why: string }
  /** `was`: what another one has to be like. */
  | { kind: 'roomSeen'; room: Room; was: InstancePlace }
  | { kind: 'noRoom'; why: string }
  | { kind: 'instanceGone'; why: string }
  | { kind: 'capacityApproved'; ask: number; by: string }
  | { kind: 'capacityRejected'; ask: number; by: string; reason: string }
  | { kind: 'terminationOrdered' }
  | { kind: 'relaunchAsked'; attempt: number; by: string }
  /** The step at hand cannot go on: its time is up, it is unsafe, or its activity failed for good. */
  | { kind: 'stepFailed'; of: NodeStateKind; why: string }
  | { kind: 'skipAsked'; by: string; reason: string }
  | { kind: 'putBackAsked'; why: string }
  /** Its window leaves it no time any more: it was long on its way here. */
  | { kind: 'cameTooLate'; why: string }
  | { kind: 'abortAsked'; why: string }
);

/** What is not told of an instance any more once it is gone. */
export type InstancePlace = { instanceType: string; subnetId: string | null };

export type NodeEventKind = NodeEvent['kind'];

export type NodeFactsKnown = {
  taskId: string | null;
  oldRootVolumeId: string | null;
  evidence: readonly Evidence[];
  /** The node that takes this one's place, once it has joined; absent: none has. */
  replacement?: Replacement;
  /** The instance that goes first, as it was; absent: it does not. */
  was?: InstancePlace;
  /** How often somebody was asked whether its capacity may be lost; absent: never. */
  asked?: number;
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
  | { kind: 'launch' }
  | { kind: 'awaitJoined'; until: string; instanceId: string; launchedAt: string }
  | { kind: 'terminate'; until: string }
  | { kind: 'removeReplacement'; until: string }
  | { kind: 'checkRoom' }
  | { kind: 'awaitCapacity'; ask: number; room: Room }
  | { kind: 'giveUp'; until: string }
  | { kind: 'awaitTerminated'; until: string }
  | { kind: 'launchInPlace'; until: string }
  | { kind: 'awaitRelaunch'; why: string }
  | { kind: 'end'; outcome: NodeOutcome };

/** The STATE that people see for each state of the machine. */
export const STATE_SHOWN: Readonly<Record<NodeStateKind, NodeStateName>> = {
  waiting: 'waiting',
  draining: 'draining',
  askingForce: 'draining',
  cordoned: 'cordoned',
  reimaging: 'reimaging',
  rejoining: 'rejoining',
  joining: 'rejoining',
  inService: 'waiting',
  terminating: 'reimaging',
  removing: 'waiting',
  checkingRoom: 'waiting',
  askingCapacity: 'cordoned',
  givingUp: 'reimaging',
  leaving: 'reimaging',
  launching: 'reimaging',
  stranded: 'failed',
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
