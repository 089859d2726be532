// What the drains of a plan would meet: the facts that were gathered of the pods, put to each row and summed
// up. Only tells: what is found here refuses nothing, and each drain looks again at each of its pods.
// Must never leave out what was not looked at: that is said in the plan's limits.
import type { Inventory, NodeFacts } from '../inventory.ts';
import { own } from '../own.ts';
import type { PlanRow } from '../plan.ts';
import type { DrainRule } from '../policy.ts';
import { RISK_KINDS, RISK_TEXT_CHARS_MAX } from '../preflight.ts';
import type { NodeMeets, NodeRisk, PlanPreflight, PlanRisk, PoolMoves, RiskKind } from '../preflight.ts';
import type { RunDefinition } from '../run.ts';
import type { DrainFacts, NodeDrain } from './drain-tally.ts';
import { LANDING_LIMITS, createLandings } from './landing.ts';
import type { Demand, Landing, Landings, Room } from './landing.ts';
import { parseQuantity } from './quantity.ts';
import type { Amounts } from './quantity.ts';

/** Nodes that the plan would drain, each with the drain rules of its pool. */
export function drainScope(
  { pools }: RunDefinition,
  rows: readonly PlanRow[],
): ReadonlyMap<string, readonly DrainRule[]> {
  const rulesOf = new Map(pools.map(({ name, policy }) => [name, policy.drain.rules]));
  return new Map(
    rows
      .filter(({ disposition }) => disposition.kind === 'upgrade')
      .map(({ node, pool }) => [node, rulesOf.get(pool) ?? []]),
  );
}

/** The rows with what their drains would meet, and the sum of it. */
export function tellPreflight(
  rows: readonly PlanRow[],
  { nodes }: Pick<Inventory, 'nodes'>,
  facts: DrainFacts,
): { rows: readonly PlanRow[]; preflight: PlanPreflight } {
  const landings = createLandings(nodes.map((node) => roomOf(node, facts)));
  const told = rows.map((row) => {
    if (row.disposition.kind !== 'upgrade') return row;
    const drain = facts.drains.get(row.node);
    return { ...row, meets: drain === undefined ? NOTHING : meetsOf(row.node, drain, facts, landings) };
  });
  return {
    rows: told,
    preflight: { risks: sumUp(told), moves: sumMoves(rows, facts), limits: listLimits(facts), pages: [] },
  };
}

const NOTHING: NodeMeets = { pods: 0, risks: [] };

function roomOf(node: NodeFacts, { used }: DrainFacts): Room {
  const { name, labels, taints, unschedulable, ready } = node;
  const taken = used.get(name);
  const free: Record<string, number> = {};
  for (const [resource, text] of Object.entries(node.allocatable ?? {})) {
    free[resource] = (parseQuantity(resource, text) ?? 0) - (own(taken, resource) ?? 0);
  }
  return { name, labels, taints, unschedulable, ready, free: free as Amounts };
}

function meetsOf(node: string, drain: NodeDrain, facts: DrainFacts, landings: Landings): NodeMeets {
  const risks = new Map(drain.risks);
  const demands = drain.demands.map(({ shape, claims, pods }): Demand => {
    const { volumes } = facts;
    const places =
      volumes.kind === 'unknown' ? [] : claims.flatMap((claim) => volumes.places.get(claim) ?? []);
    return { shape, pods, volumes: places };
  });
  for (const [index, landing] of landings(node, demands).entries()) {
    const demand = drain.demands[index];
    if (demand !== undefined) addLanding(risks, landing, demand);
  }
  return { pods: drain.pods, risks: RISK_KINDS.flatMap((kind) => risks.get(kind) ?? []) };
}

function addLanding(
  risks: Map<RiskKind, NodeRisk>,
  landing: Landing,
  { pods, example }: { pods: number; example: string },
): void {
  if (landing.kind === 'lands') return;
  const { kind } = landing;
  const homeless = landing.kind === 'noRoom' ? landing.pods : pods;
  const known = risks.get(kind);
  const text = landing.text.slice(0, RISK_TEXT_CHARS_MAX);
  risks.set(kind, { kind, example, text, ...known, pods: (known?.pods ?? 0) + homeless });
}

function sumUp(rows: readonly PlanRow[]): readonly PlanRisk[] {
  const sums = new Map<RiskKind, PlanRisk>();
  for (const { node, meets } of rows) {
    for (const { kind, pods, example, text } of meets?.risks ?? []) {
      const known = sums.get(kind) ?? { kind, nodes: 0, pods: 0, example: { node, pod: example, text } };
      sums.set(kind, { ...known, nodes: known.nodes + 1, pods: known.pods + pods });
    }
  }
  return RISK_KINDS.flatMap((kind) => sums.get(kind) ?? []);
}

function sumMoves(rows: readonly PlanRow[], { drains }: DrainFacts): readonly PoolMoves[] {
  const sums = new Map<string, PoolMoves>();
  for (const { node, pool, disposition } of rows) {
    if (disposition.kind !== 'upgrade') continue;
    const { pods = 0, ofJobs = 0, guarded = 0 } = drains.get(node) ?? {};
    const known = sums.get(pool) ?? { pool, nodes: 0, pods: 0, ofJobs: 0, guarded: 0 };
    sums.set(pool, {
      pool,
      nodes: known.nodes + 1,
      pods: known.pods + pods,
      ofJobs: known.ofJobs + ofJobs,
      guarded: known.guarded + guarded,
    });
  }
  return [...sums.values()];
}

function listLimits({ drains, volumes }: DrainFacts): readonly string[] {
  const lands = [...drains.values()].some(({ demands }) => demands.length > 0);
  if (!lands) return [];
  const unseen = volumes.kind === 'unknown' ? [`where volumes can be used is not known: ${volumes.why}`] : [];
  return [...unseen, ...LANDING_LIMITS];
}
