// What is out of date on the clusters of a fleet, and what of it is new since the last look. Judged by the same
// function as `refit nodes`. Must never take what was not seen for what is well: a cluster that could not be
// looked at keeps what was known of it.
import type { NotificationTarget } from './notification.ts';
import type { Notice } from './notification.ts';
import type { Inventory } from './inventory.ts';
import { matchPools } from './planning/match-pools.ts';
import { listOutdated } from './planning/out-of-date.ts';
import { releaseOf, renderDifference } from './planning/release-of.ts';
import type { RunDefinition } from './run.ts';

/** Input of `driftWatch`, as typed by people. */
export type DriftWatchInput = { fleet: string; clusters?: readonly string[] };

export type DriftEvent = 'updateAvailable' | 'drift';

export type OutdatedNode = {
  node: string;
  pool: string;
  /** What it shows; null: no release of the catalog. */
  release: string | null;
  target: string;
  why: string;
};

/** As it stands among the records. Without a time: as long as nothing changes it is one record. */
export type OutdatedRecord = { fleet: string; cluster: string; nodes: readonly OutdatedNode[] };

/** Nodes of one event that are out of date and were not, or not so, at the last look. */
export type FreshNodes = { nodes: number; shown: readonly { node: string; why: string }[] };

/** One look at one cluster; `record` names what was out of date. */
export type ClusterLook = {
  cluster: string;
  nodes: number;
  outdated: number;
  fresh: Readonly<Record<DriftEvent, FreshNodes>>;
  record: string;
};

/** What is told of a cluster at the end, and read again by the next look. */
export type ClusterDrift = {
  cluster: string;
  /** Null: never seen, or not this time. */
  nodes: number | null;
  outdated: number | null;
  fresh: number;
  /** What people know of: the next look is compared with it. */
  record: string | null;
  /** Why it could not be looked at. */
  trouble: string | null;
};

export type DriftResult = {
  fleet: string;
  clusters: readonly ClusterDrift[];
  /** Places that were not told, and why. */
  lost: readonly string[];
};

/** Which clusters are looked at, and who is told. */
export type DriftScope = { clusters: readonly string[]; notifications: readonly NotificationTarget[] };

/** Examples in a message; the record has all of them. */
const SHOWN_MAX = 20;
const WHY_CHARS_MAX = 300;

export function collectOutdated(
  definition: RunDefinition,
  { nodes, instances }: Pick<Inventory, 'nodes' | 'instances'>,
): { nodes: number; outdated: readonly OutdatedNode[] } {
  const { poolOf } = matchPools(nodes, definition.pools);
  const { catalog } = definition;
  const outdated = nodes.flatMap((node): OutdatedNode[] => {
    const pool = poolOf.get(node.name);
    if (pool === undefined) return [];
    const differences = listOutdated(node, { target: pool.release, catalog, instances });
    if (differences.length === 0) return [];
    const why = differences.map(renderDifference).join('; ').slice(0, WHY_CHARS_MAX);
    const release = releaseOf(node, catalog)?.name ?? null;
    return [{ node: node.name, pool: pool.name, release, target: pool.release, why }];
  });
  return { nodes: poolOf.size, outdated: outdated.toSorted((a, b) => (a.node < b.node ? -1 : 1)) };
}

/** New is a node that was not out of date, or not on this release, or not for this target. */
export function listFresh(
  before: readonly OutdatedNode[],
  now: readonly OutdatedNode[],
): Readonly<Record<DriftEvent, FreshNodes>> {
  const known = new Set(before.map(keyOf));
  const fresh = now.filter((one) => !known.has(keyOf(one)));
  const of = (event: DriftEvent): FreshNodes => {
    const found = fresh.filter(({ release }) => (release === null) === (event === 'drift'));
    const shown = found.slice(0, SHOWN_MAX).map(({ node, why }) => ({ node, why }));
    return { nodes: found.length, shown };
  };
  return { updateAvailable: of('updateAvailable'), drift: of('drift') };
}

function keyOf({ node, release, target }: OutdatedNode): string {
  return JSON.stringify([node, release, target]);
}

/** One message for all clusters; undefined when nothing of this event is new. */
export function driftNotice(
  o: { fleet: string; workflowId: string },
  event: DriftEvent,
  looks: readonly ClusterLook[],
): Notice | undefined {
  const told = looks.filter(({ fresh }) => fresh[event].nodes > 0);
  const [first] = told;
  if (first === undefined) return undefined;
  const total = told.reduce((sum, { fresh }) => sum + fresh[event].nodes, 0);
  const all = told.flatMap(({ cluster, fresh }) =>
    fresh[event].shown.map(({ node, why }) => ({ cluster, node, why })),
  );
  const nodes = all.slice(0, SHOWN_MAX);
  const count = `${String(total)} more ${total === 1 ? 'node' : 'nodes'}`;
  const where = told.map(({ cluster, fresh }) => `${String(fresh[event].nodes)} in ${cluster}`).join(', ');
  const summary =
    event === 'drift'
      ? `${count} ${total === 1 ? 'shows' : 'show'} no release of the catalog: ${where}`
      : `${count} could be upgraded: ${where}`;
  return {
    event,
    ...o,
    cluster: told.length === 1 ? first.cluster : null,
    summary: summary.slice(0, WHY_CHARS_MAX),
    gates: [],
    gatesLeft: 0,
    nodes,
    nodesLeft: total - nodes.length,
  };
}

/** Told once for as long as it lasts; undefined when no cluster is newly out of sight. */
export function blindNotice(
  o: { fleet: string; workflowId: string },
  troubles: readonly { cluster: string; trouble: string }[],
): Notice | undefined {
  const [first] = troubles;
  if (first === undefined) return undefined;
  const names = troubles.map(({ cluster }) => cluster).join(', ');
  const summary = `could not be looked at for drift: ${names}: ${first.trouble}`;
  return {
    event: 'failed',
    ...o,
    cluster: troubles.length === 1 ? first.cluster : null,
    summary: summary.slice(0, WHY_CHARS_MAX * 2),
    gates: [],
    gatesLeft: 0,
    nodes: [],
    nodesLeft: 0,
  };
}

/** What the last look left: the result of the run before, which may be of another version. */
export type LastLook = {
  /** By cluster. */
  records: ReadonlyMap<string, string>;
  /** Clusters that it could not look at. */
  blind: ReadonlySet<string>;
};

export function readLastLook(result: unknown): LastLook {
  const clusters = (result as { clusters?: unknown } | null | undefined)?.clusters;
  const records = new Map<string, string>();
  const blind = new Set<string>();
  for (const one of Array.isArray(clusters) ? (clusters as readonly unknown[]) : []) {
    const { cluster, record, trouble } = (one ?? {}) as Partial<Record<keyof ClusterDrift, unknown>>;
    if (typeof cluster !== 'string') continue;
    if (typeof record === 'string') records.set(cluster, record);
    if (typeof trouble === 'string') blind.add(cluster);
  }
  return { records, blind };
}
