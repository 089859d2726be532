// What happened in a rollout, written down by its own witness: where each node stands, who said what, what
// each child was told. The rules of rollout-rules.ts judge by it alone. Shares no code with planner or
// machines, and must never read a run's own state: that is what it is held against.
import type { Policy } from '../../domain/policy.ts';

/** `waitsBack`: done or failed, in a run that is rolled back, and to go back. */
export type Stand =
  'waiting' | 'atWork' | 'done' | 'failed' | 'skipped' | 'upToDate' | 'leftAlone' | 'waitsBack' | 'wentBack';

export type PlannedNode = {
  node: string;
  uid: string;
  pool: string;
  zone: string;
  canary: boolean;
  wasNotReady: boolean;
  /** The image that it would go back to; null: it has no way back. */
  formerImage: string | null;
  /** There was one, but it is gone or not known. */
  formerGone: boolean;
  stand: Stand;
};

/** A node as a picture of the cluster shows it. `pool`: by its labels; undefined: none. */
export type SeenNode = {
  uid: string;
  pool: string | undefined;
  zone: string;
  ready: boolean;
  cordon: 'none' | 'ours' | 'other';
  /** Shows what the release promises. */
  updated: boolean;
  quarantined: boolean;
  /** The node whose place it was launched to take. */
  replaces: string | undefined;
  /** Launched to take a place, and not in service yet. */
  joins: boolean;
  runs: boolean;
};

export type Picture = ReadonlyMap<string, SeenNode>;

export type PoolRules = { name: string; policy: Policy };
export type Budget = Policy['disruption']['unavailableMax'];

/** `until` in milliseconds; null while the node is at work again. */
export type LeftToPods = { times: number; until: number | null };

/** A yes to many nodes at once; `next`: to so many of them; null: to all. */
export type ManyYes = {
  by: string;
  at: number;
  next: number | null;
  pool: string | null;
  zone: string | null;
  given: number;
};

/** What a run is begun with, as far as its rules are about it. */
export type RunRules = {
  pools: readonly PoolRules[];
  clusterMax: Budget | null;
  requestedBy: string | null;
  /** Held at this gate until a moment, or for ever. */
  tier: { gate: string; until: number | null } | null;
};

export type Ledger = {
  planned: ReadonlyMap<string, PlannedNode>;
  stands: Map<string, Stand>;
  pools: readonly PoolRules[];
  clusterMax: Budget | null;
  requestedBy: string | null;
  tier: RunRules['tier'];
  /** Asked for and not begun, with the attempt that it will be. */
  retries: Map<string, number>;
  attempts: Map<string, number>;
  deferred: Map<string, LeftToPods>;
  /** What the child at work was told last. */
  told: Map<string, 'skip' | 'putBack' | 'abort'>;
  wasRetry: Set<string>;
  paused: boolean;
  tripped: boolean;
  /** Aborted, or stopped by its policy. */
  ending: boolean;
  acknowledged: Set<string>;
  inRow: Map<string, number>;
  yeses: Map<string, { by: string; at: number }[]>;
  manyYeses: ManyYes[];
  /** Gates of nodes that were opened so far, each time. */
  nodeGatesOpened: number;
  /** Pools of which a node that is no canary was offered. */
  followed: Set<string>;
  canariesEndedAt: Map<string, number>;
  unwellAt: Map<string, number>;
  startedAt: Map<string, number>;
  /** What nodes took, the shortest of each pool. */
  shortestMs: Map<string, number>;
  /** Wishes for "this node next" that stand. */
  next: string[];
  /** Nothing goes forward any more. */
  rolling: boolean;
  /** At work on their way back, and how. */
  back: Map<string, 'reimage' | 'uncordon'>;
  /** In a run that is rolled back: failed before it, or on their way back. */
  hadFailed: Set<string>;
  /** The newest last, each by its last time. */
  doneOrder: string[];
  /** Said to have failed before anything was laid, by their first attempt, and not tried again. */
  untouched: Set<string>;
  /** Something was laid on them in this run, or their instance has gone. */
  laid: Set<string>;
  /** By which node the place of another was taken. */
  replacedBy: Map<string, string>;
  /** By which nodes were begun a short while ago, and when the planner was shown them; oldest begun first. */
  begunBy: readonly { picture: Picture; observedAt: number }[];
};

export function newLedger(nodes: readonly PlannedNode[], rules: RunRules): Ledger {
  return {
    planned: new Map(nodes.map((node) => [node.node, node])),
    stands: new Map(nodes.map(({ node, stand }) => [node, stand])),
    ...rules,
    retries: new Map(),
    attempts: new Map(),
    deferred: new Map(),
    told: new Map(),
    wasRetry: new Set(),
    paused: false,
    tripped: false,
    ending: false,
    acknowledged: new Set(),
    inRow: new Map(),
    yeses: new Map(),
    manyYeses: [],
    nodeGatesOpened: 0,
    followed: new Set(),
    canariesEndedAt: new Map(),
    unwellAt: new Map(),
    startedAt: new Map(),
    shortestMs: new Map(),
    next: [],
    rolling: false,
    back: new Map(),
    hadFailed: new Set(),
    doneOrder: [],
    untouched: new Set(),
    laid: new Set(),
    replacedBy: new Map(),
    begunBy: [],
  };
}

export function policyOfPool({ pools }: Pick<Ledger, 'pools'>, pool: string): Policy {
  const rules = pools.find(({ name }) => name === pool);
  if (rules === undefined) throw new Error(`rule: there is a pool ${pool}`);
  return rules.policy;
}

export function poolOfNode(ledger: Ledger, node: string): string {
  const planned = ledger.planned.get(node);
  if (planned === undefined) throw new Error(`rule: ${node} is a node of the plan`);
  return planned.pool;
}

export function require(holds: boolean, text: string): asserts holds {
  if (!holds) throw new Error(`rule: ${text}`);
}

/** Dropped by a person, or with the whole run. What waits to go back then stays what it was. */
export function drop(ledger: Ledger, node: string): void {
  if (ledger.stands.get(node) === 'waitsBack') stay(ledger, node);
  else ledger.stands.set(node, 'skipped');
  ledger.retries.delete(node);
  ledger.deferred.delete(node);
}

/** It does not go back. */
export function stay(ledger: Ledger, node: string): void {
  ledger.stands.set(node, ledger.hadFailed.has(node) ? 'failed' : 'done');
}

export function dropWaiting(ledger: Ledger, of: (node: PlannedNode) => boolean): void {
  for (const [name, stand] of ledger.stands) {
    const planned = ledger.planned.get(name);
    if ((stand === 'waiting' || stand === 'waitsBack') && planned !== undefined && of(planned))
      drop(ledger, name);
  }
}

/** The whole run ends: what waits is dropped, and no retry is to come any more. */
export function endAll(ledger: Ledger): void {
  ledger.ending = true;
  dropWaiting(ledger, () => true);
  ledger.retries.clear();
  ledger.deferred.clear();
  for (const [name, stand] of ledger.stands) if (stand === 'atWork') ledger.told.set(name, 'abort');
}
