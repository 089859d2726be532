// The plan as a change request, for people who were not there and sign: what changes, in which order and why,
// what may go wrong, when, how long, what way back there is, who is asked. Nothing in it is more than the
// plan itself says; the digest names that plan, and a run by that digest is this plan or nothing.
import { formatAmount } from '../amount.ts';
import { heading, list, paragraph, table } from '../document.ts';
import type { Block } from '../document.ts';
import { formatDuration } from '../duration.ts';
import type { PlanEstimate } from '../estimate.ts';
import type { Pool } from '../fleet.ts';
import type { PlanRow, PlanSummary } from '../plan.ts';
import { BLOCK_KINDS } from '../preflight.ts';
import type { RunDefinition } from '../run.ts';
import {
  ESTIMATE_LEAVES_OUT,
  renderApprovalNeed,
  renderExpectedTime,
  renderGpuHours,
  renderOpeningEstimate,
  renderPoolEstimate,
} from './estimate.ts';
import { renderHours } from './hours.ts';
import { renderApproval, renderFailure, renderWay } from './policy.ts';
import { renderRisk } from './preflight.ts';
import { renderTurns } from './turns.ts';
import { wayBack } from './way-back.ts';
import { own } from '../own.ts';

/** More nodes are read by nobody; the plan's JSON has them all. */
const NODES_SHOWN = 500;
const LEFT_ALONE_SHOWN = 100;

export type PlannedChange = {
  summary: PlanSummary;
  rows: readonly PlanRow[];
  definition: RunDefinition;
  estimate: PlanEstimate | undefined;
};

/** `start`: the command that starts this very plan. */
export function changeRequest(change: PlannedChange & { start: string }): readonly Block[] {
  return [...describeChange(change), ...signatures(change)];
}

/** What would be done, without what is signed. */
export function describeChange(change: PlannedChange): readonly Block[] {
  return [
    ...head(change),
    ...scope(change),
    ...order(change),
    ...eachNode(change),
    ...time(change),
    ...risks(change),
    ...wayBack(change),
    ...asked(change),
    ...nodes(change),
  ];
}

function head({ summary, definition }: PlannedChange): readonly Block[] {
  const releases = [...new Set(Object.values(definition.releases).map(({ name }) => name))];
  const { cluster, fleet, tier, requestedBy } = definition;
  return [
    heading(1, `Change request: ${releases.join(', ')} on cluster ${cluster.name}`),
    ...table(
      ['', ''],
      [
        ['Fleet', fleet],
        ['Cluster', `${cluster.name}, tier ${tier}`],
        ['Requested by', requestedBy ?? 'not said'],
        ['Observed', summary.observedAt],
        ['Digest of the plan', summary.digest],
      ],
    ),
  ];
}

function scope({ summary, rows, definition }: PlannedChange): readonly Block[] {
  const { upgrade, upToDate, leftAlone } = summary.counts;
  const pools = summary.pools.map((pool) => {
    const declared = definition.pools.find(({ name }) => name === pool.name);
    const from = Object.entries(pool.from).map(([name, count]) => `${name} (${count})`);
    const image = own(definition.releases, pool.name)?.imageId ?? '';
    const nodesOf = `${pool.upgrade} of ${pool.nodes}`;
    return [pool.name, declared?.sla === true ? 'yes' : 'no', nodesOf, from.join(', '), pool.to, image];
  });
  const left = rows.flatMap(({ node, disposition }) =>
    disposition.kind === 'leftAlone' ? [[node, disposition.why.text]] : [],
  );
  return [
    heading(2, 'Scope'),
    paragraph(
      `Nodes to be upgraded: ${upgrade} of ${summary.rows}; up to date already: ${upToDate}; left alone: ${leftAlone}.`,
    ),
    ...table(['Pool', 'SLA', 'Nodes', 'From', 'To', 'Image'], pools),
    ...(left.length === 0 ? [] : [heading(3, 'Left alone')]),
    ...table(['Node', 'Why'], left, { rowsMax: LEFT_ALONE_SHOWN, more: 'the JSON of the plan has all' }),
  ];
}

function order({ summary, definition }: PlannedChange): readonly Block[] {
  const pools = summary.pools.filter(({ upgrade }) => upgrade > 0);
  const bound = definition.clusterUnavailableMax;
  const items = pools.map((planned) => {
    const pool = definition.pools.find(({ name }) => name === planned.name);
    const turns = pool === undefined ? [] : renderTurns(pool, planned);
    const { name, unavailableMax } = planned;
    return [
      `${name}: at most ${unavailableMax === 1 ? 'one node' : `${unavailableMax} nodes`} away at once`,
      ...turns,
    ].join('; ');
  });
  return [
    heading(2, 'Order'),
    paragraph(
      'One pool after another, those without an SLA first, so that trouble shows where it costs least. In a pool ' +
        'zone by zone, so that one zone at a time is disturbed; in a zone empty nodes first, then those with ' +
        'the fewest pods to move.',
    ),
    ...(items.length === 0 ? [] : [{ kind: 'list' as const, ordered: true as const, items }]),
    ...(bound === null
      ? []
      : [
          paragraph(
            `At most ${formatAmount(bound)} of all nodes of the cluster are away at once, for whatever reason.`,
          ),
        ]),
  ];
}

function eachNode({ summary, definition }: PlannedChange): readonly Block[] {
  const blocks = definition.pools.flatMap((pool): readonly Block[] => {
    const release = own(definition.releases, pool.name);
    if (release === undefined || !hasWork(summary, pool)) return [];
    return [
      heading(3, `Pool ${pool.name}, policy ${pool.policy.name}`),
      { kind: 'list', ordered: true, items: renderWay(pool, release.imageId) },
      ...list([`When nodes fail: ${renderFailure(pool.policy)}`]),
    ];
  });
  return blocks.length === 0 ? [] : [heading(2, 'What happens to each node'), ...blocks];
}

function hasWork(summary: PlanSummary, pool: Pool): boolean {
  return summary.pools.some(({ name, upgrade }) => name === pool.name && upgrade > 0);
}

function time({ summary, definition, estimate }: PlannedChange): readonly Block[] {
  const hours = summary.pools.flatMap((planned) => {
    const pool = definition.pools.find(({ name }) => name === planned.name);
    if (pool === undefined || planned.upgrade === 0) return [];
    return renderHours(pool, planned).map((line) => `${planned.name}: ${line}`);
  });
  return [
    heading(2, 'When, and for how long'),
    ...(hours.length === 0
      ? [paragraph('No windows and no exclusions: begun as soon as it is started.')]
      : list(hours)),
    ...(estimate === undefined ? [paragraph('How long it takes was not estimated.')] : expected(estimate)),
  ];
}

function expected({ from, whole, pools, openings, openingsLeft }: PlanEstimate): readonly Block[] {
  if (pools.length === 0) return [];
  return [
    paragraph(
      `It is ${renderExpectedTime(whole)}, counted from ${from}. GPUs idle: ${renderGpuHours(whole)}. ` +
        `${ESTIMATE_LEAVES_OUT.slice(0, 1).toUpperCase()}${ESTIMATE_LEAVES_OUT.slice(1)}.`,
    ),
    ...table(
      ['Pool', 'Expected'],
      pools.map((pool) => [pool.pool, renderPoolEstimate(pool)]),
    ),
    ...table(
      ['Pool', 'Window'],
      openings.map((opening) => [opening.pool, renderOpeningEstimate(opening)]),
    ),
    ...(openingsLeft > 0 ? [paragraph(`… and ${openingsLeft} more windows after these.`)] : []),
  ];
}

function risks({ summary }: PlannedChange): readonly Block[] {
  const { oldRootVolumes: stays, preflight, warnings } = summary;
  const items = [
    ...(preflight?.risks ?? []).map(renderRisk),
    ...warnings,
    ...(stays === null
      ? []
      : [
          `${stays.count} old root volumes stay behind and cost, ${stays.sizeGib} GiB in all, each for ` +
            formatDuration(stays.keptForMs),
        ]),
  ];
  return [
    heading(2, 'Risks'),
    ...(items.length === 0 ? [paragraph('The plan found none to name.')] : list(items)),
    ...(preflight === undefined && summary.counts.upgrade > 0
      ? [paragraph('What the drains would meet was not looked at.')]
      : []),
    ...whatIsNotTold(preflight?.limits ?? []),
  ];
}

/** Who signs must know where nobody looked. */
function whatIsNotTold(limits: readonly string[]): readonly Block[] {
  return limits.length === 0 ? [] : [paragraph('What that does not tell:'), ...list(limits)];
}

function asked({ summary, definition, estimate }: PlannedChange): readonly Block[] {
  const needs = (estimate?.approvals ?? []).map(renderApprovalNeed);
  const rules = definition.pools
    .filter((pool) => hasWork(summary, pool))
    .map((pool) => `${pool.name}: ${renderApproval(pool.policy)}`);
  return [
    heading(2, 'Approvals while it runs'),
    paragraph(
      'Each is waited for as long as it takes; refit approve shows what is asked, with what is known then.',
    ),
    ...list(estimate === undefined ? rules : needs),
    ...(estimate !== undefined && needs.length === 0 ? [paragraph('None: the policy asks nobody.')] : []),
  ];
}

function nodes({ rows }: PlannedChange): readonly Block[] {
  const upgrades = rows.filter(({ disposition }) => disposition.kind === 'upgrade');
  const cells = upgrades.map((row, index) => [
    String(index + 1),
    row.node,
    row.pool,
    row.zone,
    row.instanceId,
    `${row.from ?? 'unknown'} → ${row.to}`,
    row.meets === undefined ? '' : String(row.meets.pods),
    noteOf(row),
  ]);
  return [
    heading(2, 'Nodes, in their order'),
    ...(cells.length === 0 ? [paragraph('None: nothing is to be done.')] : []),
    ...table(['', 'Node', 'Pool', 'Zone', 'Instance', 'Release', 'Pods', ''], cells, {
      rowsMax: NODES_SHOWN,
      more: 'the JSON of the plan has all',
    }),
    ...(cells.length === 0
      ? []
      : [
          paragraph(
            'Within a zone the order follows the pods that the nodes carry, and may change until it begins.',
          ),
        ]),
  ];
}

function noteOf({ canary, wasNotReady, meets }: PlanRow): string {
  const held = (meets?.risks ?? []).filter(({ kind }) => BLOCK_KINDS.includes(kind)).length > 0;
  return [
    ...(canary === true ? ['canary'] : []),
    ...(wasNotReady === true ? ['not Ready now: last'] : []),
    ...(held ? ['its drain would be held up'] : []),
  ].join('; ');
}

function signatures({ definition, start }: PlannedChange & { start: string }): readonly Block[] {
  return [
    heading(2, 'Signatures'),
    paragraph(
      'What is signed is the plan of this digest. Started by it, a run is this plan or does not begin:',
    ),
    { kind: 'command', text: start },
    ...linesToSign({ requestedBy: definition.requestedBy, approvers: approversOf(definition) }),
  ];
}

/** The most that a policy asks for. */
export function approversOf({ pools }: RunDefinition): number {
  return Math.max(1, ...pools.map(({ policy }) => policy.approval.approvers));
}

export function linesToSign(o: { requestedBy: string | null; approvers: number }): readonly Block[] {
  const people = [
    ['Requested by', o.requestedBy ?? ''],
    ...Array.from({ length: o.approvers }, () => ['Approved by', '']),
  ];
  return table(
    ['', 'Name', 'Date', 'Signature'],
    people.map(([role = '', name = '']) => [role, name, '', '']),
  );
}
