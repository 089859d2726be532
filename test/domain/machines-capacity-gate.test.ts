// Gate `capacity/<node>` as the run sees it: what it shows, whom it asks, and that one node at a time goes.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../domain/default-policy.ts';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { completeRunState, newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { statusOf, whyOf } from '../../domain/machines/fleet-views.ts';
import { plannedOf, definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const rows = [rowOf('n1'), rowOf('n2'), rowOf('n3')];
const scope = newScope(rows);
const policy = policyOf({
  unavailableMax: 2,
  approval: { approvers: 2 },
  policy: {
    reimage: { ...defaultPolicy.reimage, method: 'replaceInstance', mayLoseCapacity: true },
  },
});
const room = {
  ...{ reservationId: 'cr-1', instanceType: 'p5.48xlarge', zone: 'us-east-1a' },
  ...{ free: 0, total: 8, own: true },
};

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

const move = (state: RunState, event: Unstamped<FleetEvent>, at = AT) =>
  transition(state, scope, { ...event, at } as FleetEvent);

function after(state: RunState, ...events: Unstamped<FleetEvent>[]): RunState {
  return events.reduce((so, event) => {
    const moved = move(so, event);
    if (moved.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(moved)}`);
    return moved.state;
  }, state);
}

const asked = (node: string, ask = 1) =>
  ({ kind: 'capacityAsked', ask: { node, attempt: 1, ask, room } }) as const;
const say = (kind: 'approve' | 'reject', by: string, gate = 'capacity/n1') =>
  ({ kind, askId: 'a', message: { gate, by } }) as const;
const stranded = (node: string) =>
  ({ kind: 'stranded', report: { node, attempt: 1, why: 'no capacity' } }) as const;
const retry = (node: string) => ({ kind: 'retryNode', askId: 'a', message: { node, by: 'sam' } }) as const;
const resume = { kind: 'resume', askId: 'a', message: { by: 'sam' } } as const;

const planned = plannedOf(rows);
if (planned.kind !== 'planned') throw new Error('the plan is refused');
const atWork = after(
  { ...newRunState(AT), definition: definitionOf(policy, { fleet: 'training', cluster: 'prod-east' }) },
  { kind: 'clusterHeld' },
  { kind: 'planned', summary: planned.summary },
  { kind: 'nodeStarted', step: stepOf('n1', policy, 1), childId: 'child-n1' },
  { kind: 'nodeStarted', step: stepOf('n2', policy, 1), childId: 'child-n2' },
);
const yes = (state: RunState, node: string) =>
  after(state, say('approve', 'sam', `capacity/${node}`), say('approve', 'ana', `capacity/${node}`));

describe('gate capacity/<node>', () => {
  it('names type, zone, the reservation with what is free, and that capacity may be lost [I231]', () => {
    const { gates } = after(atWork, asked('n1'));
    expect(gates[0]?.name).toBe('capacity/n1');
    expect(gates[0]?.evidence.join('\n')).toMatch(
      /p5\.48xlarge.*us-east-1a[^]*cr-1.*0 of 8 free[^]*capacity is lost/,
    );
  });

  it('is opened by no yes to many nodes, not even by one to its whole pool [I231]', () => {
    const asking = { ...policy, approval: { ...policy.approval, approvers: 1, before: 'node' as const } };
    const definition = definitionOf(asking, { fleet: 'training', cluster: 'prod-east' });
    const open = after({ ...atWork, definition }, asked('n1'));
    const many = { gate: 'node/*', by: 'sam', pool: 'h100' };
    const said = move(open, { kind: 'approve', askId: 'a', message: many });
    expect(said).toMatchObject({ kind: 'moved', state: { gates: [{ name: 'capacity/n1' }] } });
    if (said.kind !== 'moved') return;
    expect(said.commands.map(({ kind }) => kind)).toEqual(['record']);
    // Neither does it count for a question that comes later.
    const later = after(said.state, asked('n2'));
    expect(later.gates.map(({ name, yeses }) => [name, yeses])).toEqual([
      ['capacity/n1', undefined],
      ['capacity/n2', undefined],
    ]);
  });

  it('asks the quorum of its pool [I231]', () => {
    const open = after(atWork, asked('n1'));
    const one = move(open, say('approve', 'sam'));
    expect(one).toMatchObject({ kind: 'moved', state: { gates: [{ name: 'capacity/n1' }] } });
    if (one.kind !== 'moved') return;
    const two = move(one.state, say('approve', 'ana'));
    expect(two).toMatchObject({
      kind: 'moved',
      commands: [
        { kind: 'record' },
        { kind: 'tell', childId: 'child-n1', control: { kind: 'mayLose', ask: 1, by: 'sam, ana' } },
      ],
    });
  });

  it('tells the child of a no', () => {
    expect(move(after(atWork, asked('n1')), say('reject', 'sam'))).toMatchObject({
      kind: 'moved',
      commands: [{ kind: 'record' }, { kind: 'tell', control: { kind: 'mayNotLose', ask: 1, by: 'sam' } }],
    });
  });

  it('takes no yes while another node has given its capacity up and nothing is in its place [I236]', () => {
    const going = yes(after(atWork, asked('n1'), asked('n2')), 'n1');
    const refused = move(going, say('approve', 'sam', 'capacity/n2'));
    expect(refused).toMatchObject({
      kind: 'rejected',
      why: expect.stringContaining('n1 has given its capacity up'),
    });
    // Neither once that one waits for a person, nor after a resume, nor while it is retried.
    const lost = after(going, stranded('n1'), resume);
    expect(move(lost, say('approve', 'sam', 'capacity/n2'))).toMatchObject({ kind: 'rejected' });
    const retried = after(lost, retry('n1'));
    expect(move(retried, say('approve', 'sam', 'capacity/n2'))).toMatchObject({ kind: 'rejected' });
    const done = { kind: 'done' as const, release: '2026.11', bootId: 'b', replacedBy: 'n1-new' };
    const ended = after(retried, { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome: done });
    expect(move(ended, say('approve', 'sam', 'capacity/n2'))).toMatchObject({ kind: 'moved' });
  });

  it('takes no yes while the run is paused, or in the first seconds after it was asked again [I231]', () => {
    const again = after(atWork, asked('n1'), asked('n1', 2));
    expect(move(again, say('approve', 'sam'))).toMatchObject({ kind: 'rejected' });
    const later = transition(again, scope, { ...say('approve', 'sam'), at: '2026-01-01T00:00:06.000Z' });
    expect(later).toMatchObject({ kind: 'moved' });
    const paused = after(after(atWork, asked('n1')), {
      kind: 'pause',
      askId: 'a',
      message: { by: 'kim', reason: 'look' },
    });
    expect(move(paused, say('approve', 'sam'))).toMatchObject({ kind: 'rejected' });
  });

  it('closes when its child has ended, and is none of a child that is gone', () => {
    const outcome = { kind: 'putBack' as const, why: 'no room', uncordoned: true };
    const ended = after(after(atWork, asked('n1')), { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome });
    expect(ended.gates).toEqual([]);
    expect(move(ended, asked('n1'))).toMatchObject({ kind: 'rejected' });
  });
});

describe('a node that has given its capacity up, with nothing in its place', () => {
  const going = yes(after(atWork, asked('n1'), asked('n2')), 'n1');

  it('stops the run for a person, who is told what to do; the others are put back [I234]', () => {
    const move1 = move(going, stranded('n1'));
    expect(move1).toMatchObject({
      kind: 'moved',
      commands: [{ kind: 'tell', childId: 'child-n2', control: { kind: 'putBack' } }],
    });
    if (move1.kind !== 'moved') return;
    const { items } = whyOf(move1.state, scope, { node: 'n1' });
    expect(items.find(({ subject }) => subject === 'node/n1')).toMatchObject({
      on: 'no capacity',
      freedBy: expect.stringContaining('refit retry n1'),
    });
    const status = statusOf(move1.state, { workflowId: 'w', firstExecutionRunId: 'r' });
    expect(status.phase).toBe('paused');
  });

  it('goes on with its child by a retry, under the next attempt, also when it is told so twice [I235]', () => {
    const lost = after(going, stranded('n1'));
    expect(move(lost, stranded('n1'))).toMatchObject({ kind: 'rejected' });
    const retried = move(lost, retry('n1'));
    expect(retried).toMatchObject({
      kind: 'moved',
      commands: [{ kind: 'record' }, { kind: 'tell', control: { kind: 'relaunch', attempt: 2, by: 'sam' } }],
    });
    if (retried.kind !== 'moved') return;
    expect(retried.state.active['n1']?.stranded).toBeUndefined();
    expect(move(retried.state, retry('n1'))).toMatchObject({ kind: 'rejected' });
  });

  it('stays so over a new life of the run [I234]', () => {
    const carried = after(after(going, stranded('n1')), { kind: 'handedOver' });
    const again = completeRunState(JSON.parse(JSON.stringify(carried)) as RunState);
    expect(again.active['n1']).toMatchObject({ stranded: { why: 'no capacity' }, adopted: true });
    expect(again.tripped?.why).toContain('capacity is lost: node n1');
  });
});
