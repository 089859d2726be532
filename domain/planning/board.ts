// Where a run stands, read from its plan's rows, their codes and the newest observation: for each pool
// what waits, what is at work, what is away. Pure reading; chooses nothing.
// Must never count a node as free that the run itself holds, whatever the observation shows.
import type { Pool, Release } from '../fleet.ts';
import type { Inventory, NodeFacts } from '../inventory.ts';
import type { PlanRow, Why } from '../plan.ts';
import { ROW_CODES } from '../row-codes.ts';
import type { OwnerMark, RunDefinition } from '../run.ts';
import { listUnavailable, unavailableMaxOf } from './budget.ts';
import type { Unavailable } from './budget.ts';
import { matchPools } from './match-pools.ts';

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
};

export type PoolBoard = {
  pool: Pool;
  release: Release | undefined;
  nodes: number;
  unavailableMax: number;
  waiting: readonly PlanRow[];
  /** Names of nodes that this run holds now. Grows while an answer is made. */
  atWork: Set<string>;
  unavailable: Map<string, Unavailable['why']>;
  /** What was found to stop every node of the pool, while an answer is made. */
  blocked: Why | null;
};

export type Board = {
  node: (name: string) => NodeFacts | undefined;
  /** The one pool that the node's labels put it into now; undefined for none and for two. */
  poolOf: (name: string) => Pool | undefined;
  row: (name: string) => PlanRow | undefined;
  /** In the order in which they are taken. */
  pools: readonly PoolBoard[];
};

/** What a tick looks at of the cluster: Nodes, no instances. */
export type NodesSeen = Pick<Inventory, 'observedAt' | 'nodes'>;

export function readBoard(question: PlanNextQuestion, inventory: NodesSeen): Board {
  const { definition, rows, codes, occupied, retries } = question;
  const match = matchPools(inventory.nodes, definition.pools);
  const inTwo = new Set(match.refusals.filter((r) => r.kind === 'nodeInTwoPools').map((r) => r.where));
  const byName = new Map(inventory.nodes.map((node) => [node.name, node]));
  const rowByName = new Map(rows.map((row) => [row.node, row]));
  const retried = new Set(retries.map((retry) => retry.node));
  const held = new Set(occupied.map((one) => one.node));
  const pools = definition.pools.map((pool): PoolBoard => {
    const nodes = match.nodesOf.get(pool.name) ?? [];
    const atWork = new Set(occupied.filter((one) => one.pool === pool.name).map((one) => one.node));
    const waiting: PlanRow[] = [];
    const failed = new Set<string>();
    rows.forEach((row, index) => {
      if (row.pool !== pool.name) return;
      if (codes[index] === ROW_CODES.active) atWork.add(row.node);
      else if (codes[index] === ROW_CODES.failed) failed.add(row.node);
      else if (codes[index] === ROW_CODES.waiting && !held.has(row.node) && !retried.has(row.node)) {
        waiting.push(row);
      }
    });
    return {
      pool,
      release: definition.releases[pool.name],
      nodes: nodes.length,
      unavailableMax: unavailableMaxOf(pool, nodes.length),
      waiting,
      atWork,
      unavailable: new Map(listUnavailable(nodes, atWork, failed).map(({ node, why }) => [node, why])),
      blocked: null,
    };
  });
  return {
    node: (name) => byName.get(name),
    poolOf: (name) => (inTwo.has(name) ? undefined : match.poolOf.get(name)),
    row: (name) => rowByName.get(name),
    pools,
  };
}
