// Thousands of rollouts by chance: nodes that take their time, fail, fall ill, are cordoned by others,
// deleted, replaced, stopped; people who retry and skip; a watch that lags. The rules of rollout.ts
// hold at every step, and every rollout ends once the world is left in peace.
import { describe, expect, it } from '@jest/globals';
import type { NodeFacts } from '../../domain/inventory.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Pool } from '../../domain/fleet.ts';
import type { Policy } from '../../domain/policy.ts';
import { instanceIdOf } from '../../domain/planning/node-reading.ts';
import { ROW_CODES, countCodes } from '../../domain/row-codes.ts';
import {
  OBSERVED_AT,
  OWNER,
  sampleDefinition,
  sampleNode,
  samplePolicy,
  samplePool,
} from '../domain/planning/sample-fleet.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import { answerGate, change, finish, isOver, setCode, startRollout, tick } from './rollout.ts';
import type { Ending } from './rollout.ts';
import { codeOf } from './rollout-state.ts';
import type { Rollout } from './rollout-state.ts';

const SEEDS = 1000;
const CHAOS_TICKS = 60;
/** Far more than the largest fleet here needs one by one. */
const TICKS_MAX = 1000;
const RERUN = 'REFIT_SIMULATION_SEED';
const ALL_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

function samplePools(random: Random): Pool[] {
  return ['batch', 'h100', 'spare'].slice(0, 1 + random.below(3)).map((name) => {
    const unavailableMax = random.oneIn(2)
      ? { kind: 'count' as const, count: 1 + random.below(4) }
      : { kind: 'percent' as const, percent: 1 + random.below(60) };
    const perZone = random.oneIn(3) ? 1 + random.below(3) : null;
    const unavailableMaxPerZone = perZone === 2 ? ({ kind: 'percent', percent: 60 } as const) : perZone;
    const disruption = { unavailableMax, unavailableMaxPerZone, surge: 0 };
    const canaries = random.oneIn(2) ? random.below(3) : 0;
    const canary = { nodes: { kind: 'count' as const, count: canaries }, soakMs: random.below(5) * 60_000 };
    const before = random.oneIn(3) ? ('canary' as const) : ('never' as const);
    const approval = { ...defaultPolicy.approval, before };
    const hours = sampleHours(random);
    return samplePool(name, { policy: samplePolicy({ disruption, canary, approval, ...hours }) });
  });
}

/** Freezes in the next hours for some pools, windows for a few: to lay them out takes longer than all else. */
function sampleHours(random: Random): Partial<Policy> {
  if (!random.oneIn(4)) return {};
  const startMs = Date.parse(OBSERVED_AT);
  const exclusions = Array.from({ length: 1 + random.below(2) }, () => {
    const fromMs = startMs + random.below(180) * 60_000;
    const untilMs = fromMs + (1 + random.below(60)) * 60_000;
    return { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString(), why: 'freeze' };
  });
  const daily = { days: ALL_DAYS, timezone: 'UTC' };
  const windows = [
    { ...daily, start: `09:${10 + random.below(50)}`, durationMs: (20 + random.below(90)) * 60_000 },
    { ...daily, start: '14:00', durationMs: 28_800_000 },
  ];
  return {
    exclusions,
    ...(random.oneIn(12) ? { windows } : {}),
    drain: { ...defaultPolicy.drain, timeoutMs: 120_000 },
    reimage: { ...defaultPolicy.reimage, timeoutMs: 180_000 },
  };
}

function sampleFleetNodes(pools: readonly Pool[], random: Random): NodeFacts[] {
  return pools.flatMap((pool) =>
    Array.from({ length: 1 + random.below(12) }, (_, index) => {
      const changes: Partial<NodeFacts> = {
        podsToMove: random.below(9),
        unschedulable: random.oneIn(12),
        ready: random.oneIn(12) ? 'Unknown' : 'True',
        ...(random.oneIn(8) ? { kubeletVersion: 'v1.36.1' } : {}),
        ...(random.oneIn(20) ? { providerId: '' } : {}),
      };
      return sampleNode(pool.name, index, changes);
    }),
  );
}

/** One thing at most happens to a node between two ticks. */
function disturb(rollout: Rollout, random: Random): void {
  const node = random.pick([...rollout.nodes.values()]);
  if (node === undefined) return;
  const { name } = node;
  const ours = node.annotations['refit.dev/owner'] === OWNER;
  const happenings: (() => void)[] = [
    () => change(rollout, name, { ready: 'Unknown' }),
    () => change(rollout, name, { ready: 'True' }),
    () => !ours && change(rollout, name, { unschedulable: true }),
    () => !ours && change(rollout, name, { unschedulable: false }),
    () =>
      ours && !rollout.atWork.has(name) && change(rollout, name, { unschedulable: false, annotations: {} }),
    () => random.oneIn(6) && rollout.nodes.delete(name),
    () => random.oneIn(6) && change(rollout, name, { uid: `${node.uid}'` }),
    () => random.oneIn(6) && change(rollout, name, { labels: {} }),
    () => !ours && change(rollout, name, { kubeletVersion: 'v1.36.1' }),
    () => stopInstance(rollout, node),
  ];
  random.pick(happenings)?.();
}

function stopInstance(rollout: Rollout, node: NodeFacts): void {
  const instance = rollout.instances.get(instanceIdOf(node) ?? '');
  if (instance !== undefined) rollout.instances.set(instance.instanceId, { ...instance, state: 'stopped' });
}

function work(rollout: Rollout, random: Random, peace: boolean): void {
  for (const name of [...rollout.atWork.keys()]) {
    if (!random.oneIn(3)) continue;
    finish(rollout, name, peace ? 'done' : endingOf(random));
  }
}

function endingOf(random: Random): Ending {
  if (random.oneIn(5)) return 'failed';
  if (random.oneIn(8)) return 'putBack';
  return random.oneIn(5) ? 'deferred' : 'done';
}

function people(rollout: Rollout, random: Random, peace: boolean): void {
  for (const gate of rollout.gates) {
    if (random.oneIn(3)) answerGate(rollout, gate, peace || !random.oneIn(4));
  }
  for (const row of rollout.rows) {
    const code = codeOf(rollout, row.node);
    const retried = rollout.retries.some((retry) => retry.node === row.node);
    if (code === ROW_CODES.failed && !retried && random.oneIn(4)) {
      const attempt = (rollout.attempts.get(row.node) ?? 1) + 1;
      rollout.retries.push({ node: row.node, attempt });
    }
    if (code === ROW_CODES.waiting && random.oneIn(200)) setCode(rollout, row.node, 'skipped');
  }
}

/** Whoever has cordoned comes back and uncordons, the ill get well, the failed are taken care of. */
function heal(rollout: Rollout): void {
  for (const node of rollout.nodes.values()) {
    const ours = node.annotations['refit.dev/owner'] === OWNER;
    change(rollout, node.name, { ready: 'True', ...(ours ? {} : { unschedulable: false }) });
    const abandoned =
      ours && !rollout.atWork.has(node.name) && codeOf(rollout, node.name) !== ROW_CODES.failed;
    if (abandoned) change(rollout, node.name, { unschedulable: false, annotations: {} });
  }
}

function simulate(seed: number): Rollout {
  const random = createRandom(seed);
  const pools = samplePools(random);
  const clusterUnavailableMax = random.oneIn(3)
    ? { kind: 'count' as const, count: 1 + random.below(6) }
    : null;
  const definition = sampleDefinition({ pools, clusterUnavailableMax });
  const rollout = startRollout(definition, sampleFleetNodes(pools, random));
  const pictures: NodeFacts[][] = [[...rollout.nodes.values()]];
  for (let time = 0; !isOver(rollout) || time < CHAOS_TICKS; time += 1) {
    if (time > TICKS_MAX) throw new Error(`rule: every node ends [I107]: ${rollout.codes}`);
    const peace = time >= CHAOS_TICKS;
    if (peace) heal(rollout);
    else disturb(rollout, random);
    work(rollout, random, peace);
    people(rollout, random, peace);
    pictures.push([...rollout.nodes.values()]);
    // A watch may lag by a tick or two; what was started in between is known by the run alone.
    const lag = peace ? 0 : random.below(3);
    tick(rollout, pictures[Math.max(0, pictures.length - 1 - lag)]);
  }
  return rollout;
}

describe('rollouts by chance', () => {
  const only = process.env[RERUN];
  const first = only === undefined ? 1 : Number(only);
  const last = only === undefined ? SEEDS : first;

  it('keep every rule at every step, and end [I90] [I91] [I92] [I97] [I98] [I101] [I104] [I107] [I110] [I111] [I112] [I113] [I114] [I126] [I127] [I128] [I156] [I158]', () => {
    let nodesDone = 0;
    for (let seed = first; seed <= last; seed += 1) {
      try {
        const counts = countCodes(simulate(seed).codes);
        expect(counts.waiting + counts.active).toBe(0);
        nodesDone += counts.done;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(
          `seed ${seed}: ${why}\nrerun: ${RERUN}=${seed} npm run test:unit -- test/simulation/rollout.test.ts`,
          { cause: error },
        );
      }
    }
    // A simulation in which nothing is ever upgraded would keep every rule, too.
    expect(nodesDone).toBeGreaterThan(only === undefined ? SEEDS : 0);
  });
});
