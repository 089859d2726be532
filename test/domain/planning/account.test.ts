// Every node that waits has one reason: for fleets, policies, codes and observations by chance, each row of
// a plan answer is a step, settled, or counted once. And what the run itself lets lie is told as well.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import { timeAfter } from '../../../domain/machines/clock-math.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import { planNext } from '../../../domain/planning/plan-next.ts';
import type { Looks } from '../../../domain/planning/answer.ts';
import { MAX_STEPS_A_TICK, OCCUPIED_MAX, SETTLED_MAX } from '../../../domain/plan.ts';
import type { NextSteps, WhyKind } from '../../../domain/plan.ts';
import type { Policy } from '../../../domain/policy.ts';
import { ROW_CODES } from '../../../domain/row-codes.ts';
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

const amount = fc.oneof(
  fc.record({ kind: fc.constant('count' as const), count: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ kind: fc.constant('percent' as const), percent: fc.integer({ min: 1, max: 100 }) }),
);
const none = fc.constant({ kind: 'count' as const, count: 0 });

/** The fleets are observed on a Friday. */
const MONDAY = { days: ['mon' as const], start: '22:00', durationMs: 21_600_000, timezone: 'UTC' };

const policy: fc.Arbitrary<Policy> = fc
  .record({
    unavailableMax: amount,
    perZone: fc.option(fc.integer({ min: 1, max: 3 })),
    canaries: fc.oneof(none, amount),
    soakMs: fc.constantFrom(0, 600_000),
    windows: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, fc.constant([MONDAY])),
    before: fc.constantFrom('never' as const, 'canary' as const, 'pool' as const, 'node' as const),
  })
  .map(({ unavailableMax, perZone, canaries, soakMs, windows, before }) =>
    samplePolicy({
      disruption: { unavailableMax, unavailableMaxPerZone: perZone, surge: 0 },
      canary: { nodes: canaries, soakMs },
      windows,
      approval: { ...defaultPolicy.approval, before },
    }),
  );

/** What may have become of a node since the plan; most are as they were. */
const change: fc.Arbitrary<Partial<NodeFacts> | null> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  fc.constantFrom<Partial<NodeFacts> | null>(
    null,
    { ready: 'Unknown' },
    { ready: 'Unknown' },
    { unschedulable: true },
    { unschedulable: true, annotations: { 'refit.dev/owner': OWNER } },
    { kubeletVersion: 'v1.36.1' },
    { uid: 'another' },
    { labels: {} },
    { providerId: '' },
    { annotations: { 'refit.dev/quarantine': 'gpu 3' } },
  ),
);

const clock = fc.record({
  endedAt: fc.constantFrom(OBSERVED_AT, timeAfter(OBSERVED_AT, -3_600_000)),
  unwellSince: fc.constantFrom(null, OBSERVED_AT, timeAfter(OBSERVED_AT, -120_000)),
  unwellLast: fc.constantFrom(null, OBSERVED_AT),
  passed: fc.boolean(),
});

const fleet = fc.record({
  policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
  sizes: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 3, maxLength: 3 }),
  cluster: fc.option(amount),
  // 36 nodes at most, looked up by their place.
  illBefore: fc.uniqueArray(fc.nat(35), { maxLength: 6 }),
  changes: fc.array(change, { minLength: 36, maxLength: 36 }),
  codes: fc.array(fc.constantFrom(...'wwwwwwadfsul'), { minLength: 36, maxLength: 36 }),
  canariesDone: fc.boolean(),
  occupied: fc.uniqueArray(fc.nat(35), { maxLength: 4 }),
  retried: fc.uniqueArray(fc.nat(35), { maxLength: 4 }),
  deferred: fc.uniqueArray(fc.nat(35), { maxLength: 3 }),
  gone: fc.uniqueArray(fc.nat(35), { maxLength: 2 }),
  clocks: fc.array(fc.option(clock), { minLength: 3, maxLength: 3 }),
  gates: fc.subarray(['canary', 'canary/p0', 'canary/p1', 'notReady/p0', 'notReady/p1']),
  noImage: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
});

type Drawn = typeof fleet extends fc.Arbitrary<infer T> ? T : never;

function askOf(drawn: Drawn): { question: PlanNextQuestion; next: NextSteps } {
  const pools = drawn.policies.map((one, index) => samplePool(`p${index}`, { policy: one }));
  const definition = sampleDefinition({ pools, clusterUnavailableMax: drawn.cluster });
  const planned = pools.flatMap(({ name }, pool) =>
    Array.from({ length: drawn.sizes[pool] ?? 1 }, (_, index) => {
      const ill = drawn.illBefore.includes(pool * 12 + index);
      return sampleNode(name, index, ill ? { ready: 'False' } : {});
    }),
  );
  const rows = plannedRows(definition, sampleInventory(planned));
  const at = (places: readonly number[]) => places.flatMap((place) => rows.slice(place, place + 1));
  const first = firstQuestion(definition, rows);
  const codes = [...first.codes]
    .map((code, index) => {
      if (code !== 'w') return code;
      return drawn.canariesDone && rows[index]?.canary === true ? 'd' : (drawn.codes[index] ?? code);
    })
    .join('');
  // What ended well shows its release.
  const ended = new Set(rows.filter((_, index) => /[du]/.test(codes[index] ?? '')).map(({ node }) => node));
  const shownBy = (node: string): Partial<NodeFacts> =>
    ended.has(node) ? { kubeletVersion: 'v1.36.1' } : {};
  const now = planned.flatMap((node, index) => {
    const changes = drawn.changes[index] ?? {};
    return drawn.changes[index] === null ? [] : [{ ...node, ...shownBy(node.name), ...changes }];
  });
  const clocks = pools.flatMap(({ name }, index) => {
    const one = drawn.clocks[index] ?? null;
    return one === null ? [] : [[name, one] as const];
  });
  const question: PlanNextQuestion = {
    ...first,
    codes,
    occupied: at(drawn.occupied).map(({ node, pool }) => ({ node, pool })),
    retries: at(drawn.retried).map(({ node }) => ({ node, attempt: 2 })),
    canaries: Object.fromEntries(clocks),
    deferred: at(drawn.deferred).map(({ node }, index) => {
      const until = index === 0 ? null : timeAfter(OBSERVED_AT, (index - 1.5) * 600_000);
      return { node, attempt: 1, times: 1, until };
    }),
    gatesOpened: drawn.gates,
  };
  const gone = new Set(at(drawn.gone).map(({ node }) => node));
  const looks = sampleLooks(
    now,
    Object.fromEntries([...gone].map((node) => [node, { instance: null, daemonSets: [] }])),
  );
  return { question, next: answerOf(question, now, drawn.noImage ? { ...looks, images: {} } : looks) };
}

function answerOf(question: PlanNextQuestion, nodes: readonly NodeFacts[], looks: Looks): NextSteps {
  const plan = planNext(question, { observedAt: OBSERVED_AT, nodes }, looks);
  if (plan.kind === 'look') throw new Error('asks to look');
  return plan.next;
}

/** Rows that wait for this answer: waiting and held by nobody, and those to be tried again. */
function waitingRows({ rows, codes, occupied, retries }: PlanNextQuestion): ReadonlySet<string> {
  const held = new Set(occupied.map(({ node }) => node));
  const active = rows.filter((_, index) => codes[index] === ROW_CODES.active).map(({ node }) => node);
  const atWork = new Set([...held, ...active]);
  const waiting = rows.filter((row, index) => codes[index] === ROW_CODES.waiting && !held.has(row.node));
  const retried = retries.map(({ node }) => node).filter((node) => !atWork.has(node));
  return new Set([...waiting.map(({ node }) => node), ...retried]);
}

function expectAccount(question: PlanNextQuestion, next: NextSteps): void {
  const waiting = waitingRows(question);
  const taken = [...next.steps.map(({ node }) => node), ...next.settled.map(({ node }) => node)];
  expect(new Set(taken).size).toBe(taken.length);
  for (const node of taken) expect(waiting).toContain(node);
  const told = next.waiting.reduce((sum, { nodes }) => sum + nodes, 0);
  expect(told).toBe(waiting.size - taken.length);
  for (const { why, nodes, example } of next.waiting) {
    expect(nodes).toBeGreaterThan(0);
    expect(waiting).toContain(example);
    expect(taken).not.toContain(example);
    expect(`${why.text} ${why.freedBy ?? ''} ${why.until ?? ''}`).toMatch(
      /freed when|begins when|taken when|opens when|refit |\d\d:\d\d/,
    );
  }
}

describe('every node that waits', () => {
  it('is a step, settled, or counted by exactly one reason, whatever the fleet and its policies [I115] [I101]', () => {
    fc.assert(
      fc.property(fleet, (drawn) => {
        const { question, next } = askOf(drawn);
        expectAccount(question, next);
      }),
      { numRuns: 300 },
    );
  });

  it('has any of the reasons there are: these fleets reach them all', () => {
    const fleets = fc.sample(fleet, { numRuns: 600, seed: 1 });
    const seen = new Set(fleets.flatMap((drawn) => askOf(drawn).next.waiting.map(({ why }) => why.kind)));
    const budgets = ['budget', 'zoneBudget', 'clusterBudget'];
    const canaries = ['canary', 'canaryUnwell', 'soak', 'approval'];
    const others = ['deferred', 'imageMismatch', 'nodeNotReady', 'notReadyBefore', 'order', 'window'];
    const missing = [...budgets, ...canaries, ...others].filter((kind) => !seen.has(kind as WhyKind));
    expect(missing).toEqual([]);
  });

  const many = (nodes: number) => {
    const disruption = {
      ...defaultPolicy.disruption,
      unavailableMax: { kind: 'count' as const, count: 5000 },
    };
    const definition = sampleDefinition({
      pools: [samplePool('batch', { policy: samplePolicy({ disruption }) })],
    });
    const all = sampleNodes('batch', nodes);
    return { all, question: firstQuestion(definition, plannedRows(definition, sampleInventory(all))) };
  };
  const kinds = (next: NextSteps) => next.waiting.map(({ why, nodes }) => `${why.kind} ${nodes}`);

  it('is told of the bound of one answer, when that cuts it [I115]', () => {
    const { all, question } = many(300);
    const next = answerOf(question, all, sampleLooks(all));
    expectAccount(question, next);
    expect(next.steps).toHaveLength(MAX_STEPS_A_TICK);
    expect(kinds(next)).toEqual(['slots 260']);
    expect(next.more).toBe(true);
    const gone = all.map((node) => ({ ...node, kubeletVersion: 'v1.36.1' }));
    const settled = answerOf(question, gone, sampleLooks(gone));
    expectAccount(question, settled);
    expect(settled.settled).toHaveLength(SETTLED_MAX);
    expect(kinds(settled)).toEqual(['slots 100']);
  });

  it('is told of the bound of the run, which no answer lifts [I115]', () => {
    const { all, question } = many(300);
    const rows = question.rows;
    const occupied = rows.slice(0, OCCUPIED_MAX - 5).map(({ node, pool }) => ({ node, pool }));
    const codes = rows.map((_, index) => (index < occupied.length ? 'a' : 'w')).join('');
    const held = { ...question, codes, occupied };
    const next = answerOf(held, all, sampleLooks(all));
    expectAccount(held, next);
    expect(next.steps).toHaveLength(5);
    expect(kinds(next)).toEqual([`slots ${300 - OCCUPIED_MAX}`]);
    expect(next.more).toBeUndefined();
  });

  it('is told that its instance could not be looked at [I115]', () => {
    const { all, question } = many(6);
    const next = answerOf(question, all, { seen: {}, images: {}, final: true });
    expectAccount(question, next);
    expect(kinds(next)).toEqual(['slots 6']);
  });
});
