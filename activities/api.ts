// Every activity that workflows call, with its input and answer: the wire between the two.
// Types only. Each is idempotent: run twice, by two workers, after a crash, it does its work once.
// All inputs and answers are plain JSON; none is larger than 256 KB at 5,000 nodes.
import type { PlanEstimate } from '../domain/estimate.ts';
import type { ClusterRef } from '../domain/fleet.ts';
import type { DrainProgress, ForcePods, NodeOutcome } from '../domain/node-state.ts';
import type { ClusterLook, DriftScope, DriftWatchInput } from '../domain/drift.ts';
import type { Notice, NotificationTarget } from '../domain/notification.ts';
import type { CanaryClock } from '../domain/planning/canary-clock.ts';
import type { PlanMove } from '../domain/plan-moves.ts';
import type { InstancePlace } from '../domain/machines/node-types.ts';
import type { Room } from '../domain/reimage/reservation.ts';
import type { DeferredNode } from '../domain/planning/deferral.ts';
import type { BackQuestion } from '../domain/planning/way-back.ts';
import type { NextSteps, NodeStep, PlanRow, PlanSummary, Refusal } from '../domain/plan.ts';
import type { MeetsRow } from '../domain/preflight.ts';
import type { Decision, NodeHistory, RunReport } from '../domain/report.ts';
import type { FleetUpgradeInput, OwnerMark, RunDefinition } from '../domain/run.ts';

/** Who the run is; written on nodes, in the Lease and into tags. */
export type RunIdentity = { workflowId: string; firstExecutionRunId: string; owner: OwnerMark };

export type ClusterHold =
  | { kind: 'held' }
  /** Another run, still open, holds the cluster. */
  | { kind: 'heldByOther'; holder: OwnerMark; since: string }
  /** The holder's workflow is closed but nodes carry its mark: a person must say `adopt`. */
  | { kind: 'needsAdoption'; holder: OwnerMark; nodes: readonly string[] };

export type PlanOutcome =
  /** `moved`: how it differs from the plan that was demanded; absent: it is that one, or none was. */
  | { kind: 'planned'; summary: PlanSummary; moved?: readonly PlanMove[] }
  | { kind: 'refused'; refusals: readonly Refusal[] };

export type PlanForPeople =
  | (Extract<PlanOutcome, { kind: 'planned' }> & { estimate: PlanEstimate })
  | Extract<PlanOutcome, { kind: 'refused' }>;

export type PolicyResolution =
  { kind: 'resolved'; definition: RunDefinition } | { kind: 'refused'; why: string };

/** Activities of `fleetUpgrade`. */
export interface FleetActivities {
  /** First of all: fleet file → what this run needs. Throws InvalidInput. */
  resolveRun(input: FleetUpgradeInput): Promise<RunDefinition>;
  /** Checks overrides in full and lays them over the policies of a run; what is wrong with them is an answer. */
  resolvePolicyChange(o: { definition: RunDefinition; policy: unknown }): Promise<PolicyResolution>;
  holdCluster(o: {
    cluster: ClusterRef;
    run: RunIdentity;
    adoptFrom: OwnerMark | null;
  }): Promise<ClusterHold>;
  releaseCluster(o: { cluster: ClusterRef; run: RunIdentity }): Promise<void>;
  /** Observes, plans the whole scope, stores it as records; refuses by name before anything is touched. */
  planRun(o: { definition: RunDefinition; run: RunIdentity }): Promise<PlanOutcome>;
  readPlanPage(o: { digest: string }): Promise<readonly PlanRow[]>;
  /** The same for people alone: with all that the plan is expected to take. */
  planForPeople(o: { definition: RunDefinition; run: RunIdentity }): Promise<PlanForPeople>;
  readMeetsPage(o: { digest: string }): Promise<readonly MeetsRow[]>;
  planNext(o: PlanNextInput): Promise<NextSteps>;
  /** Looks at children of which nobody has heard: those adopted over continue-as-new. */
  collectChildren(o: { children: readonly string[] }): Promise<readonly ChildState[]>;
  recordDecision(o: { run: RunIdentity; decision: Decision }): Promise<string>;
  /** Gathers the run's records into its report; answers the report's digest. */
  recordReport(o: { run: RunIdentity; report: RunReport }): Promise<string>;
  /** Deletes old root volumes whose time has come. */
  reapOldRootVolumes(o: { cluster: ClusterRef }): Promise<readonly string[]>;
}

export type PlanNextInput = {
  definition: RunDefinition;
  run: RunIdentity;
  /** Pages of the plan's rows. */
  pages: readonly string[];
  /** One character for each row of the plan, in its order: see domain/row-codes.ts. */
  codes: string;
  /** Nodes of this run that are with a child or at an open gate now: they hold their slot. */
  occupied: readonly { node: string; pool: string }[];
  /** Nodes to take again, with the attempt that comes next. */
  retries: readonly { node: string; attempt: number }[];
  /** To be taken before the others of their pools, in this order; absent: none. */
  next?: readonly string[];
  /** What the last nodes that were done took, in seconds, by pool; absent: none was. */
  nodeTimes?: Readonly<Record<string, readonly number[]>>;
  /** By pool, of those whose canaries have all ended; absent: none. */
  canaries?: Readonly<Record<string, CanaryClock>>;
  /** Gates of the planner that people have said yes to; absent: none. */
  gatesOpened?: readonly string[];
  /** Nodes that were deferred and have not ended since; absent: none. */
  deferred?: readonly DeferredNode[];
  /** Of a run that is rolled back; absent: it is not. */
  back?: BackQuestion;
};

export type ChildState =
  | { childId: string; kind: 'open' }
  | { childId: string; kind: 'closed'; result: NodeUpgradeResult | null; status: string };

/** What a `nodeUpgrade` child answers. */
export type NodeUpgradeResult = {
  node: string;
  attempt: number;
  /** How often this attempt had been deferred before; absent: never. */
  deferrals?: number;
  outcome: NodeOutcome;
  /** Digest of its node history. */
  history: string | null;
};

/** Where a child's authority comes from. */
export type GrantRef = { parentId: string; parentFirstRunId: string; childId: string };

export type NodeActivityInput = { cluster: ClusterRef; run: RunIdentity; grant: GrantRef; step: NodeStep };

/** Why a step was not taken although nothing failed: the grant did not hold. */
export type Withheld = { kind: 'withheld'; grant: 'paused' | 'aborted' | 'parentGone'; why: string };

export type CordonResult =
  | { kind: 'cordoned' }
  | { kind: 'cordonedByOther'; by: string }
  | { kind: 'notTheNode'; found: string }
  | Withheld;

export type DrainResult =
  | { kind: 'drained'; evicted: number; atMs: number }
  /**
   * `why`: what the last try could not get past, when that was no pod. `force`: what kubectl's --force would
   * add; only where the step asks for force.
   */
  | { kind: 'timedOut'; progress: DrainProgress; why?: string; force?: ForcePods }
  /** Nothing was forced: the pods are others than those that force was approved for. */
  | { kind: 'forceOutdated'; force: ForcePods }
  | { kind: 'unsafe'; why: string }
  | { kind: 'cancelled' }
  | Withheld;

export type ReimageResult =
  | { kind: 'reimaged'; taskId: string | null; oldRootVolumeId: string | null; startedAt: string }
  | { kind: 'occupied'; pods: readonly { namespace: string; name: string; why: string }[] }
  /** A person must look: not the instance planned, terminating, a foreign task, failed-detached, … */
  | { kind: 'unsafe'; why: string }
  | { kind: 'taskFailed'; state: string; why: string }
  | { kind: 'timedOut'; why: string }
  | Withheld;

export type RejoinResult =
  | { kind: 'rejoined'; bootId: string; at: string }
  | { kind: 'timedOut'; why: string }
  | { kind: 'gone'; why: string };

export type VerifyResult =
  | { kind: 'verified'; evidence: readonly VerifyEvidence[] }
  | { kind: 'failed'; evidence: readonly VerifyEvidence[]; why: string };

/** One thing looked at after the boot. */
export type VerifyEvidence = {
  check: 'ready' | 'kubeletVersion' | 'osImage' | 'label' | 'daemonSet' | 'gpus';
  subject: string;
  expected: string;
  found: string;
  ok: boolean;
};

/** The new node in place of the old one, where a step is about it. */
export type OfReplacement = { replacement?: { node: string; uid: string } };

export type LaunchResult =
  | { kind: 'launched'; instanceId: string; launchedAt: string }
  /** Nothing was launched: the cloud has no room, or the account's limit is reached. */
  | { kind: 'noCapacity'; why: string }
  | { kind: 'unsafe'; why: string }
  | { kind: 'timedOut'; why: string }
  | Withheld;

export type JoinResult =
  | { kind: 'joined'; node: string; uid: string; bootId: string }
  | { kind: 'unsafe'; why: string }
  | { kind: 'timedOut'; why: string };

export type TerminateResult =
  | { kind: 'terminated' }
  | { kind: 'occupied'; pods: readonly { namespace: string; name: string; why: string }[] }
  | { kind: 'unsafe'; why: string }
  | { kind: 'timedOut'; why: string }
  | Withheld;

export type RoomResult =
  | { kind: 'roomSeen'; room: Room; was: InstancePlace }
  | { kind: 'noRoom'; why: string }
  /** Terminated, or about to be, by whoever. */
  | { kind: 'instanceGone'; why: string }
  | { kind: 'timedOut'; why: string };

export type GiveUpResult =
  /** From here on there is no way back. */
  | { kind: 'terminationOrdered' }
  /** Nothing was terminated. */
  | { kind: 'noRoom'; why: string }
  | { kind: 'occupied'; pods: readonly { namespace: string; name: string; why: string }[] }
  /** A person must look; it may have been told to terminate. */
  | { kind: 'unsafe'; why: string }
  | { kind: 'timedOut'; why: string }
  | Withheld;

export type PutBackResult = { uncordoned: boolean; why: string };

/** Activities of `nodeUpgrade`, in the order of its way. */
export interface NodeActivities {
  /** Checks the grant, then one PATCH. Short: a local activity. */
  cordonNode(o: NodeActivityInput): Promise<CordonResult>;
  /** Ends when the run lets the node go on, or never will; until then it fails benignly. */
  awaitGrant(o: NodeActivityInput): Promise<{ kind: 'granted' } | Withheld>;
  /** Ends when the run lets the node go on no more; until then, paused or not, it fails benignly. */
  awaitGrantLost(o: NodeActivityInput): Promise<Withheld>;
  /**
   * Long; heartbeats; fails benignly (type `DrainStalled`) when nothing could be evicted for a minute.
   * `force`: UIDs of the pods that a person let go as kubectl's --force does.
   */
  drainNode(o: NodeActivityInput & { deadline: string; force?: readonly string[] }): Promise<DrainResult>;
  /** Grant, consistent look, then the one root-volume task (or reboot) of this attempt; polls by benign retries. */
  reimageNode(o: NodeActivityInput & { deadline: string }): Promise<ReimageResult>;
  /** Until the node is Ready with another bootID; polls the shared watch by benign retries. */
  awaitRejoined(o: NodeActivityInput & { deadline: string; since: string }): Promise<RejoinResult>;
  /** Everything that `expects` names, newer than the boot; a stale value is "not yet" until the deadline. */
  verifyNode(
    o: NodeActivityInput & OfReplacement & { deadline: string; since: string; bootId: string },
  ): Promise<VerifyResult>;
  /** Looks again and again until `until`: fails at the first look that finds something missing. Benign retries. */
  soakNode(
    o: NodeActivityInput & OfReplacement & { deadline: string; until: string; since: string; bootId: string },
  ): Promise<VerifyResult>;
  /** One PATCH. Short: a local activity. */
  uncordonNode(o: NodeActivityInput & OfReplacement): Promise<PutBackResult>;
  /** Grant, template, then the one instance of this attempt; one that replaces the node already is taken up. */
  launchReplacement(o: NodeActivityInput & { deadline: string }): Promise<LaunchResult>;
  /** Until the Node of that instance is there, cordoned by us, and Ready. */
  awaitJoined(
    o: NodeActivityInput & { deadline: string; since: string; instanceId: string },
  ): Promise<JoinResult>;
  /** Grant, the replacement in service, consistent look; then the instance goes, and its Node object after it. */
  terminateNode(
    o: NodeActivityInput & { deadline: string; replacement: { node: string; uid: string } },
  ): Promise<TerminateResult>;
  /** Is there a capacity reservation with room for another instance like this one? Touches nothing. */
  checkRoom(o: NodeActivityInput & { deadline: string }): Promise<RoomResult>;
  /** Grant, consistent look, the reservation once more; then the instance is told to go, with nothing in its place. */
  giveUpInstance(o: NodeActivityInput & { deadline: string }): Promise<GiveUpResult>;
  /** Until the instance is terminated; its Node object is deleted after it. */
  awaitTerminated(
    o: NodeActivityInput & { deadline: string },
  ): Promise<{ kind: 'terminated' } | { kind: 'timedOut'; why: string }>;
  /** The one instance in the place of one that is gone: no grant is asked for, for there is no way back. */
  launchInPlace(
    o: NodeActivityInput & { deadline: string; was: InstancePlace },
  ): Promise<Exclude<LaunchResult, Withheld>>;
  /** Terminates what was launched, when it takes no pods; answers what became of it. */
  removeReplacement(o: NodeActivityInput & { deadline: string }): Promise<{ why: string }>;
  /** As before the run, when the mark is still ours: for skip, abort and a parent that is gone. Local. */
  putBackNode(o: NodeActivityInput & { why: string }): Promise<PutBackResult>;
  recordNode(o: { run: RunIdentity; history: NodeHistory }): Promise<string>;
}

/** Activities of `driftWatch`. */
export interface DriftActivities {
  /** Names every cluster that is meant, and who is told. Throws InvalidInput. */
  resolveDrift(o: DriftWatchInput): Promise<DriftScope>;
  /** Lists the cluster once; `before` is the record that it is compared with. */
  lookForDrift(o: { fleet: string; cluster: string; before: string | null }): Promise<ClusterLook>;
}

/** Of every workflow that tells people something. */
export interface NotifyActivities {
  /** `about` names what is told: equal for the same thing, so that whoever receives it twice can know. */
  notify(o: {
    target: NotificationTarget;
    about: readonly string[];
    at: string;
    notice: Notice;
  }): Promise<void>;
}

export type Activities = FleetActivities & NodeActivities & NotifyActivities & DriftActivities;
