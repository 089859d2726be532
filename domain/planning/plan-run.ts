// The plan of a whole run: who is in scope → what forbids it → one row for each node → the head that
// people read. Pure; the caller brings the observation, stores the rows and names them by a digest.
// Must never plan around a refusal: either all of it may go, or nothing is touched.
//
// The inventory is a snapshot: every row is looked at again when its turn has come (plan-next.ts).
import type { Pool } from '../fleet.ts';
import type { Inventory } from '../inventory.ts';
import type { PlanRow, PlanSummary, Refusal } from '../plan.ts';
import type { OwnerMark, RunDefinition } from '../run.ts';
import { countPlaces, listUnavailable, unavailableMaxOf } from './budget.ts';
import { checkRun } from './check-run.ts';
import { expectedTime } from './expected-time.ts';
import { instanceTypeOf, isReady, zoneOf } from './node-reading.ts';
import { releaseOf } from './release-of.ts';
import { warnOfCapacity } from './room.ts';
import { planScope } from './scope.ts';
import type { Scope, ScopeEntry } from './scope.ts';
import { wayBackOf } from './way-back.ts';
import { listOpenings } from './why-closed.ts';
import { own } from '../own.ts';

/** The summary as far as it can be known before the rows are stored. */
type PlanDraft = Omit<PlanSummary, 'digest' | 'pages'>;

export type RunPlan =
  | { kind: 'refused'; refusals: readonly Refusal[] }
  | { kind: 'planned'; draft: PlanDraft; rows: readonly PlanRow[] };

/** `owner` is the mark of the run that plans, or null for one who only looks. */
export function planRun(definition: RunDefinition, inventory: Inventory, owner: OwnerMark | null): RunPlan {
  const scope = planScope(definition, inventory, owner);
  const refusals = checkRun(definition, inventory, scope);
  if (refusals.length > 0) return { kind: 'refused', refusals };
  const rows = scope.entries.map((entry) => planRow(entry, definition, inventory.images));
  const draft: PlanDraft = {
    observedAt: inventory.observedAt,
    rows: rows.length,
    counts: countDispositions(rows),
    pools: planPools(definition, scope, rows, inventory.observedAt),
    oldRootVolumes: planOldRootVolumes(scope),
    warnings: listWarnings(definition, scope, rows, inventory),
  };
  return { kind: 'planned', draft, rows };
}

function planRow(entry: ScopeEntry, definition: RunDefinition, images: Inventory['images']): PlanRow {
  const { node, pool, release, disposition } = entry;
  return {
    node: node.name,
    uid: node.uid,
    pool: pool.name,
    zone: zoneOf(node),
    instanceId: entry.instanceId ?? '',
    instanceType: entry.instance?.instanceType ?? instanceTypeOf(node),
    from: releaseOf(node, definition.catalog)?.name ?? null,
    to: release.name,
    disposition,
    gpusAllocatable: node.gpusAllocatable,
    ...(entry.canary ? { canary: true } : {}),
    ...(disposition.kind === 'upgrade' && !isReady(node) ? { wasNotReady: true } : {}),
    ...(disposition.kind === 'upgrade'
      ? wayBackOf(node, { ...entry, catalog: definition.catalog, images })
      : {}),
  };
}

function countDispositions(rows: readonly PlanRow[]): PlanSummary['counts'] {
  const counts = { upgrade: 0, upToDate: 0, leftAlone: 0 };
  for (const row of rows) counts[row.disposition.kind] += 1;
  return counts;
}

/** How a release is called that the catalog does not know. */
const UNKNOWN_RELEASE = 'unknown';

function planPools(
  definition: RunDefinition,
  scope: Scope,
  rows: readonly PlanRow[],
  observedAt: string,
): PlanSummary['pools'] {
  return definition.pools.map((pool) => {
    const ofPool = rows.filter((row) => row.pool === pool.name);
    const upgrades = ofPool.filter((row) => row.disposition.kind === 'upgrade');
    const from: Record<string, number> = {};
    for (const row of upgrades) {
      const name = row.from ?? UNKNOWN_RELEASE;
      from[name] = (own(from, name) ?? 0) + 1;
    }
    return {
      name: pool.name,
      nodes: ofPool.length,
      upgrade: upgrades.length,
      from,
      to: own(definition.releases, pool.name)?.name ?? UNKNOWN_RELEASE,
      unavailableMax: unavailableMaxOf(pool, countPlaces(scope.match.nodesOf.get(pool.name) ?? [])),
      ...countRows('canaries', ofPool, (row) => row.canary === true),
      ...countRows('notReady', ofPool, (row) => row.wasNotReady === true),
      ...countRows('noWayBack', ofPool, (row) => row.noWayBack !== undefined),
      ...countRows('formerGone', ofPool, (row) => row.formerGone === true),
      ...planHours(pool, observedAt, upgrades.length),
    };
  });
}

/** Three openings show what is meant; nothing for a pool that may be begun at any time. */
const OPENINGS_TOLD_MAX = 3;

function planHours(
  pool: Pool,
  observedAt: string,
  upgrades: number,
): Pick<PlanSummary['pools'][number], 'openings' | 'expectedMs'> {
  const { windows, exclusions } = pool.policy;
  if (upgrades === 0 || (windows.length === 0 && exclusions.length === 0)) return {};
  return {
    openings: listOpenings(pool, observedAt, OPENINGS_TOLD_MAX),
    expectedMs: expectedTime(pool.policy, []).ms,
  };
}

/** Nothing where there are none: most plans have neither. */
function countRows<K extends string>(
  name: K,
  rows: readonly PlanRow[],
  counts: (row: PlanRow) => boolean,
): Partial<Record<K, number>> {
  const found = rows.filter(counts).length;
  return found === 0 ? {} : ({ [name]: found } as Record<K, number>);
}

/** Volumes that stay behind and cost; those of unknown size count, and a warning says so. */
function planOldRootVolumes(scope: Scope): PlanSummary['oldRootVolumes'] {
  const kept = scope.entries.filter(keepsOldRootVolume);
  if (kept.length === 0) return null;
  let sizeGib = 0;
  let keptForMs = 0;
  for (const { instance, pool } of kept) {
    sizeGib += instance?.rootVolumeSizeGib ?? 0;
    const { oldRootVolume } = pool.policy.reimage;
    if (oldRootVolume.kind === 'keep') keptForMs = Math.max(keptForMs, oldRootVolume.forMs);
  }
  return { count: kept.length, sizeGib, keptForMs };
}

function keepsOldRootVolume({ disposition, pool }: ScopeEntry): boolean {
  const { method, oldRootVolume } = pool.policy.reimage;
  return disposition.kind === 'upgrade' && method === 'rootVolume' && oldRootVolume.kind === 'keep';
}

/** More than twenty warnings are read by nobody. */
const WARNINGS_MAX = 20;

function listWarnings(
  definition: RunDefinition,
  scope: Scope,
  rows: readonly PlanRow[],
  inventory: Inventory,
): readonly string[] {
  const upgrades = scope.entries.filter(({ disposition }) => disposition.kind === 'upgrade');
  const warnings = definition.pools.flatMap(({ name }) => warnOfCapacity(name, inventory, upgrades));
  const unknown = rows.filter((row) => row.disposition.kind === 'upgrade' && row.from === null);
  if (unknown.length > 0) {
    warnings.push(
      `${unknown.length} nodes show no release of the catalog (the first is ${unknown[0]?.node}): ` +
        'they are taken to the new release, and would go back to the images of their instances',
    );
  }
  const stuck = rows.filter((row) => row.noWayBack !== undefined);
  if (stuck.length > 0) {
    const [first] = stuck;
    warnings.push(
      `${stuck.length} nodes have no way back, a rollback would leave them as they are ` +
        `(the first is ${first?.node}: ${first?.noWayBack})`,
    );
  }
  const unsized = scope.entries.filter(
    (entry) => keepsOldRootVolume(entry) && (entry.instance?.rootVolumeSizeGib ?? null) === null,
  );
  if (unsized.length > 0) warnings.push(`the root volumes of ${unsized.length} nodes are of unknown size`);
  for (const release of new Set(Object.values(definition.releases))) {
    if (release.expects.kubeletVersion !== null) continue;
    warnings.push(
      `release ${release.name} names no kubelet version: its fit to the API server is not checked`,
    );
  }
  const { lowerTiers, tier } = definition;
  if (lowerTiers !== undefined) {
    const first = lowerTiers.found[0] ?? '';
    warnings.push(`gate tier/${tier} will ask before any node is touched: ${first}`);
  }
  for (const pool of definition.pools) warnings.push(...warnOfPool(pool.name, definition, scope));
  return warnings.slice(0, WARNINGS_MAX);
}

function warnOfPool(name: string, definition: RunDefinition, scope: Scope): readonly string[] {
  const pool = definition.pools.find((candidate) => candidate.name === name);
  const nodes = scope.match.nodesOf.get(name) ?? [];
  const hasWork = scope.entries.some((e) => e.pool.name === name && e.disposition.kind === 'upgrade');
  if (pool === undefined || !hasWork) return [];
  const unavailableMax = unavailableMaxOf(pool, countPlaces(nodes));
  const unavailable = listUnavailable(nodes, new Set());
  if (unavailable.length < unavailableMax) return [];
  return [
    `pool ${name}: ${unavailable.length} of ${nodes.length} nodes are not Ready or cordoned now, ` +
      `and unavailableMax allows ${unavailableMax}: no other node is taken until that is fewer`,
  ];
}
