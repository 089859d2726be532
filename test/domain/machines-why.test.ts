// What `why NODE` answers for a node that stands in line: the list of all names one example for each cause.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { whyOf } from '../../domain/machines/fleet-views.ts';
import type { NextSteps, Why } from '../../domain/plan.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const scope = newScope([...['n1', 'n2', 'n3', 'n4'].map((name) => rowOf(name)), rowOf('b1', 'batch')]);
const policy = policyOf();
const summary = {
  digest: 'sha256:plan',
  observedAt: AT,
  pages: ['p'],
  rows: 5,
  counts: { upgrade: 5, upToDate: 0, leftAlone: 0 },
  pools: [],
  oldRootVolumes: null,
  warnings: [],
};

function after(...events: readonly object[]): RunState {
  const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
  const planned = { kind: 'planned', summary };
  return [{ kind: 'clusterHeld' }, planned, ...events].reduce<RunState>(
    (state, event) => {
      const move = transition(state, scope, { ...event, at: AT } as FleetEvent);
      if (move.kind !== 'moved') throw new Error(JSON.stringify(move));
      return move.state;
    },
    { ...newRunState(AT), definition },
  );
}

const budget: Why = { kind: 'budget', text: '1 of the 4 nodes of pool h100 are away' };
const order: Why = { kind: 'order', text: 'pool batch begins when nothing of pool h100 waits' };
const offered = (waiting: NextSteps['waiting']) => ({
  kind: 'stepsOffered',
  next: { observedAt: AT, slots: [], steps: [], settled: [], waiting },
});
const started = { kind: 'nodeStarted', step: stepOf('n1', policy, 1), childId: 'run/node/n1' };
const inLine = offered([
  { why: budget, nodes: 3, example: 'n2' },
  { why: order, nodes: 1, example: 'b1' },
]);
const whyOfNode = (state: RunState, node: string) => whyOf(state, scope, { node }).items;

describe('a node that stands in line', () => {
  it('is told what its pool waits for, also when another node is the example', () => {
    const state = after(started, inLine);
    expect(whyOfNode(state, 'n2')).toMatchObject([
      { subject: 'node/n2', on: expect.stringContaining('2 more') },
    ]);
    expect(whyOfNode(state, 'n4')).toMatchObject([
      { subject: 'node/n4', on: budget.text, since: AT, freedBy: expect.stringContaining('by itself') },
    ]);
    expect(whyOfNode(state, 'b1')).toMatchObject([{ subject: 'node/b1', on: order.text }]);
    expect(whyOf(state, scope, {}).items.filter(({ subject }) => subject === 'node/n4')).toEqual([]);
  });

  it('is told of several reasons that it is one of them', () => {
    const notReady: Why = { kind: 'nodeNotReady', text: 'not Ready: taken when it is Ready again' };
    const state = after(
      offered([
        { why: budget, nodes: 2, example: 'n2' },
        { why: notReady, nodes: 2, example: 'n3', pool: 'h100' },
        { why: notReady, nodes: 1, example: 'n2' },
        { why: order, nodes: 2, example: 'b1', pool: 'batch' },
      ]),
    );
    expect(whyOfNode(state, 'n4').map(({ on }) => on)).toEqual([
      `one of 2 reasons of its pool: ${budget.text}`,
      `one of 2 reasons of its pool: ${notReady.text}`,
    ]);
  });

  it('waits for what holds the run, while a person holds it', () => {
    const pause = { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'lunch' } };
    expect(whyOfNode(after(started, inLine, pause), 'n4')).toMatchObject([
      { subject: 'node/n4', on: 'the run: paused by sam: lunch', freedBy: 'refit resume, or refit abort' },
    ]);
  });

  it('waits for what keeps the run from starting any node, with the reason', () => {
    const failed = after(started, inLine, { kind: 'planFailed', why: 'the API server does not answer' });
    expect(whyOfNode(failed, 'n4')).toMatchObject([
      {
        subject: 'node/n4',
        on: 'the run: no node can be started: the API server does not answer',
        since: AT,
      },
    ]);
  });

  it('waits for the gate of its pool, and for the first plan before anything else is known', () => {
    const gate = {
      name: 'pool/h100',
      openedAt: AT,
      evidence: ['4 nodes'],
      about: { kind: 'pool' as const, pool: 'h100' },
    };
    const askingPolicy = policyOf({ approval: { before: 'pool' } });
    const step = stepOf('n4', askingPolicy, 1);
    const state = after();
    const definition = definitionOf(askingPolicy, { fleet: 'training', cluster: 'prod-east' });
    const asking: RunState = { ...state, definition, gates: [gate] };
    const move = transition(asking, scope, {
      kind: 'stepsOffered',
      at: AT,
      next: { observedAt: AT, slots: [], steps: [step], settled: [], waiting: [] },
    });
    const told = move.kind === 'moved' ? whyOfNode(move.state, 'n4') : [];
    expect(told).toMatchObject([{ freedBy: expect.stringContaining('approve pool/h100') }]);
    expect(whyOfNode(state, 'b1')).toMatchObject([{ on: expect.stringContaining('being prepared') }]);
  });

  it('is not answered for when nothing of it waits', () => {
    const state = after(started, inLine);
    expect(whyOfNode(state, 'n1')).toMatchObject([{ on: 'draining' }]);
    expect(whyOfNode(state, 'n9')).toEqual([]);
    const skip = { kind: 'skipNode', askId: 'a', message: { node: 'n4', by: 'sam', reason: 'x' } };
    expect(whyOfNode(after(started, inLine, skip), 'n4')).toEqual([]);
  });
});
