// What a run does with the hours that its planner tells it of: when it looks again, what it still begins.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { nodeTimesOf } from '../../domain/machines/fleet-hours.ts';
import { nextLookOf } from '../../domain/machines/fleet-look.ts';
import { phaseOf, phaseWhyOf, waitingOnOf } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { listWaiting } from '../../domain/machines/fleet-waiting.ts';
import type { NextSteps, NodeStep, Why } from '../../domain/plan.ts';
import type { Policy } from '../../domain/policy.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-11-24T02:00:00.000Z';
const OPENS = '2026-11-24T21:00:00.000Z';
const scope = newScope(['n1', 'n2', 'n3'].map((name) => rowOf(name)));
const night = { days: ['mon' as const], start: '22:00', durationMs: 3_600_000, timezone: 'UTC' };

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

function moveOf(state: RunState, event: Unstamped<FleetEvent>, at = AT) {
  return transition(state, scope, { ...event, at } as FleetEvent);
}

function after(state: RunState, event: Unstamped<FleetEvent>, at = AT): RunState {
  const move = moveOf(state, event, at);
  if (move.kind !== 'moved') throw new Error(JSON.stringify(move));
  return move.state;
}

function runOf(policy: Policy): RunState {
  const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
  const counts = { upgrade: 3, upToDate: 0, leftAlone: 0 };
  const summary = {
    ...{ digest: 'sha256:plan', observedAt: AT, pages: ['p'], rows: 3, counts },
    ...{ pools: [], oldRootVolumes: null, warnings: [] },
  };
  const held = after({ ...newRunState(AT), definition }, { kind: 'clusterHeld' });
  return after(held, { kind: 'planned', summary });
}

const windowed = policyOf({ policy: { windows: [night] } });
const running = runOf(windowed);

function offerOf(changes: Partial<NextSteps>): Unstamped<FleetEvent> {
  const slots = [{ pool: 'h100', unavailableMax: 1, unavailable: 0, free: 1 }];
  const next: NextSteps = { observedAt: AT, slots, steps: [], settled: [], waiting: [], ...changes };
  return { kind: 'stepsOffered', next };
}

function waitingFor(...whys: Why[]): RunState {
  const waiting = whys.map((why) => ({ why, nodes: 2, example: 'n1' }));
  return after(after(running, { kind: 'planAsked' }), offerOf({ waiting }));
}

const untilOpen: Why = { kind: 'window', text: 'begun only in its windows', until: OPENS, freedBy: 'time' };
const step: NodeStep = { ...stepOf('n1', windowed, 1), startBefore: '2026-11-24T02:10:00.000Z' };
const TOO_LATE = '2026-11-24T02:10:00.001Z';

describe('a run whose windows are closed', () => {
  it('looks at nothing before they open, whatever else stands in the way of its nodes [I131]', () => {
    expect(nextLookOf(waitingFor(untilOpen))).toEqual({ kind: 'at', at: OPENS });
    expect(nextLookOf(waitingFor(untilOpen, { kind: 'order', text: 'later' }))).toEqual({
      kind: 'at',
      at: OPENS,
    });
    const sooner = { ...untilOpen, kind: 'exclusion' as const, until: '2026-11-24T05:00:00.000Z' };
    expect(nextLookOf(waitingFor(untilOpen, sooner))).toEqual({ kind: 'at', at: sooner.until });
  });

  it('sleeps although another’s cordon takes up a slot, as long as no node waits for a slot [I131]', () => {
    const slots = [{ pool: 'h100', unavailableMax: 1, unavailable: 1, free: 0 }];
    const waiting = [{ why: untilOpen, nodes: 3, example: 'n1' }];
    const asked = after(running, { kind: 'planAsked' });
    expect(nextLookOf(after(asked, offerOf({ slots, waiting })))).toEqual({ kind: 'at', at: OPENS });
    const budget = { why: { kind: 'budget' as const, text: 'one away' }, nodes: 1, example: 'n2' };
    expect(nextLookOf(after(asked, offerOf({ slots, waiting: [...waiting, budget] })))).toEqual({
      kind: 'soon',
      by: OPENS,
    });
  });

  it('looks on while nodes of no pool of this run use up the budget of the whole cluster', () => {
    const cluster = { unavailableMax: 1, unavailable: 1, free: 0 };
    const waiting = [
      { why: untilOpen, nodes: 2, example: 'n1' },
      { why: { kind: 'clusterBudget' as const, text: 'one away' }, nodes: 1, example: 'n2' },
    ];
    const asked = after(running, { kind: 'planAsked' });
    expect(nextLookOf(after(asked, offerOf({ cluster, waiting })))).toEqual({ kind: 'soon', by: OPENS });
    const free = { ...cluster, unavailable: 0, free: 1 };
    expect(nextLookOf(after(asked, offerOf({ cluster: free, waiting })))).toEqual({ kind: 'at', at: OPENS });
  });

  it('looks on at what must be watched, and at the latest when they open', () => {
    const soak: Why = { kind: 'soak', text: 'watched', until: '2026-11-24T03:00:00.000Z' };
    expect(nextLookOf(waitingFor(untilOpen, soak))).toEqual({ kind: 'soon', by: '2026-11-24T03:00:00.000Z' });
  });

  it('looks once a day where no end is in sight [I131]', () => {
    const never: Why = { kind: 'windowTooShort', text: 'too short', freedBy: 'longer windows' };
    expect(nextLookOf(waitingFor(never))).toEqual({ kind: 'at', at: '2026-11-25T02:00:00.000Z' });
  });

  it('says why and until when, as its phase, in lists, and to whoever asks why [I132]', () => {
    const state = waitingFor(untilOpen);
    expect(phaseOf(state)).toBe('running');
    expect(phaseWhyOf(state)).toBe('begun only in its windows');
    expect(waitingOnOf(state)).toBe('window');
    expect(listWaiting(state)).toEqual([
      {
        subject: 'node/n1',
        kind: 'window',
        on: 'begun only in its windows (and 1 more wait for the same)',
        since: AT,
        until: OPENS,
        freedBy: 'time',
      },
    ]);
  });

  it('asks nothing at once, and does what it did before where no hours hold it', () => {
    expect(nextLookOf(running)).toEqual({ kind: 'none' });
    expect(nextLookOf(waitingFor({ kind: 'budget', text: 'one away' }))).toEqual({ kind: 'none' });
    expect(nextLookOf(waitingFor({ kind: 'nodeNotReady', text: 'not Ready' }))).toEqual({
      kind: 'soon',
      by: null,
    });
    const lost = after(waitingFor(untilOpen), { kind: 'planFailed', why: 'no answer' });
    expect(nextLookOf(lost)).toEqual({ kind: 'soon', by: null });
  });
});

describe('a step whose window leaves it no time any more', () => {
  it('is not begun, however late the planner’s answer comes, and its node has its reason [I130]', () => {
    expect(after(running, offerOf({ steps: [step] })).ready).toHaveLength(1);
    const late = after(running, offerOf({ steps: [step] }), TOO_LATE);
    expect(late.ready).toEqual([]);
    expect(listWaiting(late)).toMatchObject([
      {
        subject: 'node/n1',
        on: expect.stringContaining('it is later now'),
        until: expect.any(String),
      },
    ]);
    // Not asked at once again: the clocks may be seconds apart.
    const asked = after(after(running, { kind: 'planAsked' }), offerOf({ steps: [step] }), TOO_LATE);
    expect(asked.planWanted).toBe(false);
    expect(nextLookOf(asked)).toEqual({ kind: 'at', at: '2026-11-24T02:10:15.001Z' });
  });

  it('is not begun by a yes at its gate: its node is planned again, and needs no second yes [I130]', () => {
    const asking = runOf(policyOf({ approval: { before: 'node' }, policy: { windows: [night] } }));
    const approve = { kind: 'approve', askId: 'a', message: { gate: 'node/n1', by: 'sam' } } as const;
    // A minute's worth of freshness, and the end of the window within it.
    const near = { ...step, startBefore: '2026-11-24T02:00:20.000Z' };
    const atGate = after(asking, offerOf({ steps: [near] }));
    expect(after(atGate, approve, '2026-11-24T02:00:10.000Z').ready).toHaveLength(1);
    const move = moveOf(atGate, approve, '2026-11-24T02:00:30.000Z');
    if (move.kind !== 'moved') throw new Error(JSON.stringify(move));
    expect(move.effect).toContain('node n1 starts in its window');
    expect(move.state).toMatchObject({ ready: [], nodesApproved: ['n1'], planWanted: true });
    // Its window is open again: begun without another question.
    const offered = after(
      move.state,
      offerOf({ observedAt: OPENS, steps: [stepOf('n1', windowed, 1)] }),
      OPENS,
    );
    expect(offered.ready.map((one) => one.step.node)).toEqual(['n1']);
  });

  it('is not begun by a child that was long on its way: it waits as before, approved as it was [I130]', () => {
    const started = after(running, { kind: 'nodeStarted', step, childId: 'c' });
    const outcome = { kind: 'putBack', why: 'too late', uncordoned: false, again: true } as const;
    const back = after(started, { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome });
    expect(back).toMatchObject({ codes: 'www', active: {}, nodesApproved: ['n1'], planWanted: true });
    const retried = { ...running, codes: 'fww', retries: [{ node: 'n1', attempt: 2 }] };
    const again = after(retried, { kind: 'nodeStarted', step: { ...step, attempt: 2 }, childId: 'c' });
    const lost = after(again, { kind: 'nodeEnded', node: 'n1', attempt: 2, outcome });
    expect(lost).toMatchObject({ codes: 'fww', retries: [{ node: 'n1', attempt: 2 }] });
  });

  it('is not begun either when a person asked for it by retry [I130]', () => {
    const started = after(running, { kind: 'nodeStarted', step: stepOf('n1', windowed, 1), childId: 'c' });
    const outcome = { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true } as const;
    const failed = after(started, { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome });
    const retried = after(failed, { kind: 'retryNode', askId: 'a', message: { node: 'n1', by: 'sam' } });
    const again = { ...step, attempt: 2 };
    expect(after(retried, offerOf({ steps: [again] })).ready).toHaveLength(1);
    const late = after(retried, offerOf({ steps: [again] }), TOO_LATE);
    expect(late.ready).toEqual([]);
    expect(late.retries).toEqual([{ node: 'n1', attempt: 2 }]);
  });
});

describe('what nodes took', () => {
  const end = (state: RunState, at: string, attempt = 1): RunState => {
    const outcome = { kind: 'done', release: '2026.11', bootId: 'b' } as const;
    return after(state, { kind: 'nodeEnded', node: 'n1', attempt, outcome }, at);
  };
  const begin = (state: RunState, at = AT): RunState =>
    after(state, { kind: 'nodeStarted', step: stepOf('n1', windowed, 1), childId: 'c' }, at);
  const pause = { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } } as const;
  const resume = { kind: 'resume', askId: 'a', message: { by: 'sam' } } as const;

  it('is kept in seconds from start to done, the last twenty of each pool', () => {
    const once = end(begin(running), '2026-11-24T02:12:30.000Z');
    expect(once.nodeTimes).toEqual({ h100: [750] });
    const many = Array.from({ length: 30 }).reduce<RunState>(
      (so) => end(begin({ ...so, codes: 'www' }), '2026-11-24T02:10:00.000Z'),
      once,
    );
    expect(many.nodeTimes['h100']).toEqual(Array.from({ length: 20 }, () => 600));
  });

  it('does not count where a pause may have held them: that says nothing of the next node', () => {
    const held = after(after(begin(running), pause), resume, '2026-11-24T09:00:00.000Z');
    expect(end(held, '2026-11-24T09:10:00.000Z').nodeTimes).toEqual({});
    expect(end(after(begin(running), pause), '2026-11-24T02:10:00.000Z').nodeTimes).toEqual({});
    const later = begin(after(after(running, pause), resume), '2026-11-24T02:00:01.000Z');
    expect(end(later, '2026-11-24T02:10:01.000Z').nodeTimes).toEqual({ h100: [600] });
  });

  it('is told to the planner of pools that have hours, of others it is of no use', () => {
    const known = { ...running, nodeTimes: { h100: [750] } };
    expect(nodeTimesOf(known)).toEqual({ h100: [750] });
    expect(nodeTimesOf({ ...runOf(policyOf()), nodeTimes: { h100: [750] } })).toBeNull();
    expect(nodeTimesOf(running)).toBeNull();
  });
});
