// A cluster and a cloud in memory for activities that observe and plan, and a plan made of them.
import { createObserveActivities } from '../../activities/observe.ts';
import type { ActivityDeps } from '../../activities/deps.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { PlanSummary } from '../../domain/plan.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { createFakeInstances, imageFacts } from '../fakes/fake-instances.ts';
import { createFakeKubernetes } from '../fakes/fake-kubernetes.ts';
import { createFakeRecords } from '../fakes/fake-records.ts';
import { createFakeRuns } from '../fakes/fake-runs.ts';
import { NO_TIERS } from '../fakes/node-input.ts';
import { NEW, OBSERVED_AT, OLD, OWNER, instanceOf } from '../domain/planning/sample-fleet.ts';

export const RUN = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1', owner: OWNER };
/** What one payload may have. */
export const PAYLOAD_BYTES_MAX = 256 * 1024;

export type World = ReturnType<typeof createWorld>;

export function createWorld() {
  const kubernetes = createFakeKubernetes();
  const instances = createFakeInstances();
  const records = createFakeRecords();
  const cluster = kubernetes.fakeCluster('prod-east');
  for (const { imageId } of [OLD, NEW]) instances.images.set(imageId, imageFacts({ imageId }));
  const looked: string[][] = [];
  const deps: ActivityDeps = {
    kubernetes,
    instances: {
      ...instances,
      collectInstances: (provider, ids) => {
        looked.push([...ids]);
        return instances.collectInstances(provider, ids);
      },
    },
    records,
    runs: createFakeRuns(),
    notifier: { send: () => Promise.reject(new Error('unused')) },
    fleetFiles: {
      collectFleets: () => Promise.resolve([]),
      collectTiers: () => Promise.resolve(NO_TIERS),
      resolveRun: () => Promise.reject(new Error('unused')),
      changePolicy: () => Promise.reject(new Error('unused')),
    },
    namespace: 'default',
    now: () => new Date(OBSERVED_AT),
  };
  const addNodes = (nodes: readonly NodeFacts[]) => {
    for (const node of nodes) {
      cluster.nodes.set(node.name, node);
      const instance = instanceOf(node);
      instances.instances.set(instance.instanceId, instance);
    }
  };
  return { cluster, instances, records, deps, looked, addNodes };
}

export async function planned(world: World, definition: RunDefinition): Promise<PlanSummary> {
  const outcome = await createObserveActivities(world.deps).planRun({ definition, run: RUN });
  if (outcome.kind === 'refused') throw new Error(JSON.stringify(outcome.refusals));
  return outcome.summary;
}

export const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));
