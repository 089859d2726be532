// `refit upgrade --promote`: one release through all clusters of a fleet, tier by tier. What it would do is
// plan-promotion.ts.
import type { Fleet } from '../../../domain/fleet.ts';
import { renderInvalid } from '../../../domain/parse/parsed.ts';
import { parsePromotionInput } from '../../../domain/parse/workflow-inputs.ts';
import type { PromotionInput } from '../../../domain/promotion.ts';
import type { CliContext } from '../context.ts';
import { CliError } from '../errors.ts';
import { withFleet } from '../fleet-side.ts';
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

async function makeInput(
  context: CliContext,
  cluster: string | undefined,
  flags: Flags,
): Promise<PromotionInput> {
  const hasFiles = flags.fleetFile !== undefined || (context.env['REFIT_FLEET'] ?? '') !== '';
  if (!hasFiles && flags.fleet !== undefined) return promotionInputOf(context, flags.fleet, cluster, flags);
  return withFleet(context, flags, async (side) =>
    promotionInputOf(
      context,
      pickFleetToPromote(await side.collectFleets(), flags.fleet).name,
      cluster,
      flags,
    ),
  );
}

export function pickFleetToPromote(fleets: readonly Fleet[], wanted: string | undefined): Fleet {
  const found = fleets.filter(({ name }) => wanted === undefined || name === wanted);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = fleets.map(({ name }) => name).join(', ');
  throw new CliError(
    wanted === undefined ? 'the fleet files hold several fleets, or none' : `there is no fleet "${wanted}"`,
    { hints: [`There are: ${names}`, 'Say which one: --fleet NAME'] },
  );
}

export function promotionInputOf(
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
