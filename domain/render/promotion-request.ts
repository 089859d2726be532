// A promotion as a change request: the clusters in their order, what each tier must show before the next, and
// what would be done in each cluster, as its own change request says it. Must never promise that a cluster's plan
// will be this one: it is planned anew when its turn comes.
import { heading, list, paragraph, table } from '../document.ts';
import type { Block } from '../document.ts';
import { formatDuration } from '../duration.ts';
import type { Promotion, Tier } from '../fleet.ts';
import type { PromotionInput } from '../promotion.ts';
import { approversOf, describeChange, linesToSign } from './change-request.ts';
import type { PlannedChange } from './change-request.ts';

export type PlannedCluster = {
  tier: Tier;
  cluster: string;
  to: string;
  nodes: number;
  upgrade: number;
  note: string;
  refused: boolean;
  /** Null: refused, or planned without what the policies say. */
  change: PlannedChange | null;
};

type PlannedPromotion = {
  input: PromotionInput;
  promotion: Promotion;
  clusters: readonly PlannedCluster[];
  /** The command that starts it. */
  start: string;
};

export function promotionRequest(planned: PlannedPromotion): readonly Block[] {
  return [
    ...head(planned),
    ...order(planned),
    ...planned.clusters.flatMap(inCluster),
    ...signatures(planned),
  ];
}

function head({ input, clusters }: PlannedPromotion): readonly Block[] {
  const { fleet, requestedBy } = input;
  const releases = input.release ?? [...new Set(clusters.map(({ to }) => to))].join(', ');
  return [
    heading(1, `Change request: promotion of ${releases} through fleet ${fleet}`),
    ...table(
      ['', ''],
      [
        ['Fleet', fleet],
        ['Release', releases],
        ['Requested by', requestedBy ?? 'not said'],
        ['Clusters', String(clusters.length)],
      ],
    ),
  ];
}

function order({ clusters, promotion }: PlannedPromotion): readonly Block[] {
  const rows = clusters.map((one) => [
    one.tier,
    one.cluster,
    one.to,
    `${String(one.upgrade)} of ${String(one.nodes)}`,
    one.note,
    one.change?.summary.digest ?? '',
  ]);
  const { soakMs, successMinPercent } = promotion;
  return [
    heading(2, 'Order'),
    paragraph('One cluster after another, each by a run of its own, from the lowest tier to the highest.'),
    ...table(['Tier', 'Cluster', 'To', 'Nodes', '', 'Plan as of now'], rows),
    heading(2, 'Before the next tier'),
    ...list([
      `In each cluster at least ${String(successMinPercent)}% of the nodes that ended are done.`,
      `The release has soaked there for ${formatDuration(soakMs)}.`,
      'One cluster that is not good enough ends the promotion: nothing else is begun.',
      'Each cluster is planned anew when its turn comes. The digests say what was looked at; they bind nothing.',
    ]),
  ];
}

function inCluster({ tier, cluster, note, change }: PlannedCluster): readonly Block[] {
  if (change === null) return [heading(2, `${tier} ${cluster}`), paragraph(note)];
  return describeChange(change).map((block) =>
    block.kind === 'heading' ? { ...block, depth: deeper(block.depth) } : block,
  );
}

function deeper(depth: 1 | 2 | 3 | 4): 2 | 3 | 4 {
  return depth === 1 ? 2 : depth === 2 ? 3 : 4;
}

function signatures({ input, clusters, start }: PlannedPromotion): readonly Block[] {
  const approvers = clusters.map(({ change }) => (change === null ? 1 : approversOf(change.definition)));
  return [
    heading(2, 'Signatures'),
    paragraph('What is signed is the release, the order and the rules above. It is started by'),
    { kind: 'command', text: start },
    ...linesToSign({ requestedBy: input.requestedBy ?? null, approvers: Math.max(1, ...approvers) }),
  ];
}
