// The fleet, its clusters and its records, by the very parts that a worker is composed of. Loaded only
// when a command needs it: the SDKs of Kubernetes and of AWS take longer to load than most commands run.
import { NO_RECORDS, PortError } from '../../adapters/ports/errors.ts';
import type { Records } from '../../adapters/ports/records.ts';
import type { Environment } from './context.ts';
import { CliError } from './errors.ts';
import type { FleetSide } from './fleet-side.ts';

export async function openFleetSide(path: string | undefined, env: Environment): Promise<FleetSide> {
  const fleetPath = path ?? env['REFIT_FLEET'] ?? '';
  if (fleetPath === '') {
    throw new CliError('REFIT_FLEET is not set: it names the fleet file, or the folder that holds several', {
      hints: [
        'Set it, or name the file here: --fleet-file fleet.yaml',
        'In a sandbox: eval "$(refit sandbox env)"',
      ],
    });
  }
  const { createDeps } = await import('../../workers/compose.ts');
  const { resolveWithTiers } = await import('../../activities/rollouts.ts');
  const { collectInventory, lookAtPlan } = await import('../../activities/observe.ts');
  const deps = createDeps({ ...env, REFIT_FLEET: fleetPath });
  return {
    collectFleets: () => deps.fleetFiles.collectFleets(),
    checkInput: async (input) => {
      await deps.fleetFiles.resolveRun(input);
    },
    collectInventory: async ({ fleet, cluster }) =>
      collectInventory(
        deps,
        await deps.fleetFiles.resolveRun({
          fleet: fleet.name,
          cluster: cluster.name,
          // Who only looks asks for nothing: a policy that wants to know who asks for a run is answered.
          requestedBy: 'refit nodes',
        }),
      ),
    plan: async (input) => {
      const definition = await resolveWithTiers(deps, input).catch((error: unknown) => {
        throw explainNoRecords(error);
      });
      const answer = await lookAtPlan(deps, definition, { keep: (env['REFIT_RECORDS'] ?? '') !== '' });
      return answer.kind === 'refused' ? answer : { ...answer, definition };
    },
    planDrain: (ref, o) => deps.kubernetes.cluster(ref).planDrain(o),
    close: () => deps.kubernetes.close(),
  };
}

/** Anything else that went amiss says so by itself. */
function explainNoRecords(error: unknown): unknown {
  if (!(error instanceof PortError) || error.message !== NO_RECORDS) return error;
  return new CliError(
    `${NO_RECORDS}: this fleet has clusters of lower tiers, and what has soaked in them stands in the records`,
    {
      hints: [
        'Set it to the folder that the workers write to.',
        'Or let a worker make the plan, which has it: refit plan --remote',
      ],
      cause: error,
    },
  );
}

export async function openRecords(env: Environment): Promise<Records | undefined> {
  const folder = env['REFIT_RECORDS'] ?? '';
  if (folder === '') return undefined;
  const { createDeps } = await import('../../workers/compose.ts');
  return createDeps({ ...env, REFIT_RECORDS: folder }).records;
}
