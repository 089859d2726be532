// The plan as a change request that a person can say yes to: what changes, in which order, how many
// at once, what each node goes through, what stays behind, who is asked. Says what is left out.
import { formatAmount } from '../amount.ts';
import { formatDuration } from '../duration.ts';
import type { PlanEstimate } from '../estimate.ts';
import type { Pool } from '../fleet.ts';
import type { PlanRow, PlanSummary } from '../plan.ts';
import type { RunDefinition } from '../run.ts';
import { indent, renderColumns } from './columns.ts';
import { renderEstimate } from './estimate.ts';
import { renderHours } from './hours.ts';
import { renderApproval, renderFailure, renderWay } from './policy.ts';
import { renderOrigins } from './origins.ts';
import { renderPreflight } from './preflight.ts';
import { printable } from './printable.ts';
import { renderTurns } from './turns.ts';
import { own } from '../own.ts';

/** A screen or two; the rest is in the JSON. */
const ROWS_SHOWN = 200;

/** `definition` adds what the policies say, `estimate` what it is expected to take. */
export function renderPlan(
  summary: PlanSummary,
  rows: readonly PlanRow[],
  definition?: RunDefinition,
  estimate?: PlanEstimate,
): string {
  return [
    ...renderHead(summary, definition),
    '',
    ...renderPools(summary, definition),
    ...(definition === undefined
      ? []
      : definition.pools.flatMap((pool) => renderPool(pool, summary, definition))),
    ...renderExpected(estimate),
    ...renderStaying(summary),
    ...renderWarnings(summary),
    ...renderPreflight(summary, rows),
    ...(definition === undefined ? [] : renderOrigins(definition)),
    ...renderUpgrades(rows),
    ...renderLeftAlone(rows),
  ].join('\n');
}

function renderHead(summary: PlanSummary, definition: RunDefinition | undefined): readonly string[] {
  const { upgrade, upToDate, leftAlone } = summary.counts;
  const title =
    definition === undefined
      ? []
      : [`Plan for cluster ${definition.cluster.name} (${definition.tier}) of fleet ${definition.fleet}`];
  return [
    ...title,
    `${upgrade} of ${summary.rows} nodes to upgrade, ${upToDate} up to date, ${leftAlone} left alone`,
    `observed ${summary.observedAt}, digest ${summary.digest}`,
  ];
}

function renderPools(summary: PlanSummary, definition: RunDefinition | undefined): readonly string[] {
  const header = ['POOL', 'NODES', 'UPGRADE', 'FROM', 'TO', 'AT ONCE'];
  const rows = summary.pools.map((pool) => {
    const declared = definition?.pools.find((candidate) => candidate.name === pool.name);
    return [
      pool.name,
      String(pool.nodes),
      String(pool.upgrade),
      renderFrom(pool.from),
      pool.to,
      renderAtOnce(pool.unavailableMax, declared),
    ];
  });
  const order =
    'Pools one after another, in this order; in a pool zone by zone, the fewest pods to move first.';
  return [...renderColumns(header, rows), order, ...renderClusterBound(definition)];
}

function renderClusterBound(definition: RunDefinition | undefined): readonly string[] {
  const max = definition?.clusterUnavailableMax ?? null;
  if (max === null) return [];
  return [`At most ${formatAmount(max)} of all nodes of the cluster away at once, for whatever reason.`];
}

function renderFrom(from: Readonly<Record<string, number>>): string {
  const names = Object.entries(from).map(([name, nodes]) => `${name} (${nodes})`);
  return names.length === 0 ? '-' : names.join(', ');
}

function renderAtOnce(unavailableMax: number, pool: Pool | undefined): string {
  if (pool === undefined) return String(unavailableMax);
  const { unavailableMax: amount, surge } = pool.policy.disruption;
  if (surge > 0) return `${unavailableMax} (${formatAmount(amount)} and surge ${surge})`;
  return amount.kind === 'percent' ? `${unavailableMax} (${formatAmount(amount)})` : String(unavailableMax);
}

function renderPool(pool: Pool, summary: PlanSummary, definition: RunDefinition): readonly string[] {
  const release = own(definition.releases, pool.name);
  const planned = summary.pools.find((candidate) => candidate.name === pool.name);
  if (release === undefined || planned === undefined || planned.upgrade === 0) return [];
  const steps = renderWay(pool, release.imageId).map((step, index) => `${index + 1}. ${step}`);
  return [
    '',
    `Each node of ${pool.name} (policy ${pool.policy.name}, ${pool.sla ? 'with an SLA' : 'without an SLA'})`,
    ...indent(steps),
    ...indent([`asked: ${renderApproval(pool.policy)}`, `failures: ${renderFailure(pool.policy)}`]),
    ...indent(renderTurns(pool, planned)),
    ...indent(renderHours(pool, planned)),
  ];
}

function renderExpected(estimate: PlanEstimate | undefined): readonly string[] {
  if (estimate === undefined || estimate.pools.length === 0) return [];
  const [first = '', ...others] = renderEstimate(estimate);
  return ['', `${first.slice(0, 1).toUpperCase()}${first.slice(1)}`, ...others];
}

function renderStaying({ oldRootVolumes }: PlanSummary): readonly string[] {
  if (oldRootVolumes === null) return [];
  const { count, sizeGib, keptForMs } = oldRootVolumes;
  return [
    '',
    `Stays behind and costs: ${count} old root volumes, ${sizeGib} GiB in all, ` +
      `each deleted ${formatDuration(keptForMs)} after it was replaced`,
  ];
}

function renderWarnings({ warnings }: PlanSummary): readonly string[] {
  if (warnings.length === 0) return [];
  return ['', 'To be known', ...indent(warnings.map((warning) => `! ${printable(warning)}`))];
}

function renderUpgrades(rows: readonly PlanRow[]): readonly string[] {
  const upgrades = rows.filter((row) => row.disposition.kind === 'upgrade');
  if (upgrades.length === 0) return [];
  const shown = upgrades.slice(0, ROWS_SHOWN);
  const cells = shown.map((row) => [
    row.node,
    row.pool,
    row.zone,
    row.instanceId,
    row.instanceType,
    `${row.from ?? 'unknown'} --> ${row.to}${row.canary === true ? '  canary' : ''}${row.noWayBack === undefined ? '' : '  no way back'}`,
  ]);
  const left = upgrades.length - shown.length;
  return [
    '',
    ...renderColumns(['NODE', 'POOL', 'ZONE', 'INSTANCE', 'TYPE', 'RELEASE'], cells),
    ...(left > 0 ? [`… and ${left} more nodes: -o json shows all`] : []),
  ];
}

function renderLeftAlone(rows: readonly PlanRow[]): readonly string[] {
  const lines = rows.flatMap(({ node, disposition }) =>
    disposition.kind === 'leftAlone' ? [`${node}: ${printable(disposition.why.text)}`] : [],
  );
  if (lines.length === 0) return [];
  const left = lines.length - ROWS_SHOWN;
  const more = left > 0 ? [`… and ${left} more nodes: -o json shows all`] : [];
  return ['', 'Left alone', ...indent([...lines.slice(0, ROWS_SHOWN), ...more])];
}
