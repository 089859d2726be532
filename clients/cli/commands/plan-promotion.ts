// `refit plan --promote`: for each cluster of a fleet, in its turn, what a promotion would do there now. Touches
// nothing. Must never say more than it knows: each cluster is planned anew when its turn comes.
import { formatDuration } from '../../../domain/duration.ts';
import type { Fleet } from '../../../domain/fleet.ts';
import { orderTiers } from '../../../domain/planning/tier-order.ts';
import type { PromotionInput } from '../../../domain/promotion.ts';
import { promotionRequest } from '../../../domain/render/promotion-request.ts';
import type { PlannedCluster } from '../../../domain/render/promotion-request.ts';
import type { FleetUpgradeInput } from '../../../domain/run.ts';
import { renderColumns } from '../columns.ts';
import type { ConnectionFlags } from '../connection.ts';
import type { CliContext } from '../context.ts';
import { renderMarkdown } from '../documents.ts';
import { EXIT } from '../exit-codes.ts';
import { withFleet } from '../fleet-side.ts';
import type { PlanAnswer } from '../fleet-side.ts';
import { printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { planRemotely } from '../remote-plan.ts';
import { promotionCommandOf } from '../start-command.ts';
import type { UpgradeFlags } from '../upgrade-input.ts';
import { pickFleetToPromote, promotionInputOf } from './promote.ts';

type Flags = UpgradeFlags &
  ConnectionFlags & { remote?: boolean; detailedExitcode?: boolean; output: Format };

export async function planPromotion(
  context: CliContext,
  cluster: string | undefined,
  flags: Flags,
): Promise<void> {
  await withFleet(context, flags, async (side) => {
    const fleet = pickFleetToPromote(await side.collectFleets(), flags.fleet);
    const input = promotionInputOf(context, fleet.name, cluster, flags);
    const plan = (one: FleetUpgradeInput) =>
      flags.remote === true ? planRemotely(context, one, flags) : side.plan(one);
    const clusters = await collectClusters(plan, fleet, input);
    await print(context, flags, fleet, input, clusters);
    if (clusters.some(({ refused }) => refused)) {
      say(context, 'A cluster that is refused ends the promotion when its turn comes.');
      context.setExitCode(EXIT.refused);
      return;
    }
    const changes = clusters.some(({ upgrade }) => upgrade > 0);
    if (changes) say(context, `Do it: ${promotionCommandOf(input)}`);
    if (flags.detailedExitcode === true && changes) context.setExitCode(EXIT.changes);
  });
}

async function print(
  context: CliContext,
  { output }: Flags,
  fleet: Fleet,
  input: PromotionInput,
  clusters: readonly PlannedCluster[],
): Promise<void> {
  const { promotion, name } = fleet;
  const start = promotionCommandOf(input);
  const text =
    output === 'markdown'
      ? await renderMarkdown(promotionRequest({ input, promotion, clusters, start }))
      : undefined;
  const rows = clusters.map(({ change, ...row }) => ({ ...row, digest: change?.summary.digest ?? null }));
  const facts = { kind: 'promotion', fleet: name, release: input.release ?? null, rows };
  printFacts(context, output, facts, () => text ?? renderRows(fleet, clusters));
}

function renderRows({ name, promotion }: Fleet, clusters: readonly PlannedCluster[]): string {
  const { soakMs, successMinPercent } = promotion;
  return [
    `Promotion through fleet ${name}, one cluster at a time; a tier soaks for ${formatDuration(soakMs)}, ` +
      `and at least ${String(successMinPercent)}% of a cluster's ended nodes must be done`,
    '',
    renderColumns(
      ['TIER', 'CLUSTER', 'TO', 'NODES', 'NOTE'],
      clusters.map((row) => [
        row.tier,
        row.cluster,
        row.to,
        `${String(row.upgrade)} of ${String(row.nodes)}`,
        row.note,
      ]),
    ),
  ].join('\n');
}

/** One after another: each lists a whole cluster. */
async function collectClusters(
  plan: (input: FleetUpgradeInput) => Promise<PlanAnswer>,
  fleet: Fleet,
  { release, policy, requestedBy }: PromotionInput,
): Promise<readonly PlannedCluster[]> {
  const clusters = fleet.clusters.map(({ name, tier, pools }) => ({
    name,
    tier,
    sla: pools.some(({ sla }) => sla),
  }));
  const planned: PlannedCluster[] = [];
  for (const { tier, clusters: names } of orderTiers(clusters)) {
    for (const cluster of names) {
      const answer = await plan({
        fleet: fleet.name,
        cluster,
        ...(release === undefined ? {} : { release }),
        ...(policy === undefined ? {} : { policy }),
        ...(requestedBy === undefined ? {} : { requestedBy }),
      });
      planned.push({ tier, cluster, ...planOf(answer, release ?? '') });
    }
  }
  return planned;
}

function planOf(answer: PlanAnswer, release: string): Omit<PlannedCluster, 'tier' | 'cluster'> {
  if (answer.kind === 'refused') {
    const note = `refused: ${answer.refusals.map((one) => `${one.where}: ${one.text}`).join('; ')}`;
    return { to: release, nodes: 0, upgrade: 0, note, refused: true, change: null };
  }
  const { summary, rows, definition, estimate } = answer;
  const asks = new Set((definition?.pools ?? []).map((pool) => pool.policy.approval.before));
  asks.delete('never');
  return {
    to: [...new Set(summary.pools.map((pool) => pool.to))].join(', '),
    nodes: summary.rows,
    upgrade: summary.counts.upgrade,
    note: asks.size === 0 ? 'asks nobody' : `asks before: ${[...asks].join(', ')}`,
    refused: false,
    change: definition === undefined ? null : { summary, rows, definition, estimate },
  };
}
