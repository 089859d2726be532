// `refit worker`: is a worker, in this very process, so that whatever ends the process ends the worker.
import type { Command } from 'commander';
import { addConnectionOptions } from '../connection.ts';
import type { ConnectionFlags } from '../connection.ts';
import type { CliContext, Environment } from '../context.ts';
import { addExamples, fleetPathOption } from '../options.ts';

type WorkerFlags = ConnectionFlags & { fleetFile?: string };

export function registerWorker(program: Command, context: CliContext): void {
  const command = program
    .command('worker')
    .description('run a worker: what does the work of all runs; any number may run side by side')
    .addOption(fleetPathOption())
    .action(async (flags: WorkerFlags) => {
      context.ownInterrupt();
      await context.runWorker(workerEnvironment(context.env, flags));
    });
  addConnectionOptions(command);
  addExamples(
    command,
    ['refit worker', 'REFIT_FLEET=fleet.yaml REFIT_RECORDS=./records refit worker --namespace fleets'],
    `
Settings: REFIT_FLEET (fleet file or folder), REFIT_RECORDS (folder), TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE and the temporal.toml profile, KUBECONFIG, the AWS SDK's own variables.
ctrl-C ends it once the activities at work have saved where they are; others take them over.`,
  );
}

/** A worker takes its settings from variables alone; options are given to it as such. */
function workerEnvironment(env: Environment, flags: WorkerFlags): Environment {
  const given = {
    TEMPORAL_ADDRESS: flags.address,
    TEMPORAL_NAMESPACE: flags.namespace,
    TEMPORAL_PROFILE: flags.profile,
    TEMPORAL_CONFIG_FILE: flags.configFile,
    TEMPORAL_API_KEY: flags.apiKey,
    TEMPORAL_TLS: flags.tls === true ? 'true' : undefined,
    REFIT_FLEET: flags.fleetFile,
  };
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...env, ...Object.fromEntries(set) };
}
