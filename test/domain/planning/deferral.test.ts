// When a deferred node is taken up again, and what the planner says until then.
import { describe, expect, it } from '@jest/globals';
import {
  DEFERRED_MAX,
  splitDeferred,
  whyDeferred,
  whyTooManyDeferred,
} from '../../../domain/planning/deferral.ts';
import type { DeferredNode } from '../../../domain/planning/deferral.ts';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import { planDrainStep } from '../../../domain/planning/node-step.ts';
import { policyOf, rowOf } from '../../workflows/shapes.ts';
import {
  OBSERVED_AT,
  firstQuestion,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from './sample-fleet.ts';

const NOW = '2026-01-01T12:00:00.000Z';
const rows = ['n1', 'n2', 'n3'].map((name) => rowOf(name));
const known = (...nodes: DeferredNode[]) => new Map(nodes.map((one) => [one.node, one]));
const one = (node: string, until: string | null): DeferredNode => ({ node, attempt: 1, times: 1, until });

const RULE = {
  name: 'jobs',
  matchLabels: { app: 'job' },
  namespaces: null,
  order: 0,
  waitFor: 'completion',
  deadlineMs: null,
} as const;

describe('deferred nodes', () => {
  it('wait until their time and not a moment longer [I156]', () => {
    const split = (until: string | null) =>
      splitDeferred(rows, known(one('n2', until)), NOW).deferred.map(({ row }) => row.node);
    expect(split('2026-01-01T12:00:00.001Z')).toEqual(['n2']);
    expect(split(NOW)).toEqual([]);
    expect(split(null)).toEqual([]);
  });

  it('are told by one reason, which ends when the first of them is due', () => {
    const at = (minute: string) => `2026-01-01T13:${minute}:00.000Z`;
    const { deferred } = splitDeferred(rows, known(one('n1', at('30')), one('n3', at('10'))), NOW);
    expect(whyDeferred(deferred)).toMatchObject([
      { example: 'n3', nodes: 2, why: { kind: 'deferred', until: at('10') } },
    ]);
    expect(whyDeferred([])).toEqual([]);
  });

  it('that lack capacity are told apart from those whose pods did not leave [I255]', () => {
    const at = (minute: string) => `2026-01-01T13:${minute}:00.000Z`;
    const lacking = { ...one('n3', at('10')), lacks: 'capacity' as const };
    const { deferred } = splitDeferred(rows, known(one('n1', at('30')), lacking), NOW);
    expect(whyDeferred(deferred)).toMatchObject([
      { example: 'n1', nodes: 1, why: { kind: 'deferred', until: at('30') } },
      {
        example: 'n3',
        nodes: 1,
        why: { kind: 'noCapacity', until: at('10'), text: expect.stringContaining('no capacity') },
      },
    ]);
  });

  it('let no other node begin once there are too many of them, and come back themselves [I159]', () => {
    const many = Array.from({ length: DEFERRED_MAX }, (_, index) => one(`d${String(index)}`, NOW));
    expect(whyTooManyDeferred(known(...many), 'n1')).toMatchObject({ kind: 'deferralBudget' });
    expect(whyTooManyDeferred(known(...many), 'd0')).toBeUndefined();
    expect(whyTooManyDeferred(known(...many.slice(1)), 'n1')).toBeUndefined();
  });

  it('carry what is left of their deferrals, and under a neutral policy nothing at all', () => {
    const drain = {
      timeoutMs: 60_000,
      onTimeout: 'defer',
      deferralsMax: 2,
      deferForMs: 1_000,
      rules: [],
    } as const;
    const policy = policyOf({ policy: { drain } });
    expect(planDrainStep(policy, 0)).toEqual({ timeoutMs: 60_000, onTimeout: 'defer', deferralsLeft: 2 });
    expect(planDrainStep(policy, 3)).toEqual({
      timeoutMs: 60_000,
      onTimeout: 'defer',
      deferrals: 3,
      deferralsLeft: 0,
    });
    expect(planDrainStep(policyOf(), 0)).toEqual({ timeoutMs: 600_000 });
    const ruled = policyOf({ policy: { drain: { ...defaultPolicy.drain, rules: [RULE] } } });
    expect(planDrainStep(ruled, 0).rules).toEqual([RULE]);
  });
});

describe('the planner', () => {
  const drain = { ...defaultPolicy.drain, onTimeout: 'defer', deferralsMax: 2 } as const;
  const policyWith = { ...withUnavailableMax(1), drain };
  const definition = sampleDefinition({
    pools: [samplePool('batch', { policy: policyWith }), samplePool('h100', { policy: policyWith })],
  });
  const nodes = [...sampleNodes('batch', 1), ...sampleNodes('h100', 2)];
  const planned = plannedRows(definition, sampleInventory(nodes));
  const ask = (deferred: readonly DeferredNode[]) => {
    const question = { ...firstQuestion(definition, planned), deferred };
    const plan = planNext(question, { observedAt: OBSERVED_AT, nodes }, sampleLooks(nodes));
    if (plan.kind === 'look') throw new Error('asks to look');
    return plan.next;
  };
  const later = '2026-11-20T10:00:01.000Z';

  it('leaves a deferred node alone until its time, and goes on with the next pool [I156]', () => {
    const next = ask([one('batch-0', later)]);
    expect(next.steps.map(({ node }) => node)).toEqual(['h100-0']);
    expect(next.waiting.find(({ why }) => why.kind === 'deferred')).toMatchObject({
      nodes: 1,
      example: 'batch-0',
      why: { until: later },
    });
  });

  it('takes it again by its own attempt when its time has come, and holds nobody for it [I156, I158]', () => {
    const next = ask([{ node: 'batch-0', attempt: 2, times: 1, until: OBSERVED_AT }]);
    expect(next.steps.map(({ node, attempt }) => `${node} ${String(attempt)}`)).toEqual([
      'batch-0 2',
      'h100-0 1',
    ]);
    expect(next.steps[0]?.drain).toMatchObject({ deferrals: 1, deferralsLeft: 1 });
  });
});
