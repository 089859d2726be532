// A process of its own for one size of fleet: plans a run over it, then one step in the middle of it, several
// times. Prints one line of JSON. Its memory is that of the fleet, of the plan and of the planning together.
import { planNext } from '../domain/planning/plan-next.ts';
import { planRun } from '../domain/planning/plan-run.ts';
import { OCCUPIED_MAX } from '../domain/plan.ts';
import type { Pool } from '../domain/fleet.ts';
import { ROW_CODES } from '../domain/row-codes.ts';
import {
  OBSERVED_AT,
  OWNER,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNode,
  samplePolicy,
  samplePool,
} from '../test/domain/planning/sample-fleet.ts';

export type StepMeasured = {
  nodes: number;
  /** Milliseconds, one for each round. */
  planRunMs: readonly number[];
  planNextMs: readonly number[];
  /** Processor time of the steps, the garbage collector's threads included. */
  planNextCpuMs: readonly number[];
  steps: number;
  mostMib: number;
};

const POOLS = 10;

function poolsOf(): readonly Pool[] {
  const disruption = {
    unavailableMax: { kind: 'percent' as const, percent: 30 },
    unavailableMaxPerZone: null,
    surge: 0,
  };
  const canary = { nodes: { kind: 'count' as const, count: 3 }, soakMs: 0 };
  const policy = samplePolicy({ disruption, canary });
  return Array.from({ length: POOLS }, (_, index) => samplePool(`pool-${String(index)}`, { policy }));
}

function timed<T>(work: () => T): { ms: number; cpuMs: number; result: T } {
  const before = process.cpuUsage();
  const began = performance.now();
  const result = work();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(before);
  return { ms, cpuMs: (user + system) / 1000, result };
}

export function measureSteps(size: number, rounds: number): StepMeasured {
  const pools = poolsOf();
  const definition = sampleDefinition({ pools });
  const nodes = Array.from({ length: size }, (_, index) =>
    sampleNode(`pool-${String(index % POOLS)}`, index),
  );
  const inventory = sampleInventory(nodes);
  const planRunMs: number[] = [];
  const planNextMs: number[] = [];
  const planNextCpuMs: number[] = [];
  let steps = 0;
  for (let round = 0; round < rounds; round += 1) {
    const planned = timed(() => planRun(definition, inventory, OWNER));
    planRunMs.push(planned.ms);
    const plan = planned.result;
    if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
    const { rows } = plan;
    // Half is done; of the rest as many are at work as leave room for a full answer.
    const done = Math.floor(rows.length / 2);
    const atWork = Math.min(OCCUPIED_MAX - 40, Math.floor(rows.length / 50));
    const occupied = rows.slice(done, done + atWork).map(({ node, pool }) => ({ node, pool }));
    const rest = rows.length - done - atWork;
    const codes =
      ROW_CODES.done.repeat(done) + ROW_CODES.active.repeat(atWork) + ROW_CODES.waiting.repeat(rest);
    const canaries = Object.fromEntries(
      pools.map(({ name }) => [
        name,
        { endedAt: OBSERVED_AT, unwellSince: null, unwellLast: null, passed: true },
      ]),
    );
    const question = { definition, owner: OWNER, rows, codes, occupied, retries: [], canaries };
    const asked = timed(() => {
      const now = { observedAt: OBSERVED_AT, nodes };
      const looks = { ...sampleLooks([]), final: false };
      const first = planNext(question, now, looks);
      if (first.kind === 'steps') return first.next.steps.length;
      const names = new Set(first.nodes.map(({ node }) => node));
      const looked = sampleLooks(nodes.filter(({ name }) => names.has(name)));
      const second = planNext(question, now, looked);
      return second.kind === 'steps' ? second.next.steps.length : 0;
    });
    planNextMs.push(asked.ms);
    planNextCpuMs.push(asked.cpuMs);
    steps = asked.result;
  }
  return {
    nodes: size,
    planRunMs,
    planNextMs,
    planNextCpuMs,
    steps,
    mostMib: process.resourceUsage().maxRSS / 1024,
  };
}

if (process.argv[1]?.endsWith('planning-step.ts') === true) {
  const [size = 1000, rounds = 3] = process.argv.slice(2).map(Number);
  process.stdout.write(`${JSON.stringify(measureSteps(size, rounds))}\n`);
}
