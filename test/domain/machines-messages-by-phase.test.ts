// Every message of a person in every phase of a run: what it does, or why it does nothing. The compiler
// sees to it that no message and no phase is left out.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { phaseOf } from '../../domain/machines/fleet-phase.ts';
import { NO_SCOPE, newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import type { NodeStep } from '../../domain/plan.ts';
import type { MessageByName, MessageName } from '../../domain/messages.ts';
import type { RunPhase } from '../../domain/status.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const former = { imageId: 'ami-1', release: '2026.09' };
const scope = newScope(['n1', 'n2', 'n3', 'n4'].map((name) => ({ ...rowOf(name), former })));
const policy = policyOf({ unavailableMax: 2 });
const asking = policyOf({ approval: { before: 'node' } });

type Unstamped = FleetEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

function said(state: RunState, event: Unstamped) {
  const known = state.plan !== null || event.kind === 'planned' ? scope : NO_SCOPE;
  return transition(state, known, { ...event, at: AT } as FleetEvent);
}

function after(state: RunState, ...events: Unstamped[]): RunState {
  return events.reduce((so, event) => {
    const move = said(so, event);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }, state);
}

const messages: { readonly [K in MessageName]: MessageByName[K] } = {
  approve: { gate: 'node/n1', by: 'sam' },
  reject: { gate: 'node/n1', by: 'sam' },
  pause: { by: 'sam', reason: 'x' },
  resume: { by: 'sam' },
  skipNode: { node: 'n4', by: 'sam', reason: 'x' },
  retryNode: { node: 'n1', by: 'sam' },
  abort: { by: 'sam', reason: 'x', rollback: false },
  rollback: { by: 'sam', reason: 'x' },
  changePolicy: { by: 'sam', reason: 'x', policy: { disruption: { unavailableMax: 3 } } },
  nextNode: { node: 'n4', by: 'sam' },
};

const message = <K extends MessageName>(kind: K): Unstamped =>
  ({ kind, askId: 'a', message: messages[kind] }) as unknown as Unstamped;
const started: Unstamped = { kind: 'nodeStarted', step: stepOf('n1', policy, 1), childId: 'run/node/n1' };
const failed: Unstamped & { kind: 'nodeEnded' } = {
  kind: 'nodeEnded',
  node: 'n1',
  attempt: 1,
  outcome: { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true },
};
const planned: Unstamped = {
  kind: 'planned',
  summary: {
    digest: 'sha256:plan',
    observedAt: AT,
    pages: ['p'],
    rows: 4,
    counts: { upgrade: 4, upToDate: 0, leftAlone: 0 },
    pools: [],
    oldRootVolumes: null,
    warnings: [],
  },
};
const offered: Unstamped = {
  kind: 'stepsOffered',
  next: { observedAt: AT, slots: [], steps: [stepOf('n1', asking, 1)], settled: [], waiting: [] },
};
const resolved = (of: typeof policy): Unstamped => ({
  kind: 'resolved',
  definition: definitionOf(of, { fleet: 'training', cluster: 'prod-east' }),
});
const stopping = policyOf({
  policy: { failure: { ...policy.failure, failuresMax: 0, onExceeded: 'stop' } },
});

const goingBack: NodeStep = {
  ...stepOf('n1', policy, 2),
  back: { how: 'reimage', hadFailed: true },
};

/** n1 is at work, has failed or stands at its gate; n4 waits wherever there is a plan. */
const situations = {
  starting: newRunState(AT),
  preparing: after(newRunState(AT), resolved(policy)),
  waitingForCluster: after(newRunState(AT), resolved(policy), {
    kind: 'clusterHeldByOther',
    holder: 'default/other/run',
    since: AT,
  }),
  running: after(newRunState(AT), resolved(policy), { kind: 'clusterHeld' }, planned, started),
  atGate: after(newRunState(AT), resolved(asking), { kind: 'clusterHeld' }, planned, offered),
  paused: after(
    newRunState(AT),
    resolved(policy),
    { kind: 'clusterHeld' },
    planned,
    started,
    message('pause'),
  ),
  tripped: after(newRunState(AT), resolved(policy), { kind: 'clusterHeld' }, planned, started, failed),
  aborting: after(
    newRunState(AT),
    resolved(policy),
    { kind: 'clusterHeld' },
    planned,
    started,
    message('abort'),
  ),
  stopped: after(newRunState(AT), resolved(stopping), { kind: 'clusterHeld' }, planned, started, failed),
  rollingBack: after(
    newRunState(AT),
    resolved(policy),
    { kind: 'clusterHeld' },
    planned,
    started,
    failed,
    message('rollback'),
  ),
  backFailed: after(
    newRunState(AT),
    resolved(policy),
    { kind: 'clusterHeld' },
    planned,
    started,
    failed,
    message('rollback'),
    { kind: 'nodeStarted', step: goingBack, childId: 'run/node/n1' },
    { ...failed, attempt: 2 },
  ),
  ended: after(newRunState(AT), resolved(policy), { kind: 'clusterHeld' }, planned, {
    kind: 'ended',
    outcome: 'failed',
  }),
} satisfies Record<string, RunState>;
type Situation = keyof typeof situations;

const phases: Readonly<Record<Situation, RunPhase>> = {
  starting: 'preparing',
  preparing: 'preparing',
  waitingForCluster: 'waiting-for-cluster',
  running: 'running',
  atGate: 'running',
  paused: 'paused',
  tripped: 'paused',
  aborting: 'aborting',
  stopped: 'aborting',
  rollingBack: 'rolling-back',
  backFailed: 'paused',
  ended: 'ended',
};

type Answer = readonly ['moved' | 'same' | 'rejected', string];
const yes = (effect: string): Answer => ['moved', effect];
const no = (why: string): Answer => ['rejected', why];

const ENDED = no('the run has ended: failed');
const ABORTING = no('the run is being aborted by sam');
const STOPPED = no('the run is being aborted by policy test');
const NOTHING_BACK = no('the run has no plan yet, and nothing to take back: abort it');
const NO_PLAN = no('the run has no plan yet');
const NO_GATE = no('no gate node/n1: none is open');
const NOT_AT_GATE = no('no gate is open for node n1: it is draining');
const ROLLED = no('the run is rolled back by sam: x: those that failed go first, then the newest');

const table: { readonly [K in MessageName]: Readonly<Record<Situation, Answer>> } = {
  approve: {
    starting: NO_GATE,
    preparing: NO_GATE,
    waitingForCluster: NO_GATE,
    running: NOT_AT_GATE,
    atGate: yes('node n1 is started'),
    paused: NOT_AT_GATE,
    tripped: no('it is failed'),
    aborting: NOT_AT_GATE,
    stopped: no('it is failed'),
    rollingBack: no('it is waiting'),
    backFailed: no('it is failed'),
    ended: ENDED,
  },
  reject: {
    starting: NO_GATE,
    preparing: NO_GATE,
    waitingForCluster: NO_GATE,
    running: NOT_AT_GATE,
    atGate: yes('node n1 is skipped'),
    paused: NOT_AT_GATE,
    tripped: no('it is failed'),
    aborting: NOT_AT_GATE,
    stopped: no('it is failed'),
    rollingBack: no('it is waiting'),
    backFailed: no('it is failed'),
    ended: ENDED,
  },
  pause: {
    starting: yes('no node is started'),
    preparing: yes('no node is started'),
    waitingForCluster: yes('no node is started'),
    running: yes('1 at work run on as far as the reimage check'),
    atGate: yes('no node is started'),
    paused: ['same', 'paused already by sam'],
    tripped: yes('no node is started'),
    aborting: ABORTING,
    stopped: STOPPED,
    rollingBack: yes('no node is started'),
    backFailed: yes('no node is started'),
    ended: ENDED,
  },
  resume: {
    starting: no('the run is not paused'),
    preparing: no('the run is not paused'),
    waitingForCluster: no('the run is not paused'),
    running: no('the run is not paused'),
    atGate: no('the run is not paused'),
    paused: yes('the run goes on'),
    tripped: yes('the run goes on in spite of 1 failed'),
    aborting: ABORTING,
    stopped: STOPPED,
    rollingBack: no('the run is not paused'),
    backFailed: yes('the run goes on in spite of 1 failed'),
    ended: ENDED,
  },
  skipNode: {
    starting: NO_PLAN,
    preparing: NO_PLAN,
    waitingForCluster: NO_PLAN,
    running: yes('node n4 is skipped'),
    atGate: yes('node n4 is skipped'),
    paused: yes('node n4 is skipped'),
    tripped: yes('node n4 is skipped'),
    aborting: no('node n4 is skipped'),
    stopped: no('node n4 is skipped'),
    rollingBack: no('node n4 is skipped'),
    backFailed: no('node n4 is skipped'),
    ended: ENDED,
  },
  retryNode: {
    starting: NO_PLAN,
    preparing: NO_PLAN,
    waitingForCluster: NO_PLAN,
    running: no('node n1 is draining: only a failed node is retried'),
    atGate: no('node n1 is at its gate: only a failed node is retried'),
    paused: no('node n1 is draining: only a failed node is retried'),
    tripped: yes('node n1 is taken again, attempt 2'),
    aborting: ABORTING,
    stopped: STOPPED,
    rollingBack: no('node n1 is waiting: only a failed node is retried'),
    backFailed: yes('node n1 is taken again, attempt 3'),
    ended: ENDED,
  },
  abort: {
    starting: yes('0 waiting nodes are dropped'),
    preparing: yes('0 waiting nodes are dropped'),
    waitingForCluster: yes('0 waiting nodes are dropped'),
    running: yes('3 waiting nodes are dropped; 1 at work'),
    atGate: yes('4 waiting nodes are dropped; 0 at work'),
    paused: yes('3 waiting nodes are dropped; 1 at work'),
    tripped: yes('3 waiting nodes are dropped; 0 at work'),
    aborting: ['same', 'aborted already by sam'],
    stopped: no('aborted already by policy test'),
    rollingBack: yes('0 waiting nodes are dropped; 0 at work'),
    backFailed: yes('0 waiting nodes are dropped; 0 at work'),
    ended: ENDED,
  },
  rollback: {
    starting: NOTHING_BACK,
    preparing: NOTHING_BACK,
    waitingForCluster: NOTHING_BACK,
    running: yes('0 nodes go back; 3 waiting nodes are dropped; 1 at work are put back or finished'),
    atGate: yes('0 nodes go back; 4 waiting nodes are dropped; 0 at work'),
    paused: yes('0 nodes go back; 3 waiting nodes are dropped; 1 at work'),
    tripped: yes('1 nodes go back; 3 waiting nodes are dropped; 0 at work'),
    aborting: ABORTING,
    stopped: STOPPED,
    rollingBack: ['same', 'rolled back already by sam'],
    backFailed: ['same', 'rolled back already by sam'],
    ended: ENDED,
  },
  changePolicy: {
    starting: no('the run has not read its fleet file yet'),
    preparing: yes('its fields are checked'),
    waitingForCluster: yes('its fields are checked'),
    running: yes('its fields are checked'),
    atGate: yes('its fields are checked'),
    paused: yes('its fields are checked'),
    tripped: yes('its fields are checked'),
    aborting: ABORTING,
    stopped: STOPPED,
    rollingBack: yes('its fields are checked'),
    backFailed: yes('its fields are checked'),
    ended: ENDED,
  },
  nextNode: {
    starting: NO_PLAN,
    preparing: NO_PLAN,
    waitingForCluster: NO_PLAN,
    running: yes('node n4 goes before the others of its pool, once budget, windows and gates allow'),
    atGate: yes('node n4 goes before the others of its pool, once budget, windows and gates allow'),
    paused: yes('once the run is resumed and budget, windows and gates allow'),
    tripped: yes('once the run is resumed and budget, windows and gates allow'),
    aborting: ABORTING,
    stopped: STOPPED,
    rollingBack: ROLLED,
    backFailed: ROLLED,
    ended: ENDED,
  },
};

describe('each message in each phase of a run', () => {
  it('is asked in every phase that there is', () => {
    for (const [name, phase] of Object.entries(phases)) {
      expect([name, phaseOf(situations[name as Situation])]).toEqual([name, phase]);
    }
    const all: Readonly<Record<RunPhase, true>> = {
      preparing: true,
      'waiting-for-cluster': true,
      running: true,
      paused: true,
      'rolling-back': true,
      aborting: true,
      ended: true,
    };
    expect(new Set(Object.values(phases))).toEqual(new Set(Object.keys(all)));
  });

  for (const name of Object.keys(table) as MessageName[]) {
    for (const situation of Object.keys(situations) as Situation[]) {
      const [kind, text] = table[name][situation];
      it(`${name} while ${situation}: ${kind}, ${text} [I150]`, () => {
        const state: RunState = situations[situation];
        const before = JSON.stringify(state);
        const move = said(state, message(name));
        expect([move.kind, move.kind === 'rejected' ? move.why : move.effect]).toEqual([
          kind,
          expect.stringContaining(text),
        ]);
        // Plain data: nothing that was there is written to, and nothing of it is lost.
        expect(JSON.stringify(state)).toBe(before);
        if (move.kind === 'moved') expect(JSON.parse(JSON.stringify(move.state))).toEqual(move.state);
      });
    }
  }
});
