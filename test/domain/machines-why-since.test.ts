// Since when a reason of the planner has held. Each answer tells its reasons anew: what a person reads is when
// the waiting began, not when the run was last planned.
import { describe, expect, it } from '@jest/globals';
import { completeRunState } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { whyOf } from '../../domain/machines/fleet-views.ts';
import type { NextSteps, Why } from '../../domain/plan.ts';
import { createApprovalBed, minute } from './approval-bed.ts';

const bed = createApprovalBed({ nodes: ['n1', 'n2', 'n3'] });
const budget = (away: number): Why => ({ kind: 'budget', text: `${String(away)} nodes are away` });
const order: Why = { kind: 'order', text: 'another pool goes first' };

function answered(state: RunState, at: number, waiting: NextSteps['waiting']): RunState {
  const next = { observedAt: minute(at), slots: [], steps: [], settled: [], waiting };
  return bed.after(state, { kind: 'stepsOffered', next }, minute(at));
}

const ofPool = (why: Why, example = 'n1') => ({ why, nodes: 3, example, pool: 'h100' });
const sinceOf = (state: RunState, node = 'n1') =>
  whyOf(state, bed.scope, { node }).items.map(({ since }) => since);

describe('a reason that the planner tells again', () => {
  it('has held since it was told first, whatever its text and its example say by now [I253]', () => {
    const first = answered(bed.planned, 1, [ofPool(budget(1))]);
    expect(sinceOf(first)).toEqual([minute(1)]);
    const hoursLater = [60, 120, 180].reduce(
      (state, at) => answered(state, at, [ofPool(budget(at), 'n2')]),
      first,
    );
    expect(sinceOf(hoursLater, 'n2')).toEqual([minute(1)]);
    expect(sinceOf(hoursLater, 'n3')).toEqual([minute(1)]);
    expect(whyOf(hoursLater, bed.scope, {}).items).toMatchObject([
      { on: expect.stringContaining('180 nodes are away'), since: minute(1) },
    ]);
  });

  it('begins anew when it was gone in between, and each reason has its own time', () => {
    const first = answered(bed.planned, 1, [ofPool(budget(1))]);
    const both = answered(first, 5, [ofPool(budget(1)), ofPool(order, 'n2')]);
    expect(whyOf(both, bed.scope, {}).items.map(({ since }) => since)).toEqual([minute(1), minute(5)]);
    const gone = answered(both, 6, [ofPool(order, 'n2')]);
    const back = answered(gone, 7, [ofPool(budget(1)), ofPool(order, 'n2')]);
    expect(whyOf(back, bed.scope, {}).items.map(({ since }) => since)).toEqual([minute(7), minute(5)]);
  });

  it('is told apart by pool and zone', () => {
    const zone = (name: string) => ({
      ...ofPool({ kind: 'zoneBudget', text: `zone ${name} is full` }, name === 'a' ? 'n1' : 'n2'),
      zone: name,
    });
    const first = answered(bed.planned, 1, [zone('a')]);
    const both = answered(first, 9, [zone('a'), zone('b')]);
    expect(whyOf(both, bed.scope, {}).items.map(({ since }) => since)).toEqual([minute(1), minute(9)]);
  });

  it('keeps its time over continue-as-new, and over a pause of the run', () => {
    const first = answered(bed.planned, 1, [ofPool(budget(1))]);
    const pause = { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'lunch' } } as const;
    const resume = { kind: 'resume', askId: 'b', message: { by: 'sam' } } as const;
    const resumed = bed.after(bed.after(first, pause, minute(2)), resume, minute(3));
    const carried = bed.after(resumed, { kind: 'handedOver' }, minute(4));
    const again = completeRunState(JSON.parse(JSON.stringify(carried)) as RunState);
    expect(sinceOf(answered(again, 180, [ofPool(budget(2))]))).toEqual([minute(1)]);
  });

  it('told by an older version has held since that answer at least', () => {
    const first = answered(bed.planned, 1, []);
    const older = { at: minute(1), slots: [], waiting: [ofPool(budget(1))] };
    const carried: RunState = { ...first, lastPlan: older };
    expect(sinceOf(carried)).toEqual([minute(1)]);
    expect(sinceOf(answered(carried, 180, [ofPool(budget(1))]))).toEqual([minute(1)]);
  });

  it('on the way there is no reason of the way back', () => {
    const first = answered(bed.planned, 1, [ofPool(budget(1))]);
    const rollback = { kind: 'person' as const, by: 'sam', reason: 'x', at: minute(60), failed: [] };
    const turned = answered({ ...first, rollback }, 61, [ofPool(budget(1))]);
    expect(turned.lastPlan?.waiting).toMatchObject([{ since: minute(61) }]);
    const later = answered(turned, 90, [ofPool(budget(1))]);
    expect(later.lastPlan?.waiting).toMatchObject([{ since: minute(61) }]);
  });
});
