// Pools that may lose capacity, as the planner sees them: what refuses the plan, what it says, one node at a time.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { Pool } from '../../../domain/fleet.ts';
import type { ReservationFacts } from '../../../domain/inventory.ts';
import type { Policy } from '../../../domain/policy.ts';
import { listApprovalsNeeded } from '../../../domain/planning/approvals-needed.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import { renderWay } from '../../../domain/render/policy.ts';
import type { RunDefinition } from '../../../domain/run.ts';
import { reservationFacts, templateFacts } from '../../fakes/fake-instances.ts';
import {
  NEW,
  OBSERVED_AT,
  OWNER,
  firstQuestion,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

const nodes = sampleNodes('batch', 3);
const launchTemplate = { id: 'lt-1', name: null, version: '3' };
const giving = (o: { surge?: number; method?: Policy['reimage']['method'] } = {}): Policy =>
  samplePolicy({
    reimage: { ...defaultPolicy.reimage, method: o.method ?? 'replaceInstance', mayLoseCapacity: true },
    approval: { ...defaultPolicy.approval, before: 'never' },
    disruption: {
      ...defaultPolicy.disruption,
      unavailableMax: { kind: 'count', count: 3 },
      surge: o.surge ?? 0,
    },
  });
const definitionOf = (policy = giving()): RunDefinition =>
  sampleDefinition({ pools: [samplePool('batch', { policy, launchTemplate }) as Pool] });

/** `inside`: how many of the nodes' instances run in cr-1. */
function inventoryWith(reservations: readonly ReservationFacts[], inside = 0) {
  const inventory = sampleInventory(nodes, {
    templates: { batch: templateFacts({ imageId: NEW.imageId }) },
    reservations,
  });
  const instances = Object.fromEntries(
    Object.entries(inventory.instances).map(([id, instance], index) => {
      const place = { ...instance, zone: 'us-east-1a', tenancy: 'default' };
      return [id, index < inside ? { ...place, reservationId: 'cr-1' } : place];
    }),
  );
  return { ...inventory, instances };
}

const type = Object.values(inventoryWith([]).instances)[0]?.instanceType ?? '';
const reservation = (changes: Partial<ReservationFacts> = {}) =>
  reservationFacts({ instanceType: type, ...changes });

describe('a plan that may lose capacity', () => {
  it('is refused for each node for which no reservation shows room, by name, before anything is touched [I230]', () => {
    const refused = planRun(definitionOf(), inventoryWith([]), OWNER);
    expect(refused).toMatchObject({
      kind: 'refused',
      refusals: [{ kind: 'noRoom', text: expect.stringContaining('there is none') }],
    });
    // One free place is no room for three that run outside.
    const one = planRun(definitionOf(), inventoryWith([reservation({ available: 1 })]), OWNER);
    expect(one).toMatchObject({
      kind: 'refused',
      refusals: [{ kind: 'noRoom', where: expect.stringContaining(',') }],
    });
    const two = planRun(definitionOf(), inventoryWith([reservation({ available: 1 })], 2), OWNER);
    expect(two).toMatchObject({ kind: 'planned' });
  });

  it('says that capacity may be lost, names the reservation, and the gate of each node [I230]', () => {
    const plan = planRun(definitionOf(), inventoryWith([reservation({ available: 0 })], 3), OWNER);
    if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
    expect(plan.draft.warnings[0]).toMatch(/pool batch may lose capacity: .*3 of them run in .*cr-1/);
    const needed = listApprovalsNeeded(definitionOf(), plan.rows);
    expect(needed).toMatchObject([{ gate: 'capacity/…', times: 3 }]);
    const way = renderWay(definitionOf().pools[0] as Pool, NEW.imageId).join('\n');
    expect(way).toMatch(/^capacity may be lost[^]*gate capacity\/NODE[^]*terminated[^]*launched/);
  });

  it('is refused with another method, and with surge, which it contradicts [I230]', () => {
    const kinds = (policy: Policy) => {
      const plan = planRun(definitionOf(policy), inventoryWith([reservation()], 3), OWNER);
      return plan.kind === 'refused' ? plan.refusals.map(({ kind }) => kind) : [];
    };
    expect(kinds(giving({ method: 'rootVolume' }))).toContain('capacityWithoutReplacement');
    expect(kinds(giving({ surge: 1 }))).toContain('surgeWithoutReplacement');
  });
});

describe('nodes of such pools', () => {
  const plan = planRun(definitionOf(), inventoryWith([reservation()], 3), OWNER);
  const ask = (changes: Partial<PlanNextQuestion> = {}) => {
    if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
    const question = { ...firstQuestion(definitionOf(), plan.rows), ...changes };
    const next = planNext(question, { observedAt: OBSERVED_AT, nodes }, sampleLooks(nodes));
    if (next.kind === 'look') throw new Error('asks to look');
    return next.next;
  };

  it('are taken one at a time, whatever the budget allows, and the others say why they wait [I236]', () => {
    const next = ask();
    expect(next.steps).toMatchObject([{ launch: { mayLoseCapacity: true } }]);
    expect(next.waiting).toMatchObject([{ why: { kind: 'capacity' }, nodes: 2 }]);
  });

  it('are not taken while one is at work, not even by a retry [I236]', () => {
    const [first, second] = nodes.map(({ name }) => name);
    const occupied = [{ node: first ?? '', pool: 'batch' }];
    expect(ask({ occupied }).steps).toEqual([]);
    const retried = ask({ occupied, retries: [{ node: second ?? '', attempt: 2 }] });
    expect(retried.steps).toEqual([]);
    expect(retried.waiting.map(({ why }) => why.kind)).toEqual(['capacity']);
  });
});
