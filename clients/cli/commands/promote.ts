// `refit upgrade --promote` and `refit plan --promote`: one release through all clusters of a fleet, tier by tier.
import { formatDuration } from '../../../domain/duration.ts';
import type { Fleet } from '../../../domain/fleet.ts';
import { renderInvalid } from '../../../domain/parse/parsed.ts';
import { parsePromotionInput } from '../../../domain/parse/workflow-inputs.ts';
import { orderTiers } from '../../../domain/planning/tier-order.ts';
import type { PromotionInput } from '../../../domain/promotion.ts';
import type { CliContext } from '../context.ts';
import { renderColumns } from '../columns.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { withFleet } from '../fleet-side.ts';
import type { FleetSide } from '../fleet-side.ts';
import { parsePolicy } from '../options.ts';
import type { RunFlags } from '../options.ts';
import { isForPrograms, printFacts, say } from '../output.ts';
import type { Format } from '../output.ts';
import { START_WORKER_HINT, whyNoWorker, withTemporal } from '../runs.ts';
import type { UpgradeFlags } from '../upgrade-input.ts';
import { watchRun } from '../watch/watch-run.ts';
import { sayEnd } from './status.ts';

type Flags = UpgradeFlags & RunFlags & { watch?: boolean; output: Format };

/** Started, and not waited for: what is wrong with it is told by its status within seconds. */
export async function startPromotion(
  context: CliContext,
  cluster: string | undefined,
  flags: Flags,
): Promise<void> {
  const input = await makeInput(context, cluster, flags);
  const workflowId = flags.workflowId ?? `promote.${input.fleet}`;
  await withTemporal(context, flags, async (temporal) => {
    if ((await temporal.start({ workflowId, input })) === 'alreadyOpen') {
      throw new CliError(`run ${workflowId} is open already`, {
        hints: [`Where it stands: refit status -w ${workflowId}`],
      });
    }
    say(context, `Run ${workflowId} has begun.`);
    const why = whyNoWorker(temporal, await temporal.collectWorkers());
    if (why !== undefined) say(context, `warning: ${why}; the run waits for one.`, `  ${START_WORKER_HINT}`);
    if (flags.watch === true) {
      const end = await watchRun(context, temporal, workflowId, { output: flags.output });
      sayEnd(context, workflowId, end, flags.output);
      return;
    }
    if (isForPrograms(flags.output)) printFacts(context, flags.output, { workflowId, input }, () => '');
    else context.out.write(`${workflowId}\n`);
    say(context, `Follow it: refit status -w ${workflowId} --watch`);
  });
}

/** For each cluster in its turn what an upgrade would do now. */
export async function planPromotion(
  context: CliContext,
  cluster: string | undefined,
  flags: UpgradeFlags & { output: Format },
): Promise<void> {
  await withFleet(context, flags, async (side) => {
    const fleet = pickFleet(await side.collectFleets(), flags.fleet);
    const input = inputOf(context, fleet.name, cluster, flags);
    const rows = await collectRows(side, fleet, input);
    const { soakMs, successMinPercent } = fleet.promotion;
    const facts = { kind: 'promotion', fleet: fleet.name, release: input.release ?? null, rows };
    printFacts(context, flags.output, facts, () =>
      [
        `Promotion through fleet ${fleet.name}, one cluster at a time; a tier soaks for ${formatDuration(soakMs)}, ` +
          `and at least ${String(successMinPercent)}% of a cluster's ended nodes must be done`,
        '',
        renderColumns(
          ['TIER', 'CLUSTER', 'TO', 'NODES', 'NOTE'],
          rows.map((row) => [
            row.tier,
            row.cluster,
            row.to,
            `${String(row.upgrade)} of ${String(row.nodes)}`,
            row.note,
          ]),
        ),
      ].join('\n'),
    );
    if (rows.some(({ refused }) => refused)) {
      say(context, 'A cluster that is refused ends the promotion when its turn comes.');
      context.setExitCode(EXIT.refused);
    }
  });
}

async function collectRows(side: FleetSide, fleet: Fleet, { release, policy, requestedBy }: PromotionInput) {
  const clusters = fleet.clusters.map(({ name, tier, pools }) => ({
    name,
    tier,
    sla: pools.some(({ sla }) => sla),
  }));
  const rows = [];
  for (const { tier, clusters: names } of orderTiers(clusters)) {
    for (const cluster of names) {
      const answer = await side.plan({
        fleet: fleet.name,
        cluster,
        ...(release === undefined ? {} : { release }),
        ...(policy === undefined ? {} : { policy }),
        ...(requestedBy === undefined ? {} : { requestedBy }),
      });
      if (answer.kind === 'refused') {
        const note = `refused: ${answer.refusals.map((one) => `${one.where}: ${one.text}`).join('; ')}`;
        rows.push({ tier, cluster, to: release ?? '', nodes: 0, upgrade: 0, note, refused: true });
        continue;
      }
      const { summary, definition } = answer;
      const to = [...new Set(summary.pools.map((pool) => pool.to))].join(', ');
      const asks = new Set((definition?.pools ?? []).map((pool) => pool.policy.approval.before));
      asks.delete('never');
      const note = asks.size === 0 ? 'asks nobody' : `asks before: ${[...asks].join(', ')}`;
      rows.push({
        tier,
        cluster,
        to,
        nodes: summary.rows,
        upgrade: summary.counts.upgrade,
        note,
        refused: false,
      });
    }
  }
  return rows;
}

async function makeInput(
  context: CliContext,
  cluster: string | undefined,
  flags: Flags,
): Promise<PromotionInput> {
  const hasFiles = flags.fleetFile !== undefined || (context.env['REFIT_FLEET'] ?? '') !== '';
  if (!hasFiles && flags.fleet !== undefined) return inputOf(context, flags.fleet, cluster, flags);
  return withFleet(context, flags, async (side) =>
    inputOf(context, pickFleet(await side.collectFleets(), flags.fleet).name, cluster, flags),
  );
}

function pickFleet(fleets: readonly Fleet[], wanted: string | undefined): Fleet {
  const found = fleets.filter(({ name }) => wanted === undefined || name === wanted);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = fleets.map(({ name }) => name).join(', ');
  throw new CliError(
    wanted === undefined ? 'the fleet files hold several fleets, or none' : `there is no fleet "${wanted}"`,
    { hints: [`There are: ${names}`, 'Say which one: --fleet NAME'] },
  );
}

function inputOf(
  context: CliContext,
  fleet: string,
  cluster: string | undefined,
  flags: UpgradeFlags,
): PromotionInput {
  const narrower = [
    ...(cluster === undefined ? [] : [`cluster ${cluster}`]),
    ...(flags.pool === undefined ? [] : ['--pool']),
    ...(flags.node === undefined ? [] : ['--node']),
    ...(flags.planDigest === undefined ? [] : ['--plan-digest']),
  ];
  if (narrower.length > 0) {
    throw new CliError(
      `--promote takes all clusters of the fleet; it does not go with ${narrower.join(', ')}`,
    );
  }
  const parsed = parsePromotionInput({
    fleet,
    promote: true,
    ...(flags.release === undefined ? {} : { release: flags.release }),
    ...(flags.policy === undefined ? {} : { policy: parsePolicy(flags.policy) }),
    requestedBy: flags.requestedBy ?? context.userName(),
  });
  if (parsed.kind === 'invalid') throw new CliError(renderInvalid(parsed));
  return parsed.value;
}
