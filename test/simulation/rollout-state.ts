// What a rollout in memory holds between its steps, for whoever drives it and for the rules that judge it.
import type { RunState, Scope } from '../../domain/machines/fleet-state.ts';
import type { InstanceFacts, NodeFacts } from '../../domain/inventory.ts';
import type { GateWish, PlanRow } from '../../domain/plan.ts';
import type { RunDefinition } from '../../domain/run.ts';

export type Rollout = {
  definition: RunDefinition;
  rows: readonly PlanRow[];
  codes: string;
  /** What is true now, whatever the planner is shown. */
  nodes: Map<string, NodeFacts>;
  instances: Map<string, InstanceFacts>;
  atWork: Map<string, { pool: string; attempt: number }>;
  retries: { node: string; attempt: number }[];
  attempts: Map<string, number>;
  /** Deferred and not ended since; `until` in minutes, null while it is taken up again. */
  deferred: Map<string, { times: number; until: number | null }>;
  /** What the run's own machine remembers of canaries; codes and retries are laid in when it is asked. */
  run: { state: RunState; scope: Scope };
  gatesOpened: Set<string>;
  /** Wished by the last answer. */
  gates: readonly GateWish[];
  /** Minutes since the rollout began; each tick is one. */
  minutes: number;
  /** For the rules alone, by pool. */
  canariesEndedAt: Map<string, number>;
  unwellAt: Map<string, number>;
  othersBegun: Set<string>;
};

export function codeOf(rollout: Rollout, node: string): string | undefined {
  return rollout.codes[rollout.rows.findIndex((row) => row.node === node)];
}
