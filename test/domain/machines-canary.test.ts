// What a run does with its canaries and with the gates that the planner wishes.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { waitsForOutside } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { reportAt, statusOf, whyOf } from '../../domain/machines/fleet-views.ts';
import { renderCounts } from '../../domain/render/status.ts';
import type { GateWish, NextSteps, PlanRow, WaitingNodes } from '../../domain/plan.ts';
import { openWishedGates } from '../../domain/machines/fleet-canary.ts';
import type { ApprovalBefore, Policy } from '../../domain/policy.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T00:05:00.000Z';
const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };
const rows: PlanRow[] = [
  { ...rowOf('n1'), canary: true },
  rowOf('n2'),
  rowOf('n3'),
  { ...rowOf('n4'), wasNotReady: true },
];
const scope = newScope(rows);

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

function after(state: RunState, ...events: Unstamped<FleetEvent>[]): RunState {
  return events.reduce((so, event) => {
    const move = transition(so, scope, { ...event, at: AT } as FleetEvent);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }, state);
}

function begin(o: { before?: ApprovalBefore; firstNodes?: number; failuresMax?: number } = {}): RunState {
  const approval = { before: o.before ?? ('never' as const), firstNodes: o.firstNodes ?? null };
  const policy = policyOf({ unavailableMax: 4, failuresMax: o.failuresMax ?? 0, approval });
  const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
  const pool = { name: 'h100', nodes: 4, upgrade: 4, from: {}, to: '2026.11', unavailableMax: 4 };
  const summary = {
    digest: 'sha256:plan',
    observedAt: AT,
    pages: ['p'],
    rows: rows.length,
    counts: { upgrade: 4, upToDate: 0, leftAlone: 0 },
    pools: [{ ...pool, canaries: 1, notReady: 1 }],
    oldRootVolumes: null,
    warnings: [],
  };
  return after({ ...newRunState(AT), definition, hold: { kind: 'held' } }, { kind: 'planned', summary });
}

const started = (node: string, attempt = 1): Unstamped<FleetEvent> => ({
  kind: 'nodeStarted',
  step: stepOf(node, policyOf(), attempt),
  childId: `run/node/${node}`,
});
const failed = (node: string, attempt = 1): Unstamped<FleetEvent> => ({
  kind: 'nodeEnded',
  node,
  attempt,
  outcome: { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true },
});
const done = (node: string): Unstamped<FleetEvent> => ({
  kind: 'nodeEnded',
  node,
  attempt: 1,
  outcome: { kind: 'done', release: '2026.11', bootId: 'b' },
});
const decide = (kind: 'approve' | 'reject', gate: string): Unstamped<FleetEvent> =>
  ({ kind, askId: 'a', message: { gate, by: 'sam' } }) as Unstamped<FleetEvent>;
const resume = { kind: 'resume', askId: 'a', message: { by: 'sam' } } as const;
const retry = { kind: 'retryNode', askId: 'a', message: { node: 'n1', by: 'sam' } } as const;
const offer = (changes: Partial<NextSteps>): Unstamped<FleetEvent> => ({
  kind: 'stepsOffered',
  next: { observedAt: LATER, slots: [], steps: [], settled: [], waiting: [], ...changes },
});
const wish = (kind: GateWish['kind'], name: string, evidence = ['one line']): GateWish => ({
  name,
  kind,
  pool: 'h100',
  evidence,
});
const gateNames = (state: RunState) => state.gates.map(({ name }) => name);
const waits = (kind: WaitingNodes['why']['kind'], nodes: number): WaitingNodes => ({
  why: { kind, text: `waits for ${kind}` },
  nodes,
  example: 'n2',
});

describe('the clock of a pool’s canaries', () => {
  it('begins when the last of them has ended, however it ended [I113]', () => {
    expect(after(begin(), started('n1')).canaries).toEqual({});
    const clock = { h100: { endedAt: AT, unwellSince: null, unwellLast: null, passed: false } };
    expect(after(begin(), started('n1'), done('n1')).canaries).toEqual(clock);
    expect(after(begin(), started('n1'), failed('n1')).canaries).toEqual(clock);
    const skip = { kind: 'skipNode', askId: 'a', message: { node: 'n1', by: 'sam', reason: 'x' } } as const;
    expect(after(begin(), skip).canaries).toEqual(clock);
  });

  it('is undone by a retry, unless the others have been let go [I113]', () => {
    const state = after(begin(), started('n1'), failed('n1'));
    expect(after(state, retry).canaries).toEqual({});
    const passed = after(state, resume, offer({ canaries: [{ pool: 'h100', found: 'passed' }] }), retry);
    expect(passed.canaries['h100']).toMatchObject({ passed: true });
  });

  it('goes on when the answer that let the others go is not taken [I113] [I152]', () => {
    const ended = after(begin(), started('n1'), done('n1'));
    const steps = [stepOf('n2', policyOf(), 1)];
    const letGo = offer({ steps, canaries: [{ pool: 'h100', found: 'passed', boots: { n1: 'boot-1' } }] });
    const watched = { passed: false, endedAt: AT, boots: { n1: 'boot-1' } };
    // Planned while no soak was asked for; the one that was changed to counts.
    const soak = policyOf({ unavailableMax: 4 });
    const definition = definitionOf(
      { ...soak, canary: { ...soak.canary, soakMs: 3_600_000 } },
      { fleet: 'training', cluster: 'prod-east' },
    );
    const changed = after(ended, { kind: 'policyChanged', by: 'sam', reason: 'x', definition });
    const stale = after(changed, { ...letGo, policyChanges: 0 } as Unstamped<FleetEvent>);
    expect(stale).toMatchObject({ ready: [], canaries: { h100: watched } });
    const fresh = after(changed, { ...letGo, policyChanges: 1 } as Unstamped<FleetEvent>);
    expect(fresh.canaries['h100']).toMatchObject({ passed: true });
    expect(fresh.ready).toHaveLength(1);

    const pause = { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } } as const;
    expect(after(ended, pause, letGo)).toMatchObject({ ready: [], canaries: { h100: watched } });
    const tripped = after(begin(), started('n1'), failed('n1'), letGo);
    expect(tripped).toMatchObject({ ready: [], canaries: { h100: watched } });
  });

  it('remembers the boots that a look told, until one tells others [I251]', () => {
    const look = (found: 'well' | 'unwell', boots?: Record<string, string>) =>
      offer({ canaries: [{ pool: 'h100', found, ...(boots === undefined ? {} : { boots }) }] });
    const ended = after(begin(), started('n1'), done('n1'), look('well', { n1: 'boot-1' }));
    expect(ended.canaries['h100']).toMatchObject({ boots: { n1: 'boot-1' }, unwellLast: null });
    expect(after(ended, look('well')).canaries['h100']?.boots).toEqual({ n1: 'boot-1' });
    expect(after(ended, look('unwell', { n1: 'boot-2' })).canaries['h100']).toMatchObject({
      boots: { n1: 'boot-2' },
      unwellLast: expect.any(String),
    });
  });

  it('remembers since when a canary looks unwell, and the last bad look [I113]', () => {
    const look = (found: 'well' | 'unwell') => offer({ canaries: [{ pool: 'h100', found }] });
    const unwell = after(begin(), started('n1'), done('n1'), look('unwell'), look('unwell'));
    expect(unwell.canaries['h100']).toMatchObject({ unwellSince: LATER, unwellLast: LATER });
    const well = after(unwell, look('well'));
    expect(well.canaries['h100']).toMatchObject({ unwellSince: null, unwellLast: LATER });
    expect(unwell.events.filter(({ text }) => text.includes('not well'))).toHaveLength(1);
  });
});

describe('a canary that fails', () => {
  it('trips the run, whatever failuresMax says [I117]', () => {
    const state = after(begin({ failuresMax: 3 }), started('n1'), failed('n1'));
    expect(state.tripped?.why).toBe('canary n1 of pool h100 failed');
  });

  it('counts like any other once the others have been let go [I117]', () => {
    const first = after(begin({ failuresMax: 3 }), started('n1'), failed('n1'), resume);
    const passed = after(first, offer({ canaries: [{ pool: 'h100', found: 'passed' }] }), retry);
    expect(after(passed, started('n1', 2), failed('n1', 2)).tripped).toBeNull();
  });

  it('is not every node: one that is no canary is counted by failuresMax [I117]', () => {
    const state = after(begin({ failuresMax: 1 }), started('n1'), done('n1'), started('n2'), failed('n2'));
    expect(state.tripped).toBeNull();
    expect(after(state, started('n3'), failed('n3')).tripped?.why).toContain(
      '2 failed in pool h100, 1 allowed',
    );
  });
});

describe('a node that was not Ready before the run', () => {
  const state = after(begin(), started('n1'), done('n1'), started('n4'), failed('n4'));

  it('trips nothing when it fails, and stands apart in status and report [I118]', () => {
    expect(state.tripped).toBeNull();
    expect(state.failuresInRow).toEqual({});
    const { counts } = statusOf(state, IDS);
    expect(counts).toMatchObject({ failed: 1, failedNotReady: 1 });
    expect(renderCounts(counts)).toBe(
      '1 of 4 nodes done, 2 waiting, 1 failed that were not Ready before the run',
    );
    expect(reportAt(state, scope, IDS, AT)?.counts).toMatchObject({ failed: 1, failedNotReady: 1 });
  });

  it('is counted apart from the others that failed [I118]', () => {
    const both = after(state, started('n2'), failed('n2'));
    expect(both.tripped?.why).toBe('1 failed in pool h100, 0 allowed: n2');
    expect(renderCounts(statusOf(both, IDS).counts)).toContain(
      '1 failed, 1 failed that were not Ready before the run',
    );
  });
});

describe('gates that the planner wishes', () => {
  const wished = after(
    begin(),
    offer({ gates: [wish('canary', 'canary')], waiting: [waits('approval', 2)] }),
  );

  it('are open as long as it wishes them, with what is known now [I114]', () => {
    expect(gateNames(wished)).toEqual(['canary']);
    const again = after(wished, offer({ gates: [wish('canary', 'canary', ['more is known'])] }));
    expect(again.gates).toMatchObject([{ name: 'canary', openedAt: AT, evidence: ['more is known'] }]);
    expect(gateNames(after(again, offer({})))).toEqual([]);
  });

  it('let the planner know of a yes, which is asked again [I114] [I112]', () => {
    const approved = after(wished, { kind: 'planAsked' }, decide('approve', 'canary'));
    expect(approved).toMatchObject({ gates: [], gatesOpened: ['canary'], planWanted: true });
    const last = after(begin(), offer({ gates: [wish('notReady', 'notReady/h100')] }));
    expect(after(last, decide('approve', 'notReady/h100')).gatesOpened).toEqual(['notReady/h100']);
  });

  it('skip on a no those who wait behind them, and no others [I114] [I112]', () => {
    const begun = after(begin(), started('n1'), done('n1'), offer({ gates: [wish('canary', 'canary')] }));
    expect(after(begun, decide('reject', 'canary')).codes).toBe('dsss');
    const last = after(begin(), offer({ gates: [wish('notReady', 'notReady/h100')] }));
    expect(after(last, decide('reject', 'notReady/h100')).codes).toBe('wwws');
  });

  it('skip on a no those without a way back that are asked about, and no others [I250]', () => {
    const codesAfter = (planned: readonly PlanRow[], onExceeded: Policy['failure']['onExceeded']) => {
      const policy = policyOf();
      const kept = definitionOf(
        { ...policy, failure: { ...policy.failure, onExceeded } },
        { fleet: 'training', cluster: 'prod-east' },
      );
      const waiting = { ...begin(), definition: kept };
      const asked = openWishedGates(waiting, [wish('noWayBack', 'noWayBack/h100')], AT);
      const move = transition(asked, newScope(planned), {
        ...decide('reject', 'noWayBack/h100'),
        at: AT,
      } as FleetEvent);
      return move.kind === 'moved' ? move.state.codes : move.kind;
    };
    const [a, b, ...others] = scope.rows;
    const same = { ...a!, noWayBack: 'its former image is the very one that is to be laid' };
    const gone = { ...b!, noWayBack: 'its former image is gone', formerGone: true as const };
    expect(codesAfter([same, gone, ...others], 'pause')).toBe('wsww');
    expect(codesAfter([same, gone, ...others], 'rollback')).toBe('ssww');
    // Planned by an older version, which told no image that is gone.
    expect(codesAfter([same, { ...b!, noWayBack: 'gone' }, ...others], 'pause')).toBe('ssww');
  });

  it('are neither opened nor closed while the run is held', () => {
    const tripped = after(begin(), started('n1'), failed('n1'), offer({ gates: [wish('canary', 'canary')] }));
    expect(gateNames(tripped)).toEqual([]);
  });
});

describe('a canary with approval before the rest', () => {
  it('asks at no gate of its own, nor do those that follow [I114]', () => {
    const steps = ['n1', 'n2'].map((node) => stepOf(node, policyOf(), 1));
    const state = after(begin({ before: 'canary' }), offer({ steps }));
    expect(state.ready.map(({ step }) => step.node)).toEqual(['n1', 'n2']);
    expect(state.gates).toEqual([]);
  });
});

describe('what waits inside of a run', () => {
  it('is looked at again while canaries soak or are unwell, not while they are at work', () => {
    const looks = (kind: WaitingNodes['why']['kind']) =>
      waitsForOutside(after(begin(), { kind: 'planAsked' }, offer({ waiting: [waits(kind, 3)] })));
    expect(['soak', 'canaryUnwell', 'nodeNotReady'].map((kind) => looks(kind as 'soak'))).toEqual([
      true,
      true,
      true,
    ]);
    const quiet = ['canary', 'zoneBudget', 'clusterBudget', 'approval', 'slots', 'notReadyBefore'] as const;
    expect(quiet.map(looks)).toEqual(quiet.map(() => false));
  });

  it('is looked at again while nodes outside of the run fill the cluster’s budget', () => {
    const waiting = [waits('clusterBudget', 3)];
    const cluster = { unavailableMax: 1, unavailable: 1, free: 0 };
    expect(waitsForOutside(after(begin(), { kind: 'planAsked' }, offer({ waiting, cluster })))).toBe(true);
    const own = after(begin(), started('n1'), { kind: 'planAsked' }, offer({ waiting, cluster }));
    expect(waitsForOutside(own)).toBe(false);
  });

  it('has a reason also when it was offered and lies behind the gate of another [I115]', () => {
    const steps = ['n1', 'n2', 'n3'].map((node) => stepOf(node, policyOf(), 1));
    const first = after(
      begin({ before: 'node', firstNodes: 1 }),
      offer({ steps, waiting: [waits('order', 1)] }),
    );
    expect(first.lastPlan?.waiting.map(({ why, nodes, example }) => [why.kind, nodes, example])).toEqual([
      ['order', 1, 'n2'],
      ['approval', 2, 'n2'],
    ]);
    expect(whyOf(first, scope, {}).items.map(({ subject }) => subject)).toContain('gate/node/n1');
    const pool = after(begin({ before: 'pool' }), offer({ steps }));
    expect(pool.lastPlan?.waiting).toMatchObject([{ nodes: 3, why: { kind: 'approval' } }]);
    expect(pool.lastPlan?.waiting[0]?.why.text).toContain('gate pool/h100');
  });
});

describe('an answer that was cut', () => {
  const steps = ['n2', 'n3'].map((node) => stepOf(node, policyOf(), 1));
  const cut = offer({ steps, more: true });
  const asked = { kind: 'planAsked' } as const;

  it('is asked for again at once while something of it is taken, and no longer [I119]', () => {
    expect(after(begin(), asked, cut).planWanted).toBe(true);
    // The gate of the pool opens by the first answer, and all that is offered lies until it is answered.
    const gated = after(begin({ before: 'pool' }), asked, cut);
    expect(gateNames(gated)).toEqual(['pool/h100']);
    expect(gated.planWanted).toBe(false);
    const approved = after(gated, decide('approve', 'pool/h100'));
    expect(approved.planWanted).toBe(true);
    expect(after(approved, asked, cut).ready).toHaveLength(2);
    const tripped = after(begin(), started('n1'), failed('n1'), retry, asked, cut);
    expect(tripped).toMatchObject({ planWanted: false, ready: [] });
  });
});

describe('why, asked for one node', () => {
  const why = (state: RunState, node: string) => whyOf(state, scope, { node }).items.map(({ on }) => on);
  const told = (...waiting: WaitingNodes[]) => after(begin(), { kind: 'planAsked' }, offer({ waiting }));
  const ofPool = (kind: WaitingNodes['why']['kind'], nodes: number, example: string): WaitingNodes => ({
    ...waits(kind, nodes),
    example,
    pool: 'h100',
  });

  it('has an answer for every node that waits, whatever holds it [I115]', () => {
    const state = told(ofPool('canary', 2, 'n2'), ofPool('budget', 2, 'n1'));
    expect(why(state, 'n2')).toEqual(['waits for canary (and 1 more wait for the same)']);
    expect(why(state, 'n3')).toEqual([
      'one of 2 reasons of its pool: waits for canary',
      'one of 2 reasons of its pool: waits for budget',
    ]);
    expect(why(state, 'n4')).toEqual(['waits for budget']);
    expect(why(told(), 'n3')).toEqual(['the run is about to plan again']);
    expect(why(begin(), 'n3')).toEqual(['the run: the run is being prepared']);
    const pause = { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } } as const;
    expect(why(after(state, pause), 'n3')).toEqual(['the run: paused by sam: x']);
    const ready = after(begin(), offer({ steps: [stepOf('n3', policyOf(), 1)] }));
    expect(why(ready, 'n3')).toEqual(['is about to be started']);
  });

  it('tells no reason of another zone, of another pool, or of one node that is named [I115]', () => {
    const zone = { ...ofPool('zoneBudget', 2, 'n1'), zone: 'us-east-1b' };
    const pool = { ...ofPool('order', 2, 'other'), pool: 'batch' };
    expect(why(told(zone, pool, ofPool('nodeNotReady', 1, 'n1'), ofPool('budget', 2, 'n2')), 'n3')).toEqual([
      'waits for budget',
    ]);
  });

  it('has none for a node that does not wait', () => {
    expect(why(after(begin(), started('n1'), done('n1')), 'n1')).toEqual([]);
    expect(why(begin(), 'nobody')).toEqual([]);
  });

  it('finds the gates of a pool by its name', () => {
    const state = after(
      begin(),
      offer({ gates: [wish('canary', 'canary'), wish('notReady', 'notReady/h100')] }),
    );
    const items = whyOf(state, scope, { pool: 'h100' }).items.map(({ subject }) => subject);
    expect(items).toEqual(['gate/canary', 'gate/notReady/h100']);
  });
});
