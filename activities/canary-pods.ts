// Which DaemonSets have pods on watched canaries that are not Ready, by the worker's shared watches: no request.
// Must never look at nodes that nobody watches: a run plans often, and a fleet is large.
import type { KubernetesCluster } from '../adapters/ports/kubernetes.ts';
import { REPLACES } from '../domain/drain/cordon.ts';
import type { NodeFacts } from '../domain/inventory.ts';
import type { PlanNextQuestion } from '../domain/planning/board.ts';

/** As many as whose boots are remembered; who has more canaries looks at them by other means. */
const LOOKED_AT_MAX = 50;

export async function collectNotReady(
  cluster: Pick<KubernetesCluster, 'collectRejoin'>,
  { rows, canaries = {} }: Pick<PlanNextQuestion, 'rows' | 'canaries'>,
  nodes: readonly NodeFacts[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  const pools = new Set(Object.entries(canaries).flatMap(([name, { passed }]) => (passed ? [] : [name])));
  if (pools.size === 0) return {};
  const watched = rows.filter(({ canary, pool }) => canary === true && pools.has(pool));
  const names = new Set(watched.slice(0, LOOKED_AT_MAX).map(({ node }) => node));
  // A canary may have been replaced: the node in its place is the one that is watched.
  const there = nodes.filter(
    ({ name, annotations }) => names.has(name) || names.has(annotations[REPLACES] ?? ''),
  );
  const found = await Promise.all(
    there.map(async ({ name }) => {
      const daemonSets = (await cluster.collectRejoin(name))?.daemonSets ?? [];
      const notReady = daemonSets.filter(({ ready }) => !ready);
      return [name, notReady.map((one) => `${one.namespace}/${one.name}`).sort()] as const;
    }),
  );
  return Object.fromEntries(found.filter(([, notReady]) => notReady.length > 0));
}
