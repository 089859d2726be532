// The variables that point every tool of a shell at a sandbox, and away from the user's own servers.
import { delimiter, join } from 'node:path';
import type { SandboxState } from './state.ts';
import { temporalServer } from './temporal-server.ts';

// Any of these, left over from the user's own setup, would win over what is set here or turn TLS on.
const unset = [
  'AWS_PROFILE',
  'AWS_SESSION_TOKEN',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'TEMPORAL_PROFILE',
  'TEMPORAL_API_KEY',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_CLIENT_CERT_DATA',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_DATA',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION',
  'TEMPORAL_TLS_SERVER_CA_CERT_DATA',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_SERVER_NAME',
  'TEMPORAL_CODEC_ENDPOINT',
  'TEMPORAL_CODEC_AUTH',
];

export interface SandboxEnvironment {
  set: Record<string, string>;
  unset: readonly string[];
}

export async function sandboxEnvironment(state: SandboxState): Promise<SandboxEnvironment> {
  const { dir, servers } = state;
  const temporal = await temporalServer(dir);
  if (servers === undefined || temporal === undefined) throw new Error(`the sandbox in ${dir} is not up yet`);
  const set = {
    KUBECONFIG: servers.clusters[0]?.kubeconfig ?? '',
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    // No profile of the user's own applies.
    TEMPORAL_CONFIG_FILE: temporalConfigFile(dir),
    AWS_ENDPOINT_URL_EC2: servers.ec2.endpoint,
    AWS_ACCESS_KEY_ID: 'sandbox',
    AWS_SECRET_ACCESS_KEY: 'sandbox',
    AWS_REGION: servers.region,
    AWS_DEFAULT_REGION: servers.region,
    REFIT_FLEET: servers.fleet,
    REFIT_RECORDS: servers.recordsDir,
    REFIT_SANDBOX: dir,
    PATH: [servers.binDir, process.env['PATH'] ?? ''].join(delimiter),
  };
  return { set, unset };
}

/** A profile that sets nothing: clients refuse a file that has none at all. */
export const temporalConfig = '[profile.default]\n';

export function temporalConfigFile(dir: string): string {
  return join(dir, 'temporal', 'client.toml');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Lines for `eval` in any POSIX shell. PATH is put in front of the shell's own, not of ours. */
export function renderShell(environment: SandboxEnvironment, binDir: string): string {
  const lines = environment.unset.map((name) => `unset ${name}`);
  for (const [name, value] of Object.entries(environment.set)) {
    lines.push(name === 'PATH' ? `export PATH=${quote(binDir)}:"$PATH"` : `export ${name}=${quote(value)}`);
  }
  return lines.join('\n');
}
