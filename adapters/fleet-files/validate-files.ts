// What `refit validate` tells: everything that is wrong with the files, and which fleets they hold.
// Touches no cluster.
import { PROBLEMS_MAX, type FleetProblem } from '../../domain/invalid-fleet.ts';
import { loadFleets } from './load-fleets.ts';

export type Validation = {
  ok: boolean;
  /** At most PROBLEMS_MAX; `problemsFound` counts all. */
  problems: readonly FleetProblem[];
  problemsFound: number;
  /** The fleets without a problem. */
  fleets: readonly { name: string; file: string; clusters: number; pools: number; releases: number }[];
};

export async function validateFiles(paths: readonly string[]): Promise<Validation> {
  const loaded = await loadFleets(paths);
  const problems = loaded.flatMap((entry) => entry.problems);
  return {
    ok: problems.length === 0,
    problems: problems.slice(0, PROBLEMS_MAX),
    problemsFound: problems.length,
    fleets: loaded.flatMap(({ file, fleet }) =>
      fleet === null
        ? []
        : [
            {
              name: fleet.name,
              file,
              clusters: fleet.clusters.length,
              pools: fleet.clusters.reduce((sum, { pools }) => sum + pools.length, 0),
              releases: fleet.releases.length,
            },
          ],
    ),
  };
}
