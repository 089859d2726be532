// The way of a node whose instance goes before there is another one: every event in every state, and random walks.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newNodeWay, nextStep, transition } from '../../domain/machines/node.ts';
import type { NodeEvent, NodeState, NodeWay } from '../../domain/machines/node-types.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { policyOf, stepOf } from '../workflows/shapes.ts';

const at = '2026-01-01T00:00:00.000Z';
const until = '2026-01-01T01:00:00.000Z';
const room = {
  ...{ reservationId: 'cr-1', instanceType: 'p5.48xlarge', zone: 'us-east-1a' },
  ...{ free: 0, total: 8, own: true },
};
const was = { instanceType: 'p5.48xlarge', subnetId: 'subnet-1' };

const step: NodeStep = {
  ...stepOf('n1', policyOf(), 1),
  launch: {
    ...{ template: { id: 'lt-1', name: null, version: '3' }, matchLabels: {}, deferralsLeft: 1 },
    mayLoseCapacity: true,
  },
};

const events = {
  roomSeen: { at, kind: 'roomSeen', room, was },
  noRoom: { at, kind: 'noRoom', why: 'no room' },
  instanceGone: { at, kind: 'instanceGone', why: 'i-n1 is terminated' },
  capacityApproved: { at, kind: 'capacityApproved', ask: 1, by: 'sam' },
  capacityRejected: { at, kind: 'capacityRejected', ask: 1, by: 'sam', reason: '' },
  approvedOfOther: { at, kind: 'capacityApproved', ask: 2, by: 'sam' },
  terminationOrdered: { at, kind: 'terminationOrdered' },
  terminated: { at, kind: 'terminated' },
  launched: { at, kind: 'launched', instanceId: 'i-new', launchedAt: at },
  noCapacity: { at, kind: 'noCapacity', why: 'InsufficientInstanceCapacity' },
  joined: { at, kind: 'joined', node: 'n1-new', uid: 'uid-new', bootId: 'boot-new' },
  verified: { at, kind: 'verified', evidence: [] },
  verifyFailed: { at, kind: 'verifyFailed', evidence: [], why: 'wrong version' },
  soaked: { at, kind: 'soaked' },
  uncordoned: { at, kind: 'uncordoned', uncordoned: true, why: '' },
  relaunchAsked: { at, kind: 'relaunchAsked', attempt: 2, by: 'sam' },
  relaunchOfOld: { at, kind: 'relaunchAsked', attempt: 1, by: 'sam' },
  cordoned: { at, kind: 'cordoned' },
  cordonedByOther: { at, kind: 'cordonedByOther', by: 'kim' },
  notTheNode: { at, kind: 'notTheNode', found: 'uid-2' },
  cameTooLate: { at, kind: 'cameTooLate', why: 'its window has closed' },
  paused: { at, kind: 'withheld', grant: 'paused', why: 'paused' },
  aborted: { at, kind: 'withheld', grant: 'aborted', why: 'aborted' },
  resumed: { at, kind: 'resumed' },
  drained: { at, kind: 'drained', evicted: 2 },
  drainTimedOut: { at, kind: 'drainTimedOut', progress: null, why: 'late' },
  occupied: { at, kind: 'occupied', pods: [{ namespace: 'a', name: 'b', why: 'bare' }] },
  wasPutBack: { at, kind: 'wasPutBack', uncordoned: true, why: '' },
  skipAsked: { at, kind: 'skipAsked', by: 'sam', reason: 'x' },
  putBackAsked: { at, kind: 'putBackAsked', why: 'tripped' },
  abortAsked: { at, kind: 'abortAsked', why: 'aborted' },
} as const satisfies Record<string, NodeEvent>;

type EventName = keyof typeof events | 'stepFailed';

const back = { skipAsked: 'puttingBack', putBackAsked: 'puttingBack', abortAsked: 'puttingBack' } as const;
const lost = { skipAsked: 'failed', abortAsked: 'failed', aborted: 'failed' } as const;

/** Every move there is; whatever is not here is rejected with its reason. */
const table: readonly { state: NodeState; moves: Partial<Record<EventName, NodeState['kind']>> }[] = [
  {
    state: { kind: 'checkingRoom' },
    moves: {
      ...back,
      roomSeen: 'waiting',
      noRoom: 'puttingBack',
      instanceGone: 'puttingBack',
      stepFailed: 'puttingBack',
    },
  },
  {
    state: { kind: 'draining', until, progress: null },
    moves: {
      ...back,
      drained: 'askingCapacity',
      drainTimedOut: 'failed',
      paused: 'cordoned',
      aborted: 'puttingBack',
      stepFailed: 'failed',
    },
  },
  {
    state: { kind: 'cordoned', drained: true, held: 'paused' },
    moves: { ...back, resumed: 'askingCapacity', stepFailed: 'failed' },
  },
  {
    state: { kind: 'askingCapacity', ask: 0, room: null },
    moves: {
      ...back,
      roomSeen: 'askingCapacity',
      noRoom: 'puttingBack',
      instanceGone: 'leaving',
      stepFailed: 'puttingBack',
    },
  },
  {
    // It may have been told to go: it takes no pods again before that is known.
    state: { kind: 'askingCapacity', ask: 0, room: null, unsure: true },
    moves: {
      roomSeen: 'askingCapacity',
      noRoom: 'puttingBack',
      instanceGone: 'leaving',
      stepFailed: 'stranded',
    },
  },
  {
    state: { kind: 'askingCapacity', ask: 1, room },
    moves: {
      ...back,
      noRoom: 'puttingBack',
      instanceGone: 'leaving',
      capacityApproved: 'givingUp',
      capacityRejected: 'puttingBack',
      aborted: 'puttingBack',
      stepFailed: 'puttingBack',
    },
  },
  {
    state: { kind: 'givingUp', until },
    moves: {
      terminationOrdered: 'leaving',
      noRoom: 'puttingBack',
      occupied: 'failed',
      paused: 'cordoned',
      aborted: 'puttingBack',
      stepFailed: 'stranded',
    },
  },
  { state: { kind: 'leaving', until }, moves: { terminated: 'launching', stepFailed: 'stranded' } },
  {
    state: { kind: 'launching', until },
    moves: { launched: 'joining', noCapacity: 'stranded', stepFailed: 'stranded' },
  },
  {
    state: { kind: 'joining', until, instanceId: 'i-new', launchedAt: at },
    moves: { joined: 'verifying', stepFailed: 'stranded' },
  },
  {
    state: { kind: 'verifying', until, reimagedAt: at, bootId: 'boot-new' },
    moves: { verified: 'verified', verifyFailed: 'stranded', stepFailed: 'stranded' },
  },
  {
    state: { kind: 'soaking', until, reimagedAt: at, bootId: 'boot-new' },
    moves: { soaked: 'verified', verifyFailed: 'stranded', stepFailed: 'stranded' },
  },
  {
    state: { kind: 'verified', bootId: 'boot-new' },
    moves: { uncordoned: 'done', stepFailed: 'stranded' },
  },
  {
    state: { kind: 'stranded', at: 'givingUp', why: 'late' },
    moves: { ...lost, relaunchAsked: 'askingCapacity' },
  },
  { state: { kind: 'stranded', at: 'leaving', why: 'late' }, moves: { ...lost, relaunchAsked: 'leaving' } },
  {
    state: { kind: 'stranded', at: 'launching', why: 'none' },
    moves: { ...lost, relaunchAsked: 'launching' },
  },
];

const wayIn = (state: NodeState): NodeWay => ({ ...newNodeWay(step), state });
const names = [...(Object.keys(events) as (keyof typeof events)[]), 'stepFailed'] as readonly EventName[];
const eventOf = (name: EventName, of: NodeState['kind']): NodeEvent =>
  name === 'stepFailed' ? { at, kind: 'stepFailed', of, why: 'broken' } : events[name];

describe('a node whose instance goes first', () => {
  it('begins by a look at the room, before anything is touched [I230]', () => {
    expect(nextStep(newNodeWay(step).state)).toEqual({ kind: 'checkRoom' });
  });

  it.each(
    table.flatMap(({ state, moves }) => names.map((name) => ({ state, name, to: moves[name] ?? null }))),
  )('in $state.kind $name leads to $to [I231]', ({ state, name, to }) => {
    const move = transition(wayIn(state), eventOf(name, state.kind));
    if (to === null) expect(move).toMatchObject({ kind: 'rejected' });
    else expect(move).toMatchObject({ kind: 'moved', way: { state: { kind: to } } });
  });

  it('is told to terminate after a yes to the newest question alone, whatever else happens [I231]', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...names), { maxLength: 60 }), (happened) => {
        let way = newNodeWay(step);
        let yes = false;
        for (const name of happened) {
          const { state } = way;
          const move = transition(way, eventOf(name, state.kind));
          if (move.kind !== 'moved') continue;
          const asked = state.kind === 'askingCapacity' && state.room !== null;
          if (asked && name === 'capacityApproved') yes = true;
          way = move.way;
          if (way.state.kind === 'givingUp') expect(yes).toBe(true);
          // Asked anew: what was said before is for another moment.
          if (way.state.kind === 'askingCapacity') yes = false;
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('never ends by itself once it has given its capacity up, save with another one in service [I234]', () => {
    const byItself = names.filter((name) => !['skipAsked', 'abortAsked', 'aborted'].includes(name));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...byItself), { maxLength: 60 }), (happened) => {
        let way = wayIn({ kind: 'leaving', until });
        for (const name of happened) {
          const before = way.state;
          const move = transition(way, eventOf(name, before.kind));
          if (move.kind !== 'moved') continue;
          way = move.way;
          expect(['failed', 'putBack', 'deferred', 'puttingBack']).not.toContain(way.state.kind);
          if (way.state.kind === 'done') expect([before.kind, name]).toEqual(['verified', 'uncordoned']);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is taken up by a retry under another attempt, so that another instance may be launched [I235]', () => {
    const stranded = wayIn({ kind: 'stranded', at: 'launching', why: 'no capacity' });
    const move = transition(stranded, events.relaunchAsked);
    expect(move).toMatchObject({
      kind: 'moved',
      way: { step: { attempt: 2 }, state: { kind: 'launching' } },
    });
    expect(transition(stranded, events.relaunchOfOld)).toMatchObject({ kind: 'rejected' });
  });

  it('numbers its questions, so that an answer to an earlier one means nothing [I231]', () => {
    const asked: NodeWay = { ...wayIn({ kind: 'askingCapacity', ask: 0, room: null }) };
    const again = { ...asked, facts: { ...asked.facts, asked: 1 } };
    const move = transition(again, events.roomSeen);
    expect(move).toMatchObject({ kind: 'moved', way: { state: { kind: 'askingCapacity', ask: 2, room } } });
    if (move.kind !== 'moved') return;
    expect(transition(move.way, events.capacityApproved)).toMatchObject({ kind: 'rejected' });
    expect(transition(move.way, events.approvedOfOther)).toMatchObject({ kind: 'moved' });
  });

  it('says what a person leaves behind who gives it up [I234]', () => {
    const stranded = wayIn({ kind: 'stranded', at: 'launching', why: 'no capacity' });
    const move = transition(stranded, events.skipAsked);
    const why = expect.stringContaining('the pool has one less') as unknown;
    expect(move).toMatchObject({ kind: 'moved', way: { state: { kind: 'failed', outcome: { why } } } });
  });
});
