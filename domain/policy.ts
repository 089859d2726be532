// What the operator wants: how many nodes may be away, who is asked, how long things may take.
// Every value here is effective: defaults, the fleet file and overrides have been merged and
// durations are milliseconds. Parsing and merging live in domain/schemas and domain/planning.

/** `3`, or `10%` of the pool (rounded down, at least 1). */
export type Amount = { kind: 'count'; count: number } | { kind: 'percent'; percent: number };

/** `3`, or `10%` of the pool's nodes in the zone. A count is a plain number, as runs have always kept it. */
export type ZoneMax = number | Extract<Amount, { kind: 'percent' }>;

/** Who must say yes before what. */
export type ApprovalBefore = 'never' | 'canary' | 'pool' | 'node';

/** What becomes of a node whose pods have not left in time. */
export type OnDrainTimeout = 'defer' | 'fail' | 'force';

/** Lets pods that a drain would evict wait; a rule never lets one go that would not go without it. */
export type DrainRule = {
  name: string;
  matchLabels: Readonly<Record<string, string>>;
  /** Null: pods of every namespace. */
  namespaces: readonly string[] | null;
  /** Pods of a lower order leave first; those that no rule selects have 0. */
  order: number;
  waitFor: 'nothing' | 'completion' | 'checkpoint';
  /** After this it goes all the same: since the drain began, or since the checkpoint was asked for. Null: never. */
  deadlineMs: number | null;
};

export type ReimageMethod = 'rootVolume' | 'replaceInstance' | 'reboot';

/** What becomes of the volume that the node ran on before. */
export type OldRootVolume = { kind: 'keep'; forMs: number } | { kind: 'delete' };

export type Window = {
  days: readonly ('mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun')[];
  /** Local wall-clock time, `HH:MM`. */
  start: string;
  durationMs: number;
  /** IANA name. */
  timezone: string;
};

export type Exclusion = { from: string; until: string; why: string };

export type Policy = {
  name: string;
  disruption: { unavailableMax: Amount; unavailableMaxPerZone: ZoneMax | null; surge: number };
  /** A count of 0: no canaries. */
  canary: { nodes: Amount; soakMs: number };
  /** `firstNodes`: only so many nodes ask; null = all. */
  approval: {
    before: ApprovalBefore;
    firstNodes: number | null;
    approvers: number;
    expiresAfterMs: number | null;
    /** False: whoever asked for the run is not among those who approve it. */
    selfApproval: boolean;
  };
  windows: readonly Window[];
  exclusions: readonly Exclusion[];
  drain: {
    timeoutMs: number;
    onTimeout: OnDrainTimeout;
    /** How often a node may be deferred before its timeout is a failure. */
    deferralsMax: number;
    /** How long a deferred node is left to its pods before it is taken up again. */
    deferForMs: number;
    /** In this order the first that selects a pod is its rule. */
    rules: readonly DrainRule[];
  };
  reimage: {
    method: ReimageMethod;
    timeoutMs: number;
    oldRootVolume: OldRootVolume;
    /** An instance may go before there is another one in its place; absent: it may not. */
    mayLoseCapacity?: true;
  };
  verify: { checks: readonly string[]; soakMs: number };
  failure: {
    failuresMax: number;
    successMinPercent: number | null;
    /** So many failures one after another, without a success between them, trip the run; null: no such rule. */
    consecutiveMax: number | null;
    onExceeded: 'pause' | 'rollback' | 'stop';
  };
};
