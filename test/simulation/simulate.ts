// One rollout by chance, from its plan to its end, by its seed: the same seed is the same story, step by step.
import { OBSERVED_AT } from '../domain/planning/sample-fleet.ts';
import type { Ledger } from '../checker/rollout-ledger.ts';
import { createRandom } from './random.ts';
import { randomFleet } from './random-fleet.ts';
import { makePeace, somebodyActs } from './simulated-people.ts';
import { beginRun, planRollout, pump } from './simulated-run.ts';
import type { SimulatedRun } from './simulated-run.ts';
import { createTime } from './simulated-time.ts';
import { disturb, heal } from './simulated-world.ts';
import { createWitness } from './witness.ts';

/** What became of it: how often what happened. */
export type Story = { nodes: number; steps: number; outcome: string; totals: ReadonlyMap<string, number> };

/** A quarter of an hour at the most between two disturbances. */
const DISTURBED_EVERY_MS = { least: 20_000, most: 900_000 };
const SOMEBODY_EVERY_MS = 45_000;
const PEACE_EVERY_MS = 30_000;
/** At the latest; else once a share of the nodes has ended. */
const PEACE_AFTER_MS = 36_000_000;
/** Far more than the largest needs: what goes on after it does not end at all. */
const STEPS_PER_NODE_MAX = 2_000;
const STEPS_MAX = 60_000;

export function simulate(seed: number, nodesMax = 500): Story {
  const random = createRandom(seed);
  const fleet = randomFleet(random, nodesMax);
  const { definition, nodes } = fleet;
  const begun = planRollout(fleet, OBSERVED_AT);
  if (begun === undefined) return { nodes: nodes.length, steps: 0, outcome: 'refused', totals: new Map() };
  const time = createTime(Date.parse(OBSERVED_AT));
  const witness = createWitness(definition, begun.rows);
  const run = beginRun({ fleet, begun, time, random, witness });
  const endedMin = (nodes.length * (30 + random.below(80))) / 100;
  const { least, most } = DISTURBED_EVERY_MS;
  every(run, least + random.below(most - least), () => run.rough && disturb(run.world, random));
  every(run, SOMEBODY_EVERY_MS, () => run.rough && somebodyActs(run));
  every(run, PEACE_EVERY_MS, () => {
    const late = time.nowMs() - Date.parse(OBSERVED_AT) > PEACE_AFTER_MS;
    if (late || (witness.totals.get('nodeEnded') ?? 0) >= endedMin) run.rough = false;
    if (!run.rough) calm(run);
  });
  let steps = 0;
  const stepsMax = STEPS_MAX + STEPS_PER_NODE_MAX * nodes.length;
  pump(run);
  while (run.state.outcome === null) {
    if (steps > stepsMax || !time.step())
      throw new Error(`rule: every rollout ends [I107]: ${run.state.codes}`);
    pump(run);
    steps += 1;
  }
  return { nodes: nodes.length, steps, outcome: run.state.outcome, totals: witness.totals };
}

function every(run: SimulatedRun, ms: number, happen: () => void): void {
  run.time.after(ms, () => {
    if (run.state.outcome !== null) return;
    happen();
    every(run, ms, happen);
  });
}

function calm(run: SimulatedRun): void {
  const { ledger } = run.witness;
  heal(run.world, (node) => !isStillFailed(ledger, node));
  makePeace(run);
}

/** Nobody lifts the cordon of one that may be tried again. Whoever skips it does, once it is repaired. */
function isStillFailed({ stands, hadFailed }: Ledger, node: string): boolean {
  const stand = stands.get(node);
  return stand === 'failed' || (stand === 'waitsBack' && hadFailed.has(node));
}
