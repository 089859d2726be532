// What each message does to a run in each situation: the contract's table, row by row.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import { grantOf } from '../../domain/machines/fleet-grant.ts';
import type { FleetCommand, FleetEvent } from '../../domain/machines/fleet-events.ts';
import { isOver, mayPlan, outcomeOf, phaseOf, phaseWhyOf } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { tableOf } from '../../domain/machines/fleet-views.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const scope = newScope(['n1', 'n2', 'n3', 'n4'].map((name) => rowOf(name)));
const policy = policyOf({ unavailableMax: 2 });
const asking = policyOf({ approval: { before: 'node' } });

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

/** The state after these events; one that is rejected ends the test. */
function after(state: RunState, ...events: Unstamped<FleetEvent>[]): RunState {
  return events.reduce((so, event) => {
    const move = transition(so, scope, { ...event, at: AT } as FleetEvent);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }, state);
}

function said(state: RunState, event: Unstamped<FleetEvent>) {
  const move = transition(state, scope, { ...event, at: AT } as FleetEvent);
  const commands: readonly FleetCommand[] = move.kind === 'moved' ? move.commands : [];
  return { kind: move.kind, text: move.kind === 'rejected' ? move.why : move.effect, commands, move };
}

const started = (node: string, attempt = 1): Unstamped<FleetEvent> => ({
  kind: 'nodeStarted',
  step: stepOf(node, policy, attempt),
  childId: `run/node/${node}`,
});
const failed = (node: string, attempt = 1): Unstamped<FleetEvent> => ({
  kind: 'nodeEnded',
  node,
  attempt,
  outcome: { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true },
});
const done = (node: string, attempt = 1): Unstamped<FleetEvent> => ({
  kind: 'nodeEnded',
  node,
  attempt,
  outcome: { kind: 'done', release: '2026.11', bootId: 'b' },
});
const message = {
  approve: (gate: string, by = 'sam') => ({ kind: 'approve', askId: 'a', message: { gate, by } }) as const,
  reject: (gate: string, by = 'sam') => ({ kind: 'reject', askId: 'a', message: { gate, by } }) as const,
  pause: { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } } as const,
  resume: { kind: 'resume', askId: 'a', message: { by: 'sam' } } as const,
  skip: (node: string) =>
    ({ kind: 'skipNode', askId: 'a', message: { node, by: 'sam', reason: 'x' } }) as const,
  retry: (node: string) => ({ kind: 'retryNode', askId: 'a', message: { node, by: 'sam' } }) as const,
  abort: { kind: 'abort', askId: 'a', message: { by: 'sam', reason: 'x', rollback: false } } as const,
  rollback: { kind: 'rollback', askId: 'a', message: { by: 'sam', reason: 'x' } } as const,
};

const summary = {
  digest: 'sha256:plan',
  observedAt: AT,
  pages: ['p'],
  rows: 4,
  counts: { upgrade: 4, upToDate: 0, leftAlone: 0 },
  pools: [],
  oldRootVolumes: null,
  warnings: [],
};
const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
const preparing: RunState = { ...newRunState(AT), definition };
const running = after(preparing, { kind: 'clusterHeld' }, { kind: 'planned', summary });
const atWork = after(running, started('n1'));
const reimaging = after(atWork, { kind: 'nodeStateReported', node: 'n1', state: 'reimaging' });
const tripped = after(running, started('n1'), started('n2'), failed('n1'));
const atGate = after(
  { ...running, definition: definitionOf(asking, { fleet: 'training', cluster: 'prod-east' }) },
  {
    kind: 'stepsOffered',
    next: { observedAt: AT, slots: [], steps: [stepOf('n1', asking, 1)], settled: [], waiting: [] },
  },
);
const paused = after(atWork, message.pause);
const aborted = after(atWork, message.abort);
const ended = after(running, ...['n1', 'n2', 'n3', 'n4'].flatMap((node) => [started(node), done(node)]), {
  kind: 'ended',
  outcome: 'succeeded',
});

const situations = { preparing, running, atWork, reimaging, tripped, atGate, paused, aborted, ended };
type Situation = keyof typeof situations;
type Verdict = 'moved' | 'same' | 'rejected';

/** Order of columns: preparing, running, atWork, reimaging, tripped, atGate, paused, aborted, ended. */
const columns = Object.keys(situations) as Situation[];
const M = 'moved';
const S = 'same';
const R = 'rejected';
const table: readonly (readonly [string, Unstamped<FleetEvent>, readonly Verdict[]])[] = [
  ['approve of an open gate', message.approve('node/n1'), [R, R, R, R, R, M, R, R, R]],
  ['reject of an open gate', message.reject('node/n1'), [R, R, R, R, R, M, R, R, R]],
  ['approve of an unknown gate', message.approve('pool/none'), [R, R, R, R, R, R, R, R, R]],
  ['pause', message.pause, [M, M, M, M, M, M, S, R, R]],
  ['resume', message.resume, [R, R, R, R, M, R, M, R, R]],
  ['skip of n1', message.skip('n1'), [R, M, M, M, M, M, M, M, R]],
  ['skip of a waiting node', message.skip('n4'), [R, M, M, M, M, M, M, R, R]],
  ['skip of an unknown node', message.skip('n9'), [R, R, R, R, R, R, R, R, R]],
  ['retry of n1', message.retry('n1'), [R, R, R, R, M, R, R, R, R]],
  ['abort', message.abort, [M, M, M, M, M, M, M, S, R]],
  ['rollback', message.rollback, [R, M, M, M, M, M, M, R, R]],
];

describe('each message in each situation of the run', () => {
  for (const [name, event, verdicts] of table) {
    for (const [index, situation] of columns.entries()) {
      const verdict = verdicts[index];
      it(`${name} while ${situation}: ${String(verdict)}`, () => {
        const state = situations[situation];
        const before = JSON.stringify(state);
        const answer = said(state, event);
        expect(answer.kind).toBe(verdict);
        expect(answer.text).not.toBe('');
        // Plain data: nothing that was there is written to.
        expect(JSON.stringify(state)).toBe(before);
      });
    }
  }
});

describe('the rows of the contract', () => {
  it('pause: nothing is started, what is at work is told nothing, the planner is left alone', () => {
    expect(said(atWork, message.pause).commands.map(({ kind }) => kind)).toEqual(['record']);
    expect(mayPlan({ ...paused, planWanted: true })).toBe(false);
    expect(phaseOf(paused)).toBe('paused');
  });

  it('skip: a waiting node is dropped, one at work decides by its own state', () => {
    expect(after(running, message.skip('n4')).codes).toBe('wwws');
    const asked = said(atWork, message.skip('n1'));
    expect(asked.commands).toEqual([
      {
        kind: 'tell',
        childId: 'run/node/n1',
        control: { kind: 'skip', askId: 'a', by: 'sam', reason: 'x' },
      },
    ]);
    expect(after(tripped, message.skip('n1')).codes[0]).toBe('s');
  });

  it('abort: what waits is dropped, each child is told, and none is started again', () => {
    expect(aborted.codes).toBe('asss');
    expect(said(atWork, message.abort).commands.map(({ kind }) => kind)).toEqual(['record', 'tell']);
    expect(isOver(aborted)).toBe(false);
    expect(isOver(after(aborted, done('n1')))).toBe(true);
    expect(outcomeOf(after(aborted, done('n1')))).toBe('aborted');
  });

  it('abort: a node that waits at its gate is counted among the dropped', () => {
    expect(said(atGate, message.abort).text).toMatch(/^4 waiting nodes are dropped; 0 at work/);
    expect(said(atWork, message.abort).text).toMatch(/^3 waiting nodes are dropped; 1 at work/);
  });

  it('a cluster that cannot be asked any more: the wait goes on and says so, until somebody answers', () => {
    const holder = 'default/upgrade.other/run-1';
    const held: Unstamped<FleetEvent> = { kind: 'clusterHeldByOther', holder, since: AT };
    const silent: Unstamped<FleetEvent> = { kind: 'clusterSilent', why: 'x'.repeat(10_000) };
    expect(said(preparing, silent).kind).toBe('rejected');
    const waiting = after(preparing, held, silent);
    expect(phaseOf(waiting)).toBe('waiting-for-cluster');
    expect(phaseWhyOf(waiting)).toMatch(/^held by default.*; the cluster cannot be asked now: x{200}/);
    expect(phaseWhyOf(waiting)?.length).toBeLessThan(500);
    expect(phaseWhyOf(after(waiting, held))).toBe(`held by ${holder}`);
  });

  it('retry: a failed node alone, as the attempt that comes next, also while tripped', () => {
    const again = after(tripped, message.retry('n1'));
    expect(again.retries).toEqual([{ node: 'n1', attempt: 2 }]);
    expect(mayPlan(again)).toBe(true);
    expect(said(again, message.retry('n1')).kind).toBe('same');
  });

  it('a trip: what is at work is told to go back, and what waits is not started [I77]', () => {
    expect(phaseOf(tripped)).toBe('paused');
    expect(tripped.active['n2']?.told).toBe('putBack');
    expect(mayPlan(tripped)).toBe(false);
  });

  it('a pause lets no child begin a step that changes the world, and a resume lets it again [I74]', () => {
    expect(grantOf(atWork, 'n1').kind).toBe('granted');
    expect(grantOf(paused, 'n1')).toEqual({ kind: 'paused', why: 'paused by sam: x' });
    expect(grantOf(after(paused, message.resume), 'n1').kind).toBe('granted');
  });

  it('a run in which nothing else is left does not end while a retry is to come [I222]', () => {
    const lenient = definitionOf(policyOf({ failuresMax: 1 }), { fleet: 'training', cluster: 'prod-east' });
    const others = ['n2', 'n3', 'n4'].map((node) => started(node));
    const left = after({ ...running, definition: lenient }, started('n1'), ...others, failed('n1'));
    const asked = after(left, message.retry('n1'), done('n2'), done('n3'), done('n4'));
    expect(isOver(asked)).toBe(false);
    expect(isOver({ ...asked, retries: [] })).toBe(true);
  });

  it('a resume is told to every child at once, so that none waits until it asks again [I74]', () => {
    const { commands } = said(after(atWork, started('n2'), message.pause), message.resume);
    const told = commands.filter(({ kind }) => kind === 'tell');
    expect(told).toEqual(
      ['n1', 'n2'].map((node) => ({
        kind: 'tell',
        childId: `run/node/${node}`,
        control: { kind: 'nudge' },
      })),
    );
  });

  it('a trip stays until somebody says resume, and says when nothing is failed any more [I85]', () => {
    expect(phaseWhyOf(tripped)).toContain('retry or skip them, then resume');
    const cured = after(tripped, message.retry('n1'), started('n1', 2), done('n1', 2));
    expect(phaseOf(cured)).toBe('paused');
    expect(phaseWhyOf(cured)).toContain('none is failed any more: resume');
    expect(phaseOf(after(cured, message.resume))).toBe('running');
  });

  it('a gate: is decided once; the same again is told so, another comes too late', () => {
    const yes = after(atGate, message.approve('node/n1'));
    expect(said(yes, message.approve('node/n1')).kind).toBe('same');
    expect(said(yes, message.reject('node/n1')).text).toContain('decided already');
    expect(said(yes, message.approve('node/n1', 'ana')).text).toContain('decided already');
  });

  it('a name that every object has is no node at work, and may be the name of one', () => {
    for (const node of ['constructor', '__proto__', 'toString']) {
      const progress = { podsTotal: 1, podsLeft: 1, blockers: [], blockersTotal: 0 };
      expect(said(atWork, { kind: 'nodeStateReported', node, state: 'reimaging' }).kind).toBe('rejected');
      expect(said(atWork, { kind: 'progressReported', node, progress }).kind).toBe('rejected');
      expect(said(atWork, done(node)).kind).toBe('rejected');
      expect(grantOf(atWork, node)).toMatchObject({ kind: 'aborted' });
    }
    const named = newScope([rowOf('constructor')]);
    const begun = transition(
      { ...preparing, hold: { kind: 'held' }, plan: { ...summary, rows: 1 }, codes: 'w' },
      named,
      { ...started('constructor'), at: AT } as FleetEvent,
    );
    expect(begun).toMatchObject({ kind: 'moved', state: { codes: 'a' } });
    const table = begun.kind === 'moved' ? tableOf(begun.state, named, {}).rows : [];
    expect(table).toMatchObject([{ node: 'constructor', state: 'draining', attempt: 1, note: '' }]);
  });

  it('no node has two children, nor is an end of a former attempt taken for that of the present one', () => {
    expect(said(atWork, started('n1')).kind).toBe('rejected');
    expect(said(atWork, done('n1', 7)).kind).toBe('rejected');
  });
});
