// What the digest of a plan is made of: what the run was given to do, and what happens to which node.
// Not in it: how the cluster is reached, who asked, and the order, which changes with every pod that
// moves; else `refit plan` and the run that it was made for would never agree.
// Must never leave out what changes a node's fate.
import type { PlanRow } from '../plan.ts';
import type { RunDefinition } from '../run.ts';
import { compareText } from './order.ts';

/** The text whose SHA-256 is the plan's digest. */
export function renderPlanForDigest(definition: RunDefinition, rows: readonly PlanRow[]): string {
  const { fleet, cluster, tier, clusterUnavailableMax, pools, releases } = definition;
  const fates = [...rows]
    .sort((a, b) => compareText(a.node, b.node))
    .map(({ node, uid, pool, instanceId, from, to, disposition }) => ({
      node,
      uid,
      pool,
      instanceId,
      from,
      to,
      // The text of a reason may name a moment; its kind is what counts.
      fate: disposition.kind === 'leftAlone' ? disposition.why.kind : disposition.kind,
    }));
  return canonicalJson({
    fleet,
    cluster: cluster.name,
    provider: cluster.provider,
    tier,
    clusterUnavailableMax,
    pools,
    releases,
    fates,
  });
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
