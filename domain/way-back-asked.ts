// Which nodes without a way back somebody is asked about, before they are begun. Must never leave out one whose
// former image is gone: nobody could take that back, whatever the policy does when too many fail.
import type { Pool } from './fleet.ts';
import type { PlanRow } from './plan.ts';

/**
 * Where the same image is laid again nothing is lost, and a method that lays none is known for it: only a policy
 * that promises a rollback asks about these too.
 */
export function asksForWayBack(
  { noWayBack, formerGone }: Pick<PlanRow, 'noWayBack' | 'formerGone'>,
  { policy }: Pick<Pool, 'policy'>,
): boolean {
  return noWayBack !== undefined && (formerGone === true || policy.failure.onExceeded === 'rollback');
}
