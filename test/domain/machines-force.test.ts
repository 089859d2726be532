// Gate `force/<node>` as the run sees it: what it shows, whom it asks, what an answer leads to.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { FORCE_PODS_MAX } from '../../domain/node-state.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { statusOf, whyOf } from '../../domain/machines/fleet-views.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const scope = newScope([rowOf('n1')]);
const policy = policyOf({
  policy: {
    drain: { timeoutMs: 60_000, onTimeout: 'force', deferralsMax: 1, deferForMs: 600_000, rules: [] },
  },
});
const pods = [1, 2].map((at) => ({
  namespace: 'default',
  name: `bare-${String(at)}`,
  uid: `uid-${String(at)}`,
}));

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

function move(state: RunState, event: Unstamped<FleetEvent>) {
  return transition(state, scope, { ...event, at: AT } as FleetEvent);
}

function after(state: RunState, ...events: Unstamped<FleetEvent>[]): RunState {
  return events.reduce((so, event) => {
    const moved = move(so, event);
    if (moved.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(moved)}`);
    return moved.state;
  }, state);
}

const asked = (ask = 1): Unstamped<FleetEvent> => ({
  kind: 'forceAsked',
  ask: { node: 'n1', attempt: 1, ask, pods, why: 'not empty in time', otherwise: 'deferred' },
});
const answer = (kind: 'approve' | 'reject') =>
  ({ kind, askId: 'a', message: { gate: 'force/n1', by: 'sam', reason: 'x' } }) as const;
const abort = { kind: 'abort', askId: 'a', message: { by: 'sam', reason: 'x', rollback: false } } as const;

const atWork = after(
  { ...newRunState(AT), definition: definitionOf(policy, { fleet: 'training', cluster: 'prod-east' }) },
  { kind: 'clusterHeld' },
  {
    kind: 'planned',
    summary: {
      digest: 'sha256:plan',
      observedAt: AT,
      pages: ['p'],
      rows: 1,
      counts: { upgrade: 1, upToDate: 0, leftAlone: 0 },
      pools: [],
      oldRootVolumes: null,
      warnings: [],
    },
  },
  { kind: 'nodeStarted', step: stepOf('n1', policy, 1), childId: 'run/node/n1' },
);
const atGate = after(atWork, asked());
const ids = { workflowId: 'run', firstExecutionRunId: '1' };

describe('gate force', () => {
  it('lists each pod by its UID, and stands in the status and in why [I160]', () => {
    const [gate] = statusOf(atGate, ids).gates;
    expect(gate?.name).toBe('force/n1');
    expect(gate?.evidence).toEqual(
      expect.arrayContaining(['pod uid-1 default/bare-1', 'pod uid-2 default/bare-2']),
    );
    expect(gate?.evidence.join()).toContain('reject: the node is put back and taken again after 10m');
    expect(whyOf(atGate, scope, { node: 'n1' }).items.map(({ subject }) => subject)).toContain(
      'gate/force/n1',
    );
    expect(atGate.active['n1']?.until).toBeNull();
  });

  it('sends yes and no to the child, for the question that was answered [I160, I162]', () => {
    const yes = move(atGate, answer('approve'));
    const tell = (control: unknown) => ({ kind: 'tell', childId: 'run/node/n1', control });
    if (yes.kind !== 'moved') throw new Error(yes.kind);
    expect(yes.commands).toContainEqual(tell({ kind: 'force', by: 'sam', ask: 1 }));
    expect(yes.commands).toContainEqual({ kind: 'record', decision: expect.objectContaining({ by: 'sam' }) });
    expect(yes.state.active['n1']?.until).toBe('2026-01-01T00:01:00.000Z');
    const no = move(atGate, answer('reject'));
    if (no.kind !== 'moved') throw new Error(no.kind);
    expect(no.commands).toContainEqual(tell({ kind: 'noForce', by: 'sam', reason: 'x', ask: 1 }));
    // A no is for the child to follow: the node is still with it.
    expect(no.state.codes).toBe('a');
  });

  it('is asked anew when the pods are others, and once for each question [I161]', () => {
    expect(move(atGate, asked()).kind).toBe('rejected');
    const again = after(after(atGate, answer('approve')), asked(2));
    expect(again.gates).toMatchObject([{ name: 'force/n1', about: { ask: 2 } }]);
    const kim = { ...answer('approve'), message: { gate: 'force/n1', by: 'kim' } };
    // A second click on the first question must not be an answer to this one.
    expect(move(again, kim)).toMatchObject({
      kind: 'rejected',
      why: expect.stringContaining('read the list'),
    });
    const later = '2026-01-01T00:00:05.000Z';
    const yes = transition(again, scope, { ...kim, at: later });
    expect(yes.kind === 'moved' && yes.commands).toContainEqual({
      kind: 'tell',
      childId: 'run/node/n1',
      control: { kind: 'force', by: 'kim', ask: 2 },
    });
  });

  it('is not asked for a sixth node at once: that one gets the answer no [I160]', () => {
    const many = Array.from({ length: 6 }, (_, index) => `m${String(index)}`);
    const crowd = newScope(many.map((name) => rowOf(name)));
    let state: RunState = { ...atWork, codes: 'w'.repeat(6), active: {} };
    const commands = many.flatMap((node) => {
      const started = { kind: 'nodeStarted', at: AT, step: stepOf(node, policy, 1), childId: node } as const;
      const begun = transition(state, crowd, started);
      const question = { node, attempt: 1, ask: 1, pods, why: 'x', otherwise: 'deferred' } as const;
      if (begun.kind !== 'moved') throw new Error(begun.kind);
      const move = transition(begun.state, crowd, { kind: 'forceAsked', at: AT, ask: question });
      if (move.kind !== 'moved') throw new Error(move.kind);
      ({ state } = move);
      return move.commands;
    });
    expect(state.gates).toHaveLength(5);
    // Five lists at their longest are shown whole, and fit beside all else that a status tells.
    const longest = Array.from({ length: FORCE_PODS_MAX }, () => ({
      ...{ namespace: 'n'.repeat(63), name: 'p'.repeat(253), uid: '0'.repeat(36) },
    }));
    const worst = many.slice(0, 5).reduce((so, node) => {
      const ask = { node, attempt: 1, ask: 2, pods: longest, why: 'x', otherwise: 'failed' } as const;
      const move = transition(so, crowd, { kind: 'forceAsked', at: AT, ask });
      return move.kind === 'moved' ? move.state : so;
    }, state);
    expect(Buffer.byteLength(JSON.stringify(statusOf(worst, ids).gates))).toBeLessThan(32 * 1024);
    expect(commands).toEqual([
      { kind: 'tell', childId: 'm5', control: expect.objectContaining({ kind: 'noForce', ask: 1 }) },
    ]);
  });

  it('closes when the child has ended, and is not opened by one that is on its way back', () => {
    const ended = after(atGate, {
      kind: 'nodeEnded',
      node: 'n1',
      attempt: 1,
      outcome: { kind: 'putBack', why: 'x', uncordoned: true },
    });
    expect(ended.gates).toEqual([]);
    expect(move(after(atWork, abort), asked()).kind).toBe('rejected');
    expect(move(ended, asked()).kind).toBe('rejected');
  });
});
