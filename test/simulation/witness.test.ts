// What the witness of a simulated run must know of answers that the run lets lie: it may not take them either.
import { describe, expect, it } from '@jest/globals';
import type { RunDefinition } from '../../domain/run.ts';
import {
  OBSERVED_AT,
  OLD,
  sampleDefinition,
  sampleImages,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from '../domain/planning/sample-fleet.ts';
import { createRandom } from './random.ts';
import { apply, beginRun, planRollout, pump } from './simulated-run.ts';
import type { SimulatedRun } from './simulated-run.ts';
import { createTime } from './simulated-time.ts';
import { createWitness } from './witness.ts';

const STEPS_MAX = 10_000;
const SAM = { by: 'sam', reason: 'slow' };

function definitionOf(unavailableMax: number): RunDefinition {
  const plain = withUnavailableMax(unavailableMax);
  const policy = { ...plain, approval: { ...plain.approval, before: 'never' as const } };
  return sampleDefinition({ pools: [samplePool('batch', { policy })] });
}

/** Nothing goes wrong in it. */
function begin(): SimulatedRun {
  const definition = definitionOf(1);
  const fleet = { definition, nodes: sampleNodes('batch', 3), images: sampleImages() };
  const begun = planRollout(fleet, OBSERVED_AT);
  if (begun === undefined) throw new Error('its plan is refused');
  const [time, random] = [createTime(Date.parse(OBSERVED_AT)), createRandom(1)];
  const run = beginRun({ fleet, begun, time, random, witness: createWitness(definition, begun.rows) });
  run.rough = false;
  return run;
}

function goOn(run: SimulatedRun, isThere: () => boolean): void {
  for (let steps = 0; !isThere(); steps += 1) {
    if (steps > STEPS_MAX || !run.time.step()) throw new Error(`it ends before that: ${run.state.codes}`);
    pump(run);
  }
}

describe('the witness of a run that is rolled back', () => {
  it('takes no node for settled by an answer that a change of the policy has overtaken [I86] [I185]', () => {
    const run = begin();
    pump(run);
    goOn(run, () => run.state.codes.includes('d') && !run.planning);
    apply(run, { kind: 'rollback', askId: 'a', message: SAM });
    // Whoever looks at what is done finds no way back.
    run.world.images = Object.fromEntries(
      Object.entries(sampleImages()).filter(([imageId]) => imageId !== OLD.imageId),
    );
    pump(run);
    goOn(run, () => run.state.codes === 'wss' && run.planning);
    const changed = apply(run, { kind: 'policyChanged', ...SAM, definition: definitionOf(2) });
    expect(changed.kind).toBe('moved');
    goOn(run, () => run.state.lastPlan?.at === run.time.now());
    expect(run.state.codes).toBe('wss');
    goOn(run, () => run.state.outcome !== null);
    expect([run.state.codes, run.state.outcome]).toEqual(['dss', 'rolledBack']);
  });
});
