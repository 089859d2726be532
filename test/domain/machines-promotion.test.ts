// A promotion as a machine: whatever clusters, records and people do, no tier is begun before those below have
// soaked, and one failed cluster ends it. Messages go to the cluster that they name.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextPromotionStep, promote } from '../../domain/machines/promotion.ts';
import type { PromotionEvent } from '../../domain/machines/promotion.ts';
import { mergeOverrides, routeMessage } from '../../domain/machines/promotion-route.ts';
import { isNews, seenOf } from '../../domain/machines/promotion-seen.ts';
import { clusterAtWork, newPromotionState } from '../../domain/machines/promotion-state.ts';
import type { PromotionState } from '../../domain/machines/promotion-state.ts';
import {
  listPromotionWaiting,
  promotionReport,
  promotionStatus,
  promotionTable,
  promotionWhyPage,
} from '../../domain/machines/promotion-views.ts';
import type { Soak } from '../../domain/planning/soaked.ts';
import type { PromotionDefinition } from '../../domain/promotion.ts';
import { TIERS } from '../../domain/rollout.ts';

const START = Date.parse('2026-11-01T00:00:00.000Z');
const at = (minutes: number) => new Date(START + minutes * 60_000).toISOString();
const ids = { workflowId: 'promote.training', firstExecutionRunId: 'run-1' };
const definition: PromotionDefinition = {
  fleet: 'training',
  release: '2026.11',
  releaseDigest: 'sha256:new',
  requestedBy: 'ana',
  promotion: { soakMs: 3_600_000, successMinPercent: 100 },
  tiers: [
    { tier: 'dev', clusters: ['dev-1', 'dev-2'] },
    { tier: 'qa', clusters: ['qa-1'] },
    { tier: 'prod', clusters: ['prod-1', 'prod-2'] },
  ],
};
const counts = { total: 2, waiting: 0, active: 0, done: 2, failed: 0, skipped: 0, upToDate: 0, leftAlone: 0 };
const end = { outcome: 'succeeded' as const, why: 'succeeded', counts };

type Unstamped = PromotionEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

function after(state: PromotionState, minutes: number, ...events: Unstamped[]): PromotionState {
  return events.reduce((so, event) => {
    const move = promote(so, { ...event, at: at(minutes) } as PromotionEvent);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${move.why}`);
    return move.state;
  }, state);
}

const begun = () =>
  after(newPromotionState(at(0)), 0, { kind: 'resolved', definition, workflowId: ids.workflowId });
const soaked = (...clusters: string[]): Unstamped => ({
  kind: 'judged',
  soaks: clusters.map((cluster) => ({ cluster, soak: { kind: 'soaked', since: at(0) } })),
});
const done = (cluster: string): Unstamped[] => [
  { kind: 'clusterStarted', cluster },
  { kind: 'clusterEnded', cluster, end },
];

describe('a promotion', () => {
  it('takes one cluster at a time, and asks the records after each', () => {
    const working = after(begun(), 1, { kind: 'clusterStarted', cluster: 'dev-1' });
    expect(nextPromotionStep(begun())).toMatchObject({ kind: 'start', cluster: { cluster: 'dev-1' } });
    expect(nextPromotionStep(working)).toMatchObject({ kind: 'watch', cluster: { cluster: 'dev-1' } });
    expect(promote(working, { kind: 'clusterStarted', cluster: 'dev-2', at: at(1) }).kind).toBe('rejected');
    const ended = after(working, 2, { kind: 'clusterEnded', cluster: 'dev-1', end });
    expect(nextPromotionStep(ended)).toEqual({ kind: 'judge', clusters: ['dev-1'] });
    const judged = after(ended, 2, soaked('dev-1'));
    expect(nextPromotionStep(judged)).toMatchObject({ kind: 'start', cluster: { cluster: 'dev-2' } });
  });

  it('waits for the last soak of the tier below, and asks the records again [I199]', () => {
    const soaks: { cluster: string; soak: Soak }[] = [
      { cluster: 'dev-1', soak: { kind: 'soaking', since: at(1), until: at(61) } },
      { cluster: 'dev-2', soak: { kind: 'soaking', since: at(9), until: at(69) } },
    ];
    const state = after(begun(), 9, ...done('dev-1'), soaked('dev-1'), ...done('dev-2'), {
      kind: 'judged',
      soaks,
    });
    expect(nextPromotionStep(state)).toEqual({ kind: 'soak', until: at(69) });
    const [first] = listPromotionWaiting(state);
    expect(first).toMatchObject({ subject: 'cluster/qa-1', until: at(69) });
    const again = after(state, 69, { kind: 'lookedAgain' });
    expect(nextPromotionStep(again)).toEqual({ kind: 'judge', clusters: ['dev-1', 'dev-2'] });
  });

  it('ends as failed when a cluster is not good enough, whatever its run said [I200]', () => {
    const bad: Soak = { kind: 'unproven', why: 'no run over the whole cluster is recorded for it' };
    const state = after(begun(), 1, ...done('dev-1'), {
      kind: 'judged',
      soaks: [{ cluster: 'dev-1', soak: bad }],
    });
    expect(nextPromotionStep(state)).toEqual({ kind: 'end', outcome: 'failed' });
    expect(promotionReport(state, ids, at(1))?.outcomeWhy).toContain('dev dev-1 is not good enough');
  });

  it('finishes the cluster at work when it is paused or ended, and begins no other', () => {
    const working = after(begun(), 1, { kind: 'clusterStarted', cluster: 'dev-1' });
    const paused = after(working, 1, { kind: 'paused', by: 'sam', reason: 'x' });
    expect(nextPromotionStep(paused).kind).toBe('watch');
    const ended = after(paused, 2, { kind: 'clusterEnded', cluster: 'dev-1', end }, soaked('dev-1'));
    expect(nextPromotionStep(ended).kind).toBe('wait');
    expect(nextPromotionStep(after(ended, 3, { kind: 'resumed', by: 'sam' })).kind).toBe('start');
    const aborted = after(working, 1, { kind: 'aborted', by: 'sam', reason: 'x' });
    expect(nextPromotionStep(aborted).kind).toBe('watch');
    const over = after(aborted, 2, { kind: 'clusterEnded', cluster: 'dev-1', end });
    expect(nextPromotionStep(over)).toEqual({ kind: 'end', outcome: 'aborted' });
  });

  it('tries again what could not be started, or could not be judged, and says so', () => {
    const refused = after(begun(), 1, { kind: 'startRefused', cluster: 'dev-1', why: 'is open' });
    expect(nextPromotionStep(refused).kind).toBe('retry');
    expect(promotionStatus(refused, ids).phaseWhy).toContain('is open');
    expect(nextPromotionStep(after(refused, 2, { kind: 'lookedAgain' }, soaked())).kind).toBe('start');
    const silent = after(begun(), 1, ...done('dev-1'), { kind: 'judgeFailed', why: 'disk gone' });
    expect(nextPromotionStep(silent).kind).toBe('retry');
    expect(promotionStatus(silent, ids).phaseWhy).toContain('disk gone');
  });
});

/** Chosen by chance: what the records, the clusters and people do. */
const chance = fc.array(fc.nat({ max: 99 }), { minLength: 5, maxLength: 60 });

function walk(
  choices: readonly number[],
  check: (before: PromotionState, after: PromotionState) => void,
): void {
  let state = begun();
  for (const [index, choice] of choices.entries()) {
    const event = happen(state, choice, index);
    if (event === undefined) return;
    const move = promote(state, { ...event, at: at(index) } as PromotionEvent);
    if (move.kind === 'rejected') continue;
    check(state, move.state);
    state = move.state;
  }
}

function happen(state: PromotionState, choice: number, minute: number): Unstamped | undefined {
  if (choice < 6) return { kind: 'paused', by: 'sam', reason: 'x' };
  if (choice < 12) return { kind: 'resumed', by: 'sam' };
  if (choice === 12) return { kind: 'aborted', by: 'sam', reason: 'x' };
  const step = nextPromotionStep(state);
  switch (step.kind) {
    case 'start':
      return choice < 20
        ? { kind: 'startRefused', cluster: step.cluster.cluster, why: 'open' }
        : { kind: 'clusterStarted', cluster: step.cluster.cluster };
    case 'watch':
      return { kind: 'clusterEnded', cluster: step.cluster.cluster, end };
    case 'judge':
      return {
        kind: 'judged',
        soaks: step.clusters.map((cluster) => ({ cluster, soak: soakBy(choice, minute) })),
      };
    case 'soak':
    case 'retry':
      return { kind: 'lookedAgain' };
    case 'wait':
      return { kind: 'resumed', by: 'sam' };
    case 'end':
      return undefined;
  }
}

function soakBy(choice: number, minute: number): Soak {
  if (choice < 18) return { kind: 'unproven', why: 'by chance' };
  if (choice < 50) return { kind: 'soaking', since: at(minute), until: at(minute + 1) };
  return { kind: 'soaked', since: at(minute) };
}

it('never begins a tier before all below have soaked, nor two clusters, nor anything after a failure [I199] [I200]', () => {
  fc.assert(
    fc.property(chance, (choices) => {
      walk(choices, (before, state) => {
        const open = state.clusters.filter(({ startedAt, ended }) => startedAt !== null && ended === null);
        expect(open.length).toBeLessThanOrEqual(1);
        const started = state.clusters.find(
          ({ cluster, startedAt }, index) =>
            startedAt !== null &&
            before.clusters[index]?.cluster === cluster &&
            before.clusters[index].startedAt === null,
        );
        if (started === undefined) return;
        expect(before.failed).toBeNull();
        expect(before.paused).toBeNull();
        expect(before.aborting).toBeNull();
        for (const lower of state.clusters) {
          if (TIERS.indexOf(lower.tier) >= TIERS.indexOf(started.tier)) continue;
          expect(lower.soak?.kind).toBe('soaked');
        }
      });
    }),
  );
});

it('every cluster that waits has a reason, and every answer is plain JSON', () => {
  fc.assert(
    fc.property(chance, (choices) => {
      walk(choices, (_, state) => {
        const status = promotionStatus(state, ids);
        expect(JSON.parse(JSON.stringify(status))).toEqual(status);
        if (state.failed !== null || state.aborting !== null) return;
        const told = new Set(listPromotionWaiting(state).map(({ subject }) => subject));
        for (const { cluster, startedAt } of state.clusters) {
          if (startedAt === null) expect(told).toContain(`cluster/${cluster}`);
        }
      });
    }),
  );
});

describe('a message', () => {
  const working = () => after(begun(), 1, { kind: 'clusterStarted', cluster: 'dev-2' });
  const route = (state: PromotionState, gate: string) =>
    routeMessage(state, { name: 'approve', message: { gate, by: 'sam' } });

  it('goes to the cluster that it names, by the short name there; never to another [I201]', () => {
    expect(route(working(), 'dev-2/node/n1')).toMatchObject({
      way: { cluster: 'dev-2' },
      content: { gate: 'node/n1' },
    });
    expect(route(working(), 'node/n1')).toMatchObject({
      way: { cluster: 'dev-2' },
      content: { gate: 'node/n1' },
    });
    expect(route(working(), 'prod-1/node/n1')).toMatchObject({ kind: 'refused' });
    expect(route(begun(), 'node/n1')).toMatchObject({ kind: 'refused' });
    const skip = { name: 'skipNode' as const, message: { node: 'dev-2/n1', by: 'sam', reason: 'x' } };
    expect(routeMessage(working(), skip)).toMatchObject({ content: { node: 'n1', by: 'sam', reason: 'x' } });
  });

  it('about all of it reaches the promotion and the cluster at work', () => {
    const pause = { name: 'pause' as const, message: { by: 'sam', reason: 'x' } };
    expect(routeMessage(working(), pause)).toMatchObject({ kind: 'both', way: { cluster: 'dev-2' } });
    expect(routeMessage(begun(), pause)).toEqual({ kind: 'both', way: undefined });
  });

  it('lays overrides over overrides, section by section', () => {
    const before = { disruption: { unavailableMax: 1, surge: 0 }, windows: [1, 2] };
    expect(mergeOverrides(before, { disruption: { unavailableMax: 3 }, windows: [] })).toEqual({
      disruption: { unavailableMax: 3, surge: 0 },
      windows: [],
    });
    expect(mergeOverrides(null, { a: 1 })).toEqual({ a: 1 });
  });
});

describe('what is seen of a cluster', () => {
  const gate = { name: 'node/n1', openedAt: at(1), evidence: ['a fact'], answers: [] };
  const seen = (minutes: number, changes: object = {}) =>
    seenOf({ ...promotionStatus(begun(), ids), ...changes }, at(minutes));

  it('is told at once when it asks, and once a minute when it only gets on', () => {
    expect(isNews(seen(0), null)).toBe(true);
    expect(isNews(seen(9), seen(0))).toBe(false);
    expect(isNews(seen(0.1, { gates: [gate] }), seen(0))).toBe(true);
    expect(isNews(seen(0.9, { counts }), seen(0))).toBe(false);
    expect(isNews(seen(1, { counts }), seen(0))).toBe(true);
  });

  it('is shown with its cluster in front of each name', () => {
    const waiting = [{ subject: 'node/n1', on: 'a pod', since: at(1), until: null, freedBy: 'its end' }];
    const state = after(
      begun(),
      1,
      { kind: 'clusterStarted', cluster: 'dev-1' },
      {
        kind: 'clusterSeen',
        cluster: 'dev-1',
        seen: seen(1, { gates: [gate], waiting, counts }),
      },
    );
    const status = promotionStatus(state, ids);
    expect(status.gates[0]).toMatchObject({ name: 'dev-1/node/n1', evidence: ['a fact'] });
    expect(status.gates[0]?.answers[0]).toBe('refit approve dev-1/node/n1 -w promote.training');
    expect(status.counts.done).toBe(2);
    expect(promotionWhyPage(state, { node: 'n1' }).items).toMatchObject([
      { subject: 'node/dev-1/n1', on: 'a pod' },
    ]);
    expect(promotionTable(state, { node: 'dev-1' }).rows[0]?.note).toContain('asks at node/n1');
    expect(clusterAtWork(state)?.cluster).toBe('dev-1');
  });
});
