// What the drains of a plan would meet, in lines: in all, node by node, and what was not looked at.
// Must never leave the last part out: who reads "nothing found" must know where nobody looked.
import type { PlanRow, PlanSummary } from '../plan.ts';
import { BLOCK_KINDS } from '../preflight.ts';
import type { NodeRisk, PlanRisk, RiskKind } from '../preflight.ts';
import { indent } from './columns.ts';
import { printable } from './printable.ts';

/** `3 pods on 2 nodes …` */
const RISK_WORDS: Readonly<Record<RiskKind, string>> = {
  twoPdbs: 'stand under two PodDisruptionBudgets',
  pdbNever: 'stand under a PodDisruptionBudget that can never allow it',
  bare: 'have no controller that would bring them back',
  daemonSetMissing: 'belong to a DaemonSet that is gone',
  annotation: 'hold the node for a person, by their annotation refit.dev/drain',
  pinned: 'would have nowhere to go: no other node fits them',
  noRoom: 'would wait: other nodes fit them, none has the room',
  wait: 'hold the node until they have ended, by their annotation refit.dev/drain: wait',
  pdbNow: 'stand under a PodDisruptionBudget that allows no eviction now',
  rule: 'are waited for by a drain rule',
  localStorage: 'lose what they keep in an emptyDir',
};

/** Of thousands; all of them stand in the JSON. */
const NODES_SHOWN = 100;

export function renderPreflight({ preflight }: PlanSummary, rows: readonly PlanRow[]): readonly string[] {
  if (preflight === undefined) return [];
  const { risks, limits } = preflight;
  const found = risks.length === 0 ? ['nothing that would hold a drain up'] : risks.map(renderRisk);
  return [
    '',
    'What the drains would meet, as it stands now',
    ...indent(found),
    ...renderNodes(rows),
    ...(limits.length === 0
      ? []
      : ['What that does not tell', ...indent(limits.map((limit) => printable(limit)))]),
  ];
}

/** `BLOCKS  2 pods on 1 nodes have no controller … (n1: default/web-1: why)` */
export function renderRisk({ kind, nodes, pods, example }: PlanRisk): string {
  const { node, pod, text } = example;
  const mark = BLOCK_KINDS.includes(kind) ? 'BLOCKS  ' : '';
  const where = `${pods} pods on ${nodes} nodes`;
  return `${mark}${where} ${RISK_WORDS[kind]} (${printable(`${node}, ${pod}: ${text}`)})`;
}

function renderNodes(rows: readonly PlanRow[]): readonly string[] {
  const met = rows.filter(({ meets }) => meets !== undefined && meets.risks.length > 0);
  if (met.length === 0) return [];
  const lines = met
    .slice(0, NODES_SHOWN)
    .map(
      ({ node, meets }) =>
        `${node}: ${meets?.pods ?? 0} pods; ${(meets?.risks ?? []).map(renderNodeRisk).join('; ')}`,
    );
  const left = met.length - lines.length;
  const more = left > 0 ? [`… and ${left} more nodes: -o json shows all`] : [];
  return ['Node by node', ...indent([...lines, ...more])];
}

/** `bare 1 (default/web-1)` */
function renderNodeRisk({ kind, pods, example }: NodeRisk): string {
  return `${kind} ${pods} (${printable(example)})`;
}
