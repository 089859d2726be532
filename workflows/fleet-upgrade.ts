// Upgrades the nodes of one cluster's pools to a release; with `promote`, those of all clusters of a fleet, tier
// by tier. Startable with plain JSON by anybody.
import { ApplicationFailure } from '@temporalio/common';
import { makeContinueAsNewFunc } from '@temporalio/workflow';
import { driveFleet } from './fleet-driver.ts';
import type { FleetUpgradeResult } from './fleet-driver.ts';
import { inputOrFail, ownOrFail } from './inputs.ts';
import type { Carried, CarriedPromotion } from './inputs.ts';
import { drivePromotion } from './promotion-driver.ts';
import { parseFleetUpgradeInput, parsePromotionInput, saysPromote } from '../domain/parse/workflow-inputs.ts';

/** `carried` is given by the workflow to its next run, never by people. */
export async function fleetUpgrade(
  input: unknown,
  carried?: Carried | CarriedPromotion,
): Promise<FleetUpgradeResult> {
  if (saysPromote(input)) return await promoteRelease(input, carried);
  const parsed = inputOrFail(parseFleetUpgradeInput(input));
  const own = carriedAs('carried', carried);
  const next = makeContinueAsNewFunc<typeof fleetUpgrade>();
  return await driveFleet({ input: parsed, carried: own, continueAsNew: (state) => next(input, state) });
}

async function promoteRelease(
  input: unknown,
  carried: Carried | CarriedPromotion | undefined,
): Promise<FleetUpgradeResult> {
  const parsed = inputOrFail(parsePromotionInput(input));
  const own = carriedAs('promotion', carried);
  const next = makeContinueAsNewFunc<typeof fleetUpgrade>();
  return await drivePromotion({ input: parsed, carried: own, continueAsNew: (state) => next(input, state) });
}

/** What one kind of run takes along means nothing to the other. */
function carriedAs<K extends (Carried | CarriedPromotion)['kind']>(
  kind: K,
  carried: Carried | CarriedPromotion | undefined,
): Extract<Carried | CarriedPromotion, { kind: K }> | undefined {
  const own = ownOrFail(carried);
  if (own === undefined || own.kind === kind) return own as Extract<typeof own, { kind: K }> | undefined;
  throw ApplicationFailure.nonRetryable(
    'input: the second argument is of another kind of run',
    'InvalidInput',
  );
}
