// A run that is rolled back: what goes back and in which order, what stays, what stops it, how it ends.
import { describe, expect, it } from '@jest/globals';
import { backQuestionOf } from '../../domain/machines/fleet-back.ts';
import { grantOf } from '../../domain/machines/fleet-grant.ts';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { isOver, mayPlan, outcomeOf, phaseOf, phaseWhyOf } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { FleetMove, RunState } from '../../domain/machines/fleet-state.ts';
import { reportAt, statusOf, tableOf, whyOf } from '../../domain/machines/fleet-views.ts';
import { newNodeWay, nextStep, transition as nodeTransition } from '../../domain/machines/node.ts';
import type { NodeEvent, NodeWay } from '../../domain/machines/node-types.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
const former = { imageId: 'ami-1', release: '2026.09' };
const scope = newScope(NODES.map((name) => ({ ...rowOf(name), former })));
const policy = policyOf({ unavailableMax: 3 });
const failing = policyOf({ policy: { failure: { ...policy.failure, onExceeded: 'rollback' } } });

type Unstamped = FleetEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;
const say = (state: RunState, event: Unstamped, of = scope): FleetMove =>
  transition(state, of, { ...event, at: AT } as FleetEvent);

function after(state: RunState, ...events: Unstamped[]): RunState {
  return events.reduce((so, event) => {
    const move = say(so, event);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }, state);
}

const summary = {
  digest: 'sha256:plan',
  observedAt: AT,
  pages: ['p'],
  rows: NODES.length,
  counts: { upgrade: NODES.length, upToDate: 0, leftAlone: 0 },
  pools: [],
  oldRootVolumes: null,
  warnings: [],
};
const begun = (of = policy): RunState =>
  after(
    { ...newRunState(AT), definition: definitionOf(of, { fleet: 'training', cluster: 'prod-east' }) },
    { kind: 'clusterHeld' },
    { kind: 'planned', summary },
  );
const started = (node: string): Unstamped => ({
  kind: 'nodeStarted',
  step: stepOf(node, policy, 1),
  childId: `run/node/${node}`,
});
const backStep = (
  node: string,
  attempt = 2,
  back: NodeStep['back'] = { how: 'reimage', hadFailed: false },
) => ({
  ...stepOf(node, policy, attempt),
  release: { ...stepOf(node, policy, 1).release, name: '2026.09', imageId: 'ami-1' },
  back,
});
const goes = (node: string, attempt = 2, back?: NodeStep['back']): Unstamped => ({
  kind: 'nodeStarted',
  step: backStep(node, attempt, back),
  childId: `run/node/${node}`,
});
const ends = (node: string, outcome: NodeOutcome, attempt = 1): Unstamped => ({
  kind: 'nodeEnded',
  node,
  attempt,
  outcome,
});
const DONE: NodeOutcome = { kind: 'done', release: '2026.11', bootId: 'b' };
const BACK: NodeOutcome = { kind: 'done', release: '2026.09', bootId: 'c' };
const FAILED: NodeOutcome = { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true };
const NOT_DRAINED: NodeOutcome = {
  ...FAILED,
  at: 'draining',
  why: 'a PDB',
  nodeEmpty: false,
  untouched: true,
};
const PUT_BACK: NodeOutcome = { kind: 'putBack', why: 'the run is rolled back', uncordoned: true };
const rollback: Unstamped = { kind: 'rollback', askId: 'a', message: { by: 'sam', reason: 'slow' } };
const abort = (withIt: boolean): Unstamped => ({
  kind: 'abort',
  askId: 'a',
  message: { by: 'ana', reason: 'wrong', rollback: withIt },
});
const order = (state: RunState) => backQuestionOf(state, scope)?.order.map((index) => NODES[index]);

/** n2 then n1 are done, n3 has failed, n4 is at work, n5 and n6 wait. */
const half = after(
  begun(policyOf({ failuresMax: 5 })),
  ...['n1', 'n2', 'n3'].map(started),
  ends('n2', DONE),
  ends('n1', DONE),
  ends('n3', FAILED),
  started('n4'),
);

describe('a rollback that a person asks for', () => {
  const rolling = after(half, rollback);

  it('lets those that failed go back first, then the newest, and nothing forward any more [I185] [I186]', () => {
    expect(rolling.codes).toBe('wwwass');
    expect(order(rolling)).toEqual(['n3', 'n1', 'n2']);
    expect([phaseOf(rolling), phaseWhyOf(rolling), isOver(rolling), mayPlan(rolling)]).toEqual([
      'rolling-back',
      'rolled back by sam: slow',
      false,
      true,
    ]);
    expect(grantOf(rolling, 'n4')).toEqual({ kind: 'aborted', why: 'the run is rolled back by sam: slow' });
    const next = { observedAt: AT, slots: [], steps: [stepOf('n5', policy, 1)], settled: [], waiting: [] };
    expect(after(rolling, { kind: 'stepsOffered', next }).ready).toEqual([]);
  });

  it('drops what was planned before it, steps and settled rows alike [I185]', () => {
    const settled = [{ node: 'n1', disposition: { kind: 'upToDate' as const } }];
    const next = { observedAt: AT, slots: [], steps: [backStep('n1')], settled, waiting: [] };
    const stale = after(rolling, { kind: 'stepsOffered', next, policyChanges: half.policyChanges });
    expect([stale.ready, stale.codes]).toEqual([[], rolling.codes]);
    const fresh = after(rolling, { kind: 'stepsOffered', next, policyChanges: rolling.policyChanges });
    expect(fresh.codes).toBe('bwwass');
  });

  it('tells what is at work to stop, and takes back what was done all the same [I185]', () => {
    const move = say(half, rollback);
    expect(move.kind === 'moved' ? move.commands : []).toMatchObject([
      { kind: 'record', decision: { kind: 'rollback', by: 'sam', reason: 'slow' } },
      { kind: 'tell', childId: 'run/node/n4', control: { kind: 'abort' } },
    ]);
    expect(order(after(rolling, ends('n4', DONE)))).toEqual(['n3', 'n4', 'n1', 'n2']);
    expect(order(after(rolling, ends('n4', FAILED)))).toEqual(['n4', 'n3', 'n1', 'n2']);
    expect(after(rolling, ends('n4', PUT_BACK)).codes).toBe('wwwsss');
  });

  it('takes back a retry that it stopped: what the first attempt laid is on the node still', () => {
    const retried = after(
      half,
      { kind: 'retryNode', askId: 'a', message: { node: 'n3', by: 'sam' } },
      { kind: 'nodeStarted', step: stepOf('n3', policy, 2), childId: 'run/node/n3' },
      rollback,
    );
    expect(order(after(retried, ends('n3', PUT_BACK, 2)))?.[0]).toBe('n3');
    const refused = after(retried, { kind: 'startRefused', node: 'n3', why: 'an earlier child' });
    expect([order(refused)?.[0], refused.retries]).toEqual(['n3', []]);
  });

  it('keeps no yes of the way forward for a node whose start was refused meanwhile [I86] [I135]', () => {
    const refused = (node: string): Unstamped => ({ kind: 'startRefused', node, why: 'an earlier child' });
    const dropped = after(rolling, refused('n4'));
    expect([dropped.codes, dropped.nodesApproved]).toEqual(['wwwsss', []]);
    const retried = after(
      half,
      { kind: 'retryNode', askId: 'a', message: { node: 'n3', by: 'sam' } },
      { kind: 'nodeStarted', step: stepOf('n3', policy, 2), childId: 'run/node/n3' },
      rollback,
      refused('n3'),
    );
    expect([retried.codes, retried.nodesApproved]).toEqual(['wwwass', []]);
    // Before a rollback nobody is asked twice.
    expect(after(half, refused('n4')).nodesApproved).toEqual(['n4']);
  });

  it('ends as rolled back when all of it has gone back, and the report tells which [I185]', () => {
    const back = after(
      rolling,
      ends('n4', PUT_BACK),
      goes('n3', 2, { how: 'reimage', hadFailed: true }),
      ends('n3', BACK, 2),
      goes('n1'),
      goes('n2'),
    );
    expect(tableOf(back, scope, { node: 'n1' }).rows).toMatchObject([
      { state: 'draining', from: '2026.11', to: '2026.09', attempt: 2 },
    ]);
    const ended = after(back, ends('n1', BACK, 2), ends('n2', BACK, 2));
    expect([ended.codes, isOver(ended), outcomeOf(ended), ended.attempts]).toEqual([
      'bbbsss',
      true,
      'rolledBack',
      {},
    ]);
    expect(statusOf(ended, IDS).counts).toMatchObject({ done: 0, failed: 0, wentBack: 3, skipped: 3 });
    const report = reportAt(ended, scope, IDS, AT);
    expect(report).toMatchObject({ outcomeWhy: 'rolled back by sam: slow', counts: { wentBack: 3 } });
    expect(report?.notes).toContainEqual({ node: 'n1', state: 'wentBack', why: 'went back to 2026.09' });
    expect(tableOf(ended, scope, { node: 'n2' }).rows).toMatchObject([
      { from: '2026.11', to: '2026.09', note: 'went back: 2026.09' },
    ]);
  });

  it('is the same as an abort with rollback, and answers a trip and a pause', () => {
    const paused = after(half, { kind: 'pause', askId: 'a', message: { by: 'ana', reason: 'look' } });
    const rolled = after(paused, abort(true));
    expect([phaseOf(rolled), order(rolled), rolled.paused]).toEqual([
      'rolling-back',
      ['n3', 'n1', 'n2'],
      null,
    ]);
    expect(say(rolled, rollback)).toMatchObject({ kind: 'rejected', why: expect.stringContaining('ana') });
  });

  it('before there is a plan is refused, and with an abort ends the run', () => {
    const preparing = newRunState(AT);
    expect(say(preparing, rollback)).toMatchObject({ kind: 'rejected' });
    const aborted = after(preparing, abort(true));
    expect([phaseOf(aborted), isOver(aborted)]).toEqual(['aborting', true]);
  });

  it('tells each node that waits why, and what it goes back to', () => {
    const reason = { why: { kind: 'budget' as const, text: 'one is away' }, nodes: 3, example: 'n3' };
    const told = after(rolling, ends('n4', PUT_BACK), {
      kind: 'stepsOffered',
      next: { observedAt: AT, slots: [], steps: [], settled: [], waiting: [reason] },
    });
    for (const node of ['n1', 'n2', 'n3']) {
      expect(whyOf(told, scope, { node }).items).toMatchObject([
        { on: expect.stringContaining('one is away') },
      ]);
    }
    expect(tableOf(told, scope, { node: 'n1' }).rows[0]).toMatchObject({
      state: 'waiting',
      note: 'to go back to 2026.09',
    });
  });
});

describe('a policy that rolls back', () => {
  const two = after(begun(failing), started('n1'), started('n2'), ends('n1', DONE));

  it('does so by itself when too many have failed, and says who and why [I185]', () => {
    const move = say(two, ends('n2', FAILED));
    if (move.kind !== 'moved') throw new Error('rejected');
    expect([phaseOf(move.state), order(move.state)]).toEqual(['rolling-back', ['n2', 'n1']]);
    expect(phaseWhyOf(move.state)).toBe('rolled back by policy test: 1 failed in pool h100, 0 allowed: n2');
    expect(move.commands).toMatchObject([
      { kind: 'record', decision: { kind: 'rollback', by: 'policy test' } },
    ]);
  });

  it('uncordons a node that failed before its reimage, unless it was tried again since [I190]', () => {
    const rolled = after(two, ends('n2', NOT_DRAINED));
    expect(backQuestionOf(rolled, scope)?.untouched).toEqual([1]);
    const back = after(rolled, goes('n2', 2, { how: 'uncordon', hadFailed: true }));
    expect(after(back, ends('n2', PUT_BACK, 2)).codes).toBe('wbssss');
    const notOurs = after(back, ends('n2', { ...PUT_BACK, uncordoned: false, why: 'not ours' }, 2));
    expect([notOurs.codes, notOurs.notes['n2']?.why]).toEqual(['wfssss', 'not ours']);
    const again = after(
      begun(),
      started('n2'),
      ends('n2', NOT_DRAINED),
      { kind: 'retryNode', askId: 'a', message: { node: 'n2', by: 'sam' } },
      { kind: 'nodeStarted', step: stepOf('n2', policy, 2), childId: 'run/node/n2' },
      ends('n2', NOT_DRAINED, 2),
      rollback,
    );
    expect(backQuestionOf(again, scope)?.untouched).toEqual([]);
  });

  it('leaves nodes without a way back as they are, and says so [I191]', () => {
    const rows = scope.rows.map(({ former: _, ...row }) => ({
      ...row,
      noWayBack: 'its former image is gone',
    }));
    const stuck = newScope(rows);
    const step = (state: RunState, event: Unstamped) => {
      const move = say(state, event, stuck);
      if (move.kind !== 'moved') throw new Error(JSON.stringify(move));
      return move.state;
    };
    const ended = [started('n1'), started('n2'), ends('n1', DONE), ends('n2', FAILED)].reduce(
      step,
      begun(failing),
    );
    expect([ended.codes, isOver(ended), outcomeOf(ended)]).toEqual(['dfssss', true, 'rolledBack']);
    expect(reportAt(ended, stuck, IDS, AT)?.notes.slice(0, 2)).toEqual([
      { node: 'n1', state: 'notBack', why: 'no way back: its former image is gone' },
      { node: 'n2', state: 'notBack', why: 'no way back: its former image is gone' },
    ]);
  });
});

describe('a way back that fails', () => {
  const rolling = after(half, rollback, ends('n4', PUT_BACK), goes('n3'), goes('n1'));
  const stopped = after(rolling, ends('n1', FAILED, 2));

  it('pauses the run for a person, and holds the others where they stand [I189]', () => {
    expect([phaseOf(stopped), isOver(stopped), mayPlan(stopped)]).toEqual(['paused', false, false]);
    expect(phaseWhyOf(stopped)).toContain('node n1 could not go back: verifying: wrong version');
    expect(grantOf(stopped, 'n3')).toMatchObject({ kind: 'paused' });
    expect(stopped.active['n3']?.told).toBeNull();
  });

  it('is tried again by retry, by a higher attempt, and the others follow after resume [I188] [I189]', () => {
    const retried = after(stopped, { kind: 'retryNode', askId: 'a', message: { node: 'n1', by: 'sam' } });
    expect(retried.retries).toEqual([{ node: 'n1', attempt: 3 }]);
    const offered = after(retried, {
      kind: 'stepsOffered',
      next: {
        observedAt: AT,
        slots: [],
        steps: [backStep('n1', 3), backStep('n2')],
        settled: [],
        waiting: [],
      },
    });
    expect(offered.ready.map(({ step }) => [step.node, step.attempt])).toEqual([['n1', 3]]);
    const resumed = after(offered, { kind: 'resume', askId: 'a', message: { by: 'sam' } });
    expect([phaseOf(resumed), order(resumed)]).toEqual(['rolling-back', ['n2']]);
  });

  it('ends the run as rolled back when a person goes on without it', () => {
    const ended = after(
      stopped,
      ends('n3', BACK, 2),
      { kind: 'resume', askId: 'a', message: { by: 'sam' } },
      goes('n2'),
      ends('n2', BACK, 2),
    );
    expect([ended.codes, isOver(ended), outcomeOf(ended)]).toEqual(['fbbsss', true, 'rolledBack']);
  });

  it('counts only once: who skips it, or aborts the run, is not asked [I189]', () => {
    const aborted = after(rolling, abort(false));
    expect(aborted.codes).toBe('adasss');
    const ended = after(aborted, ends('n1', PUT_BACK, 2), ends('n3', FAILED, 2));
    expect([ended.codes, isOver(ended), outcomeOf(ended), ended.tripped]).toEqual([
      'ddfsss',
      true,
      'aborted',
      null,
    ]);
  });

  it('is not the end of a skipped one: it stays as it was', () => {
    const waiting = after(half, rollback);
    const skip = (node: string): Unstamped => ({
      kind: 'skipNode',
      askId: 'a',
      message: { node, by: 'sam', reason: 'x' },
    });
    expect(say(waiting, skip('n1'))).toMatchObject({ effect: 'node n1 does not go back' });
    expect(after(waiting, skip('n1'), skip('n3')).codes).toBe('dwfass');
  });
});

describe('the child of a way back', () => {
  const way = (back: NodeStep['back']): NodeWay => newNodeWay(backStep('n1', 2, back));
  const step = (before: NodeWay, event: Omit<NodeEvent, 'at'>): NodeWay => {
    const move = nodeTransition(before, { ...event, at: AT } as NodeEvent);
    if (move.kind !== 'moved') throw new Error(move.why);
    return move.way;
  };
  const cordoned = { kind: 'cordoned' } as Omit<NodeEvent, 'at'>;
  const wish = { kind: 'abortAsked', why: 'the run is aborted' } as Omit<NodeEvent, 'at'>;

  it('leaves a node cordoned that had failed, whoever stops it before its reimage [I190]', () => {
    const stopped = step(step(way({ how: 'reimage', hadFailed: true }), cordoned), wish);
    expect(nextStep(stopped.state)).toMatchObject({
      kind: 'end',
      outcome: { kind: 'failed', why: 'the run is aborted; it stays cordoned, for it had failed' },
    });
    const healthy = step(step(way({ how: 'reimage', hadFailed: false }), cordoned), wish);
    expect(nextStep(healthy.state)).toMatchObject({ kind: 'putBack' });
  });

  it('does nothing but lift the cordon where no reimage had begun [I190]', () => {
    expect(nextStep(way({ how: 'uncordon', hadFailed: true }).state)).toMatchObject({ kind: 'putBack' });
  });

  it('says of a failure whether its reimage had begun', () => {
    const failed = (before: NodeWay) =>
      step(before, { kind: 'stepFailed', of: before.state.kind, why: 'x' } as Omit<NodeEvent, 'at'>);
    const draining = step(newNodeWay(stepOf('n1', policy, 1)), cordoned);
    expect(nextStep(failed(draining).state)).toMatchObject({ outcome: { untouched: true } });
    const reimaging = step(draining, { kind: 'drained', evicted: 1 } as Omit<NodeEvent, 'at'>);
    expect(JSON.stringify(nextStep(failed(reimaging).state))).not.toContain('untouched');
  });
});
