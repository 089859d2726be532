// What `plan` and `upgrade` ask for: the same options, made into the input of `fleetUpgrade` and
// checked as the workflow will check it.
import type { Command } from 'commander';
import type { Fleet } from '../../domain/fleet.ts';
import { renderInvalid } from '../../domain/parse/parsed.ts';
import { parseFleetUpgradeInput } from '../../domain/parse/workflow-inputs.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import type { CliContext } from './context.ts';
import { CliError } from './errors.ts';
import { withFleet } from './fleet-side.ts';
import { ensurePool, pickCluster } from './fleet-choice.ts';
import { collect, fleetNameOption, fleetPathOption, parsePolicy } from './options.ts';

export type UpgradeFlags = {
  pool?: readonly string[];
  node?: readonly string[];
  release?: string;
  planDigest?: string;
  policy?: string;
  requestedBy?: string;
  fleet?: string;
  fleetFile?: string;
};

export function addUpgradeOptions(command: Command): Command {
  return command
    .option('--pool <name>', 'only this pool; may be given several times', collect)
    .option('--node <name>', 'only this node; may be given several times', collect)
    .option('--release <name>', "this release of the catalog instead of each pool's own")
    .option('--plan-digest <digest>', 'only if the plan is still this one (sha256:…)')
    .option('--policy <json>', "overrides of the pools' policies, as in a fleet file's policy")
    .option('--requested-by <name>', "who asks for it (default: the operating system's user)")
    .addOption(fleetNameOption())
    .addOption(fleetPathOption());
}

/** With the fleet files at hand: names are checked here, with the nearest known one in the error. */
export function makeUpgradeInput(
  context: CliContext,
  fleets: readonly Fleet[],
  clusterName: string | undefined,
  flags: UpgradeFlags,
): FleetUpgradeInput {
  const { fleet, cluster } = pickCluster(fleets, { cluster: clusterName, fleet: flags.fleet });
  for (const pool of flags.pool ?? []) ensurePool(cluster, pool);
  return makeBareInput(context, { fleet: fleet.name, cluster: cluster.name }, flags);
}

function makeBareInput(
  context: CliContext,
  where: { fleet: string; cluster: string },
  flags: UpgradeFlags,
): FleetUpgradeInput {
  const input = {
    ...where,
    ...(flags.pool === undefined ? {} : { pools: flags.pool }),
    ...(flags.release === undefined ? {} : { release: flags.release }),
    ...(flags.node === undefined ? {} : { nodes: flags.node }),
    ...(flags.policy === undefined ? {} : { policy: parsePolicy(flags.policy) }),
    ...(flags.planDigest === undefined ? {} : { planDigest: flags.planDigest }),
    requestedBy: flags.requestedBy ?? context.userName(),
  };
  const parsed = parseFleetUpgradeInput(input);
  if (parsed.kind === 'invalid') throw new CliError(renderInvalid(parsed));
  return parsed.value;
}

/** For a worker, which has its own files: without any here, it alone checks the names. */
export async function makeWorkerInput(
  context: CliContext,
  cluster: string | undefined,
  flags: UpgradeFlags,
): Promise<FleetUpgradeInput> {
  const hasFiles = flags.fleetFile !== undefined || (context.env['REFIT_FLEET'] ?? '') !== '';
  if (!hasFiles) {
    if (flags.fleet === undefined) {
      throw new CliError('which fleet is meant is unknown: neither REFIT_FLEET nor --fleet is given', {
        hints: ['Name the fleet file (REFIT_FLEET or --fleet-file), or the fleet alone: --fleet NAME'],
      });
    }
    if (cluster === undefined) throw new CliError('which cluster is meant is unknown: no fleet file says it');
    return makeBareInput(context, { fleet: flags.fleet, cluster }, flags);
  }
  return withFleet(context, flags, async (side) => {
    const input = makeUpgradeInput(context, await side.collectFleets(), cluster, flags);
    await side.checkInput(input);
    return input;
  });
}
