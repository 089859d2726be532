// Nodes and pools may have the names that every object has: records are read by their own names alone.
import { describe, expect, it } from '@jest/globals';
import { planNext } from '../../domain/planning/plan-next.ts';
import { listDeferred } from '../../domain/machines/fleet-deferral.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { transition } from '../../domain/machines/fleet.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { tableOf } from '../../domain/machines/fleet-views.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import { own } from '../../domain/own.ts';
import {
  OBSERVED_AT,
  firstQuestion,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePool,
} from './planning/sample-fleet.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const NAME = 'constructor';
const policy = policyOf({
  policy: {
    drain: { timeoutMs: 60_000, onTimeout: 'defer', deferralsMax: 2, deferForMs: 600_000, rules: [] },
  },
});
const scope = newScope([rowOf(NAME, NAME)]);
const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
const pools = definition.pools.map((pool) => ({ ...pool, name: NAME }));
const running: RunState = {
  ...newRunState(AT),
  definition: { ...definition, pools, releases: { [NAME]: definition.catalog[0] as never } },
  hold: { kind: 'held' },
  codes: 'w',
};

function after(state: RunState, event: FleetEvent): RunState {
  const move = transition(state, scope, event);
  if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
  return move.state;
}

const begun = (state: RunState) =>
  after(state, { kind: 'nodeStarted', at: AT, step: stepOf(NAME, policy, 1, NAME), childId: 'run/node/1' });
const ended = (outcome: NodeOutcome) =>
  after(begun(running), { kind: 'nodeEnded', at: AT, node: NAME, attempt: 1, outcome });

describe('a record', () => {
  it('has what was put into it, and nothing that every object has', () => {
    expect(own({ a: 1 }, 'a')).toBe(1);
    for (const name of [NAME, '__proto__', 'toString']) expect(own({}, name)).toBeUndefined();
    expect(own(undefined, 'a')).toBeUndefined();
  });
});

describe('a node and a pool called "constructor"', () => {
  it('end well, and their time is known', () => {
    const state = ended({ kind: 'done', release: '2026.11', bootId: 'b' });
    expect(state.codes).toBe('d');
    expect(state.nodeTimes).toEqual({ [NAME]: [expect.any(Number)] });
  });

  it('fail, and are counted', () => {
    const state = ended({ kind: 'failed', at: 'draining', why: 'x', nodeEmpty: false });
    expect(state.failuresInRow).toEqual({ [NAME]: 1 });
  });

  it('are deferred only when they are', () => {
    expect(tableOf(running, scope, {}).rows).toMatchObject([{ state: 'waiting', since: null, attempt: 1 }]);
    const state = ended({ kind: 'deferred', why: 'not empty', uncordoned: true });
    expect(listDeferred(state)).toMatchObject([{ node: NAME, attempt: 1, times: 1 }]);
    expect(tableOf(begun(state), scope, {}).rows).toMatchObject([{ state: 'draining', attempt: 1 }]);
  });

  it('are planned like any others', () => {
    const sample = sampleDefinition({ pools: [samplePool(NAME)] });
    const nodes = sampleNodes(NAME, 2).map((node, index) => (index === 0 ? { ...node, name: NAME } : node));
    const rows = plannedRows(sample, sampleInventory(nodes));
    expect(rows.map(({ node }) => node)).toContain(NAME);
    const seen = { observedAt: OBSERVED_AT, nodes };
    // Nothing was looked at yet: the planner asks for it instead of taking what every object has.
    expect(planNext(firstQuestion(sample, rows), seen, { seen: {}, images: {}, final: false }).kind).toBe(
      'look',
    );
  });
});
