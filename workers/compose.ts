// The composition root: settings → adapters → what activities are given. The CLI uses the same, so that
// `refit plan` sees what a worker would see. Connects to nothing until something is asked of it.
import { readFileSync } from 'node:fs';
import { createInstances } from '../adapters/ec2/instances.ts';
import { createFleetFiles } from '../adapters/fleet-files/fleet-files.ts';
import { createKubernetes } from '../adapters/kubernetes/connect.ts';
import { createNotifier } from '../adapters/notify/notifier.ts';
import { NO_RECORDS, PortError } from '../adapters/ports/errors.ts';
import type { Records } from '../adapters/ports/records.ts';
import type { Runs } from '../adapters/ports/runs.ts';
import { createFolderRecords } from '../adapters/records/folder.ts';
import type { ActivityDeps } from '../activities/deps.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** `temporal` is a worker's own; a command that only looks has none. */
export function createDeps(env: Environment, temporal?: { runs: Runs; namespace: string }): ActivityDeps {
  const records = env['REFIT_RECORDS'] ?? '';
  return {
    kubernetes: createKubernetes({ env: env as NodeJS.ProcessEnv }),
    instances: createInstances({ version: manifest.version }),
    records:
      records === ''
        ? refuseAll<Records>(NO_RECORDS, ['put', 'get', 'list', 'keys'])
        : createFolderRecords(records),
    runs:
      temporal?.runs ??
      refuseAll<Runs>('there is no Temporal here', [
        'checkGrant',
        'collectState',
        'collectChild',
        'collectStatus',
        'tellRun',
        'reportProgress',
        'reportState',
      ]),
    notifier: createNotifier({ env, namespace: temporal?.namespace ?? '' }),
    fleetFiles: createFleetFiles(env['REFIT_FLEET'] ?? ''),
    namespace: temporal?.namespace ?? '',
    now: () => new Date(),
  };
}

/** A port that nobody set up says so when it is used, not when it is made. */
function refuseAll<Port extends object>(why: string, methods: readonly (keyof Port & string)[]): Port {
  const refuse = () => Promise.reject(new PortError('invalid', why));
  return Object.fromEntries(methods.map((method) => [method, refuse])) as Port;
}
