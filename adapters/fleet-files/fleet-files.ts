// The port FleetFiles over files: read anew each time, so that an edit counts for the next run and
// for no run that has begun.
import { InvalidFleet } from '../../domain/invalid-fleet.ts';
import type { FleetFiles } from '../ports/fleet-files.ts';
import { loadFleets } from './load-fleets.ts';
import { findFleet, overridePolicies, resolveRun } from './resolve-run.ts';
import { describeTiers } from './tiers.ts';

/** `path` is what REFIT_FLEET names: a file, or a folder of them. */
export function createFleetFiles(path: string): FleetFiles {
  return {
    async collectFleets() {
      const loaded = await loadFleets([path]);
      const problems = loaded.flatMap((entry) => entry.problems);
      if (problems.length > 0) throw new InvalidFleet(problems);
      return loaded.flatMap(({ fleet }) => fleet ?? []);
    },
    async resolveRun(input) {
      return resolveRun(await loadFleets([path]), input);
    },
    async collectTiers({ fleet }) {
      return describeTiers(findFleet(await loadFleets([path]), fleet));
    },
    // Async, so that what is wrong is a rejection as everywhere.
    async changePolicy(definition, policy) {
      return await Promise.resolve(overridePolicies(definition, policy));
    },
  };
}
