// The plan: every node of the scope, in the order in which it would be taken, with the reason for
// what happens to it. Pure data; made by domain/planning, stored as a record, read in pages.
import type { ExpectedRun } from './estimate.ts';
import type { LaunchTemplateRef, Release } from './fleet.ts';
import type { DrainRule, OldRootVolume, OnDrainTimeout, ReimageMethod } from './policy.ts';
import type { NodeMeets, PlanPreflight } from './preflight.ts';

/** Why a node is not touched, or not now. `text` is for people and says what would change it. */
export type Why = {
  kind: WhyKind;
  text: string;
  /** When it ends by itself, RFC 3339; absent: when something else happens. */
  until?: string;
  /** What would free it, when `text` and `until` do not say it all. */
  freedBy?: string;
};

export type WhyKind =
  | 'upToDate'
  | 'cordonedByOther'
  | 'quarantined'
  | 'noProviderId'
  | 'instanceGone'
  | 'instanceNotRunning'
  | 'instanceOwned'
  | 'imageMismatch'
  | 'versionSkew'
  | 'nodeNotReady'
  | 'budget'
  /** The pool's `unavailableMaxPerZone`, in the node's zone. */
  | 'zoneBudget'
  /** The cluster's `disruption.unavailableMax`, over all its nodes. */
  | 'clusterBudget'
  | 'order'
  /** The pool's canaries have not all ended. */
  | 'canary'
  /** The pool's canaries have ended, and are watched. */
  | 'soak'
  /** A canary does not look well while it is watched. */
  | 'canaryUnwell'
  /** Was not Ready when the run was planned: taken last. */
  | 'notReadyBefore'
  /** A bound of Refit's own cut the answer, or the run holds as many nodes as it may. */
  | 'slots'
  | 'approval'
  | 'paused'
  | 'tripped'
  | 'deleted'
  /** Its labels changed: it belongs to no pool, another one, or two. */
  | 'leftPool'
  /** Its pods did not leave in time: it is left to them for a while. */
  | 'deferred'
  /** EC2 had no capacity for an instance in its place: it is tried again after a while. */
  | 'noCapacity'
  /** So many nodes are deferred that nothing further is begun. */
  | 'deferralBudget'
  /** A cluster of a lower tier has not soaked the release. */
  | 'lowerTier'
  /** Outside of its windows, or too near to the end of one. */
  | 'window'
  /** In an exclusion, or too near to the beginning of one. */
  | 'exclusion'
  /** No window leaves the time that a node is expected to take. */
  | 'windowTooShort'
  /** Nothing is known that it could go back to. */
  | 'noWayBack'
  /** Another node gives its capacity up, or has, and nothing stands in its place yet. */
  | 'capacity';

/** What happens to a node in this run. */
export type Disposition =
  | { kind: 'upgrade' }
  | { kind: 'upToDate' }
  /** Left as it is, and reported: somebody else's cordon, no instance, … */
  | { kind: 'leftAlone'; why: Why };

/** One row of the plan; about 200 bytes as JSON. */
export type PlanRow = {
  node: string;
  uid: string;
  pool: string;
  zone: string;
  instanceId: string;
  instanceType: string;
  /** Release that the node shows now, or null when the catalog knows none like it. */
  from: string | null;
  to: string;
  disposition: Disposition;
  /** Allocatable GPUs when the run was planned: what a retry of a broken node compares with. Absent: unknown. */
  gpusAllocatable?: number;
  /** One of its pool's canaries. */
  canary?: true;
  /** Not Ready when the run was planned: last in its pool, behind gate `notReady/<pool>`. */
  wasNotReady?: true;
  /** What it would go back to, of a node to be upgraded. Absent: no way back, or planned by an older version. */
  former?: Former;
  /** Why there is no way back. */
  noWayBack?: string;
  /** With `noWayBack`: there was something, and its image is gone or not known. Absent: not so, or planned by an older version. */
  formerGone?: true;
  /** What its drain would meet; stored apart from the rows. Absent: it is not drained, or nobody looked. */
  meets?: NodeMeets;
};

/** What a node ran before: `release` is null where the catalog has none that it shows. */
export type Former = { imageId: string; release: string | null };

/** What refuses the whole run before anything is touched: it names each node and each mismatch. */
export type Refusal = { kind: string; where: string; text: string };

/** The bounded head of a plan. Rows stand in pages (`PLAN_PAGE_ROWS` each) among the records. */
export type PlanSummary = {
  /** `sha256:…` over all rows and the definition; what approvals may be made conditional on. */
  digest: string;
  observedAt: string;
  pages: readonly string[];
  rows: number;
  counts: { upgrade: number; upToDate: number; leftAlone: number };
  pools: readonly {
    name: string;
    nodes: number;
    upgrade: number;
    from: Readonly<Record<string, number>>;
    to: string;
    unavailableMax: number;
    /** Absent: none. */
    canaries?: number;
    /** Of those to upgrade, were not Ready when planned; absent: none. */
    notReady?: number;
    /** Of those to upgrade, have no way back; absent: none. */
    noWayBack?: number;
    /** Of these, because what they ran before is gone or not known; absent: none. */
    formerGone?: number;
    /** The next times in which nodes may be begun; `until` null: no end is near. Absent: at any time. */
    openings?: readonly { from: string; until: string | null }[];
    /** What a node is expected to take before any was measured; told with `openings`. */
    expectedMs?: number;
  }[];
  /** Old root volumes that will stay, how large in all and for how long; null with another method. */
  oldRootVolumes: { count: number; sizeGib: number; keptForMs: number } | null;
  warnings: readonly string[];
  /** What it is expected to take; absent in what older planners told. */
  expected?: ExpectedRun;
  /** What the drains would meet; absent: nobody looked. */
  preflight?: PlanPreflight;
};

/** Rows to a page: 500 rows of 200–300 bytes stay under the 256 KB that a payload may have. */
export const PLAN_PAGE_ROWS = 500;

/** What is absent means what it meant before there was such a field. */
export type DrainStep = {
  timeoutMs: number;
  /** Absent: `fail`. */
  onTimeout?: OnDrainTimeout;
  /** How often this attempt was deferred before; absent: never. Tells its goes apart, which share one attempt. */
  deferrals?: number;
  /** How often it may still be deferred; absent: not at all. */
  deferralsLeft?: number;
  /** Absent: none. */
  rules?: readonly DrainRule[];
};

/** What replaces a node: launched, joined and verified before anything is taken from it. */
export type LaunchStep = {
  template: LaunchTemplateRef;
  /** Of its pool: the new node must carry them too. */
  matchLabels: Readonly<Record<string, string>>;
  /** How often it may still be deferred when there is no capacity. */
  deferralsLeft: number;
  /** The instance goes first, once a person has said so and a capacity reservation shows room; absent: last. */
  mayLoseCapacity?: true;
};

/** Everything that one `nodeUpgrade` child needs; made by the planner from the newest observation. */
export type NodeStep = {
  node: string;
  uid: string;
  pool: string;
  zone: string;
  instanceId: string;
  /** 1 at first; rises by retry or rollback alone. Part of the ClientToken. */
  attempt: number;
  from: string | null;
  release: Release;
  /** As observed before the cordon; what verification compares with. */
  before: {
    bootId: string;
    gpusAllocatable: number;
    rootVolumeId: string | null;
    imageId: string;
    daemonSets: readonly { namespace: string; name: string }[];
  };
  drain: DrainStep;
  reimage: { method: ReimageMethod; timeoutMs: number; oldRootVolume: OldRootVolume };
  /** Another instance takes its place, launched first; absent: it keeps its own. */
  launch?: LaunchStep;
  /** Pods that stood on the node and would be evicted; for the gate's evidence. Absent: unknown. */
  podsToMove?: number;
  /** What its drain would meet, for whoever is asked; absent: nobody is, or it could not be read. */
  impact?: DrainImpact;
  /** How long rejoin and verification may take, each: as long as the policy gives the reimage itself. */
  rejoinTimeoutMs: number;
  verifySoakMs: number;
  /** The last moment at which it may begin, so that it ends in its window; absent: no end is near. */
  startBefore?: string;
  /** Absent: it goes forward. */
  back?: BackStep;
  /** Why it could not go back afterwards, for the gate's evidence; absent: it could. */
  noWayBack?: string;
};

/** How a node goes back to what it ran before; the step's release is that one. */
export type BackStep = {
  /** `uncordon`: its reimage had not begun, so that nothing but our cordon stands on it. */
  how: 'reimage' | 'uncordon';
  /** It had failed: whoever stops its way back leaves it cordoned. */
  hadFailed: boolean;
};

/** A gate that must be passed before more of a pool is offered. */
export type GateWish = {
  /** `canary`, `canary/<pool>`, `notReady/<pool>` or `noWayBack/<pool>`. */
  name: string;
  kind: 'canary' | 'notReady' | 'noWayBack' | 'tier';
  /** Empty with kind `tier`, which is about all pools. */
  pool: string;
  /** What a person should know before answering, one fact a line. */
  evidence: readonly string[];
};

/** How the ended canaries of a pool were found: watched still, not well, or done with. */
export type CanaryLook = {
  pool: string;
  found: 'well' | 'unwell' | 'passed';
  /** Their `bootId`s, to be remembered; absent: they are as remembered. */
  boots?: Readonly<Record<string, string>>;
};

/** What a drain of a node would meet, as the shared watches showed it. Each list names a few. */
export type DrainImpact = {
  /** Pods that would be evicted or would block, finished ones left out. */
  podsTotal: number;
  /** By namespace and kind of owner, the most first; `of a Job`, or `bare` when nobody owns them. */
  pods: readonly { namespace: string; owner: string; pods: number }[];
  kindsLeft: number;
  /** PodDisruptionBudgets over these pods, the tightest first. `never`: as it stands, it allows nothing. */
  pdbs: readonly {
    namespace: string;
    name: string;
    pods: number;
    disruptionsAllowed: number;
    never: boolean;
  }[];
  pdbsLeft: number;
  /** Pods that would hold the drain up until a person deals with them. */
  blocked: readonly { namespace: string; name: string; why: string }[];
};

/** Answer of the planner to "what may be started now?". */
export type NextSteps = {
  observedAt: string;
  /** As observed, before `steps` were taken. */
  slots: readonly { pool: string; unavailableMax: number; unavailable: number; free: number }[];
  /** At most MAX_STEPS_A_TICK; the workflow opens their gates or starts them. */
  steps: readonly NodeStep[];
  /** Rows of the plan which turned out not to need work any more, or to be left alone. At most SETTLED_MAX. */
  settled: readonly { node: string; disposition: Disposition }[];
  /** Why nothing more can be started now, by cause; each with a count and one example. */
  waiting: readonly WaitingNodes[];
  /** Of the whole cluster, where it is bounded; absent: it is not. */
  cluster?: { unavailableMax: number; unavailable: number; free: number };
  /** All gates that hold nodes back now; one that is open and not among them holds nothing any more. */
  gates?: readonly GateWish[];
  canaries?: readonly CanaryLook[];
  /** True when a bound cut this answer: apply it and ask again at once. */
  more?: boolean;
};

/** `pool`, and `zone` where it is about one: whom it is about; absent in what older planners told. */
export type WaitingNodes = { why: Why; nodes: number; example: string; pool?: string; zone?: string };

/** 40 steps with 15 DaemonSets each are 72 KB; the next answer brings more. */
export const MAX_STEPS_A_TICK = 40;

/** 200 settled rows of at most 300 bytes stay under 64 KB. */
export const SETTLED_MAX = 200;

/** How many nodes one run holds: 200 children with long names are 110 KB, more would not fit what it takes along. */
export const OCCUPIED_MAX = 200;
