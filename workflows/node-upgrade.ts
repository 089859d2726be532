// Takes one node through. As a child, for the run that granted it; started by a person, as a run over a
// fleet of one: lease, gates, plan and report are then the same as for any other run.
import { makeContinueAsNewFunc } from '@temporalio/workflow';
import type { NodeUpgradeResult } from '../activities/api.ts';
import { driveFleet } from './fleet-driver.ts';
import type { FleetUpgradeResult } from './fleet-driver.ts';
import { inputOrFail, ownOrFail } from './inputs.ts';
import type { Carried, NodeRun } from './inputs.ts';
import { takeNodeThrough } from './node-child.ts';
import { parseNodeUpgradeInput } from '../domain/parse/workflow-inputs.ts';

/** The second argument is given by workflows, never by people. */
export async function nodeUpgrade(
  input: unknown,
  second?: NodeRun | Carried,
): Promise<NodeUpgradeResult | FleetUpgradeResult> {
  const { node, ...rest } = inputOrFail(parseNodeUpgradeInput(input));
  const own = ownOrFail(second);
  if (own?.kind === 'child') return await takeNodeThrough(own);
  const next = makeContinueAsNewFunc<typeof nodeUpgrade>();
  return await driveFleet({
    input: { ...rest, nodes: [node] },
    carried: own,
    continueAsNew: (state) => next(input, state),
  });
}
