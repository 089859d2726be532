// Where Temporal is: the same flags, variables and profile file as the `temporal` command's, and from
// which of them each value came, so that an error can name it.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig';
import type { ClientConfigProfile } from '@temporalio/envconfig';
import type { ConnectionOptions } from '@temporalio/client';
import { CliError, explainError } from './errors.ts';
import type { Environment } from './context.ts';

export type ConnectionFlags = {
  address?: string;
  namespace?: string;
  profile?: string;
  configFile?: string;
  apiKey?: string;
  tls?: boolean;
};

export type ConnectionSettings = {
  address: string;
  addressFrom: string;
  namespace: string;
  namespaceFrom: string;
  apiKey: string | undefined;
  tls: ConnectionOptions['tls'];
  metadata: Record<string, string> | undefined;
};

const DEFAULT_ADDRESS = 'localhost:7233';
const DEFAULT_NAMESPACE = 'default';

export function addConnectionOptions(command: Command): Command {
  return command
    .option('--address <host:port>', 'Temporal server (or TEMPORAL_ADDRESS, or the profile)')
    .option('--namespace <name>', 'Temporal namespace (or TEMPORAL_NAMESPACE, or the profile)')
    .option('--profile <name>', 'profile of the temporal.toml file (or TEMPORAL_PROFILE)')
    .option('--config-file <path>', 'temporal.toml file (or TEMPORAL_CONFIG_FILE)')
    .option('--api-key <key>', 'API key (or TEMPORAL_API_KEY)')
    .option('--tls', "TLS with the system's certificates (or TEMPORAL_TLS)");
}

export function resolveConnection(flags: ConnectionFlags, env: Environment): ConnectionSettings {
  const file = flags.configFile ?? env['TEMPORAL_CONFIG_FILE'] ?? defaultConfigFile(env);
  const profileName = flags.profile ?? env['TEMPORAL_PROFILE'] ?? 'default';
  const profile = loadProfile(flags, env, file);
  const origin = (flag: string, given: string | undefined, variable: string, value: string | undefined) => {
    if (given !== undefined) return `the option --${flag}`;
    if (env[variable] !== undefined) return `the variable ${variable}`;
    return value === undefined ? 'the default' : `profile ${profileName} of ${file}`;
  };
  const tls = flags.tls ?? toClientOptions(profile).connectionOptions.tls;
  const apiKey = flags.apiKey ?? profile.apiKey;
  return {
    address: flags.address ?? profile.address ?? DEFAULT_ADDRESS,
    addressFrom: origin('address', flags.address, 'TEMPORAL_ADDRESS', profile.address),
    namespace: flags.namespace ?? profile.namespace ?? DEFAULT_NAMESPACE,
    namespaceFrom: origin('namespace', flags.namespace, 'TEMPORAL_NAMESPACE', profile.namespace),
    apiKey,
    tls: tls ?? (apiKey === undefined ? undefined : true),
    metadata: profile.grpcMeta,
  };
}

function loadProfile(flags: ConnectionFlags, env: Environment, file: string): ClientConfigProfile {
  const named = flags.configFile ?? env['TEMPORAL_CONFIG_FILE'];
  if (named !== undefined && !existsSync(named)) {
    const from =
      flags.configFile === undefined ? 'the variable TEMPORAL_CONFIG_FILE' : 'the option --config-file';
    throw new CliError(`there is no file ${named}, which ${from} names`);
  }
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  try {
    return loadClientConfigProfile({
      overrideEnvVars,
      ...(flags.profile === undefined ? {} : { profile: flags.profile }),
      ...(flags.configFile === undefined ? {} : { configSource: { path: flags.configFile } }),
    });
  } catch (error) {
    throw new CliError(`the Temporal settings in ${file} cannot be used: ${explainError(error)}`, {
      hints: ['See what the temporal command makes of them: temporal config list'],
      cause: error,
    });
  }
}

/** Where @temporalio/envconfig looks when nobody names a file; for messages only. */
function defaultConfigFile(env: Environment): string {
  const given = env['XDG_CONFIG_HOME'];
  const home = env['HOME'] ?? homedir();
  const folder =
    process.platform === 'darwin'
      ? join(home, 'Library', 'Application Support')
      : given !== undefined && isAbsolute(given)
        ? given
        : join(home, '.config');
  return join(folder, 'temporalio', 'temporal.toml');
}
