// A planner for fake nodes: so many at once as the policy says, in the order of the rows. Must stay simpler
// than the real one: tests of what the two do together take that.
import type { PlanNextInput } from '../../activities/api.ts';
import { resolveAmount } from '../../domain/amount.ts';
import type { NextSteps, PlanRow } from '../../domain/plan.ts';
import { askedFirst } from '../../domain/planning/asked-first.ts';
import { splitDeferred, whyDeferred } from '../../domain/planning/deferral.ts';
import { planDrainStep } from '../../domain/planning/node-step.ts';
import { hoursOf } from '../../domain/planning/why-closed.ts';
import { ROW_CODES } from '../../domain/row-codes.ts';
import { stepOf } from './shapes.ts';

export function planSimply(
  o: PlanNextInput,
  world: { rows: readonly PlanRow[]; cordoned: ReadonlySet<string> },
): NextSteps {
  const [pool] = o.definition.pools;
  if (pool === undefined) throw new Error('the definition of this world has one pool');
  const { policy } = pool;
  const unavailableMax = resolveAmount(policy.disruption.unavailableMax, world.rows.length);
  const occupied = new Set(o.occupied.map(({ node }) => node));
  const away = new Set([...occupied, ...world.cordoned]);
  const retries = o.retries.filter(({ node }) => !occupied.has(node));
  const retried = retries.map(({ node, attempt }) => stepOf(node, policy, attempt));
  const known = new Map((o.deferred ?? []).map((one) => [one.node, one]));
  const observedAt = new Date().toISOString();
  const rows = world.rows.filter(
    (row, index) => o.codes[index] === ROW_CODES.waiting && !occupied.has(row.node),
  );
  const open = askedFirst(rows, (row) => row.node, o.next ?? []);
  const { waiting, deferred } = splitDeferred(open, known, observedAt);
  const told = whyDeferred(deferred);
  const firstOrAgain = (node: string) => {
    const before = known.get(node);
    const drain = planDrainStep(policy, before?.times ?? 0);
    return { ...stepOf(node, policy, before?.attempt ?? 1), drain };
  };
  const free = Math.max(0, unavailableMax - away.size);
  const taken = waiting.filter((row) => !world.cordoned.has(row.node)).slice(0, free);
  const left = waiting.length - taken.length;
  const why = {
    kind: 'budget' as const,
    text: `${String(away.size)} away, ${String(unavailableMax)} allowed`,
  };
  return {
    observedAt,
    slots: [{ pool: 'h100', unavailableMax, unavailable: away.size, free }],
    steps: [...retried, ...taken.map((row) => firstOrAgain(row.node))],
    settled: [],
    waiting: [...told, ...(left === 0 ? [] : [{ why, nodes: left, example: waiting.at(-1)?.node ?? '' }])],
  };
}

/** A node of this world is expected to take two seconds, until some were measured. */
const STEP_EXPECTED_MS = 1000;

/** Windows and exclusions as the real planner reads them. */
export function inHours(o: PlanNextInput, next: NextSteps): NextSteps {
  const [pool] = o.definition.pools;
  if (pool === undefined) return next;
  const { drain, reimage } = pool.policy;
  const quick = {
    drain: { ...drain, timeoutMs: STEP_EXPECTED_MS },
    reimage: { ...reimage, timeoutMs: STEP_EXPECTED_MS },
  };
  const asked = { ...pool, policy: { ...pool.policy, ...quick } };
  const hours = hoursOf(asked, next.observedAt, o.nodeTimes?.[pool.name] ?? []);
  if (hours.kind === 'open') {
    const { startBefore } = hours;
    if (startBefore === null) return next;
    return { ...next, steps: next.steps.map((step) => ({ ...step, startBefore })) };
  }
  const example = next.steps[0]?.node ?? next.waiting[0]?.example ?? '';
  const nodes = next.steps.length + next.waiting.reduce((sum, waiting) => sum + waiting.nodes, 0);
  return { ...next, steps: [], waiting: nodes === 0 ? [] : [{ why: hours.why, nodes, example }] };
}
