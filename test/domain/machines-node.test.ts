// Every event in every state of the node machine, and random walks over it.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FORCE_PODS_MAX } from '../../domain/node-state.ts';
import { newNodeWay, nextStep, transition } from '../../domain/machines/node.ts';
import type {
  NodeEvent,
  NodeEventKind,
  NodeState,
  NodeStateKind,
  NodeWay,
} from '../../domain/machines/node-types.ts';
import { policyOf, stepOf } from '../workflows/shapes.ts';

const at = '2026-01-01T00:00:00.000Z';
const until = '2026-01-01T01:00:00.000Z';
const progress = { podsTotal: 2, podsLeft: 1, blockers: [], blockersTotal: 0 };

const bare = { namespace: 'a', name: 'b', uid: 'uid-b' };

const room = {
  ...{ reservationId: 'cr-1', instanceType: 'p5.48xlarge', zone: 'us-east-1a' },
  ...{ free: 1, total: 8, own: false },
};

const events: { [K in NodeEventKind]: NodeEvent & { kind: K } } = {
  cordoned: { at, kind: 'cordoned' },
  cordonedByOther: { at, kind: 'cordonedByOther', by: 'kim' },
  notTheNode: { at, kind: 'notTheNode', found: 'uid-2' },
  withheld: { at, kind: 'withheld', grant: 'paused', why: 'paused' },
  resumed: { at, kind: 'resumed' },
  progressed: { at, kind: 'progressed', progress },
  drained: { at, kind: 'drained', evicted: 2 },
  drainTimedOut: { at, kind: 'drainTimedOut', progress, why: 'late' },
  forceOutdated: { at, kind: 'forceOutdated', force: { pods: [bare], total: 1 } },
  forceApproved: { at, kind: 'forceApproved', ask: 1, by: 'sam' },
  forceRejected: { at, kind: 'forceRejected', ask: 1, by: 'sam', reason: '' },
  reimaged: { at, kind: 'reimaged', taskId: 'replacevol-1', oldRootVolumeId: 'vol-1', startedAt: at },
  occupied: { at, kind: 'occupied', pods: [{ namespace: 'a', name: 'b', why: 'bare' }] },
  rejoined: { at, kind: 'rejoined', bootId: 'boot-1', burnIn: false },
  burnInPassed: { at, kind: 'burnInPassed' },
  verified: { at, kind: 'verified', evidence: [] },
  verifyFailed: { at, kind: 'verifyFailed', evidence: [], why: 'wrong version' },
  soaked: { at, kind: 'soaked' },
  uncordoned: { at, kind: 'uncordoned', uncordoned: true, why: '' },
  wasPutBack: { at, kind: 'wasPutBack', uncordoned: true, why: '' },
  stepFailed: { at, kind: 'stepFailed', of: 'draining', why: 'broken' },
  skipAsked: { at, kind: 'skipAsked', by: 'sam', reason: 'x' },
  putBackAsked: { at, kind: 'putBackAsked', why: 'tripped' },
  cameTooLate: { at, kind: 'cameTooLate', why: 'its window has closed' },
  abortAsked: { at, kind: 'abortAsked', why: 'aborted' },
  launched: { at, kind: 'launched', instanceId: 'i-new', launchedAt: at },
  noCapacity: { at, kind: 'noCapacity', why: 'no capacity' },
  joined: { at, kind: 'joined', node: 'n1-new', uid: 'uid-new', bootId: 'boot-new' },
  terminated: { at, kind: 'terminated' },
  replacementRemoved: { at, kind: 'replacementRemoved', why: 'i-new is terminated' },
  roomSeen: { at, kind: 'roomSeen', room, was: { instanceType: 'p5.48xlarge', subnetId: null } },
  noRoom: { at, kind: 'noRoom', why: 'no room' },
  instanceGone: { at, kind: 'instanceGone', why: 'i-n1 is terminated' },
  capacityApproved: { at, kind: 'capacityApproved', ask: 1, by: 'sam' },
  capacityRejected: { at, kind: 'capacityRejected', ask: 1, by: 'sam', reason: '' },
  terminationOrdered: { at, kind: 'terminationOrdered' },
  relaunchAsked: { at, kind: 'relaunchAsked', attempt: 2, by: 'sam' },
};

const states: { [K in NodeStateKind]: NodeState & { kind: K } } = {
  waiting: { kind: 'waiting', held: null },
  draining: { kind: 'draining', until, progress: null },
  askingForce: { kind: 'askingForce', ask: 1, pods: [bare], why: 'late' },
  cordoned: { kind: 'cordoned', drained: true, held: 'paused' },
  reimaging: { kind: 'reimaging', until },
  rejoining: { kind: 'rejoining', until, reimagedAt: at },
  'burning-in': { kind: 'burning-in', reimagedAt: at, bootId: 'boot-1' },
  verifying: { kind: 'verifying', until, reimagedAt: at, bootId: 'boot-1' },
  soaking: { kind: 'soaking', until, reimagedAt: at, bootId: 'boot-1' },
  verified: { kind: 'verified', bootId: 'boot-1' },
  joining: { kind: 'joining', until, instanceId: 'i-new', launchedAt: at },
  inService: { kind: 'inService', held: null },
  terminating: { kind: 'terminating', until },
  removing: { kind: 'removing', until, why: 'skipped' },
  checkingRoom: { kind: 'checkingRoom' },
  askingCapacity: { kind: 'askingCapacity', ask: 1, room },
  givingUp: { kind: 'givingUp', until },
  leaving: { kind: 'leaving', until },
  launching: { kind: 'launching', until },
  stranded: { kind: 'stranded', at: 'launching', why: 'no capacity' },
  puttingBack: { kind: 'puttingBack', why: 'skipped' },
  done: { kind: 'done', outcome: { kind: 'done', release: '2026.11', bootId: 'boot-1' } },
  putBack: { kind: 'putBack', outcome: { kind: 'putBack', why: 'skipped', uncordoned: true } },
  deferred: { kind: 'deferred', outcome: { kind: 'deferred', why: 'late', uncordoned: true } },
  failed: { kind: 'failed', outcome: { kind: 'failed', at: 'verifying', why: 'x', nodeEmpty: true } },
};

/** Every move there is; whatever is not here is rejected with its reason. */
const moves: Record<NodeStateKind, Partial<Record<NodeEventKind, NodeStateKind>>> = {
  waiting: {
    cordoned: 'draining',
    cordonedByOther: 'putBack',
    notTheNode: 'putBack',
    withheld: 'waiting',
    resumed: 'waiting',
    cameTooLate: 'putBack',
    stepFailed: 'puttingBack',
    skipAsked: 'puttingBack',
    putBackAsked: 'puttingBack',
    abortAsked: 'puttingBack',
  },
  draining: {
    progressed: 'draining',
    drained: 'reimaging',
    drainTimedOut: 'failed',
    withheld: 'cordoned',
    stepFailed: 'failed',
    skipAsked: 'puttingBack',
    putBackAsked: 'puttingBack',
    abortAsked: 'puttingBack',
  },
  askingForce: {
    forceApproved: 'draining',
    forceRejected: 'failed',
    stepFailed: 'failed',
    skipAsked: 'puttingBack',
    putBackAsked: 'puttingBack',
    abortAsked: 'puttingBack',
  },
  cordoned: {
    resumed: 'reimaging',
    stepFailed: 'failed',
    skipAsked: 'puttingBack',
    putBackAsked: 'puttingBack',
    abortAsked: 'puttingBack',
  },
  reimaging: { reimaged: 'rejoining', occupied: 'failed', withheld: 'cordoned', stepFailed: 'failed' },
  rejoining: { rejoined: 'verifying', stepFailed: 'failed' },
  'burning-in': { burnInPassed: 'verifying', stepFailed: 'failed' },
  verifying: { verified: 'verified', verifyFailed: 'failed', stepFailed: 'failed' },
  soaking: { soaked: 'verified', verifyFailed: 'failed', stepFailed: 'failed' },
  verified: { uncordoned: 'done', stepFailed: 'failed' },
  // Entered by a node alone whose instance goes first: machines-capacity.test.ts.
  checkingRoom: { stepFailed: 'failed' },
  askingCapacity: { stepFailed: 'failed' },
  givingUp: { stepFailed: 'failed' },
  leaving: { stepFailed: 'failed' },
  launching: { stepFailed: 'failed' },
  stranded: { stepFailed: 'failed' },
  // Entered by a node alone that another instance replaces: machines-replacement.test.ts.
  joining: { joined: 'verifying', stepFailed: 'failed' },
  inService: {
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
  terminating: { terminated: 'done', occupied: 'failed', withheld: 'cordoned', stepFailed: 'failed' },
  removing: { replacementRemoved: 'putBack', stepFailed: 'failed' },
  puttingBack: { wasPutBack: 'putBack', stepFailed: 'failed' },
  done: {},
  putBack: {},
  deferred: {},
  failed: {},
};

const step = stepOf('n1', policyOf(), 1);
const wayIn = (state: NodeState): NodeWay => ({ ...newNodeWay(step), state });

describe('the way of one node', () => {
  for (const from of Object.keys(states) as NodeStateKind[]) {
    it(`answers every event while ${from}, by a move or a reason [I83]`, () => {
      for (const kind of Object.keys(events) as NodeEventKind[]) {
        const event = kind === 'stepFailed' ? { ...events[kind], of: from } : events[kind];
        const move = transition(wayIn(states[from]), event);
        const to = moves[from][kind];
        if (to === undefined) {
          expect({ kind, move: move.kind }).toEqual({ kind, move: 'rejected' });
          if (move.kind === 'rejected') expect(move.why).not.toBe('');
        } else {
          expect({ kind, to: move.kind === 'moved' ? move.way.state.kind : move.why }).toEqual({ kind, to });
        }
      }
    });
  }

  it('is not failed by a step that a wish has overtaken', () => {
    for (const [of, from] of [
      ['draining', 'puttingBack'],
      ['waiting', 'puttingBack'],
      ['puttingBack', 'draining'],
    ] as const) {
      expect(transition(wayIn(states[from]), { ...events.stepFailed, of }).kind).toBe('rejected');
    }
  });

  it('puts back, not holds, when the run was aborted or is gone', () => {
    for (const grant of ['aborted', 'parentGone'] as const) {
      for (const from of ['waiting', 'draining', 'reimaging'] as const) {
        const move = transition(wayIn(states[from]), { at, kind: 'withheld', grant, why: 'gone' });
        expect(move.kind === 'moved' && move.way.state.kind).toBe('puttingBack');
      }
    }
  });

  describe('whose pods do not leave in time', () => {
    const deferring = (o: { deferrals?: number; deferralsLeft: number }): NodeWay => ({
      ...wayIn(states.draining),
      step: { ...step, drain: { timeoutMs: 600_000, onTimeout: 'defer', ...o } },
    });
    const moveOf = (way: NodeWay, event: NodeEvent): NodeWay => {
      const move = transition(way, event);
      if (move.kind !== 'moved') throw new Error(move.why);
      return move.way;
    };

    it('is put back as it was and ends as deferred, neither failed nor put back for good [I155]', () => {
      const back = moveOf(deferring({ deferralsLeft: 3 }), events.drainTimedOut);
      expect(nextStep(back.state).kind).toBe('putBack');
      expect(moveOf(back, events.wasPutBack).state).toEqual({
        kind: 'deferred',
        outcome: { kind: 'deferred', why: 'late', uncordoned: true },
      });
    });

    it('fails when no deferral is left, and says how often there was one [I157]', () => {
      const ended = moveOf(deferring({ deferrals: 3, deferralsLeft: 0 }), events.drainTimedOut);
      expect(ended.state).toMatchObject({
        kind: 'failed',
        outcome: { at: 'draining', why: 'late; it was deferred 3 times before', nodeEmpty: false },
      });
    });

    describe('and whose policy says force', () => {
      const forcing = (state: NodeState = states.draining): NodeWay => ({
        ...wayIn(state),
        step: { ...step, drain: { timeoutMs: 600_000, onTimeout: 'force', deferralsLeft: 1 } },
      });
      const timedOut = (pods: number, total = pods): NodeEvent => ({
        ...events.drainTimedOut,
        force: {
          pods: Array.from({ length: pods }, (_, index) => ({ ...bare, uid: `uid-${String(index)}` })),
          total,
        },
      });

      it('asks for the very pods, and is drained again with no others than those [I160]', () => {
        const asks = moveOf(forcing(), timedOut(2));
        expect(nextStep(asks.state)).toMatchObject({ kind: 'awaitForce', ask: 1 });
        const drains = moveOf(asks, events.forceApproved);
        expect(nextStep(drains.state)).toEqual({
          kind: 'drain',
          until: '2026-01-01T00:10:00.000Z',
          force: ['uid-0', 'uid-1'],
        });
      });

      it('asks again when the pods are others, and takes no answer to the question before [I161]', () => {
        const drains = moveOf(moveOf(forcing(), timedOut(2)), events.forceApproved);
        const again = moveOf(drains, events.forceOutdated);
        expect(nextStep(again.state)).toMatchObject({ kind: 'awaitForce', ask: 2, pods: [bare] });
        expect(transition(again, events.forceApproved).kind).toBe('rejected');
        expect(transition(again, events.forceRejected).kind).toBe('rejected');
        const forced = moveOf(again, { ...events.forceApproved, ask: 2 });
        expect(nextStep(forced.state)).toMatchObject({ kind: 'drain', force: ['uid-b'] });
      });

      it('is deferred when somebody says no, and fails when no deferral is left [I162]', () => {
        const asks = moveOf(forcing(), timedOut(1));
        const back = moveOf(asks, { ...events.forceRejected, reason: 'its job is dear' });
        expect(back.state).toMatchObject({
          kind: 'puttingBack',
          deferring: true,
          why: 'late; force rejected by sam: its job is dear',
        });
        const last = { ...asks, step: { ...step, drain: { timeoutMs: 1, onTimeout: 'force' as const } } };
        expect(moveOf(last, events.forceRejected).state.kind).toBe('failed');
      });

      it('is not asked about where force changes nothing, nor about more pods than one can read [I160]', () => {
        expect(moveOf(forcing(), timedOut(0)).state).toMatchObject({
          kind: 'failed',
          outcome: { why: expect.stringContaining('force would change nothing') },
        });
        expect(moveOf(forcing(), timedOut(FORCE_PODS_MAX, FORCE_PODS_MAX + 1)).state.kind).toBe('failed');
        expect(moveOf(forcing(), timedOut(FORCE_PODS_MAX)).state.kind).toBe('askingForce');
      });

      it('is put back when its run is gone while somebody is asked', () => {
        const asks = moveOf(forcing(), timedOut(1));
        const gone = moveOf(asks, { at, kind: 'withheld', grant: 'parentGone', why: 'gone' });
        expect(gone.state.kind).toBe('puttingBack');
      });
    });

    it('is put back for good by a wish that crosses its deferral', () => {
      for (const wish of [events.skipAsked, events.putBackAsked, events.abortAsked]) {
        const back = moveOf(deferring({ deferralsLeft: 3 }), events.drainTimedOut);
        const wished = moveOf(back, wish);
        expect(moveOf(wished, events.wasPutBack).state.kind).toBe('putBack');
        // A second wish finds it on its way back already.
        expect(transition(wished, wish).kind).toBe('rejected');
      }
    });
  });

  it('soaks and verifies again when the policy says so', () => {
    const way = { ...wayIn(states.verifying), step: { ...step, verifySoakMs: 60_000 } };
    const move = transition(way, events.verified);
    expect(move.kind === 'moved' && move.way.state).toMatchObject({
      kind: 'soaking',
      until: '2026-01-01T00:01:00.000Z',
    });
  });

  it('says in the outcome when a verified node could not be uncordoned', () => {
    const move = transition(wayIn(states.verified), {
      at,
      kind: 'uncordoned',
      uncordoned: false,
      why: 'not ours',
    });
    expect(move.kind === 'moved' && move.way.state).toMatchObject({
      outcome: { note: expect.stringContaining('not ours') },
    });
  });

  it('is never put back once its reimage has happened, nor done without it [I84]', () => {
    const any = fc.array(fc.constantFrom(...Object.values(events)), { maxLength: 40 });
    fc.assert(
      fc.property(any, (walk) => {
        let way = newNodeWay(step);
        let reimaged = false;
        for (const event of walk) {
          const before = way.state.kind;
          const move = transition(way, event);
          if (move.kind === 'rejected') continue;
          way = move.way;
          if (before === 'reimaging' && event.kind === 'reimaged') reimaged = true;
          if (reimaged)
            expect(['puttingBack', 'putBack', 'draining', 'cordoned', 'waiting']).not.toContain(
              way.state.kind,
            );
          if (way.state.kind === 'done') expect(reimaged).toBe(true);
          expect(nextStep(way.state).kind).toBeDefined();
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a node whose step cannot go on', () => {
  it.each([
    ['draining', false],
    ['reimaging', true],
    ['rejoining', true],
  ] as const)('fails while %s, and says whether it stands empty: %s', (kind, nodeEmpty) => {
    const move = transition(wayIn(states[kind]), { at, kind: 'stepFailed', of: kind, why: 'broken' });
    const state = move.kind === 'moved' ? move.way.state : undefined;
    expect(state).toMatchObject({ kind: 'failed', outcome: { why: 'broken', nodeEmpty } });
  });
});
