// Upgrades the nodes of one cluster's pools to a release. Startable with plain JSON by anybody.
import { makeContinueAsNewFunc } from '@temporalio/workflow';
import { driveFleet } from './fleet-driver.ts';
import type { FleetUpgradeResult } from './fleet-driver.ts';
import { inputOrFail, ownOrFail } from './inputs.ts';
import type { Carried } from './inputs.ts';
import { parseFleetUpgradeInput } from '../domain/parse/workflow-inputs.ts';

/** `carried` is given by the workflow to its next run, never by people. */
export async function fleetUpgrade(input: unknown, carried?: Carried): Promise<FleetUpgradeResult> {
  const parsed = inputOrFail(parseFleetUpgradeInput(input));
  const own = ownOrFail(carried);
  const next = makeContinueAsNewFunc<typeof fleetUpgrade>();
  return await driveFleet({ input: parsed, carried: own, continueAsNew: (state) => next(input, state) });
}
