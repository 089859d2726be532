// Looks at what is out of date on one cluster, and keeps what it saw as a record: the next look says what is
// new. Changes nothing else, anywhere.
import { ApplicationFailure } from '@temporalio/common';
import { collectOutdated, listFresh } from '../domain/drift.ts';
import type { OutdatedNode, OutdatedRecord } from '../domain/drift.ts';
import { InvalidFleet } from '../domain/invalid-fleet.ts';
import type { RunDefinition } from '../domain/run.ts';
import type { DriftActivities } from './api.ts';
import { beating, mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { collectInventory } from './observe.ts';

/** Nobody is asked for anything here: policies that want to know who asks are answered. */
const REQUESTER = 'driftWatch';

export function createDriftActivities(deps: ActivityDeps): DriftActivities {
  return {
    resolveDrift: ({ fleet, clusters }) =>
      mapped(() =>
        beating(async () => {
          const tiers = await invalidAsFailure(() => deps.fleetFiles.collectTiers({ fleet }));
          const names = [...new Set(clusters ?? tiers.clusters.map(({ name }) => name))];
          const definitions: RunDefinition[] = [];
          // One after another: each reads the fleet files, and the first that is wrong is told.
          for (const cluster of names) definitions.push(await resolve(deps, fleet, cluster));
          return { clusters: names, notifications: definitions[0]?.notifications ?? [] };
        }),
      ),
    lookForDrift: ({ fleet, cluster, before }) =>
      mapped(() =>
        beating(async () => {
          const definition = await resolve(deps, fleet, cluster);
          const inventory = await collectInventory(deps, definition);
          const { nodes, outdated } = collectOutdated(definition, inventory);
          const body: OutdatedRecord = { fleet, cluster, nodes: outdated };
          const record = await deps.records.put({ kind: 'outdated', key: `${fleet}/${cluster}`, body });
          const fresh = listFresh(before === null ? [] : await readBefore(deps, before), outdated);
          return { cluster, nodes, outdated: outdated.length, fresh, record };
        }),
      ),
  };
}

function resolve(deps: ActivityDeps, fleet: string, cluster: string): Promise<RunDefinition> {
  return invalidAsFailure(() => deps.fleetFiles.resolveRun({ fleet, cluster, requestedBy: REQUESTER }));
}

async function invalidAsFailure<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof InvalidFleet) throw ApplicationFailure.nonRetryable(error.message, 'InvalidInput');
    throw error;
  }
}

/** What the records do not show is unknown: then everything is new. Its digest says that it is what was put. */
async function readBefore(deps: ActivityDeps, digest: string): Promise<readonly OutdatedNode[]> {
  const record = (await deps.records.get(digest)) as OutdatedRecord | undefined;
  return record?.nodes ?? [];
}
