// What a worker is told by its surroundings: variables, and the profile file of the `temporal` command.
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { NativeConnectionOptions } from '@temporalio/worker';

/** The queue that runs are started on; part of the contract. */
const TASK_QUEUE = 'refit';

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

export type Environment = Readonly<Record<string, string | undefined>>;

export type WorkerSettings = {
  env: Environment;
  connection: NativeConnectionOptions & { address: string };
  namespace: string;
  taskQueue: string;
};

/** What is wrong with the surroundings, in words that say what to set. */
export class SettingsError extends Error {}

export function readSettings(env: Environment): WorkerSettings {
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const missing = ['REFIT_FLEET', 'REFIT_RECORDS'].filter((name) => (env[name] ?? '') === '');
  if (missing.length > 0) {
    throw new SettingsError(
      `${missing.join(' and ')} not set. REFIT_FLEET is the fleet file or a folder of them, REFIT_RECORDS the ` +
        'folder for plans and reports. In a sandbox: eval "$(refit sandbox env)"',
    );
  }
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars });
  const { address, tls, metadata, apiKey } = connectionOptions;
  return {
    env,
    connection: {
      address: address ?? DEFAULT_ADDRESS,
      ...(tls === undefined ? {} : { tls: tls as NonNullable<NativeConnectionOptions['tls']> }),
      ...(metadata === undefined ? {} : { metadata: metadata as Record<string, string> }),
      ...(typeof apiKey === 'string' ? { apiKey } : {}),
    },
    namespace: namespace ?? DEFAULT_NAMESPACE,
    taskQueue: TASK_QUEUE,
  };
}
