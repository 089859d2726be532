// What Refit asks of a Kubernetes cluster. Implemented by adapters/kubernetes; faked in unit tests.
// Every write carries UID or resourceVersion, and every method may throw PortError.
import type { ClusterRef } from '../../domain/fleet.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { DrainProgress, ForcePods } from '../../domain/node-state.ts';
import type { DrainImpact } from '../../domain/plan.ts';
import type { DrainFacts } from '../../domain/planning/drain-tally.ts';
import type { DrainRule } from '../../domain/policy.ts';
import type { OwnerMark } from '../../domain/run.ts';

export type CordonOutcome =
  | { kind: 'cordoned' }
  /** The mark was ours already: an earlier attempt had done it. */
  | { kind: 'alreadyOurs' }
  | { kind: 'cordonedByOther'; by: string }
  /** Gone, or another node of the same name (another UID). */
  | { kind: 'notTheNode'; found: string };

export type UncordonOutcome =
  | { kind: 'uncordoned' }
  | { kind: 'alreadyUncordoned' }
  /** Somebody changed the cordon since: not ours to lift. */
  | { kind: 'notOurs'; found: string };

export type DrainOutcome =
  | { kind: 'drained'; evicted: number }
  /** Nothing could be evicted for a minute: come back with `resume`. */
  | { kind: 'stalled'; progress: DrainProgress; resume: DrainResume }
  /** Our cordon is gone, the node is another one, or it became schedulable: stop for a person. */
  | { kind: 'unsafe'; why: string };

/** What a drain carries over from one attempt to the next. Bounded: at most 2 × MAX_BLOCKERS entries. */
export type DrainResume = {
  podsTotal: number;
  evicted: number;
  /** First sight of each reason, by `<pod uid>/<kind>`. */
  since: Readonly<Record<string, string>>;
  /** The set of reasons that was last told: the next attempt does not tell it again. */
  told: string;
  /** When that was; absent when nothing was told yet. */
  toldAtMs?: number;
  /** The last attempt found nothing to do for a minute: the next one leaves at once when that is still so. */
  stalled: boolean;
};

export type DrainRequest = {
  node: string;
  uid: string;
  owner: OwnerMark;
  resume: DrainResume | null;
  /** UIDs of pods that are taken as kubectl's --force takes them; others are not. */
  force?: readonly string[];
  /** Which pods wait for what; absent: none does. */
  rules?: readonly DrainRule[];
  /** When this drain began, RFC 3339, in whatever attempt; absent: with this one. */
  startedAt?: string;
  /** Ends the drain at once; it then rejects with the signal's reason. */
  signal: AbortSignal;
  /** Awaited once, before the first eviction of this attempt; what it throws ends the attempt. */
  beforeEvicting: () => Promise<void>;
  /** Called when the set of blocking reasons has changed; at most once a second, the last one wins. */
  onBlockersChanged: (progress: DrainProgress) => void;
  /** Called at least every 10 s with the state to resume from. */
  onHeartbeat: (resume: DrainResume, progress: DrainProgress) => void;
};

/** `refit drain NODE --dry-run`. Every pod of the node stands in exactly one list. */
export type DrainChoice = {
  evict: readonly { namespace: string; name: string }[];
  skip: readonly { namespace: string; name: string; why: string }[];
  blocked: readonly { namespace: string; name: string; why: string }[];
};

/** The last look before reimage: consistent reads, never the cache. */
export type EmptyCheck =
  | { kind: 'empty' }
  | { kind: 'occupied'; pods: readonly { namespace: string; name: string; why: string }[] }
  | { kind: 'unsafe'; why: string };

/** What the shared watch shows of a node after its boot; `null` fields are unknown. */
export type RejoinFacts = {
  node: NodeFacts;
  /** DaemonSets that should run on the node, and whether their pod here is Ready and started after the boot. */
  daemonSets: readonly {
    namespace: string;
    name: string;
    ready: boolean;
    /** Latest start of its containers, RFC 3339; null when none runs. */
    startedAt: string | null;
  }[];
};

/** Whether a note of a reboot was written now, or had been written before by this very attempt. */
export type RebootNote =
  | { kind: 'noted' }
  | { kind: 'notedBefore'; at: string }
  /** Gone, another UID, or not under our owner mark. */
  | { kind: 'unsafe'; why: string };

export type LeaseHolder = { holder: OwnerMark; since: string; resourceVersion: string };

export type AcquireOutcome =
  { kind: 'held' } | { kind: 'heldByOther'; by: LeaseHolder; nodesMarked: readonly string[] };

export interface KubernetesCluster {
  /** `v1.36.1` */
  collectVersion(): Promise<string>;
  /** Consistent LIST of all nodes (paged), with `allocatable`; `podsToMove` from the shared watch. */
  collectNodes(): Promise<readonly NodeFacts[]>;
  /**
   * What drains of these nodes would meet, each with the rules of its policy: one LIST of all pods (paged, none
   * is kept), and LISTs of claims and volumes when any pod to move has one. Without the right to list those
   * two the answer says so; every other refusal is thrown.
   */
  collectDrainFacts(o: { scope: ReadonlyMap<string, readonly DrainRule[]> }): Promise<DrainFacts>;
  /**
   * The same facts without a request, as the shared watches of nodes and pods show them: seconds old at
   * most. Starts the watches at first use and waits for their first list; throws `unreachable` when a
   * watch has shown no sign of life for longer than its watchdog allows, rather than answer from then.
   */
  collectNodesCached(): Promise<readonly NodeFacts[]>;
  /** DaemonSets whose pods stand on the node, from the shared watch. */
  collectDaemonSets(node: string): Promise<readonly { namespace: string; name: string }[]>;
  /** What a drain of the node would meet now, from the shared watches: for people who are asked about it. */
  collectImpact(node: string): Promise<DrainImpact>;
  /** From the shared watch; undefined when the node is not there. */
  collectRejoin(node: string): Promise<RejoinFacts | undefined>;
  /**
   * One PATCH: unschedulable, owner mark, cordoned-at, state, autoscaler protection (old values remembered).
   * `replaces`: the name of the node whose place this one takes.
   */
  ensureCordoned(o: {
    node: string;
    uid: string;
    owner: OwnerMark;
    replaces?: string;
  }): Promise<CordonOutcome>;
  /** DELETE with the UID as a precondition: a node that was made anew under the name stays. */
  ensureNodeDeleted(o: { node: string; uid: string }): Promise<void>;
  /** One PATCH: the reverse, what stood there put back; sets refit.dev/release when `release` is given. */
  ensureUncordoned(o: {
    node: string;
    uid: string;
    owner: OwnerMark;
    release: string | null;
  }): Promise<UncordonOutcome>;
  drain(o: DrainRequest): Promise<DrainOutcome>;
  planDrain(o: { node: string; force: boolean }): Promise<DrainChoice>;
  /** One consistent LIST of the node's pods: those that kubectl's --force alone would evict. */
  collectForcePods(o: { node: string }): Promise<ForcePods>;
  /** One consistent GET of the Node and one LIST of its pods. */
  checkEmpty(o: { node: string; uid: string; owner: OwnerMark }): Promise<EmptyCheck>;
  /**
   * Annotation `refit.dev/reboot` = `{"owner","attempt","bootId","at"}` by one consistent GET and one PATCH
   * with the resourceVersion, so that of two workers one alone is told `noted`. A note of the same owner,
   * attempt and bootId stands (`notedBefore`); any other is overwritten.
   */
  ensureRebootNoted(o: {
    node: string;
    uid: string;
    owner: OwnerMark;
    attempt: number;
    bootId: string;
    at: string;
  }): Promise<RebootNote>;
  /** Lease `refit` in `refit-system` by compare-and-swap. */
  acquireLease(o: { owner: OwnerMark; takeOverFrom: OwnerMark | null }): Promise<AcquireOutcome>;
  /** Every node that carries the mark `from` carries `to` afterwards; answers their names. */
  adoptNodes(o: { from: OwnerMark; to: OwnerMark }): Promise<readonly string[]>;
  releaseLease(o: { owner: OwnerMark }): Promise<void>;
}

export interface Kubernetes {
  /** The same object for the same ref, so that one watch serves all; connects at first use. */
  cluster(ref: ClusterRef): KubernetesCluster;
  close(): Promise<void>;
}
