// What way back there is for each node of a plan, said before anybody signs. Must never promise one that
// the plan does not show.
import { heading, list, paragraph, table } from '../document.ts';
import type { Block } from '../document.ts';
import { formatDuration } from '../duration.ts';
import type { PlanRow, PlanSummary } from '../plan.ts';

/** Whoever has more of them looks for what they share. */
const NODES_NAMED = 20;

export function wayBack({
  summary,
  rows,
}: {
  summary: PlanSummary;
  rows: readonly PlanRow[];
}): readonly Block[] {
  const upgrades = rows.filter(({ disposition }) => disposition.kind === 'upgrade');
  if (upgrades.length === 0) return [];
  const back = new Map<string, { pool: string; nodes: number; to: string; image: string }>();
  for (const { pool, former } of upgrades) {
    if (former === undefined) continue;
    const { imageId: image, release } = former;
    const key = `${pool}\n${image}\n${release ?? ''}`;
    const one = back.get(key) ?? { pool, nodes: 0, to: release ?? 'no release of the catalog', image };
    back.set(key, { ...one, nodes: one.nodes + 1 });
  }
  const known = [...back.values()].map(({ pool, nodes, to, image }) => [pool, String(nodes), to, image]);
  const none = upgrades.filter(({ former }) => former === undefined);
  const named = none.slice(0, NODES_NAMED).map(({ node, noWayBack = 'unknown' }) => `${node} (${noWayBack})`);
  const more = none.length > NODES_NAMED ? ` and ${none.length - NODES_NAMED} more` : '';
  const { oldRootVolumes } = summary;
  return [
    heading(2, 'Way back'),
    ...list([
      'Before its reimage a node is put back as it was: refit skip NODE, or refit abort for all of them.',
      'After its reimage a node is finished; refit rollback takes all that are done or have failed back to what ' +
        'they ran before, by a reimage each.',
      ...(oldRootVolumes === null
        ? []
        : [`Old root volumes are kept for ${formatDuration(oldRootVolumes.keptForMs)}.`]),
    ]),
    ...table(['Pool', 'Nodes', 'Back to', 'Image'], known),
    ...(none.length === 0
      ? []
      : [paragraph(`No way back for ${none.length} nodes: ${named.join(', ')}${more}.`)]),
  ];
}
