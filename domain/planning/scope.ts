// Which nodes a run is about, and what happens to each: the pools' nodes, or only those that were
// named. A person who names a node means it, so what would only leave a node alone refuses the run
// when that node was named. Must never widen the scope beyond what was asked.
import type { Pool, Release } from '../fleet.ts';
import type { Inventory, InstanceFacts, NodeFacts } from '../inventory.ts';
import type { Disposition, Refusal, WhyKind } from '../plan.ts';
import type { OwnerMark, RunDefinition } from '../run.ts';
import { chooseCanaries } from './canary.ts';
import { dispositionOf, whyNoInstance } from './disposition.ts';
import { matchPools } from './match-pools.ts';
import type { PoolMatch } from './match-pools.ts';
import { instanceIdOf } from './node-reading.ts';
import { compareNodes } from './order.ts';
import { own } from '../own.ts';

export type ScopeEntry = {
  node: NodeFacts;
  pool: Pool;
  release: Release;
  instanceId: string | null;
  instance: InstanceFacts | undefined;
  disposition: Disposition;
  canary: boolean;
};

export type Scope = {
  match: PoolMatch;
  /** In the order in which they would be taken. */
  entries: readonly ScopeEntry[];
  refusals: readonly Refusal[];
};

/** `owner` is null for one who only looks. */
export function planScope(definition: RunDefinition, inventory: Inventory, owner: OwnerMark | null): Scope {
  const match = matchPools(inventory.nodes, definition.pools);
  const named = definition.nodes === null ? null : new Set(definition.nodes);
  const refusals: Refusal[] = [...match.refusals, ...checkNames(definition, inventory, match)];
  const entries: ScopeEntry[] = [];
  for (const pool of definition.pools) {
    const release = own(definition.releases, pool.name);
    if (release === undefined) {
      refusals.push({
        kind: 'noRelease',
        where: `pool ${pool.name}`,
        text: 'the definition of the run names no release for it; say one in the fleet file, or by --release',
      });
      continue;
    }
    const nodes = (match.nodesOf.get(pool.name) ?? []).filter((node) => named?.has(node.name) ?? true);
    const ofPool = nodes.map((node) => readEntry(node, { pool, release, definition, inventory, owner }));
    const ordered = ofPool.sort(compareNodes);
    const canaries = chooseCanaries(ordered, pool, match.nodesOf.get(pool.name)?.length ?? 0);
    entries.push(...[...canaries].map((entry) => ({ ...entry, canary: true })));
    entries.push(...ordered.filter((entry) => !canaries.has(entry)));
  }
  if (named !== null) refusals.push(...entries.filter(isRefusedWhenNamed).map(refuseNamed));
  return { match, entries, refusals };
}

function readEntry(
  node: NodeFacts,
  o: {
    pool: Pool;
    release: Release;
    definition: RunDefinition;
    inventory: Inventory;
    owner: OwnerMark | null;
  },
): ScopeEntry {
  const { pool, release } = o;
  const instanceId = instanceIdOf(node);
  const instance = instanceId === null ? undefined : o.inventory.instances[instanceId];
  const byNode = dispositionOf(node, { release, catalog: o.definition.catalog, owner: o.owner });
  const why =
    byNode.kind === 'upgrade' && instanceId !== null ? whyNoInstance(instanceId, instance) : undefined;
  const disposition: Disposition = why === undefined ? byNode : { kind: 'leftAlone', why };
  return { node, pool, release, instanceId, instance, disposition, canary: false };
}

function checkNames(definition: RunDefinition, inventory: Inventory, match: PoolMatch): readonly Refusal[] {
  const known = new Set(inventory.nodes.map((node) => node.name));
  const pools = definition.pools.map((pool) => pool.name).join(', ');
  return (definition.nodes ?? [])
    .filter((name) => !match.poolOf.has(name))
    .map((name) =>
      known.has(name)
        ? {
            kind: 'nodeOutsidePools',
            where: name,
            text: `matches none of the pools in scope (${pools}); name its pool, or correct the node's labels`,
          }
        : {
            kind: 'unknownNode',
            where: name,
            text: `no node of cluster ${definition.cluster.name} has this name; see: refit nodes ${definition.cluster.name}`,
          },
    );
}

const REFUSED_WHEN_NAMED: readonly WhyKind[] = ['noProviderId', 'instanceGone', 'instanceNotRunning'];

function isRefusedWhenNamed(entry: ScopeEntry): boolean {
  return entry.disposition.kind === 'leftAlone' && REFUSED_WHEN_NAMED.includes(entry.disposition.why.kind);
}

function refuseNamed(entry: ScopeEntry): Refusal {
  const why = entry.disposition.kind === 'leftAlone' ? entry.disposition.why : undefined;
  return { kind: why?.kind ?? 'leftAlone', where: entry.node.name, text: why?.text ?? '' };
}
