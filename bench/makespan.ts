// Part `makespan`: how long a rollout takes that the planner drives over simulated time, against the time below
// which none can be (the work by the slots, and the longest node). How long each node takes is drawn from a
// log-normal distribution; a slot that frees up stands empty for a second. Nothing is known of a node beforehand.
import { planNext } from '../domain/planning/plan-next.ts';
import type { Look } from '../domain/planning/answer.ts';
import type { NodeFacts } from '../domain/inventory.ts';
import { ROW_CODES } from '../domain/row-codes.ts';
import { createRandom } from '../test/simulation/random.ts';
import type { Random } from '../test/simulation/random.ts';
import {
  OBSERVED_AT,
  OWNER,
  plannedRows,
  sampleDefinition,
  sampleImages,
  sampleInventory,
  sampleLooks,
  sampleNodes,
  samplePolicy,
  samplePool,
} from '../test/domain/planning/sample-fleet.ts';
import { loadavg } from 'node:os';
import { say } from './bed.ts';
import { judge, median, renderTable } from './figures.ts';
import type { BenchOptions } from './options.ts';
import type { PartResult } from './part.ts';

const MEAN_MS = 600_000;
/** Standard deviation by mean. */
const VARIATION = 0.5;
/** A slot that frees up is refilled within a second: here it always takes the whole of it. */
const DEAD_MS = 1_000;
const CLUSTER_NODES = 1_000;
/** 100,000 nodes are so many clusters, each a run of its own, all at once. */
const CLUSTERS = 100;
const PERCENTS = [1, 2, 5] as const;
const CLUSTERS_PERCENT = 1;
const RATIO_MAX = 1.03;

type Rollout = { makespanMs: number; boundMs: number };

/** Box and Muller's way to a normal distribution, and from there. */
function logNormal(random: Random): number {
  const uniform = () => (1 + random.below(2 ** 31)) / (2 ** 31 + 1);
  const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  const sigma = Math.sqrt(Math.log(1 + VARIATION ** 2));
  return MEAN_MS * Math.exp(sigma * normal - sigma ** 2 / 2);
}

function rollOut(o: { nodes: number; atOnce: number; seed: number }): Rollout {
  const random = createRandom(o.seed);
  const unavailableMax = { kind: 'count' as const, count: o.atOnce };
  const disruption = { unavailableMax, unavailableMaxPerZone: null, surge: 0 };
  const approval = { ...samplePolicy().approval, before: 'never' as const };
  const pool = samplePool('batch', { policy: samplePolicy({ disruption, approval }) });
  const definition = sampleDefinition({ pools: [pool] });
  const nodes: NodeFacts[] = sampleNodes('batch', o.nodes);
  const rows = plannedRows(definition, sampleInventory(nodes));
  const indexOf = new Map(rows.map(({ node }, index) => [node, index]));
  const placeOf = new Map(nodes.map(({ name }, index) => [name, index]));
  const tookMs = new Map(rows.map(({ node }) => [node, logNormal(random)]));
  const seen: Readonly<Record<string, Look>> = sampleLooks(nodes).seen;
  const codes: string[] = rows.map(() => ROW_CODES.waiting);
  const endsMs = new Map<string, number>();
  const looks = { seen, images: sampleImages(), final: true };
  let nowMs = 0;
  for (;;) {
    const occupied = [...endsMs.keys()].map((node) => ({ node, pool: 'batch' }));
    const question = { definition, owner: OWNER, rows, codes: codes.join(''), occupied, retries: [] };
    const observedAt = new Date(Date.parse(OBSERVED_AT) + nowMs).toISOString();
    const plan = planNext(question, { observedAt, nodes }, looks);
    if (plan.kind === 'look') throw new Error('asks to look at what was seen');
    for (const { node } of plan.next.steps) {
      codes[indexOf.get(node) ?? -1] = ROW_CODES.active;
      endsMs.set(node, nowMs + DEAD_MS + (tookMs.get(node) ?? 0));
    }
    if (plan.next.more === true) continue;
    const [first] = [...endsMs].sort(([, a], [, b]) => a - b);
    if (first === undefined) break;
    const [node, atMs] = first;
    nowMs = atMs;
    endsMs.delete(node);
    codes[indexOf.get(node) ?? -1] = ROW_CODES.done;
    const place = placeOf.get(node) ?? -1;
    nodes[place] = { ...(nodes[place] as NodeFacts), kubeletVersion: 'v1.36.1' };
  }
  if (codes.some((code) => code !== ROW_CODES.done)) throw new Error('not every node was upgraded');
  const all = [...tookMs.values()];
  const work = all.reduce((sum, each) => sum + each, 0);
  return { makespanMs: nowMs, boundMs: Math.max(work / o.atOnce, ...all) };
}

const ratioOf = ({ makespanMs, boundMs }: Rollout) => makespanMs / boundMs;

function row(what: string, rollouts: readonly Rollout[]): string[] {
  const ratios = rollouts.map(ratioOf);
  const hours = Math.max(...rollouts.map(({ makespanMs }) => makespanMs)) / 3_600_000;
  const shown = [median(ratios), Math.max(...ratios)].map((each) => each.toFixed(4));
  return [what, String(rollouts.length), ...shown, hours.toFixed(2)];
}

/** The fleet is done when its last cluster is; and so is the best that could be. */
function ofFleet(rollouts: readonly Rollout[]): Rollout {
  return {
    makespanMs: Math.max(...rollouts.map(({ makespanMs }) => makespanMs)),
    boundMs: Math.max(...rollouts.map(({ boundMs }) => boundMs)),
  };
}

export function benchMakespan({ runs }: BenchOptions): PartResult {
  const small = PERCENTS.map((percent) => {
    const atOnce = (CLUSTER_NODES * percent) / 100;
    const rollouts = Array.from({ length: runs }, (_, index) => {
      say(`${String(CLUSTER_NODES)} nodes, ${String(atOnce)} at once, seed ${String(index + 1)}`);
      return rollOut({ nodes: CLUSTER_NODES, atOnce, seed: index + 1 });
    });
    return { percent, atOnce, rollouts };
  });
  const clusters = Array.from({ length: CLUSTERS }, (_, index) => {
    if (index % 10 === 0) say(`cluster ${String(index + 1)} of ${String(CLUSTERS)}`);
    const atOnce = (CLUSTER_NODES * CLUSTERS_PERCENT) / 100;
    return rollOut({ nodes: CLUSTER_NODES, atOnce, seed: 1000 + index });
  });
  const fleet = ofFleet(clusters);
  const size = `${String(CLUSTERS)} clusters of ${String(CLUSTER_NODES)} nodes, ${String(CLUSTERS_PERCENT)} %`;
  const lines = [
    `log-normal, mean ${String(MEAN_MS / 1000)} s, variation ${String(VARIATION)}; load average ${loadavg()[0]?.toFixed(1) ?? '?'}`,
    ...renderTable([
      ['', 'rollouts', 'by the bound, median', 'worst', 'hours, longest'],
      ...small.map(({ percent, atOnce, rollouts }) =>
        row(`${String(CLUSTER_NODES)} nodes, ${String(atOnce)} at once (${String(percent)} %)`, rollouts),
      ),
      row(`each of ${size}`, clusters),
      row('these clusters as one fleet', [fleet]),
    ]),
  ];
  const verdicts = [
    ...small.map(({ percent, rollouts }) =>
      judge(
        {
          what: `makespan by its bound, ${String(percent)} % of 1,000 nodes at once, worst`,
          atMost: RATIO_MAX,
        },
        Math.max(...rollouts.map(ratioOf)),
      ),
    ),
    judge(
      {
        what: 'makespan by its bound, 100,000 nodes in 100 clusters, 1 % of each at once',
        atMost: RATIO_MAX,
      },
      ratioOf(fleet),
    ),
  ];
  return { lines, verdicts, measured: { small, clusters } };
}
