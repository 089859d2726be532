// Three bounds at once: of a pool, of its zones, of the cluster; and nodes that were not Ready, which come last.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import type { NextSteps } from '../../../domain/plan.ts';
import type { Amount, ZoneMax } from '../../../domain/policy.ts';
import type { RunDefinition } from '../../../domain/run.ts';
import {
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

const count = (nodes: number): Amount => ({ kind: 'count', count: nodes });

function poolOf(name: string, unavailableMax: number, unavailableMaxPerZone: ZoneMax | null = null) {
  const disruption = { unavailableMax: count(unavailableMax), unavailableMaxPerZone, surge: 0 };
  const approval = { ...defaultPolicy.approval, before: 'never' as const };
  return samplePool(name, { policy: samplePolicy({ disruption, approval }) });
}

type Changes = Partial<PlanNextQuestion> & { now?: readonly NodeFacts[] };

function ask(definition: RunDefinition, nodes: readonly NodeFacts[], changes: Changes = {}): NextSteps {
  const { now = nodes, ...rest } = changes;
  const rows = plannedRows(definition, sampleInventory(nodes));
  const question = { ...firstQuestion(definition, rows), ...rest };
  const plan = planNext(question, { observedAt: OBSERVED_AT, nodes: now }, sampleLooks(now));
  if (plan.kind === 'look') throw new Error('asks to look');
  return plan.next;
}

const names = (next: NextSteps) => next.steps.map((step) => step.node);
const kinds = (next: NextSteps) => next.waiting.map(({ why, nodes }) => `${why.kind} ${nodes}`);
const changed = (nodes: readonly NodeFacts[], name: string, changes: Partial<NodeFacts>) =>
  nodes.map((node) => (node.name === name ? { ...node, ...changes } : node));

describe('a bound for each zone', () => {
  const definition = sampleDefinition({ pools: [poolOf('batch', 4, 1)] });
  // Zones a, b, c by turns.
  const nodes = sampleNodes('batch', 9);

  it('is kept in each zone of the pool, and holds no node of another [I110]', () => {
    const next = ask(definition, nodes);
    expect(names(next)).toEqual(['batch-0', 'batch-1', 'batch-2']);
    expect(kinds(next)).toEqual(['zoneBudget 2', 'zoneBudget 2', 'zoneBudget 2']);
    expect(next.waiting[1]?.why.text).toBe(
      '1 of the 3 nodes of pool batch in zone us-east-1b are away and unavailableMaxPerZone allows 1: ' +
        'batch-1 (at work); freed when one of them is Ready and uncordoned',
    );
  });

  it.each<[string, Partial<NodeFacts>]>([
    ['not Ready', { ready: 'False' }],
    ['cordoned', { unschedulable: true }],
  ])('counts a node that is %s, and none of another pool [I110]', (_, away) => {
    const other = sampleNode('other', 1, { unschedulable: true });
    expect(names(ask(definition, [...nodes, other]))).toEqual(['batch-0', 'batch-1', 'batch-2']);
    const now = [...changed(nodes, 'batch-4', away), other];
    expect(names(ask(definition, [...nodes, other], { now }))).toEqual(['batch-0', 'batch-2']);
  });

  it('counts a node at work whose Node is gone, in the zone of its row [I110]', () => {
    const occupied = [{ node: 'batch-1', pool: 'batch' }];
    const now = nodes.filter(({ name }) => name !== 'batch-1');
    const rows = plannedRows(definition, sampleInventory(nodes));
    const codes = rows.map(({ node }) => (node === 'batch-1' ? 'a' : 'w')).join('');
    expect(names(ask(definition, nodes, { occupied, now, codes }))).toEqual(['batch-0', 'batch-2']);
  });

  it('may be a percentage of the nodes in each zone, rounded down, at least 1 [I252]', () => {
    // Five in zone a, three in b, one in c.
    const uneven = [0, 3, 6, 9, 12, 1, 4, 7, 2].map((index) => sampleNode('batch', index));
    const half = sampleDefinition({ pools: [poolOf('batch', 9, { kind: 'percent', percent: 50 })] });
    const next = ask(half, uneven);
    expect(names(next)).toEqual(['batch-0', 'batch-3', 'batch-1', 'batch-2']);
    expect(next.waiting.map(({ why, nodes: held }) => [held, why.text.split(':')[0]])).toEqual([
      [3, '2 of the 5 nodes of pool batch in zone us-east-1a are away and unavailableMaxPerZone allows 2'],
      [2, '1 of the 3 nodes of pool batch in zone us-east-1b are away and unavailableMaxPerZone allows 1'],
    ]);
    const away = changed(uneven, 'batch-9', { unschedulable: true });
    expect(names(ask(half, uneven, { now: away }))).toEqual(['batch-0', 'batch-1', 'batch-2']);
  });

  it('is taken with the pool’s, and the tighter decides [I110] [I91]', () => {
    const tight = sampleDefinition({ pools: [poolOf('batch', 2, 1)] });
    const next = ask(tight, nodes);
    expect(names(next)).toEqual(['batch-0', 'batch-1']);
    expect(kinds(next)).toEqual(['zoneBudget 2', 'budget 5']);
  });
});

describe('a bound for the cluster', () => {
  const pools = [poolOf('batch', 9)];
  const bounded = (max: Amount) => sampleDefinition({ pools, clusterUnavailableMax: max });
  const nodes = sampleNodes('batch', 6);
  const control = sampleNode('control', 0, { labels: {} });

  it('is kept over all pools, and tells who is away [I111]', () => {
    const next = ask(bounded(count(2)), [...nodes, control]);
    expect(names(next)).toEqual(['batch-0', 'batch-3']);
    expect(kinds(next)).toEqual(['clusterBudget 4']);
    expect(next.waiting[0]?.why.text).toBe(
      '2 of the 7 nodes of cluster prod-east are away and the unavailableMax of the cluster allows 2: ' +
        'batch-0 (at work), batch-3 (at work); freed when one of them is Ready and uncordoned',
    );
    expect(next.cluster).toEqual({ unavailableMax: 2, unavailable: 0, free: 2 });
  });

  it('counts nodes of no pool, for whatever reason they are away [I111]', () => {
    for (const away of [{ ready: 'Unknown' }, { unschedulable: true }] as const) {
      const next = ask(bounded(count(2)), [...nodes, { ...control, ...away }]);
      expect(names(next)).toEqual(['batch-0']);
    }
  });

  it('counts what another pool of the run has failed and has at work [I111]', () => {
    const two = sampleDefinition({
      pools: [poolOf('batch', 9), poolOf('h100', 9)],
      clusterUnavailableMax: count(3),
    });
    const all = [...sampleNodes('batch', 2), ...sampleNodes('h100', 4)];
    const next = ask(two, all, { codes: 'fdwwww' });
    expect(names(next)).toEqual(['h100-0', 'h100-3']);
    expect(next.waiting[0]?.why.text).toContain('batch-0 (failed in this run: retry or skip it)');
  });

  it('may be a share of all its nodes, at least one [I111]', () => {
    expect(names(ask(bounded({ kind: 'percent', percent: 50 }), [...nodes, control]))).toHaveLength(3);
    expect(names(ask(bounded({ kind: 'percent', percent: 1 }), nodes))).toHaveLength(1);
  });

  it('needs no slot for a failed node that still carries this run’s cordon [I106]', () => {
    const ours = { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } };
    const now = changed(nodes, 'batch-0', ours);
    const retries = [{ node: 'batch-0', attempt: 2 }];
    const next = ask(bounded(count(1)), nodes, { codes: 'fwwwww', now, retries });
    expect(names(next)).toEqual(['batch-0']);
  });
});

describe('nodes that were not Ready before the run', () => {
  const definition = sampleDefinition({ pools: [poolOf('batch', 3), poolOf('h100', 3)] });
  const ill = { ready: 'Unknown' } as const;
  const nodes = [...changed(sampleNodes('batch', 3), 'batch-0', ill), ...sampleNodes('h100', 2)];
  const rows = plannedRows(definition, sampleInventory(nodes));

  it('come last in their pool, and are marked in the plan [I112]', () => {
    expect(rows.map((row) => [row.node, row.wasNotReady ?? false])).toEqual([
      ['batch-1', false],
      ['batch-2', false],
      ['batch-0', true],
      ['h100-0', false],
      ['h100-1', false],
    ]);
  });

  it('wait, well again or not, until nothing else of the pool waits or is at work [I112]', () => {
    const well = changed(nodes, 'batch-0', { ready: 'True' });
    for (const now of [nodes, well]) {
      const next = ask(definition, nodes, { now });
      expect(names(next)).toEqual(['batch-1', 'batch-2']);
      expect(kinds(next)).toEqual(['notReadyBefore 1', 'order 2']);
      const occupied = [{ node: 'batch-2', pool: 'batch' }];
      expect(kinds(ask(definition, nodes, { now, codes: 'dawww', occupied }))).toEqual([
        'notReadyBefore 1',
        'order 2',
      ]);
    }
  });

  it('wait for their gate then, and hold no later pool [I112] [I97]', () => {
    const next = ask(definition, nodes, { codes: 'ddwww' });
    expect(names(next)).toEqual(['h100-0', 'h100-1']);
    expect(kinds(next)).toEqual(['approval 1']);
    expect(next.gates).toMatchObject([{ name: 'notReady/batch', kind: 'notReady', pool: 'batch' }]);
    expect(next.gates?.[0]?.evidence.slice(0, 2)).toEqual([
      '1 nodes of pool batch were not Ready before the run; all others have ended',
      expect.stringContaining('batch-0: Ready is Unknown, last heartbeat '),
    ]);
    const gatesOpened = ['notReady/batch'];
    expect(names(ask(definition, nodes, { codes: 'ddwww', gatesOpened }))).toEqual([
      'batch-0',
      'h100-0',
      'h100-1',
    ]);
  });

  it('have their gate although they themselves fill the budget, and are taken only within it [I112] [I91]', () => {
    const two = changed(changed(sampleNodes('batch', 3), 'batch-0', ill), 'batch-1', ill);
    const one = sampleDefinition({ pools: [poolOf('batch', 1)] });
    expect(ask(one, two, { codes: 'dww' }).gates).toHaveLength(1);
    const next = ask(one, two, { codes: 'dww', gatesOpened: ['notReady/batch'] });
    expect(names(next)).toEqual([]);
    expect(kinds(next)).toEqual(['budget 2']);
  });
});
