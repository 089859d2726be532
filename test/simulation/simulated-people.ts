// People by chance: they answer gates, pause and resume, skip, retry, put nodes first, abort, change policies in
// flight, terminate a child by mistake. Once there is peace they say yes, repair and resume, so that it ends.
import type { Policy } from '../../domain/policy.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { randomAmount, randomFreeze } from './random-fleet.ts';
import { apply, terminateChild } from './simulated-run.ts';
import type { SimulatedRun } from './simulated-run.ts';

/** `Sam ` is sam, whoever counts. */
const PEOPLE = ['sam', 'Sam ', 'ana', 'kim', 'lee'] as const;
const ZONES = ['us-east-1a', 'us-east-1b', 'us-east-1c'] as const;

function say(run: SimulatedRun, kind: string, message: Record<string, unknown>): boolean {
  const askId = `ask-${String(run.time.nowMs())}-${String(run.random.below(1e9))}`;
  const { kind: answer } = apply(run, { kind, askId, message } as never);
  return answer === 'moved';
}

export function somebodyActs(run: SimulatedRun): void {
  const { random, state, scope } = run;
  const by = random.pick(PEOPLE) ?? 'sam';
  const reason = 'by chance';
  const node = random.pick(scope.rows)?.node ?? '';
  const failed = random.pick([...run.witness.ledger.stands].filter(([, stand]) => stand === 'failed'))?.[0];
  const waiting = random.pick([...run.witness.ledger.stands].filter(([, stand]) => stand === 'waiting'))?.[0];
  const acts: (() => unknown)[] = [
    () => answerSome(run, () => (random.oneIn(25) ? 'reject' : 'approve')),
    () => answerSome(run, () => 'approve'),
    () => answerSome(run, () => 'approve'),
    () => answerSome(run, () => 'approve'),
    () => approveMany(run),
    () => retryAll(run, by),
    () => random.oneIn(2) && say(run, 'pause', { by, reason }),
    () => say(run, 'resume', { by }),
    () => say(run, 'resume', { by }),
    () => random.oneIn(5) && say(run, 'skipNode', { node, by, reason }),
    () => say(run, 'retryNode', { node: failed ?? node, by }),
    () => say(run, 'nextNode', { node: waiting ?? node, by }),
    () => random.oneIn(200) && say(run, 'abort', { by, reason, rollback: false }),
    () => random.oneIn(400) && say(run, 'abort', { by, reason, rollback: true }),
    () => changePolicy(run, by),
    () => random.oneIn(4) && terminateOne(run),
    () => state.tripped !== null && say(run, 'resume', { by }),
  ];
  const ended = run.witness.totals.get('nodeEnded') ?? 0;
  if (ended >= run.rollbackAfter && state.rollback === null) say(run, 'rollback', { by, reason });
  else random.pick(acts)?.();
}

/** "The next five", "this pool", "all in zone a", in any mixture. */
function approveMany(run: SimulatedRun): void {
  const { random, state } = run;
  const pool = random.pick(state.definition?.pools ?? [])?.name ?? '';
  const which = [
    { next: 1 + random.below(5) },
    { next: 1 + random.below(5), pool },
    { pool },
    { zone: random.pick(ZONES) ?? '' },
    { pool, zone: random.pick(ZONES) ?? '' },
  ];
  const message = { gate: 'node/*', by: random.pick(PEOPLE), reason: 'looked at', ...random.pick(which) };
  say(run, 'approve', message);
}

function retryAll(run: SimulatedRun, by: string): void {
  for (const [node, stand] of run.witness.ledger.stands) {
    if (stand === 'failed' && run.random.oneIn(2)) say(run, 'retryNode', { node, by });
  }
}

function terminateOne(run: SimulatedRun): void {
  const child = run.random.pick([...run.children.values()].filter(({ ended }) => !ended));
  if (child !== undefined) terminateChild(run, child);
}

function answerSome(run: SimulatedRun, kind: () => string): void {
  const { random } = run;
  for (const { name } of run.state.gates) {
    if (random.oneIn(3)) say(run, kind(), { gate: name, by: random.pick(PEOPLE), reason: 'looked at' });
  }
}

/** Checked first, which takes its time; then laid over what the run has by then. */
function changePolicy(run: SimulatedRun, by: string): void {
  if (!say(run, 'changePolicy', { by, reason: 'by chance', policy: {} })) return;
  run.time.after(run.random.below(2_000), () => {
    const { definition } = run.state;
    if (definition === null || run.state.outcome !== null) return;
    apply(run, { kind: 'policyChanged', by, reason: 'by chance', definition: changed(run, definition) });
  });
}

function changed({ random, time }: SimulatedRun, definition: RunDefinition): RunDefinition {
  const changes: ((policy: Policy) => Policy)[] = [
    (policy) => ({
      ...policy,
      disruption: { ...policy.disruption, unavailableMax: randomAmount(random, 6) },
    }),
    (policy) => ({
      ...policy,
      disruption: {
        ...policy.disruption,
        unavailableMaxPerZone: random.oneIn(3) ? null : 1 + random.below(3),
      },
    }),
    (policy) => ({ ...policy, failure: { ...policy.failure, failuresMax: random.below(5) } }),
    (policy) => ({ ...policy, failure: { ...policy.failure, consecutiveMax: 1 + random.below(4) } }),
    (policy) => ({ ...policy, failure: { ...policy.failure, successMinPercent: 40 + random.below(50) } }),
    (policy) => ({ ...policy, canary: { ...policy.canary, soakMs: random.below(6) * 60_000 } }),
    (policy) => ({ ...policy, drain: { ...policy.drain, deferForMs: (1 + random.below(8)) * 60_000 } }),
    (policy) => ({ ...policy, exclusions: [randomFreeze(random, time.nowMs())] }),
  ];
  const change = random.pick(changes) ?? ((policy: Policy) => policy);
  const one = random.pick(definition.pools)?.name;
  const pools = definition.pools.map((pool) =>
    pool.name === one || random.oneIn(3) ? { ...pool, policy: change(pool.policy) } : pool,
  );
  return { ...definition, pools };
}

/** Everything is answered with yes by as many as it takes; what failed is tried again, as long as that helps. */
export function makePeace(run: SimulatedRun): void {
  const by = 'sam';
  if (run.state.paused !== null || run.state.tripped !== null) say(run, 'resume', { by });
  for (const { name } of run.state.gates) for (const person of PEOPLE) answer(run, 'approve', name, person);
  // Nobody has a voice: the policy counts none of whoever asked for the run, and nobody knows who that was.
  for (const { name } of run.state.gates) answer(run, 'reject', name, by);
  for (const [node, stand] of run.witness.ledger.stands) {
    if (stand !== 'failed' || run.state.aborting !== null) continue;
    const rounds = (run.failedInPeace.get(node) ?? 0) + 1;
    run.failedInPeace.set(node, rounds);
    if (rounds > FAILED_ROUNDS_MAX) say(run, 'skipNode', { node, by, reason: 'stays' });
    else if (!run.state.retries.some((retry) => retry.node === node)) say(run, 'retryNode', { node, by });
  }
}

/**
 * One that is quarantined, or whose former image is gone, does not go back however often it is tried; where more
 * have failed than may be away, and take pods all the same, a retry waits until one of them is skipped.
 */
const FAILED_ROUNDS_MAX = 20;

function answer(run: SimulatedRun, kind: 'approve' | 'reject', gate: string, by: string): void {
  if (run.state.gates.some(({ name }) => name === gate)) say(run, kind, { gate, by });
}
