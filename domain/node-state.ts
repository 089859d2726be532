// The states in which people see a node, and the evidence that each carries.
// One word for each; the STATE column, annotations and queries use exactly these.

/** What the STATE column shows. */
export type NodeStateName =
  | 'normal'
  | 'waiting'
  | 'cordoned'
  | 'draining'
  | 'deferred'
  | 'reimaging'
  | 'rejoining'
  | 'burning-in'
  | 'verifying'
  | 'soaking'
  | 'failed'
  | 'quarantined'
  | 'cordoned-by-other';

/** Why one pod is still on its node. */
export type DrainBlocker = {
  kind:
    | 'pdb' // one PDB, no disruption allowed now
    | 'pdbNever' // one PDB that can never allow it: told at once
    | 'twoPdbs' // the eviction API refuses for ever: told at once
    | 'pdbStale' // the PDB's status is behind; the API server says "still being processed"
    | 'bare'
    | 'daemonSetMissing'
    | 'annotation' // refit.dev/drain
    | 'rule' // a drain rule of the policy lets it wait
    | 'terminating' // evicted, still ending
    | 'conflict'
    | 'other';
  namespace: string;
  pod: string;
  podUid: string;
  /** PDBs that cover the pod, by name. */
  pdbs: readonly string[];
  /** `status.disruptionsAllowed` of the first of them, when known. */
  disruptionsAllowed: number | null;
  /** RFC 3339; first time that this very reason was seen. */
  since: string;
  text: string;
};

/** How far a drain is. At most MAX_BLOCKERS blockers travel; `blockersTotal` says how many there are. */
export type DrainProgress = {
  podsTotal: number;
  podsLeft: number;
  blockers: readonly DrainBlocker[];
  blockersTotal: number;
};

/** Twenty name what matters to a person; more would fill the history of a blocked node. */
export const MAX_BLOCKERS = 20;

/** A pod that a drain evicts by kubectl's --force alone: nothing would bring it back. */
export type ForcePod = { namespace: string; name: string; uid: string };

/** The pods of a node that force would add; `pods` is cut at FORCE_PODS_MAX, `total` is not. */
export type ForcePods = { pods: readonly ForcePod[]; total: number };

/** A question that a person reads pod by pod. A node with more bare pods than this is no case for force. */
export const FORCE_PODS_MAX = 20;

/** How a node's way through the run ended. */
export type NodeOutcome =
  /** `replacedBy`: the node that took its place; its own is gone. `note`: the node is upgraded, but a person should look (its cordon was not ours to lift any more). */
  | { kind: 'done'; release: string; bootId: string; note?: string; replacedBy?: string }
  /**
   * Put back as it was before reimage, by a person's wish or because the run tripped. `again`: it came too late
   * for its window, was not touched, and waits as before.
   */
  | { kind: 'putBack'; why: string; uncordoned: boolean; again?: true }
  /**
   * Put back as it was, to be taken up again by the same attempt: its pods did not leave in time, or nothing could
   * be launched in its place (`lacks`).
   */
  | { kind: 'deferred'; why: string; uncordoned: boolean; lacks?: 'capacity' }
  /**
   * `untouched`: its reimage had not begun in this attempt. `serving`: nothing was taken from it, not even by a
   * cordon.
   */
  | { kind: 'failed'; at: NodeStateName; why: string; nodeEmpty: boolean; untouched?: true; serving?: true };
