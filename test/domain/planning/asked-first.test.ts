// "This node next" in the planner: it changes the order, and lifts nothing that holds a node.
import { describe, expect, it } from '@jest/globals';
import { askedFirst } from '../../../domain/planning/asked-first.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import {
  firstQuestion,
  instanceOf,
  plannedRows,
  sampleDefinition,
  sampleImages,
  sampleInventory,
  sampleNodes,
} from './sample-fleet.ts';

describe('candidates', () => {
  it('stand in the order of asking, then as they stood', () => {
    const names = ['a', 'b', 'c', 'd'];
    expect(askedFirst(names, (name) => name, ['c', 'x', 'b'])).toEqual(['c', 'b', 'a', 'd']);
    expect(askedFirst(names, (name) => name, [])).toBe(names);
  });
});

function answer(nodes: readonly NodeFacts[], next: readonly string[]) {
  const definition = sampleDefinition();
  const inventory = sampleInventory(nodes);
  const rows = plannedRows(definition, inventory);
  const seen = Object.fromEntries(
    nodes.map((node) => [node.name, { instance: instanceOf(node), daemonSets: [] }]),
  );
  const question = { ...firstQuestion(definition, rows), next };
  const plan = planNext(question, inventory, { seen, images: sampleImages(), final: true });
  if (plan.kind !== 'steps') throw new Error('asked to look');
  return plan.next;
}

describe('a node that a person has put before the others', () => {
  const batch = sampleNodes('batch', 4);
  const h100 = sampleNodes('h100', 2);
  const firstOf = (next: readonly string[], nodes = [...batch, ...h100]) =>
    answer(nodes, next).steps.map(({ node }) => node);

  it('takes the slot that another would have had, and no more slots than there are [I154]', () => {
    const usual = firstOf([]);
    const last = batch.map(({ name }) => name).find((name) => !usual.includes(name)) ?? '';
    const asked = firstOf([last]);
    expect(asked[0]).toBe(last);
    expect(asked).toHaveLength(usual.length);
  });

  it('waits for its pool’s turn all the same [I154]', () => {
    const asked = firstOf([h100[1]?.name ?? '']);
    expect(asked).toEqual(firstOf([]));
  });

  it('waits while it is not Ready and Ready ones are left [I154]', () => {
    const [, bad] = batch;
    const nodes = batch.map((node) => (node === bad ? { ...node, ready: 'Unknown' as const } : node));
    expect(firstOf([bad?.name ?? ''], [...nodes, ...h100])).not.toContain(bad?.name);
  });
});
