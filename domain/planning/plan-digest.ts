// What the digest of a plan is made of, by named parts: what the run was given to do, what happens to which
// node, and what blocks its drain. Kept as a record it is named by the plan's very digest, so that whoever
// demands a plan that is not the plan any more can be told what has moved (domain/plan-moves.ts).
// Not in it: how the cluster is reached, who asked, and the order, which changes with every pod that
// moves; else `refit plan` and the run that it was made for would never agree.
// Must never leave out what changes a node's fate.
import type { Amount } from '../policy.ts';
import type { Pool, Provider, Release, Tier } from '../fleet.ts';
import type { PlanRow } from '../plan.ts';
import { BLOCK_KINDS } from '../preflight.ts';
import type { RiskKind } from '../preflight.ts';
import type { RunDefinition } from '../run.ts';
import { compareText } from './order.ts';

export type PlanBasis = {
  fleet: string;
  cluster: string;
  provider: Provider;
  tier: Tier;
  clusterUnavailableMax: Amount | null;
  pools: readonly Pool[];
  releases: Readonly<Record<string, Release>>;
  /** By name of the node. */
  fates: readonly NodeFate[];
  /** Nodes that a drain would not get empty without a person, by name; absent: there is none. */
  blocks?: readonly { node: string; kinds: readonly RiskKind[] }[];
};

export type NodeFate = Pick<PlanRow, 'node' | 'uid' | 'pool' | 'instanceId' | 'from' | 'to'> & {
  /** The kind of what happens to it, or of why nothing does. */
  fate: string;
  /** Nothing is known that it could go back to; absent: something is. */
  noWayBack?: true;
};

export function planBasis(definition: RunDefinition, rows: readonly PlanRow[]): PlanBasis {
  const { fleet, cluster, tier, clusterUnavailableMax, pools, releases } = definition;
  const byName = [...rows].sort((a, b) => compareText(a.node, b.node));
  const blocks = byName.flatMap(({ node, meets }) => {
    const kinds = (meets?.risks ?? []).map(({ kind }) => kind).filter((kind) => BLOCK_KINDS.includes(kind));
    return kinds.length === 0 ? [] : [{ node, kinds: kinds.sort(compareText) }];
  });
  return {
    fleet,
    cluster: cluster.name,
    provider: cluster.provider,
    tier,
    clusterUnavailableMax,
    pools,
    releases,
    fates: byName.map(fateOf),
    ...(blocks.length === 0 ? {} : { blocks }),
  };
}

function fateOf(row: PlanRow): NodeFate {
  const { node, uid, pool, instanceId, from, to, disposition, noWayBack } = row;
  // The text of a reason may name a moment; its kind is what counts.
  const fate = disposition.kind === 'leftAlone' ? disposition.why.kind : disposition.kind;
  const back = noWayBack === undefined ? {} : ({ noWayBack: true } as const);
  return { node, uid, pool, instanceId, from, to, fate, ...back };
}

/** The text whose SHA-256 is the plan's digest: as the records write it. */
export function renderBasis(basis: PlanBasis): string {
  return canonicalJson(basis);
}

/** JSON with keys in code-unit order and no spaces: the same value gives the same text everywhere. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => compareText(a, b));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`;
}
