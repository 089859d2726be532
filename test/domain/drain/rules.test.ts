// Whose turn it is under drain rules, and that no rule lets a pod go that would not go without it.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { judgeTurns } from '../../../domain/drain/rules.ts';
import type { Turn } from '../../../domain/drain/rules.ts';
import type { PodFacts } from '../../../domain/drain/pod.ts';
import type { DrainRule } from '../../../domain/policy.ts';
import { pod } from './facts.ts';

const STARTED = '2026-01-01T00:00:00.000Z';
const startedAtMs = Date.parse(STARTED);
const at = (seconds: number) => new Date(startedAtMs + seconds * 1000).toISOString();

function rule(changes: Partial<DrainRule> = {}): DrainRule {
  return {
    name: 'jobs',
    matchLabels: { app: 'job' },
    namespaces: null,
    order: 0,
    waitFor: 'nothing',
    deadlineMs: null,
    ...changes,
  };
}

const job = (name: string, changes: Partial<PodFacts> = {}) =>
  pod({ name, labels: { app: 'job' }, ...changes });

function turns(pods: readonly PodFacts[], rules: readonly DrainRule[], seconds = 1): Record<string, Turn> {
  const judged = judgeTurns(pods, { rules, startedAtMs, nowMs: startedAtMs + seconds * 1000 });
  return Object.fromEntries(pods.map(({ name, uid }) => [name, judged.get(uid) ?? { kind: 'go' }]));
}

const kinds = (judged: Record<string, Turn>) =>
  Object.fromEntries(Object.entries(judged).map(([name, { kind }]) => [name, kind]));

describe('the order of a drain', () => {
  it('lets pods of a higher order wait until all of a lower one are gone [I164]', () => {
    const rules = [rule({ order: -1 }), rule({ name: 'db', matchLabels: { app: 'db' }, order: 5 })];
    const db = pod({ name: 'db-1', labels: { app: 'db' } });
    const [first, other] = [job('job-1'), pod()];
    expect(kinds(turns([first, other, db], rules))).toEqual({
      'job-1': 'go',
      'web-1': 'behind',
      'db-1': 'behind',
    });
    expect(kinds(turns([other, db], rules))).toEqual({ 'web-1': 'go', 'db-1': 'behind' });
    expect(kinds(turns([db], rules))).toEqual({ 'db-1': 'go' });
    // One that is ending is still here.
    const ending = job('job-2', { deletionTimestamp: at(0) });
    expect(kinds(turns([ending, db], rules))).toMatchObject({ 'db-1': 'behind' });
  });

  it('takes the first rule that selects a pod, by label and namespace', () => {
    const rules = [
      rule({ namespaces: ['ml'], order: 3 }),
      rule({ name: 'any', matchLabels: { app: 'job', tier: 'x' }, order: 2 }),
    ];
    const inMl = job('in-ml', { namespace: 'ml', labels: { app: 'job', tier: 'x' } });
    const elsewhere = job('elsewhere', { labels: { app: 'job', tier: 'x' } });
    const half = job('half');
    expect(kinds(turns([inMl, elsewhere, half], rules))).toEqual({
      'in-ml': 'behind',
      elsewhere: 'behind',
      half: 'go',
    });
    expect(kinds(turns([inMl, elsewhere], rules))).toEqual({ 'in-ml': 'behind', elsewhere: 'go' });
  });
});

describe('a rule that waits for completion', () => {
  const rules = [rule({ waitFor: 'completion', deadlineMs: 60_000 })];

  it('holds the pod until it has ended or its time is up, counted from the beginning of the drain [I165]', () => {
    const running = job('job-1');
    expect(turns([running], rules, 59)['job-1']).toEqual({
      kind: 'held',
      untilMs: startedAtMs + 60_000,
      text: `drain rule jobs waits for its end, until ${at(60)}`,
    });
    expect(kinds(turns([running], rules, 60))).toEqual({ 'job-1': 'go' });
    for (const phase of ['Succeeded', 'Failed']) {
      expect(kinds(turns([job('job-1', { phase })], rules))).toEqual({ 'job-1': 'go' });
    }
  });

  it('without a deadline holds it as long as the drain lasts, and holds no other pod', () => {
    const forEver = [rule({ waitFor: 'completion' })];
    const judged = turns([job('job-1'), pod()], forEver, 1e6);
    expect(judged['job-1']).toMatchObject({ kind: 'held', untilMs: null });
    expect(judged['web-1']).toEqual({ kind: 'go' });
  });
});

describe('a rule that waits for a checkpoint', () => {
  const rules = [rule({ waitFor: 'checkpoint', deadlineMs: 60_000 })];
  const judge = (checkpoint: PodFacts['checkpoint'], seconds = 30) =>
    turns([job('job-1', { checkpoint })], rules, seconds)['job-1'];

  it('asks once a drain, never by a time before it [I166]', () => {
    expect(judge(null)).toEqual({ kind: 'ask', requestedAt: at(30) });
    // Of an earlier drain, or not ours.
    expect(judge({ requestedAt: at(-1), doneAt: at(20) })).toEqual({ kind: 'ask', requestedAt: at(30) });
    expect(judge({ requestedAt: 'soon', doneAt: null })).toMatchObject({ kind: 'ask' });
    // The worker's clock is behind the one that dated the drain.
    expect(judge(null, -5)).toEqual({ kind: 'ask', requestedAt: STARTED });
    expect(judge({ requestedAt: STARTED, doneAt: null })?.kind).toBe('held');
  });

  it('lets the pod go by a marker that is not older than the request, or when its time is up [I166]', () => {
    const requestedAt = at(10);
    expect(judge({ requestedAt, doneAt: at(9) })?.kind).toBe('held');
    expect(judge({ requestedAt, doneAt: 'yes' })).toMatchObject({
      kind: 'held',
      untilMs: startedAtMs + 70_000,
      text: `drain rule jobs waits for refit.dev/checkpoint-done of ${requestedAt} or later (found "yes"), until ${at(70)}`,
    });
    expect(judge({ requestedAt, doneAt: requestedAt })?.kind).toBe('go');
    expect(judge({ requestedAt, doneAt: at(12) })?.kind).toBe('go');
    expect(judge({ requestedAt, doneAt: null }, 69)?.kind).toBe('held');
    expect(judge({ requestedAt, doneAt: null }, 70)?.kind).toBe('go');
  });
});

describe('rules', () => {
  it('never leave a drain without anything to do or to wait for', () => {
    const anyRule = fc.record({
      name: fc.constant('r'),
      matchLabels: fc.constantFrom({ app: 'a' }, { app: 'b' }),
      namespaces: fc.constantFrom(null, ['default'], ['other']),
      order: fc.integer({ min: -2, max: 2 }),
      waitFor: fc.constantFrom('nothing' as const, 'completion' as const, 'checkpoint' as const),
      deadlineMs: fc.constantFrom(null, 1000),
    });
    const anyPod = fc.record({
      app: fc.constantFrom('a', 'b', 'c'),
      phase: fc.constantFrom('Running', 'Failed'),
    });
    fc.assert(
      fc.property(
        fc.array(anyRule, { maxLength: 4 }),
        fc.array(anyPod, { minLength: 1, maxLength: 6 }),
        (rules, some) => {
          const pods = some.map(({ app, phase }, index) =>
            pod({ name: `p${String(index)}`, labels: { app }, phase }),
          );
          const judged = judgeTurns(pods, { rules, startedAtMs, nowMs: startedAtMs });
          const found = pods.map(({ uid }) => judged.get(uid)?.kind ?? 'go');
          expect(found.some((kind) => kind !== 'behind')).toBe(true);
        },
      ),
    );
  });
});
