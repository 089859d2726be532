// Who of a pool goes first, who goes last, and how many at once beside the pool's own bound.
import type { Pool } from '../fleet.ts';
import { formatZoneMax } from '../amount.ts';
import type { PlanSummary } from '../plan.ts';
import type { ZoneMax } from '../policy.ts';
import { renderCanary } from './policy.ts';

function renderPerZone(max: ZoneMax): string {
  if (typeof max === 'number') return `${max} at once in one zone`;
  return `${formatZoneMax(max)} of its nodes in a zone at once there (rounded down, at least 1)`;
}

export function renderTurns(
  { name, policy }: Pool,
  planned: PlanSummary['pools'][number],
): readonly string[] {
  const canary = renderCanary(policy, planned.canaries ?? 0);
  const { unavailableMaxPerZone } = policy.disruption;
  const notReady = planned.notReady ?? 0;
  const promised = policy.failure.onExceeded === 'rollback';
  const noWayBack = (promised ? planned.noWayBack : planned.formerGone) ?? 0;
  return [
    ...(canary === undefined ? [] : [`canaries: ${canary}`]),
    ...(unavailableMaxPerZone === null ? [] : [`at most ${renderPerZone(unavailableMaxPerZone)}`]),
    ...(notReady === 0
      ? []
      : [`last, behind gate notReady/${name}: ${notReady} of its nodes that are not Ready now`]),
    ...(noWayBack === 0
      ? []
      : [`behind gate noWayBack/${name}: ${noWayBack} of its nodes that have no way back`]),
  ];
}
