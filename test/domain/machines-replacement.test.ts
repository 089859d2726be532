// The way of a node that another instance replaces: every event in every state, and random walks over it.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newNodeWay, nextStep, transition } from '../../domain/machines/node.ts';
import type { NodeEvent, NodeState, NodeWay } from '../../domain/machines/node-types.ts';
import type { NodeStep } from '../../domain/plan.ts';
import { policyOf, stepOf } from '../workflows/shapes.ts';

const at = '2026-01-01T00:00:00.000Z';
const until = '2026-01-01T01:00:00.000Z';

const step: NodeStep = {
  ...stepOf('n1', policyOf(), 1),
  launch: { template: { id: 'lt-1', name: null, version: '3' }, matchLabels: {}, deferralsLeft: 1 },
};

const events = {
  launched: { at, kind: 'launched', instanceId: 'i-new', launchedAt: at },
  noCapacity: { at, kind: 'noCapacity', why: 'no capacity' },
  joined: { at, kind: 'joined', node: 'n1-new', uid: 'uid-new', bootId: 'boot-new' },
  verified: { at, kind: 'verified', evidence: [] },
  verifyFailed: { at, kind: 'verifyFailed', evidence: [], why: 'wrong version' },
  soaked: { at, kind: 'soaked' },
  uncordoned: { at, kind: 'uncordoned', uncordoned: true, why: '' },
  cordoned: { at, kind: 'cordoned' },
  cordonedByOther: { at, kind: 'cordonedByOther', by: 'kim' },
  notTheNode: { at, kind: 'notTheNode', found: 'uid-2' },
  cameTooLate: { at, kind: 'cameTooLate', why: 'its window has closed' },
  withheld: { at, kind: 'withheld', grant: 'paused', why: 'paused' },
  resumed: { at, kind: 'resumed' },
  drained: { at, kind: 'drained', evicted: 2 },
  drainTimedOut: { at, kind: 'drainTimedOut', progress: null, why: 'late' },
  occupied: { at, kind: 'occupied', pods: [{ namespace: 'a', name: 'b', why: 'bare' }] },
  terminated: { at, kind: 'terminated' },
  replacementRemoved: { at, kind: 'replacementRemoved', why: 'i-new is terminated' },
  wasPutBack: { at, kind: 'wasPutBack', uncordoned: true, why: '' },
  reimaged: { at, kind: 'reimaged', taskId: 't', oldRootVolumeId: 'v', startedAt: at },
  skipAsked: { at, kind: 'skipAsked', by: 'sam', reason: 'x' },
  putBackAsked: { at, kind: 'putBackAsked', why: 'tripped' },
  abortAsked: { at, kind: 'abortAsked', why: 'aborted' },
} as const satisfies Record<string, NodeEvent>;

type EventName = keyof typeof events | 'stepFailed';

const wishes = { skipAsked: 'removing', putBackAsked: 'removing', abortAsked: 'removing' } as const;

/** Every move there is; whatever is not here is rejected with its reason. */
const table: readonly { state: NodeState; moves: Partial<Record<EventName, NodeState['kind']>> }[] = [
  {
    state: { kind: 'waiting', held: null, launch: true },
    moves: {
      ...wishes,
      launched: 'joining',
      noCapacity: 'deferred',
      cameTooLate: 'putBack',
      withheld: 'waiting',
      resumed: 'waiting',
      stepFailed: 'failed',
    },
  },
  {
    state: { kind: 'joining', until, instanceId: 'i-new', launchedAt: at },
    moves: { ...wishes, joined: 'verifying', stepFailed: 'failed' },
  },
  {
    state: { kind: 'verifying', until, reimagedAt: at, bootId: 'boot-new' },
    moves: { ...wishes, verified: 'verified', verifyFailed: 'failed', stepFailed: 'failed' },
  },
  {
    state: { kind: 'soaking', until, reimagedAt: at, bootId: 'boot-new' },
    moves: { ...wishes, soaked: 'verified', verifyFailed: 'failed', stepFailed: 'failed' },
  },
  {
    state: { kind: 'verified', bootId: 'boot-new' },
    moves: { uncordoned: 'inService', stepFailed: 'failed' },
  },
  {
    state: { kind: 'inService', held: null },
    moves: {
      cordoned: 'draining',
      cordonedByOther: 'putBack',
      notTheNode: 'putBack',
      withheld: 'inService',
      resumed: 'inService',
      stepFailed: 'puttingBack',
      skipAsked: 'puttingBack',
      putBackAsked: 'puttingBack',
      abortAsked: 'puttingBack',
    },
  },
  {
    state: { kind: 'terminating', until },
    moves: { terminated: 'done', occupied: 'failed', withheld: 'cordoned', stepFailed: 'failed' },
  },
  {
    state: { kind: 'removing', until, why: 'skipped' },
    moves: { replacementRemoved: 'putBack', stepFailed: 'failed' },
  },
];

const replacement = { node: 'n1-new', uid: 'uid-new', instanceId: 'i-new', bootId: 'boot-new' };

function wayIn(state: NodeState): NodeWay {
  const way = newNodeWay(step);
  return { ...way, state, facts: { ...way.facts, replacement } };
}

function moveOf(way: NodeWay, event: NodeEvent): NodeWay {
  const move = transition(way, event);
  if (move.kind !== 'moved') throw new Error(move.why);
  return move.way;
}

describe('a node that another instance replaces', () => {
  for (const { state, moves } of table) {
    it(`answers every event while ${state.kind}, by a move or a reason [I83]`, () => {
      const all: (readonly [EventName, NodeEvent])[] = [
        ...(Object.entries(events) as [EventName, NodeEvent][]),
        ['stepFailed', { at, kind: 'stepFailed', of: state.kind, why: 'broken' }],
      ];
      for (const [name, event] of all) {
        const move = transition(wayIn(state), event);
        const to = move.kind === 'moved' ? move.way.state.kind : 'rejected';
        expect({ name, to }).toEqual({ name, to: moves[name] ?? 'rejected' });
        if (move.kind === 'rejected') expect(move.why).not.toBe('');
      }
    });
  }

  it('is launched for, verified and in service before anything is taken from the old one [I205]', () => {
    const asked: string[] = [];
    const order = [
      events.launched,
      events.joined,
      events.verified,
      events.uncordoned,
      events.cordoned,
      events.drained,
      events.terminated,
    ];
    let way = newNodeWay(step);
    for (const event of order) {
      asked.push(nextStep(way.state).kind);
      way = moveOf(way, event);
    }
    expect(asked).toEqual(['launch', 'awaitJoined', 'verify', 'uncordon', 'cordon', 'drain', 'terminate']);
    expect(way.state).toEqual({
      kind: 'done',
      outcome: { kind: 'done', release: '2026.11', bootId: 'boot-new', replacedBy: 'n1-new' },
    });
    expect(way.facts.replacement).toEqual(replacement);
  });

  it('without capacity is deferred while it may be, then left as it is; never failed [I207]', () => {
    const waiting = newNodeWay(step);
    expect(moveOf(waiting, events.noCapacity).state).toMatchObject({
      kind: 'deferred',
      outcome: { why: 'no capacity', uncordoned: true, lacks: 'capacity' },
    });
    const last = { ...waiting, step: { ...step, launch: { ...step.launch!, deferralsLeft: 0 } } };
    expect(moveOf(last, events.noCapacity).state).toMatchObject({ kind: 'putBack' });
  });

  it('is left untouched, and named as such, when its replacement fails [I205]', () => {
    const failed = moveOf(wayIn(table[2]!.state), events.verifyFailed);
    expect(failed.state).toMatchObject({
      outcome: { kind: 'failed', at: 'verifying', untouched: true, serving: true, nodeEmpty: false },
    });
    expect(failed.state).toMatchObject({ outcome: { why: expect.stringContaining('n1-new (i-new)') } });
  });

  it('has nothing taken away that was never launched, when the run held it before [I211]', () => {
    const held = moveOf(newNodeWay(step), events.withheld);
    expect(nextStep(held.state)).toEqual({ kind: 'awaitGrant' });
    expect(moveOf(held, events.skipAsked).state.kind).toBe('putBack');
  });

  it('keeps a replacement in service whatever is asked, and says that there are two [I211]', () => {
    const back = moveOf(wayIn({ kind: 'draining', until, progress: null }), events.abortAsked);
    expect(nextStep(back.state).kind).toBe('putBack');
    const ended = moveOf(back, events.wasPutBack);
    expect(ended.state).toMatchObject({ outcome: { why: expect.stringContaining('n1-new (i-new)') } });
  });

  it('does not take anything from the node when the new one could not be uncordoned [I205]', () => {
    const verified = wayIn({ kind: 'verified', bootId: 'boot-new' });
    const ended = moveOf(verified, { at, kind: 'uncordoned', uncordoned: false, why: 'not ours' });
    expect(ended.state).toMatchObject({ outcome: { kind: 'failed', untouched: true, serving: true } });
  });

  it('is neither cordoned before its replacement takes pods, nor gone before it was drained [I205] [I208]', () => {
    const { launched, joined, verified, uncordoned, cordoned, drained, terminated } = events;
    const onward = fc.constantFrom(launched, joined, verified, uncordoned, cordoned, drained, terminated);
    const anything = fc.constantFrom(...Object.values(events));
    // Mostly onward, or no walk would ever come to the end.
    const one = fc.oneof({ weight: 5, arbitrary: onward }, { weight: 1, arbitrary: anything });
    const any = fc.array<NodeEvent>(one, { maxLength: 80, size: 'max' });
    fc.assert(
      fc.property(any, (walk) => {
        let way = newNodeWay(step);
        const seen = { served: false, drained: false };
        for (const event of walk) {
          const { kind } = nextStep(way.state);
          if (kind === 'cordon' || kind === 'drain') expect(seen.served).toBe(true);
          if (kind === 'terminate') expect(seen.drained).toBe(true);
          if (kind === 'removeReplacement') expect(seen.served).toBe(false);
          expect(kind).not.toBe('reimage');
          const { state: before } = way;
          const move = transition(way, event);
          if (move.kind === 'rejected') continue;
          way = move.way;
          if (before.kind === 'verified') seen.served = way.state.kind === 'inService';
          if (event.kind === 'drained') seen.drained = true;
          if (way.state.kind === 'done') expect(event.kind).toBe('terminated');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
