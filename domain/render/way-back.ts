// What way back there is for each node of a plan, said before anybody signs. Must never promise one that
// the plan does not show.
import { heading, list, paragraph, table } from '../document.ts';
import type { Block } from '../document.ts';
import { formatDuration } from '../duration.ts';
import type { PlanRow, PlanSummary } from '../plan.ts';
import type { RunDefinition } from '../run.ts';

/** Whoever has more of them looks for what they share. */
const NODES_NAMED = 20;

export function wayBack({
  summary,
  rows,
  definition,
}: {
  summary: PlanSummary;
  rows: readonly PlanRow[];
  definition: RunDefinition;
}): readonly Block[] {
  const upgrades = rows.filter(({ disposition }) => disposition.kind === 'upgrade');
  if (upgrades.length === 0) return [];
  const from = new Map<string, { pool: string; release: string; nodes: number }>();
  for (const { pool, from: release } of upgrades) {
    if (release === null) continue;
    const key = `${pool}\n${release}`;
    const one = from.get(key) ?? { pool, release, nodes: 0 };
    from.set(key, { ...one, nodes: one.nodes + 1 });
  }
  const known = [...from.values()].map(({ pool, release, nodes }) => {
    const image = definition.catalog.find(({ name }) => name === release)?.imageId ?? '';
    return [pool, String(nodes), release, image];
  });
  const unknown = upgrades.filter((row) => row.from === null).map(({ node }) => node);
  const more = unknown.length > NODES_NAMED ? ` and ${unknown.length - NODES_NAMED} more` : '';
  const { oldRootVolumes } = summary;
  return [
    heading(2, 'Way back'),
    ...list([
      'Before its reimage a node is put back as it was: refit skip NODE, or refit abort for all of them.',
      'After its reimage a node is finished; it goes back by a reimage to the release that it showed before.',
      ...(oldRootVolumes === null
        ? []
        : [`Old root volumes are kept for ${formatDuration(oldRootVolumes.keptForMs)}.`]),
    ]),
    ...table(['Pool', 'Nodes', 'Back to', 'Image'], known),
    ...(unknown.length === 0
      ? []
      : [
          paragraph(
            `No way back: ${unknown.length} nodes show no release of the catalog ` +
              `(${unknown.slice(0, NODES_NAMED).join(', ')}${more}).`,
          ),
        ]),
  ];
}
