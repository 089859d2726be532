// What a plan is expected to take: pool after pool, in each its canaries, their soak, the others, then those
// that are not Ready; twice, as if every node took as little and as much as it may. Pure.
// Must never leave out what is certain to take time (windows, soaks, bounds), nor count what nobody knows:
// waiting for people, deferrals, failures and retries are in none of it (docs/decisions/0144).
import { formatDuration } from '../duration.ts';
import { OPENINGS_ESTIMATED_MAX } from '../estimate.ts';
import type { NodeSpan, OpeningEstimate, PlanEstimate, PoolEstimate } from '../estimate.ts';
import type { Pool } from '../fleet.ts';
import type { Inventory, NodeFacts } from '../inventory.ts';
import { OCCUPIED_MAX } from '../plan.ts';
import type { PlanRow } from '../plan.ts';
import type { RunDefinition } from '../run.ts';
import { listApprovalsNeeded } from './approvals-needed.ts';
import { clusterMaxOf, countPlaces, listUnavailable, unavailableMaxOf, zoneMaxOf } from './budget.ts';
import { expectedTime } from './expected-time.ts';
import { layRounds } from './lay-rounds.ts';
import { matchPools } from './match-pools.ts';
import { zoneOf } from './node-reading.ts';
import { nodeSpanOf } from './node-span.ts';
import type { PastTimes } from './node-span.ts';
import { fewestRounds, mostRounds } from './rounds.ts';
import type { Lanes } from './rounds.ts';
import { whyLowerTiers } from './tier-gate.ts';
import { START_MARGIN_MS } from './why-closed.ts';
import { HORIZON_DAYS } from './windows.ts';
import { own } from '../own.ts';

const DAY_MS = 86_400_000;

type Work = {
  pool: Pool;
  canaries: readonly PlanRow[];
  others: readonly PlanRow[];
  notReady: readonly PlanRow[];
  span: NodeSpan;
  /** At the most, and as long as what is away now stays away. */
  lanes: { fast: Lanes; slow: Lanes };
  /** Away now, for whatever reason. */
  away: string;
};

/** One of the two ways to count. */
type Pace = {
  nodeMs: number;
  expectedMs: number;
  marginMs: number;
  rounds: (rows: readonly PlanRow[], last: boolean) => number | undefined;
};

type Used = { from: string; until: string | null; nodes: number };
/** The next pool begins when the turn ends, for nodes that are not Ready hold nobody; undefined: never. */
type Walked = {
  turnEndMs: number | undefined;
  endMs: number | undefined;
  used: readonly Used[];
  unending?: string;
};

export function estimatePlan(
  definition: RunDefinition,
  rows: readonly PlanRow[],
  inventory: Pick<Inventory, 'observedAt' | 'nodes'>,
  past: PastTimes,
): PlanEstimate {
  const fromMs = Date.parse(inventory.observedAt);
  const horizonMs = fromMs + HORIZON_DAYS * DAY_MS;
  let fastMs = fromMs;
  let slowMs: number | undefined = slowestBeginMs(definition, inventory.observedAt);
  const ends: { fastMs: number; slowMs: number | undefined }[] = [];
  const pools: PoolEstimate[] = [];
  const openings: OpeningEstimate[] = [];
  for (const work of listWork(definition, rows, inventory, past)) {
    const fast = walk(work, fastMs, fastPace(work));
    const slow: Walked | undefined = slowMs === undefined ? undefined : walk(work, slowMs, slowPace(work));
    const fastEndMs = fast.endMs ?? horizonMs;
    pools.push({
      pool: work.pool.name,
      nodes: work.canaries.length + work.others.length + work.notReady.length,
      node: work.span,
      soakMs: soakOf(work),
      earliest: { begin: toText(fastMs), end: toText(fastEndMs) },
      latest:
        slowMs === undefined || slow?.endMs === undefined
          ? null
          : { begin: toText(slowMs), end: toText(slow.endMs) },
      ...(slow?.unending === undefined ? {} : { unending: slow.unending }),
    });
    openings.push(...mergeUsed(work.pool.name, fast.used, slow?.used ?? []));
    ends.push({ fastMs: fastEndMs, slowMs: slow?.endMs });
    fastMs = fast.turnEndMs ?? horizonMs;
    slowMs = slow?.turnEndMs;
  }
  return {
    from: inventory.observedAt,
    whole: {
      ...wholeOf(ends, fromMs),
      gpuHours: gpuHoursOf(rows, pools),
      measured: pools.reduce((sum, { node }) => sum + node.measured, 0),
    },
    pools,
    openings: openings.slice(0, OPENINGS_ESTIMATED_MAX),
    openingsLeft: Math.max(0, openings.length - OPENINGS_ESTIMATED_MAX),
    approvals: listApprovalsNeeded(definition, rows),
  };
}

/** What soaks below goes on by itself, or sooner by a yes. */
function slowestBeginMs(definition: RunDefinition, observedAt: string): number {
  const held = whyLowerTiers(definition, []);
  return Date.parse(held?.why.until ?? observedAt);
}

function wholeOf(
  ends: readonly { fastMs: number; slowMs: number | undefined }[],
  fromMs: number,
): { lowMs: number; highMs: number | null } {
  let lowMs = 0;
  let highMs: number | null = 0;
  for (const { fastMs, slowMs } of ends) {
    lowMs = Math.max(lowMs, fastMs - fromMs);
    highMs = slowMs === undefined || highMs === null ? null : Math.max(highMs, slowMs - fromMs);
  }
  return { lowMs, highMs };
}

function listWork(
  definition: RunDefinition,
  rows: readonly PlanRow[],
  { nodes }: Pick<Inventory, 'nodes'>,
  past: PastTimes,
): readonly Work[] {
  const match = matchPools(nodes, definition.pools);
  const clusterMax = clusterMaxOf(definition, countPlaces(nodes)) ?? Infinity;
  const clusterAway = listUnavailable(nodes, new Set()).length;
  return definition.pools.flatMap((pool): readonly Work[] => {
    const upgrades = rows.filter((row) => row.pool === pool.name && row.disposition.kind === 'upgrade');
    if (upgrades.length === 0) return [];
    const ofPool = match.nodesOf.get(pool.name) ?? [];
    const away = listUnavailable(ofPool, new Set());
    const isAway = new Set(away.map(({ node }) => node));
    const awayByZone = countBy(
      ofPool.filter(({ name }) => isAway.has(name)),
      zoneOf,
    );
    const max = unavailableMaxOf(pool, countPlaces(ofPool));
    const perZones = zoneMaxesOf(pool, ofPool, awayByZone);
    const slowLanes = Math.min(max - away.length, clusterMax - clusterAway, OCCUPIED_MAX);
    return [
      {
        pool,
        canaries: upgrades.filter((row) => row.canary === true),
        others: upgrades.filter((row) => row.canary !== true && row.wasNotReady !== true),
        notReady: upgrades.filter((row) => row.canary !== true && row.wasNotReady === true),
        span: nodeSpanOf(pool.policy, own(past, pool.name)),
        lanes: {
          fast: { pool: Math.min(max, clusterMax, OCCUPIED_MAX), perZone: perZones?.most ?? null },
          slow: { pool: slowLanes, perZone: perZones?.fewestFree ?? null },
        },
        away:
          `${away.length} of ${ofPool.length} nodes of pool ${pool.name} are not Ready or cordoned now ` +
          `(${clusterAway} in the whole cluster): as long as that is so, the bounds let no other begin`,
      },
    ];
  });
}

/** A percentage allows more in a larger zone: the widest of all bounds the fastest way, the narrowest the slowest. */
function zoneMaxesOf(
  pool: Pool,
  nodes: readonly NodeFacts[],
  awayByZone: ReadonlyMap<string, number>,
): { most: number; fewestFree: number } | null {
  const zones = [...new Set(nodes.map(zoneOf))].map((zone) => {
    const max = zoneMaxOf(pool, countPlaces(nodes.filter((node) => zoneOf(node) === zone)));
    return max === null ? null : { max, free: max - (awayByZone.get(zone) ?? 0) };
  });
  const bounds = zones.filter((zone) => zone !== null);
  if (bounds.length === 0) return null;
  return {
    most: Math.max(...bounds.map(({ max }) => max)),
    fewestFree: Math.min(...bounds.map(({ free }) => free)),
  };
}

function fastPace({ pool, span, lanes }: Work): Pace {
  return {
    nodeMs: span.lowMs,
    expectedMs: Math.min(expectedTime(pool.policy, []).ms, span.lowMs),
    marginMs: 0,
    rounds: (rows) => fewestRounds(byZoneOf(rows), lanes.fast),
  };
}

/** Nodes that are not Ready are away already, each with the others of its kind: one after another. */
function slowPace({ pool, span, lanes }: Work): Pace {
  return {
    nodeMs: span.highMs,
    expectedMs: Math.max(expectedTime(pool.policy, []).ms, span.highMs),
    marginMs: START_MARGIN_MS,
    rounds: (rows, last) => {
      const { pool: free, perZone } = lanes.slow;
      if (last) return free < 0 || (perZone ?? 0) < 0 ? undefined : rows.length;
      return mostRounds(byZoneOf(rows), lanes.slow);
    },
  };
}

function walk(work: Work, fromMs: number, pace: Pace): Walked {
  const used: Used[] = [];
  const { canaries, others, notReady } = work;
  let turnEndMs = fromMs;
  for (const rows of [canaries, others]) {
    const lot = layLot(work, rows, { fromMs: turnEndMs, pace, last: false });
    if ('unending' in lot) return { turnEndMs: undefined, endMs: undefined, used, unending: lot.unending };
    used.push(...lot.used);
    turnEndMs = lot.endMs + (rows === canaries ? soakOf(work) : 0);
  }
  const last = layLot(work, notReady, { fromMs: turnEndMs, pace, last: true });
  if ('unending' in last) return { turnEndMs, endMs: undefined, used, unending: last.unending };
  return { turnEndMs, endMs: last.endMs, used: [...used, ...last.used] };
}

function layLot(
  { pool, away }: Work,
  rows: readonly PlanRow[],
  { fromMs, pace, last }: { fromMs: number; pace: Pace; last: boolean },
): { endMs: number; used: readonly Used[] } | { unending: string } {
  if (rows.length === 0) return { endMs: fromMs, used: [] };
  const rounds = pace.rounds(rows, last);
  if (rounds === undefined) return { unending: away };
  const laid = layRounds(pool.policy, fromMs, { ...pace, rounds });
  if (laid === undefined) return { unending: whyNoRoom(pool.name, pace) };
  return { endMs: laid.endMs, used: shareOut(laid.used, rows.length, rounds) };
}

function whyNoRoom(pool: string, { expectedMs }: Pace): string {
  return (
    `pool ${pool}: if a node takes ${formatDuration(expectedMs)}, the windows of the next year ` +
    'do not leave enough time for all of them'
  );
}

/** Only the others wait for it. */
function soakOf({ pool, canaries, others }: Work): number {
  return canaries.length > 0 && others.length > 0 ? pool.policy.canary.soakMs : 0;
}

/** The nodes of so many rounds, each round as large as the next. */
function shareOut(
  used: readonly { from: string; until: string | null; rounds: number }[],
  nodes: number,
  rounds: number,
): readonly Used[] {
  let before = 0;
  return used.map((one) => {
    const after = before + one.rounds;
    const begun = Math.ceil((nodes * after) / rounds) - Math.ceil((nodes * before) / rounds);
    before = after;
    return { from: one.from, until: one.until, nodes: begun };
  });
}

/** One line an opening, known by its end: its beginning is cut by whatever came before. */
function mergeUsed(pool: string, fast: readonly Used[], slow: readonly Used[]): readonly OpeningEstimate[] {
  const merged = new Map<string, { from: string; until: string | null; fast: number; slow: number }>();
  const add = (used: readonly Used[], pace: 'fast' | 'slow') => {
    for (const { from, until, nodes } of used) {
      const key = until ?? '';
      const one = merged.get(key) ?? { from, until, fast: 0, slow: 0 };
      one[pace] += nodes;
      if (from < one.from) one.from = from;
      merged.set(key, one);
    }
  };
  add(fast, 'fast');
  add(slow, 'slow');
  return [...merged.values()]
    .sort((a, b) => Date.parse(a.from) - Date.parse(b.from))
    .map((one) => ({
      pool,
      from: one.from,
      until: one.until,
      nodesLow: Math.min(one.fast, one.slow),
      nodesHigh: Math.max(one.fast, one.slow),
    }));
}

function gpuHoursOf(rows: readonly PlanRow[], pools: readonly PoolEstimate[]): { low: number; high: number } {
  const spans = new Map(pools.map(({ pool, node }) => [pool, node]));
  let low = 0;
  let high = 0;
  for (const { pool, disposition, gpusAllocatable = 0 } of rows) {
    const span = spans.get(pool);
    if (disposition.kind !== 'upgrade' || span === undefined) continue;
    low += gpusAllocatable * span.lowMs;
    high += gpusAllocatable * span.highMs;
  }
  return { low: toHours(low), high: toHours(high) };
}

/** To a tenth: more would look known. */
function toHours(gpuMs: number): number {
  return Math.round(gpuMs / 360_000) / 10;
}

function byZoneOf(rows: readonly PlanRow[]): ReadonlyMap<string, number> {
  return countBy(rows, ({ zone }) => zone);
}

function countBy<T>(things: readonly T[], nameOf: (thing: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const thing of things) counts.set(nameOf(thing), (counts.get(nameOf(thing)) ?? 0) + 1);
  return counts;
}

function toText(ms: number): string {
  return new Date(ms).toISOString();
}
