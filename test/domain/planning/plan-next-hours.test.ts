// What the planner offers inside and outside of windows and exclusions.
import { describe, expect, it } from '@jest/globals';
import { planNext } from '../../../domain/planning/plan-next.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import type { NextSteps } from '../../../domain/plan.ts';
import type { Policy, Window } from '../../../domain/policy.ts';
import {
  OWNER,
  firstQuestion,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

const night: Window = { days: ['mon', 'tue'], start: '22:00', durationMs: 21_600_000, timezone: 'UTC' };
const IN_WINDOW = '2026-11-23T22:00:05.000Z';
const OUTSIDE = '2026-11-24T04:00:00.000Z';
const nodes = sampleNodes('batch', 3);

function ask(policy: Partial<Policy>, at: string, changes: Partial<PlanNextQuestion> = {}): NextSteps {
  const definition = sampleDefinition({ pools: [samplePool('batch', { policy: samplePolicy(policy) })] });
  const question = {
    ...firstQuestion(definition, plannedRows(definition, sampleInventory(nodes))),
    ...changes,
  };
  const now = changes.codes?.includes('f') === true ? [{ ...nodes[0]!, ...ours }, ...nodes.slice(1)] : nodes;
  const plan = planNext(question, { observedAt: at, nodes: now }, sampleLooks(now));
  if (plan.kind === 'look') throw new Error('asks to look');
  return plan.next;
}
const ours = { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } };

describe('a pool with windows', () => {
  it('offers steps in them, each with the last moment at which it may begin [I127] [I128]', () => {
    const next = ask({ windows: [night] }, IN_WINDOW);
    expect(next.steps).toMatchObject([{ node: 'batch-0', startBefore: '2026-11-24T03:00:00.000Z' }]);
    expect(ask({}, IN_WINDOW).steps[0]).not.toHaveProperty('startBefore');
  });

  it('offers nothing outside of them, to nobody, and every node has that reason [I127]', () => {
    const next = ask({ windows: [night] }, OUTSIDE);
    expect(next.steps).toEqual([]);
    expect(next.waiting).toMatchObject([
      { nodes: 3, why: { kind: 'window', until: '2026-11-24T22:00:00.000Z' } },
    ]);
  });

  it('holds back a person’s retry as well [I130]', () => {
    const changes = { codes: 'fww', retries: [{ node: 'batch-0', attempt: 2 }] };
    expect(ask({ windows: [night] }, OUTSIDE, changes).steps).toEqual([]);
    expect(ask({ windows: [night] }, IN_WINDOW, changes).steps).toMatchObject([{ attempt: 2 }]);
  });

  it('takes this run’s own nodes for its estimate [I128]', () => {
    const at = '2026-11-24T03:30:00.000Z';
    expect(ask({ windows: [night] }, at).steps).toEqual([]);
    expect(ask({ windows: [night] }, at, { nodeTimes: { batch: [900, 1200] } }).steps).toHaveLength(1);
    const slow = ask({ windows: [night] }, IN_WINDOW, { nodeTimes: { batch: [30_000] } });
    expect(slow.waiting).toMatchObject([{ nodes: 3, why: { kind: 'windowTooShort' } }]);
  });

  it('offers nothing in an exclusion, window or not [I126]', () => {
    const exclusions = [{ from: '2026-11-23T00:00:00Z', until: '2026-11-25T00:00:00Z', why: 'freeze' }];
    for (const windows of [[], [night]]) {
      const next = ask({ windows, exclusions }, IN_WINDOW);
      expect(next.steps).toEqual([]);
      expect(next.waiting).toMatchObject([{ nodes: 3, why: { kind: 'exclusion' } }]);
    }
  });
});
