// A change of policy in flight, and "this node next": what they change, from when on, and what they never do.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetCommand, FleetEvent } from '../../domain/machines/fleet-events.ts';
import { listNext } from '../../domain/machines/fleet-next.ts';
import { mayPlan } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import type { NextSteps } from '../../domain/plan.ts';
import type { Policy } from '../../domain/policy.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const NODES = ['n1', 'n2', 'n3', 'n4'];
const scope = newScope(NODES.map((name) => rowOf(name)));
const INPUT = { fleet: 'training', cluster: 'prod-east' };

type Unstamped = FleetEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

function said(state: RunState, event: Unstamped) {
  const move = transition(state, scope, { ...event, at: AT } as FleetEvent);
  const commands: readonly FleetCommand[] = move.kind === 'moved' ? move.commands : [];
  const text = move.kind === 'rejected' ? move.why : move.effect;
  return { kind: move.kind, text, commands, state: move.kind === 'moved' ? move.state : state };
}

function after(state: RunState, ...events: Unstamped[]): RunState {
  return events.reduce((so, event) => {
    const answer = said(so, event);
    if (answer.kind !== 'moved') throw new Error(`${event.kind}: ${answer.text}`);
    return answer.state;
  }, state);
}

function runningWith(policy: Policy): RunState {
  return {
    ...newRunState(AT),
    definition: definitionOf(policy, INPUT),
    hold: { kind: 'held' },
    plan: {
      digest: 'sha256:plan',
      observedAt: AT,
      pages: ['p'],
      rows: 4,
      counts: { upgrade: 4, upToDate: 0, leftAlone: 0 },
      pools: [],
      oldRootVolumes: null,
      warnings: [],
    },
    codes: 'wwww',
    planWanted: false,
  };
}

const policy = policyOf({ unavailableMax: 3 });
const changedTo = (to: Policy): Unstamped => ({
  kind: 'policyChanged',
  by: 'sam',
  reason: 'alarm',
  definition: definitionOf(to, INPUT),
});
const started = (node: string): Unstamped => ({
  kind: 'nodeStarted',
  step: stepOf(node, policy, 1),
  childId: `run/node/${node}`,
});
const offeredSteps = (nodes: readonly string[], policyChanges?: number): Unstamped => {
  const steps = nodes.map((node) => stepOf(node, policy, 1));
  const next: NextSteps = { observedAt: AT, slots: [], steps, settled: [], waiting: [] };
  return { kind: 'stepsOffered', next, ...(policyChanges === undefined ? {} : { policyChanges }) };
};
const nextOf = (node: string): Unstamped => ({
  kind: 'nextNode',
  askId: 'a',
  message: { node, by: 'sam' },
});

describe('a change of policy', () => {
  it('is recorded with old and new values, by whom and why, and the planner is asked again [I151]', () => {
    const answer = said(runningWith(policy), changedTo(policyOf({ unavailableMax: 1, failuresMax: 2 })));
    expect(answer.text).toBe(
      'disruption.unavailableMax 3 → 1 (pool h100), failure.failuresMax 0 → 2 (pool h100): counts from the next start on',
    );
    expect(answer.commands).toEqual([
      {
        kind: 'record',
        decision: {
          at: AT,
          kind: 'changePolicy',
          subject: null,
          by: 'sam',
          reason: 'alarm',
          planDigest: null,
          changes: [
            { field: 'disruption.unavailableMax', from: '3', to: '1', pools: ['h100'] },
            { field: 'failure.failuresMax', from: '0', to: '2', pools: ['h100'] },
          ],
        },
      },
    ]);
    expect(mayPlan(answer.state)).toBe(true);
    expect(answer.state.events.at(-1)?.text).toContain(
      'policy changed by sam: disruption.unavailableMax 3 → 1',
    );
  });

  it('to a stricter budget undoes nothing: each node at work goes on, and none is told anything [I152]', () => {
    const atWork = after(runningWith(policy), started('n1'), started('n2'), started('n3'));
    const answer = said(atWork, changedTo(policyOf({ unavailableMax: 1 })));
    expect(answer.commands.map(({ kind }) => kind)).toEqual(['record']);
    expect(answer.state.active).toEqual(atWork.active);
    expect(answer.state.codes).toBe(atWork.codes);
  });

  it('that would trip the run with what has failed so far waits for the next end [I152]', () => {
    const lenient = policyOf({ unavailableMax: 3, failuresMax: 3 });
    const outcome = { kind: 'failed' as const, at: 'verifying' as const, why: 'x', nodeEmpty: true };
    const ended = (node: string): Unstamped => ({ kind: 'nodeEnded', node, attempt: 1, outcome });
    const two = after(runningWith(lenient), started('n1'), started('n2'), started('n3'), ended('n1'));
    const stricter = after(two, changedTo(policyOf({ unavailableMax: 3, failuresMax: 0 })));
    expect(stricter.tripped).toBeNull();
    expect(after(stricter, ended('n2')).tripped?.why).toContain('2 failed in pool h100, 0 allowed');
  });

  it('lets no step start that was planned by the former policy [I152]', () => {
    const ready = after(runningWith(policy), offeredSteps(['n1', 'n2']));
    expect(ready.ready).toHaveLength(2);
    const changed = after(ready, changedTo(policyOf({ unavailableMax: 1 })));
    expect(changed.ready).toEqual([]);
    expect(changed.codes).toBe('wwww');
    // The planner's answer was on its way when the policy changed.
    const late = after(changed, offeredSteps(['n3', 'n4'], 0));
    expect(late.ready).toEqual([]);
    expect(after(late, offeredSteps(['n3'], 1)).ready).toHaveLength(1);
  });

  it('asks nobody a second time for a node that was approved and had not started', () => {
    const asking = policyOf({ unavailableMax: 3, approval: { before: 'node' } });
    const approved = after(runningWith(asking), offeredSteps(['n1']), {
      kind: 'approve',
      askId: 'a',
      message: { gate: 'node/n1', by: 'sam' },
    });
    const to = policyOf({ unavailableMax: 2, approval: { before: 'node' } });
    const changed = after(approved, changedTo(to));
    expect(changed.codes).toBe('wwww');
    const again = after(changed, offeredSteps(['n1'], 1));
    expect(again.ready.map(({ step }) => step.node)).toEqual(['n1']);
  });

  it('leaves an open gate open, and lets its node start by the new policy alone [I152]', () => {
    const asking = policyOf({ unavailableMax: 3, approval: { before: 'node' } });
    const open = after(runningWith(asking), offeredSteps(['n1']));
    const to = policyOf({ unavailableMax: 2, approval: { before: 'node' } });
    const changed = after(open, changedTo(to));
    expect(changed.gates.map(({ name }) => name)).toEqual(['node/n1']);
    const answer = said(changed, {
      kind: 'approve',
      askId: 'a',
      message: { gate: 'node/n1', by: 'sam' },
    });
    expect(answer.text).toContain('looked at again');
    expect(answer.state.ready).toEqual([]);
  });

  it('says which fields nodes at work keep as they were', () => {
    const atWork = after(runningWith(policy), started('n1'), started('n2'));
    const to = policyOf({ unavailableMax: 1 });
    const answer = said(atWork, changedTo({ ...to, drain: { ...to.drain, timeoutMs: 60_000 } }));
    expect(answer.text).toContain('2 at work keep the former drain.timeout');
    expect(answer.text).not.toContain('former disruption');
  });

  it('of what the run was built upon is refused by name, and changes nothing [I153]', () => {
    const to = policyOf({ unavailableMax: 1 });
    const both = {
      ...to,
      reimage: { ...to.reimage, method: 'reboot' as const },
      canary: { nodes: { kind: 'count' as const, count: 2 }, soakMs: 0 },
    };
    const state = runningWith(policy);
    const answer = said(state, changedTo(both));
    expect(answer.kind).toBe('rejected');
    expect(answer.text).toContain('reimage.method cannot be changed in a run');
    expect(answer.text).toContain('canary.nodes cannot be changed once the run has planned');
    expect(answer.state).toBe(state);
    const early: RunState = { ...state, plan: null, codes: '' };
    expect(said(early, changedTo({ ...to, canary: both.canary })).kind).toBe('moved');
  });

  it('that asks for approval asks also for what was about to start without one [I152]', () => {
    const ready = after(runningWith(policy), offeredSteps(['n1']));
    expect(ready.ready).toHaveLength(1);
    const asking = policyOf({ unavailableMax: 3, approval: { before: 'node' } });
    const again = after(ready, changedTo(asking), offeredSteps(['n1'], 1));
    expect(again.ready).toEqual([]);
    expect(again.gates.map(({ name }) => name)).toEqual(['node/n1']);
  });

  it('is refused before the plan of a run that was started for one plan alone', () => {
    const definition = definitionOf(policy, { ...INPUT, planDigest: 'sha256:abc' });
    const early: RunState = { ...newRunState(AT), definition };
    const ask: Unstamped = {
      kind: 'changePolicy',
      askId: 'a',
      message: { by: 'sam', reason: 'x', policy: {} },
    };
    expect(said(early, ask).text).toContain('was started for plan sha256:abc alone');
  });

  it('to what is there already changes nothing, and says so', () => {
    const answer = said(runningWith(policy), changedTo(policyOf({ unavailableMax: 3 })));
    expect([answer.kind, answer.text]).toEqual(['same', 'every field has that value already']);
  });

  it('comes too late for a run that was aborted while its fields were checked', () => {
    const aborted = after(runningWith(policy), started('n1'), {
      kind: 'abort',
      askId: 'a',
      message: { by: 'ana', reason: 'x', rollback: false },
    });
    expect(said(aborted, changedTo(policyOf({ unavailableMax: 1 }))).text).toContain('being aborted by ana');
  });
});

describe('this node next', () => {
  it('is told to the planner in the order of asking, as long as the node waits [I154]', () => {
    const asked = after(runningWith(policy), nextOf('n3'), nextOf('n2'));
    expect(listNext(asked, scope)).toEqual(['n3', 'n2']);
    expect(mayPlan(asked)).toBe(true);
    const begun = after(asked, started('n3'));
    expect(begun.next).toEqual(['n2']);
    const skipped = after(begun, {
      kind: 'skipNode',
      askId: 'a',
      message: { node: 'n2', by: 'sam', reason: 'x' },
    });
    expect(listNext(skipped, scope)).toEqual([]);
  });

  it('is not forgotten of a node that stands at its gate when another is put first [I154]', () => {
    const asking = policyOf({ unavailableMax: 3, approval: { before: 'node' } });
    const atGate = after(runningWith(asking), nextOf('n3'), offeredSteps(['n3']), nextOf('n2'));
    expect(listNext(atGate, scope)).toEqual(['n2']);
    expect(atGate.next).toEqual(['n3', 'n2']);
  });

  it('is recorded, idempotent, and says after which others', () => {
    const first = said(runningWith(policy), nextOf('n3'));
    expect(first.commands).toMatchObject([
      { kind: 'record', decision: { kind: 'nextNode', subject: 'n3', by: 'sam' } },
    ]);
    expect(said(first.state, nextOf('n3')).kind).toBe('same');
    expect(said(first.state, nextOf('n4')).text).toContain('after n3');
  });

  it('is refused with the reason for a node that does not wait', () => {
    const asking = policyOf({ unavailableMax: 3, approval: { before: 'node' } });
    const atGate = after(runningWith(asking), offeredSteps(['n1']));
    expect(said(atGate, nextOf('n1')).text).toBe(
      'node n1 is at its gate: to begin it, refit approve node/n1',
    );
    const atWork = after(runningWith(policy), started('n1'));
    expect(said(atWork, nextOf('n1')).text).toContain('node n1 is draining');
    const outcome = { kind: 'failed' as const, at: 'verifying' as const, why: 'x', nodeEmpty: true };
    const failed = after(atWork, { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome });
    expect(said(failed, nextOf('n1')).text).toContain('refit retry n1');
    expect(said(atWork, nextOf('n9')).text).toContain('no node n9');
  });

  it('starts nothing by itself, and is carried over to the next run of the workflow [I154]', () => {
    const asked = after(runningWith(policy), nextOf('n3'));
    expect(asked.ready).toEqual([]);
    expect(asked.codes).toBe('wwww');
    expect(after(asked, { kind: 'handedOver' }).next).toEqual(['n3']);
  });
});

describe('a step that was approved and not started when the run was resumed', () => {
  it('is planned again, not lost', () => {
    const asking = policyOf({ unavailableMax: 3, approval: { before: 'node' } });
    const approved = after(runningWith(asking), offeredSteps(['n1']), {
      kind: 'approve',
      askId: 'a',
      message: { gate: 'node/n1', by: 'sam' },
    });
    expect(approved.ready).toHaveLength(1);
    const resumed = after(
      approved,
      { kind: 'pause', askId: 'a', message: { by: 'sam', reason: 'x' } },
      { kind: 'resume', askId: 'a', message: { by: 'sam' } },
    );
    expect(resumed.codes).toBe('wwww');
    expect(after(resumed, offeredSteps(['n1'])).ready.map(({ step }) => step.node)).toEqual(['n1']);
  });
});
