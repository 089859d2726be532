// What commands ask of the fleet: its files, its clusters, its records. fleet-client.ts answers it
// with the very parts that a worker uses, tests fake it. Reads only, but for the record of what a plan's digest
// is made of; what changes the world goes through a workflow.
import type { DrainChoice } from '../../adapters/ports/kubernetes.ts';
import type { CliContext } from './context.ts';
import type { PlanEstimate } from '../../domain/estimate.ts';
import type { Cluster, ClusterRef, Fleet } from '../../domain/fleet.ts';
import type { Inventory } from '../../domain/inventory.ts';
import type { PlanRow, PlanSummary, Refusal } from '../../domain/plan.ts';
import type { PlanMove } from '../../domain/plan-moves.ts';
import type { FleetUpgradeInput, RunDefinition } from '../../domain/run.ts';

export type PlanAnswer =
  | {
      kind: 'planned';
      summary: PlanSummary;
      rows: readonly PlanRow[];
      estimate?: PlanEstimate;
      /** How it differs from the plan that was demanded; absent: it is that one, or none was. */
      moved?: readonly PlanMove[];
      /** Why a later start could not tell what has moved since; absent: it could, or there are no records. */
      notKept?: string;
      definition: RunDefinition | undefined;
    }
  | { kind: 'refused'; refusals: readonly Refusal[] };

export interface FleetSide {
  collectFleets(): Promise<readonly Fleet[]>;
  /** Throws when the fleet files cannot satisfy the input: unknown cluster, pool, release, … */
  checkInput(input: FleetUpgradeInput): Promise<void>;
  collectInventory(o: { fleet: Fleet; cluster: Cluster }): Promise<Inventory>;
  plan(input: FleetUpgradeInput): Promise<PlanAnswer>;
  planDrain(cluster: ClusterRef, o: { node: string; force: boolean }): Promise<DrainChoice>;
  close(): Promise<void>;
}

export async function withFleet<T>(
  context: CliContext,
  flags: { fleetFile?: string | undefined },
  action: (fleet: FleetSide) => Promise<T>,
): Promise<T> {
  const fleet = await context.fleet({ fleetPath: flags.fleetFile });
  try {
    return await action(fleet);
  } finally {
    await fleet.close();
  }
}
