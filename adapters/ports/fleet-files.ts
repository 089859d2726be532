// Where fleets come from: the files that `REFIT_FLEET` names.
import type { Fleet } from '../../domain/fleet.ts';
import type { FleetTiers } from '../../domain/rollout.ts';
import type { FleetUpgradeInput, RunDefinition } from '../../domain/run.ts';

export interface FleetFiles {
  /** All fleets; throws InvalidFleet (domain/invalid-fleet) naming file, path, value and expectation. */
  collectFleets(): Promise<readonly Fleet[]>;
  /** Resolves an input into the definition that its run keeps; throws InvalidFleet likewise. */
  resolveRun(input: FleetUpgradeInput): Promise<RunDefinition>;
  /** The tiers of a fleet, with the digest of each release; throws InvalidFleet likewise. */
  collectTiers(o: { fleet: string }): Promise<FleetTiers>;
  /** Lays overrides over the policies that a run has; throws InvalidFleet likewise. Reads no file. */
  changePolicy(definition: RunDefinition, policy: unknown): Promise<RunDefinition>;
}
