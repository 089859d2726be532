// Which cluster a command is about. Never guesses between two.
import { closest } from 'fastest-levenshtein';
import type { Cluster, Fleet } from '../../domain/fleet.ts';
import { CliError } from './errors.ts';

export type ClusterChoice = { fleet: Fleet; cluster: Cluster };

export function pickCluster(
  fleets: readonly Fleet[],
  o: { cluster?: string | undefined; fleet?: string | undefined },
): ClusterChoice {
  const all = fleets
    .filter((fleet) => o.fleet === undefined || fleet.name === o.fleet)
    .flatMap((fleet) => fleet.clusters.map((cluster) => ({ fleet, cluster })));
  if (all.length === 0) throw noFleet(fleets, o.fleet);
  const found = o.cluster === undefined ? all : all.filter(({ cluster }) => cluster.name === o.cluster);
  const only = found[0];
  if (only !== undefined && found.length === 1) return only;
  const names = all.map(({ cluster }) => cluster.name);
  if (only !== undefined && o.cluster !== undefined) {
    throw new CliError(`cluster "${o.cluster}" stands in several fleets; say which one by --fleet:`, {
      hints: found.map(({ fleet }) => `--fleet ${fleet.name}`),
    });
  }
  if (o.cluster === undefined) {
    throw new CliError(`the fleet has ${String(names.length)} clusters; say which one: ${names.join(', ')}`);
  }
  throw new CliError(`there is no cluster "${o.cluster}" in the fleet files`, {
    hints: [`Did you mean ${closest(o.cluster, names)}?`, `There are: ${names.join(', ')}`],
  });
}

function noFleet(fleets: readonly Fleet[], wanted: string | undefined): CliError {
  const names = fleets.map((fleet) => fleet.name);
  if (wanted === undefined || names.length === 0) {
    return new CliError('the fleet files hold no cluster', { hints: ['Check them: refit validate FILE'] });
  }
  return new CliError(`there is no fleet "${wanted}" in the fleet files`, {
    hints: [`Did you mean ${closest(wanted, names)}?`, `There are: ${names.join(', ')}`],
  });
}

export function ensurePool(cluster: Cluster, pool: string): void {
  const names = cluster.pools.map((one) => one.name);
  if (names.includes(pool)) return;
  throw new CliError(`cluster ${cluster.name} has no pool "${pool}"`, {
    hints: [`Did you mean ${closest(pool, names)}?`, `There are: ${names.join(', ')}`],
  });
}
