// What `refit nodes` knows of each node: what was observed, with what the open run says laid over it.
// Pure. A node's own annotations count only where no run is open to ask.
import type { Fleet, Cluster } from '../../domain/fleet.ts';
import type { Inventory, NodeFacts } from '../../domain/inventory.ts';
import type { NodeStateName } from '../../domain/node-state.ts';
import { matchPools } from '../../domain/planning/match-pools.ts';
import {
  cordonOf,
  instanceIdOf,
  instanceTypeOf,
  QUARANTINE_ANNOTATION,
  zoneOf,
} from '../../domain/planning/node-reading.ts';
import { imageIdOf, listOutdated } from '../../domain/planning/out-of-date.ts';
import { releaseOf } from '../../domain/planning/release-of.ts';
import type { Difference } from '../../domain/planning/release-of.ts';
import { releasesIn } from '../../domain/release-image.ts';
import type { TableRow } from '../../domain/status.ts';

export type NodeRow = {
  node: string;
  pool: string;
  zone: string;
  state: NodeStateName;
  /** kubectl's column. */
  status: string;
  createdAt: string;
  /** Release that it shows; null when the catalog has none like it. */
  release: string | null;
  /** Release that it should run. */
  target: string;
  updateAvailable: boolean;
  /** What it shows other than `target` expects; empty when it is up to date. */
  outdated: readonly Difference[];
  /** What a run says of it: progress, reason, outcome. */
  note: string;
  instanceId: string | null;
  instanceType: string;
  internalIp: string;
  imageId: string | null;
};

/** As people count: ip-10-0-0-2 before ip-10-0-0-10. In one language, so that it is the same everywhere. */
const BY_NAME = new Intl.Collator('en', { numeric: true });

const STATE_ANNOTATION = 'refit.dev/state';

export function makeNodeRows(o: {
  fleet: Fleet;
  cluster: Cluster;
  inventory: Inventory;
  pool: string | undefined;
  /** Rows of the open run's table; empty without one. */
  table: readonly TableRow[];
}): readonly NodeRow[] {
  const { poolOf } = matchPools(o.inventory.nodes, o.cluster.pools);
  const told = new Map(o.table.map((row) => [row.node, row]));
  const catalog = releasesIn(o.fleet.releases, o.cluster.provider.region);
  const nodes = [...o.inventory.nodes].sort((one, other) => BY_NAME.compare(one.name, other.name));
  return nodes.flatMap((node) => {
    const pool = poolOf.get(node.name);
    if (pool === undefined || (o.pool !== undefined && pool.name !== o.pool)) return [];
    const row = told.get(node.name);
    const target = row?.to ?? pool.release;
    const { instances } = o.inventory;
    const outdated = listOutdated(node, { target, catalog, instances });
    return [
      {
        node: node.name,
        pool: pool.name,
        zone: zoneOf(node),
        state: row?.state ?? stateShown(node),
        status: kubectlStatus(node),
        createdAt: node.createdAt,
        release: releaseOf(node, catalog)?.name ?? null,
        target,
        updateAvailable: outdated.length > 0,
        outdated,
        note: row?.note ?? '',
        instanceId: instanceIdOf(node),
        instanceType: instanceTypeOf(node),
        internalIp: node.internalIp,
        imageId: imageIdOf(node, instances),
      },
    ];
  });
}

/** Without a run to ask: what the node's own annotations say. */
function stateShown(node: NodeFacts): NodeStateName {
  if (node.annotations[QUARANTINE_ANNOTATION] !== undefined) return 'quarantined';
  const cordon = cordonOf(node, null);
  if (cordon.kind === 'none') return 'normal';
  if (cordon.kind === 'other') return 'cordoned-by-other';
  return STATES_ON_THE_WAY.find((state) => state === node.annotations[STATE_ANNOTATION]) ?? 'cordoned';
}

/** Between cordon and uncordon, or stuck there. */
export const STATES_ON_THE_WAY: readonly NodeStateName[] = [
  'cordoned',
  'draining',
  'deferred',
  'reimaging',
  'rejoining',
  'burning-in',
  'verifying',
  'soaking',
  'failed',
];

/** As `kubectl get nodes` prints STATUS. */
function kubectlStatus(node: NodeFacts): string {
  const ready = node.ready === 'True' ? 'Ready' : 'NotReady';
  return node.unschedulable ? `${ready},SchedulingDisabled` : ready;
}
