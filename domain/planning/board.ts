// Where a run stands, read from its plan's rows, their codes and the newest observation: for each pool
// what waits, what is at work, what is away. Pure reading; chooses nothing.
// Must never count a node as free that the run itself holds, whatever the observation shows.
import type { Pool, Release } from '../fleet.ts';
import type { Inventory, NodeFacts } from '../inventory.ts';
import type { PlanRow, Why } from '../plan.ts';
import { ROW_CODES } from '../row-codes.ts';
import type { OwnerMark, RunDefinition } from '../run.ts';
import { clusterMaxOf, countPlaces, listUnavailable, unavailableMaxOf, zoneMaxOf } from './budget.ts';
import type { Bound, Unavailable } from './budget.ts';
import type { CanaryClock } from './canary-clock.ts';
import { splitDeferred } from './deferral.ts';
import type { DeferralSplit, DeferredNode } from './deferral.ts';
import type { NodeTimes } from './expected-time.ts';
import { matchPools } from './match-pools.ts';
import { REPLACES } from '../drain/cordon.ts';
import { zoneOf } from './node-reading.ts';
import { hoursOf } from './why-closed.ts';
import { own } from '../own.ts';
import type { BackQuestion } from './way-back.ts';

/** What the workflow knows and the planner needs. */
export type PlanNextQuestion = {
  definition: RunDefinition;
  owner: OwnerMark;
  /** All rows of the plan, in its order. */
  rows: readonly PlanRow[];
  /** One character for each row: domain/row-codes.ts. */
  codes: string;
  /** With a child or at an open gate: they hold their slot. */
  occupied: readonly { node: string; pool: string }[];
  retries: readonly { node: string; attempt: number }[];
  /** Nodes that a person has put before the others of their pools. Absent in what older runs ask. */
  next?: readonly string[];
  /** Deferred and not ended since. Absent in what older runs ask. */
  deferred?: readonly DeferredNode[];
  /** By pool, of those whose canaries have ended. Absent in what older runs ask. */
  canaries?: Readonly<Record<string, CanaryClock>>;
  /** Gates of the planner that people have said yes to. Absent in what older runs ask. */
  gatesOpened?: readonly string[];
  /** What the last nodes of this run took, in seconds, by pool. Absent in what older runs ask. */
  nodeTimes?: Readonly<Record<string, NodeTimes>>;
  /** In a run that is rolled back: nothing goes forward any more. Absent: it is not. */
  back?: BackQuestion;
};

/** A canary, and where it stands. */
export type CanarySeen = { row: PlanRow; code: string; open: boolean };

export type PoolBoard = {
  pool: Pool;
  release: Release | undefined;
  unavailableMax: number;
  waiting: readonly PlanRow[];
  /** Left to their pods now: neither waiting nor at work. */
  deferred: DeferralSplit['deferred'];
  /** Names of nodes that this run holds now. Grows while an answer is made. */
  atWork: Set<string>;
  /** Bound of the pool. */
  bound: Bound;
  /** By zone; null: no bound. */
  zones: Map<string, Bound> | null;
  canaries: readonly CanarySeen[];
  /** What stops every node of the pool: its hours, or what was found while an answer is made. */
  blocked: Why | null;
  /** The last moment at which a node may begin; null: no end of a window is near. */
  startBefore: string | null;
};

export type Board = {
  observedAt: string;
  node: (name: string) => NodeFacts | undefined;
  /** The node that was launched to take the place of the one of this name. */
  replacementOf: (name: string) => NodeFacts | undefined;
  /** DaemonSets whose pods there are not Ready, of a canary that is watched. */
  notReadyOn: (name: string) => readonly string[];
  /** The one pool that the node's labels put it into now; undefined for none and for two. */
  poolOf: (name: string) => Pool | undefined;
  row: (name: string) => PlanRow | undefined;
  /** Deferred and not ended since, by name: left to their pods, due again, or at work. */
  deferrals: ReadonlyMap<string, DeferredNode>;
  /** In the order in which they are taken. */
  pools: readonly PoolBoard[];
  /** Bound of the whole cluster; null: none. */
  cluster: Bound | null;
};

/** What a tick looks at of the cluster: Nodes, no instances. */
export type NodesSeen = Pick<Inventory, 'observedAt' | 'nodes'> & {
  /** DaemonSets whose pods on a watched canary are not Ready, by its node; absent: none, or nobody looked. */
  notReady?: Readonly<Record<string, readonly string[]>>;
};

type RowsOfPool = {
  waiting: PlanRow[];
  atWork: Set<string>;
  failed: Set<string>;
  canaries: CanarySeen[];
};

export function readBoard(question: PlanNextQuestion, inventory: NodesSeen): Board {
  const { definition, rows } = question;
  const match = matchPools(inventory.nodes, definition.pools);
  const inTwo = new Set(match.refusals.filter((r) => r.kind === 'nodeInTwoPools').map((r) => r.where));
  const byName = new Map(inventory.nodes.map((node) => [node.name, node]));
  const rowByName = new Map(rows.map((row) => [row.node, row]));
  const rowsOf = readRows(question);
  const deferrals = new Map((question.deferred ?? []).map((one) => [one.node, one]));
  const zoneOfName = (name: string) => {
    const node = byName.get(name);
    return node === undefined ? (rowByName.get(name)?.zone ?? '') : zoneOf(node);
  };
  const pools = definition.pools.map((pool): PoolBoard => {
    const nodes = match.nodesOf.get(pool.name) ?? [];
    const { waiting: open, atWork, failed, canaries } = rowsOf.get(pool.name) ?? newRows();
    const { waiting, deferred } = splitDeferred(open, deferrals, inventory.observedAt);
    const unavailable = listUnavailable(nodes, atWork, failed);
    const places = countPlaces(nodes);
    const hours = hoursOf(pool, inventory.observedAt, own(question.nodeTimes, pool.name) ?? []);
    const bound: Bound = {
      kind: 'budget',
      where: `of pool ${pool.name}`,
      setting: pool.policy.disruption.surge > 0 ? 'unavailableMax with surge' : 'unavailableMax',
      nodes: places,
      max: unavailableMaxOf(pool, places),
      away: new Map(unavailable.map(({ node, why }) => [node, why])),
    };
    return {
      pool,
      release: own(definition.releases, pool.name),
      unavailableMax: bound.max,
      waiting,
      deferred,
      atWork,
      bound,
      zones: readZones(pool, nodes, unavailable, zoneOfName),
      canaries,
      blocked: hours.kind === 'closed' ? hours.why : null,
      startBefore: hours.kind === 'open' ? hours.startBefore : null,
    };
  });
  return {
    observedAt: inventory.observedAt,
    node: (name) => byName.get(name),
    replacementOf: (name) => {
      const replacements = inventory.nodes.filter(({ annotations }) => annotations[REPLACES] === name);
      // One that an earlier attempt has left may stand idle beside the one that takes its pods.
      return replacements.find(({ unschedulable }) => !unschedulable) ?? replacements[0];
    },
    notReadyOn: (name) => own(inventory.notReady, name) ?? [],
    poolOf: (name) => (inTwo.has(name) ? undefined : match.poolOf.get(name)),
    row: (name) => rowByName.get(name),
    deferrals,
    pools,
    cluster: readCluster(definition, inventory, rowsOf),
  };
}

function newRows(): RowsOfPool {
  return { waiting: [], atWork: new Set(), failed: new Set(), canaries: [] };
}

function readRows({
  definition,
  rows,
  codes,
  occupied,
  retries,
  back,
}: PlanNextQuestion): ReadonlyMap<string, RowsOfPool> {
  const retried = new Set(retries.map((retry) => retry.node));
  const held = new Set(occupied.map((one) => one.node));
  const failedBefore = new Set(back?.failed);
  const rowsOf = new Map<string, RowsOfPool>(definition.pools.map(({ name }) => [name, newRows()]));
  for (const { node, pool } of occupied) rowsOf.get(pool)?.atWork.add(node);
  rows.forEach((row, index) => {
    const ofPool = rowsOf.get(row.pool);
    const code = codes[index] ?? '';
    if (ofPool === undefined) return;
    const free = !held.has(row.node) && !retried.has(row.node);
    if (code === ROW_CODES.active) ofPool.atWork.add(row.node);
    // One that waits to go back is as far away as it was before.
    else if (code === ROW_CODES.failed || failedBefore.has(index)) ofPool.failed.add(row.node);
    else if (code === ROW_CODES.waiting && free) ofPool.waiting.push(row);
    if (row.canary !== true) return;
    const open = code === ROW_CODES.active || code === ROW_CODES.waiting || !free;
    ofPool.canaries.push({ row, code, open });
  });
  return rowsOf;
}

function readZones(
  pool: Pool,
  nodes: readonly NodeFacts[],
  unavailable: readonly Unavailable[],
  zoneOfName: (name: string) => string,
): Map<string, Bound> | null {
  if (pool.policy.disruption.unavailableMaxPerZone === null) return null;
  const nodesOf = new Map<string, NodeFacts[]>();
  const ofZone = (zone: string): NodeFacts[] => {
    const known = nodesOf.get(zone) ?? [];
    nodesOf.set(zone, known);
    return known;
  };
  for (const node of nodes) ofZone(zoneOf(node)).push(node);
  // One that this run holds may be seen no longer, and with it the last node of its zone.
  for (const { node } of unavailable) ofZone(zoneOfName(node));
  const zones = new Map<string, Bound>();
  for (const [zone, there] of nodesOf) {
    const places = countPlaces(there);
    zones.set(zone, {
      kind: 'zoneBudget',
      where: `of pool ${pool.name} in ${zone === '' ? 'no zone' : `zone ${zone}`}`,
      setting: 'unavailableMaxPerZone',
      nodes: places,
      max: zoneMaxOf(pool, places) ?? Infinity,
      away: new Map(),
    });
  }
  for (const { node, why } of unavailable) zones.get(zoneOfName(node))?.away.set(node, why);
  return zones;
}

/** Every Node counts, also those that no pool of this run names. */
function readCluster(
  definition: RunDefinition,
  { nodes }: NodesSeen,
  rowsOf: ReadonlyMap<string, RowsOfPool>,
): Bound | null {
  const places = countPlaces(nodes);
  const max = clusterMaxOf(definition, places);
  if (max === null) return null;
  const atWork = new Set<string>();
  const failed = new Set<string>();
  for (const ofPool of rowsOf.values()) {
    for (const node of ofPool.atWork) atWork.add(node);
    for (const node of ofPool.failed) failed.add(node);
  }
  return {
    kind: 'clusterBudget',
    where: `of cluster ${definition.cluster.name}`,
    setting: 'the unavailableMax of the cluster',
    nodes: places,
    max,
    away: new Map(listUnavailable(nodes, atWork, failed).map(({ node, why }) => [node, why])),
  };
}

/** All bounds that a node of this pool and zone must keep. */
export function boundsOf(board: Board, poolBoard: PoolBoard, zone: string): readonly Bound[] {
  const ofZone = poolBoard.zones?.get(zone);
  return [
    poolBoard.bound,
    ...(ofZone === undefined ? [] : [ofZone]),
    ...(board.cluster === null ? [] : [board.cluster]),
  ];
}

/** Counts the node as at work from here on. */
export function holdSlot(board: Board, poolBoard: PoolBoard, node: NodeFacts): void {
  poolBoard.atWork.add(node.name);
  for (const { away } of boundsOf(board, poolBoard, zoneOf(node))) away.set(node.name, 'atWork');
}
