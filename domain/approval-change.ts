// May somebody change by himself who must be asked? Where several people or others than the requester must say
// yes, one person who could loosen that, at the start of a run or while it is at work, would need none of
// them. Stricter is always free; where any one person's yes is enough, so is everything.
import type { Policy } from './policy.ts';

type Approval = Policy['approval'];

/** The fields that would ask less of people; undefined when none would, or one yes was enough before. */
export function whyLooser(from: Approval, to: Approval): string | undefined {
  if (from.before === 'never' || (from.approvers === 1 && from.selfApproval)) return undefined;
  const fields = [
    ...(to.before === from.before || to.before === 'node' ? [] : ['before']),
    ...(asksFewer(from, to) ? ['firstNodes'] : []),
    ...(to.approvers < from.approvers ? ['approvers'] : []),
    ...(lastsLonger(from, to) ? ['expiresAfter'] : []),
    ...(to.selfApproval && !from.selfApproval ? ['selfApproval'] : []),
  ].map((field) => `approval.${field}`);
  if (fields.length === 0) return undefined;
  return (
    `${fields.join(', ')} would ask less than the policy, which one person may not decide ` +
    `(${String(from.approvers)} approvers${from.selfApproval ? '' : ', not the requester'}): change the fleet file`
  );
}

function asksFewer(from: Approval, to: Approval): boolean {
  if (from.before !== 'node' || to.before !== 'node' || to.firstNodes === null) return false;
  return from.firstNodes === null || to.firstNodes < from.firstNodes;
}

function lastsLonger(from: Approval, to: Approval): boolean {
  if (from.expiresAfterMs === null) return false;
  return to.expiresAfterMs === null || to.expiresAfterMs > from.expiresAfterMs;
}
