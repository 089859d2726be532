// Deferred nodes as their run sees them: what it remembers, what it tells, what ends a deferral.
import { describe, expect, it } from '@jest/globals';
import { nodeEvidence } from '../../domain/machines/fleet-evidence.ts';
import { listDeferred } from '../../domain/machines/fleet-deferral.ts';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { isOver, mayPlan, waitsForOutside } from '../../domain/machines/fleet-phase.ts';
import { nextLookOf } from '../../domain/machines/fleet-look.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { tableOf, whyOf } from '../../domain/machines/fleet-views.ts';
import type { DrainStep, Why, WhyKind } from '../../domain/plan.ts';
import { planDrainStep } from '../../domain/planning/node-step.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const UNTIL = '2026-01-01T00:10:00.000Z';
const scope = newScope(['n1', 'n2'].map((name) => rowOf(name)));
const policy = policyOf({
  unavailableMax: 2,
  policy: {
    drain: { timeoutMs: 60_000, onTimeout: 'defer', deferralsMax: 2, deferForMs: 600_000, rules: [] },
  },
});

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

function after(state: RunState, ...events: Unstamped<FleetEvent>[]): RunState {
  return events.reduce((so, event) => {
    const move = transition(so, scope, { ...event, at: AT } as FleetEvent);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }, state);
}

const started = (node: string, o: { attempt?: number; deferrals?: number } = {}): Unstamped<FleetEvent> => ({
  kind: 'nodeStarted',
  step: {
    ...stepOf(node, policy, o.attempt ?? 1),
    drain: planDrainStep(policy, o.deferrals ?? 0),
  },
  childId: `run/node/${node}`,
});
const deferred = (node: string, o: { attempt?: number; deferrals?: number } = {}): Unstamped<FleetEvent> => ({
  kind: 'nodeEnded',
  node,
  attempt: o.attempt ?? 1,
  ...(o.deferrals === undefined ? {} : { deferrals: o.deferrals }),
  outcome: { kind: 'deferred', why: 'not empty', uncordoned: true },
});
const failed = (node: string): Unstamped<FleetEvent> => ({
  kind: 'nodeEnded',
  node,
  attempt: 1,
  outcome: { kind: 'failed', at: 'draining', why: 'not empty', nodeEmpty: false },
});
const by = { by: 'sam', reason: 'x' };
const skip = { kind: 'skipNode', askId: 'a', message: { node: 'n1', ...by } } as const;
const retry = { kind: 'retryNode', askId: 'a', message: { node: 'n1', by: 'sam' } } as const;
const abort = { kind: 'abort', askId: 'a', message: { ...by, rollback: false } } as const;

const running = after(
  { ...newRunState(AT), definition: definitionOf(policy, { fleet: 'training', cluster: 'prod-east' }) },
  { kind: 'clusterHeld' },
  {
    kind: 'planned',
    summary: {
      digest: 'sha256:plan',
      observedAt: AT,
      pages: ['p'],
      rows: 2,
      counts: { upgrade: 2, upToDate: 0, leftAlone: 0 },
      pools: [],
      oldRootVolumes: null,
      warnings: [],
    },
  },
);
const once = after(running, started('n1'), deferred('n1'));

describe('the gate of a node', () => {
  it('says what a timeout of its drain leads to', () => {
    const told = (drain: Partial<DrainStep>) =>
      nodeEvidence({ ...stepOf('n1', policy, 1), drain: { timeoutMs: 60_000, ...drain } }).join();
    expect(told({})).toContain('drained within 1 minutes or failed');
    expect(told({ onTimeout: 'defer', deferralsLeft: 2 })).toContain(
      'or deferred, up to 2 times; then failed',
    );
    expect(told({ onTimeout: 'defer', deferralsLeft: 1 })).toContain('or deferred once; then failed');
    expect(told({ onTimeout: 'defer', deferralsLeft: 0 })).toContain('or failed');
    expect(told({ onTimeout: 'force', deferralsLeft: 1 })).toContain('or asked about at gate force');
  });
});

describe('a deferred node', () => {
  it('waits until its time, is shown so, and is no failure [I155]', () => {
    expect(once.codes).toBe('ww');
    expect(once.tripped).toBeNull();
    expect(listDeferred(once)).toEqual([{ node: 'n1', attempt: 1, times: 1, until: UNTIL }]);
    const [row] = tableOf(once, scope, { node: 'n1' }).rows;
    expect(row).toMatchObject({ state: 'deferred', since: AT, attempt: 1 });
    expect(row?.note).toBe(`deferred until ${UNTIL}, for the first time: not empty`);
  });

  it('is left to its pods no more once it is taken up again, and its count is kept [I156]', () => {
    const again = after(once, started('n1'));
    expect(listDeferred(again)).toEqual([{ node: 'n1', attempt: 1, times: 1, until: null }]);
  });

  it('is told by why with its time, however many others wait for the same [I156]', () => {
    const offered = after(once, {
      kind: 'stepsOffered',
      next: {
        observedAt: AT,
        slots: [],
        steps: [],
        settled: [],
        waiting: [{ why: { kind: 'deferred', text: 'x', until: UNTIL }, nodes: 1, example: 'n1' }],
      },
    });
    const { items } = whyOf(offered, scope, { node: 'n1' });
    expect(items).toEqual([
      {
        subject: 'node/n1',
        kind: 'deferred',
        on: `deferred until ${UNTIL}, for the first time: not empty`,
        since: AT,
        until: UNTIL,
        freedBy: 'it is taken up again then; or refit skip n1',
      },
    ]);
    expect(waitsForOutside({ ...offered, planWanted: false })).toBe(true);
    expect(isOver(offered)).toBe(false);
  });

  it('for want of capacity is told as such, by the run and by name [I255]', () => {
    const outcome = {
      kind: 'deferred',
      why: 'no p5 in us-east-1a',
      uncordoned: true,
      lacks: 'capacity',
    } as const;
    const lacking = after(running, started('n1'), { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome });
    expect(listDeferred(lacking)).toMatchObject([{ node: 'n1', lacks: 'capacity', until: UNTIL }]);
    const why: Why = { kind: 'noCapacity', text: 'x', until: UNTIL };
    const next = {
      observedAt: AT,
      slots: [],
      steps: [],
      settled: [],
      waiting: [{ why, nodes: 1, example: 'n1' }],
    };
    const offered = after(lacking, { kind: 'stepsOffered', next });
    expect(whyOf(offered, scope, {}).items).toMatchObject([
      {
        subject: 'node/n1',
        kind: 'noCapacity',
        on: expect.stringContaining('no p5 in us-east-1a'),
        until: UNTIL,
        freedBy: expect.stringContaining('capacity'),
      },
    ]);
    // As with any deferral nothing is looked at before its time.
    const deferredWhy: Why = { ...why, kind: 'deferred' };
    const ofPods = after(lacking, {
      kind: 'stepsOffered',
      next: { ...next, waiting: [{ why: deferredWhy, nodes: 1, example: 'n1' }] },
    });
    expect(nextLookOf(offered)).toEqual(nextLookOf(ofPods));
    expect(nextLookOf(offered)).toEqual({ kind: 'at', at: UNTIL });
  });

  it('wakes the run at its time, and not before while nothing else may change [I156]', () => {
    const told = (...others: WhyKind[]) => {
      const waiting = [
        { why: { kind: 'deferred' as const, text: 'x', until: UNTIL }, nodes: 1, example: 'n1' },
        ...others.map((kind) => ({ why: { kind, text: 'x' }, nodes: 1, example: 'n2' })),
      ];
      const next = { observedAt: AT, slots: [], steps: [], settled: [], waiting };
      return nextLookOf(after(once, { kind: 'stepsOffered', next }));
    };
    expect(told()).toEqual({ kind: 'at', at: UNTIL });
    expect(told('budget')).toEqual({ kind: 'at', at: UNTIL });
    expect(told('nodeNotReady')).toEqual({ kind: 'soon', by: UNTIL });
  });

  it('comes back without being asked for again, by the attempt that it left with [I158]', () => {
    expect(once.nodesApproved).toContain('n1');
    expect(mayPlan(once)).toBe(true);
    const again = after(once, started('n1', { deferrals: 1 }));
    expect(again.attempts).toEqual({});
    expect(again.active['n1']).toMatchObject({ attempt: 1, deferrals: 1 });
    expect(tableOf(again, scope, { node: 'n1' }).rows[0]?.state).toBe('draining');
    // Of a second attempt, the second attempt comes back: by the first, an older reimage would be its own.
    const second = after(
      running,
      started('n1'),
      failed('n1'),
      retry,
      started('n1', { attempt: 2 }),
      deferred('n1', { attempt: 2 }),
    );
    expect(listDeferred(second)).toMatchObject([{ node: 'n1', attempt: 2 }]);
  });

  it('never comes by a lower attempt than before, whatever is offered [I158]', () => {
    const second = after(running, started('n1'), failed('n1'), retry, started('n1', { attempt: 2 }));
    const resume = { kind: 'resume', askId: 'a', message: { by: 'sam' } } as const;
    const back = after(second, deferred('n1', { attempt: 2 }), resume);
    const next = { observedAt: AT, slots: [], steps: [stepOf('n1', policy, 1)], settled: [], waiting: [] };
    expect(after(back, { kind: 'stepsOffered', next }).ready[0]?.step.attempt).toBe(2);
  });

  it('is not ended by the word of an earlier go of the same attempt [I158]', () => {
    const again = after(once, started('n1', { deferrals: 1 }));
    const late = transition(again, scope, { ...deferred('n1'), at: AT } as FleetEvent);
    expect(late.kind).toBe('rejected');
    const twice = after(again, deferred('n1', { deferrals: 1 }));
    expect(listDeferred(twice)).toMatchObject([{ times: 2, until: UNTIL }]);
    expect(tableOf(twice, scope, { node: 'n1' }).rows[0]?.note).toContain('2 times so far');
  });

  it('is forgotten when it is done, failed, skipped or aborted', () => {
    const go = { kind: 'nodeEnded', node: 'n1', attempt: 1, deferrals: 1 } as const;
    const again = after(once, started('n1', { deferrals: 1 }));
    const done = { ...go, outcome: { kind: 'done', release: 'r', bootId: 'b' } } as const;
    const lost = { ...go, outcome: { kind: 'failed', at: 'draining', why: 'x', nodeEmpty: false } } as const;
    for (const state of [after(again, done), after(again, lost), after(once, skip), after(once, abort)]) {
      expect(listDeferred(state)).toEqual([]);
    }
    expect(after(once, skip).codes[0]).toBe('s');
  });

  it('is skipped, not deferred, when an abort has crossed its way back', () => {
    const aborted = after(running, started('n1'), abort, deferred('n1'));
    expect(aborted.codes).toBe('ss');
    expect(listDeferred(aborted)).toEqual([]);
  });
});
