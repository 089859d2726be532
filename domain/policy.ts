// What the operator wants: how many nodes may be away, who is asked, how long things may take.
// Every value here is effective: defaults, the fleet file and overrides have been merged and
// durations are milliseconds. Parsing and merging live in domain/schemas and domain/planning.

/** `3`, or `10%` of the pool (rounded down, at least 1). */
export type Amount = { kind: 'count'; count: number } | { kind: 'percent'; percent: number };

/** Who must say yes before what. */
export type ApprovalBefore = 'never' | 'canary' | 'pool' | 'node';

/** `defer` and `force` are known to the schema; see `unenforced` in domain/schemas for what is in force. */
export type OnDrainTimeout = 'defer' | 'fail' | 'force';

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
  disruption: { unavailableMax: Amount; unavailableMaxPerZone: number | null; surge: number };
  canary: { nodes: number; soakMs: number };
  /** `firstNodes`: only so many nodes ask; null = all. */
  approval: {
    before: ApprovalBefore;
    firstNodes: number | null;
    approvers: number;
    expiresAfterMs: number | null;
  };
  windows: readonly Window[];
  exclusions: readonly Exclusion[];
  drain: { timeoutMs: number; onTimeout: OnDrainTimeout };
  reimage: { method: ReimageMethod; timeoutMs: number; oldRootVolume: OldRootVolume };
  verify: { checks: readonly string[]; soakMs: number };
  failure: {
    failuresMax: number;
    successMinPercent: number | null;
    onExceeded: 'pause' | 'rollback' | 'stop';
  };
};
