// Which questions a run will put to people, by its policies and its plan alone: which gates, how often,
// to how many. What only happens may add more: a trip, a cluster to take over, a change of the policy.
import type { ApprovalNeed } from '../estimate.ts';
import type { Pool } from '../fleet.ts';
import type { PlanRow } from '../plan.ts';
import type { RunDefinition } from '../run.ts';
import { canaryGateOf, resolveCanaries } from './canary.ts';
import { whyLowerTiers } from './tier-gate.ts';
import { gateOfNoWayBack, isHeldForWayBack } from './way-back.ts';

export function listApprovalsNeeded(
  definition: RunDefinition,
  rows: readonly PlanRow[],
): readonly ApprovalNeed[] {
  let asked = 0;
  const ofPools = definition.pools.flatMap((pool) => {
    const upgrades = rows.filter((row) => row.pool === pool.name && row.disposition.kind === 'upgrade');
    const ofNodes = countNodeGates(pool, upgrades.length, asked);
    asked += ofNodes;
    return listOfPool(definition, pool, { upgrades, ofNodes });
  });
  return rows.some(({ disposition }) => disposition.kind === 'upgrade')
    ? [...listOfTier(definition), ...ofPools]
    : ofPools;
}

/** By the strictest of all pools; where it soaks by itself, only for whoever does not want to wait. */
function listOfTier(definition: RunDefinition): readonly ApprovalNeed[] {
  const held = whyLowerTiers(definition, []);
  if (held === undefined) return [];
  const rules = definition.pools.map(({ policy }) => policy.approval);
  const { until } = held.why;
  return [
    {
      gate: held.gate.name,
      pool: 'all pools',
      times: 1,
      approvers: Math.max(1, ...rules.map(({ approvers }) => approvers)),
      notRequester: rules.some(({ selfApproval }) => !selfApproval),
      ...(until === undefined
        ? {}
        : { onlyWhen: `it is to begin before ${until}, when it has soaked below` }),
    },
  ];
}

/** `firstNodes` counts over the whole run. */
function countNodeGates({ policy }: Pool, nodes: number, asked: number): number {
  const { before, firstNodes } = policy.approval;
  if (before !== 'node') return 0;
  return firstNodes === null ? nodes : Math.max(0, Math.min(nodes, firstNodes - asked));
}

function listOfPool(
  definition: RunDefinition,
  pool: Pool,
  { upgrades, ofNodes }: { upgrades: readonly PlanRow[]; ofNodes: number },
): readonly ApprovalNeed[] {
  if (upgrades.length === 0) return [];
  const { name, policy } = pool;
  const { before, approvers, selfApproval } = policy.approval;
  const need = (gate: string, times: number, onlyWhen?: string): ApprovalNeed => ({
    gate,
    pool: name,
    times,
    approvers,
    notRequester: !selfApproval,
    ...(onlyWhen === undefined ? {} : { onlyWhen }),
  });
  const notReady = upgrades.filter((row) => row.wasNotReady === true).length;
  const canaries = upgrades.filter((row) => row.canary === true).length;
  const others = upgrades.length - canaries - notReady;
  const wantsCanaries = resolveCanaries(pool, upgrades.length) > 0;
  const canaryAsked = others > 0 && (before === 'canary' || (wantsCanaries && canaries === 0));
  const canaryGate = canaryGateOf(definition, name);
  return [
    ...(before === 'pool' ? [need(`pool/${name}`, 1)] : []),
    ...(ofNodes > 0 ? [need('node/…', ofNodes)] : []),
    ...(canaryAsked ? [need(canaryGate, 1)] : []),
    ...(!canaryAsked && canaries > 0 && others > 0
      ? [need(canaryGate, 1, 'no canary ends well, or one does not stay well')]
      : []),
    ...(notReady > 0 ? [need(`notReady/${name}`, 1)] : []),
    ...(upgrades.some((row) => isHeldForWayBack(pool, row, [])) ? [need(gateOfNoWayBack(name), 1)] : []),
    ...(policy.reimage.mayLoseCapacity === true ? [need('capacity/…', upgrades.length)] : []),
    ...(policy.drain.onTimeout === 'force'
      ? [need('force/…', upgrades.length, 'a drain times out on pods that force would let go')]
      : []),
  ];
}
