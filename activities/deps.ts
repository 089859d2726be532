// What every activity is given by the composition root. Ports only: an activity never constructs an
// adapter, reads settings or asks the clock by itself.
import type { FleetFiles } from '../adapters/ports/fleet-files.ts';
import type { Instances } from '../adapters/ports/instances.ts';
import type { Kubernetes } from '../adapters/ports/kubernetes.ts';
import type { Notifier } from '../adapters/ports/notifier.ts';
import type { Records } from '../adapters/ports/records.ts';
import type { Runs } from '../adapters/ports/runs.ts';

export type ActivityDeps = {
  kubernetes: Kubernetes;
  instances: Instances;
  records: Records;
  runs: Runs;
  notifier: Notifier;
  fleetFiles: FleetFiles;
  /** Temporal namespace of the worker: part of owner marks and client tokens. */
  namespace: string;
  now: () => Date;
};
