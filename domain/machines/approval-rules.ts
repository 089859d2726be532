// What a policy asks of the yeses to a gate: from how many people, of whom none counts, for how long.
// Read from the run's definition each time, so that a stricter policy counts for gates that are open.
// Must never count one person twice, nor a yes that is void.
import type { StandingYes, Yes } from './approval-state.ts';
import { msBetween, timeAfter } from './clock-math.ts';
import type { OpenGate, RunState } from './fleet-state.ts';
import type { Policy } from '../policy.ts';

export type ApprovalRules = Pick<Policy['approval'], 'approvers' | 'expiresAfterMs' | 'selfApproval'>;

/** Of a gate about one pool its policy's; of one about the whole run the strictest of all pools. */
export function rulesOf(state: RunState, about: OpenGate['about']): ApprovalRules {
  return rulesOfPool(state, 'pool' in about ? about.pool : null);
}

export function rulesOfPool(state: RunState, name: string | null): ApprovalRules {
  const pools = state.definition?.pools ?? [];
  const own = pools.filter((pool) => pool.name === name);
  const asked = (own.length > 0 ? own : pools).map(({ policy }) => policy.approval);
  const spans = asked.flatMap(({ expiresAfterMs }) => (expiresAfterMs === null ? [] : [expiresAfterMs]));
  return {
    approvers: Math.max(1, ...asked.map(({ approvers }) => approvers)),
    expiresAfterMs: spans.length === 0 ? null : Math.min(...spans),
    selfApproval: asked.every(({ selfApproval }) => selfApproval),
  };
}

/** Enough to tell people apart; 200 gates with nine yeses each must stay small. */
const PERSON_CHARS_MAX = 64;

/** As it is kept and shown. */
export function shownName(by: string): string {
  return by.trim().slice(0, PERSON_CHARS_MAX).trim();
}

/** `Sam` and `sam ` are one person. */
export function isSamePerson(one: string, other: string): boolean {
  return personOf(one) === personOf(other);
}

function personOf(by: string): string {
  return shownName(by).normalize('NFKC').toLowerCase();
}

/** Why this person's yes does not count, whatever he says. */
export function whyNoVoice(state: RunState, rules: ApprovalRules, by: string): string | undefined {
  if (rules.selfApproval) return undefined;
  const requestedBy = state.definition?.requestedBy ?? null;
  if (requestedBy === null) {
    return 'nobody knows who asked for this run, and its policy counts no yes of theirs (approval.selfApproval: false)';
  }
  if (!isSamePerson(requestedBy, by)) return undefined;
  return `${shownName(by)} asked for this run, and its policy counts no yes of theirs (approval.selfApproval: false): somebody else must say it`;
}

/** When a yes of this moment is void; null: never. */
export function voidAt(at: string, rules: ApprovalRules): string | null {
  return rules.expiresAfterMs === null ? null : timeAfter(at, rules.expiresAfterMs);
}

export function isOver(until: string | null, now: string): boolean {
  return until !== null && msBetween(until, now) >= 0;
}

export function validYeses(gate: OpenGate, rules: ApprovalRules, now: string): readonly Yes[] {
  return (gate.yeses ?? []).filter(({ at }) => !isOver(voidAt(at, rules), now));
}

/** Of a yes to many nodes: by the rules of its pool, or by the strictest. */
export function isVoid(state: RunState, yes: StandingYes, now: string): boolean {
  return isOver(voidAt(yes.at, rulesOfPool(state, yes.pool)), now);
}

/** An approval is as old as its oldest yes. */
export function oldest(yeses: readonly Yes[]): string {
  return yeses.map(({ at }) => at).reduce((one, other) => (one < other ? one : other));
}

/** `1 of 2 yeses: sam; expires at 2026-…`; undefined while nobody has said anything and one yes is enough. */
export function tally(state: RunState, gate: OpenGate): string | undefined {
  const rules = rulesOf(state, gate.about);
  const yeses = gate.yeses ?? [];
  if (yeses.length === 0 && rules.approvers === 1) return undefined;
  const count = `${String(yeses.length)} of ${String(rules.approvers)} yeses`;
  if (yeses.length === 0) return count;
  const until = voidAt(oldest(yeses), rules);
  return `${count}: ${yeses.map(({ by }) => by).join(', ')}${until === null ? '' : `; expires at ${until}`}`;
}
