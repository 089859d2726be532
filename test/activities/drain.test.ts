// drainNode: under a grant, told to those who wait, given back while nothing moves, resumed where it was.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ActivityCancellationDetails } from '@temporalio/common';
import { createDrainActivities } from '../../activities/drain.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { DrainResume } from '../../adapters/ports/kubernetes.ts';
import type { DrainBlocker, DrainProgress } from '../../domain/node-state.ts';
import { createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { answerOf, mockEnvironment, runActivity } from './activity-runner.ts';

let bed: FakeBed;
let drainNode: ReturnType<typeof createDrainActivities>['drainNode'];
beforeEach(() => {
  bed = createFakeBed();
  ({ drainNode } = createDrainActivities(bed.deps));
});
afterEach(() => {
  jest.useRealTimers();
});

const DEADLINE = '2026-01-02T00:30:00.000Z';
const input = () => ({ ...nodeInput(nodeStep()), deadline: DEADLINE });
const blocker: DrainBlocker = {
  kind: 'pdb',
  namespace: 'training',
  pod: 'llama-7',
  podUid: 'u7',
  pdbs: ['llama'],
  disruptionsAllowed: 0,
  since: '2026-01-02T00:00:00.000Z',
  text: 'PDB llama allows 0 disruptions',
};
const blocked: DrainProgress = { podsTotal: 9, podsLeft: 3, blockers: [blocker], blockersTotal: 1 };
const resume: DrainResume = { podsTotal: 9, evicted: 6, since: {}, told: '1 u7/pdb/llama', stalled: true };
const asked = (method: string) => bed.runs.calls.filter((call) => call.method === method);
const stall = () => {
  bed.cluster.drainWith = (request) => {
    request.onBlockersChanged(blocked);
    return Promise.resolve({ kind: 'stalled', progress: blocked, resume });
  };
};

describe('drainNode', () => {
  it('answers what was evicted and when', async () => {
    bed.cluster.drainWith = () => Promise.resolve({ kind: 'drained', evicted: 5 });
    const atMs = bed.clock.now.getTime();
    expect(await answerOf(drainNode, input())).toEqual({ kind: 'drained', evicted: 5, atMs });
  });

  it('that stalls fails benignly, within a second of the next look, and leaves its state behind [I32]', async () => {
    stall();
    const ending = await runActivity(drainNode, input());
    if (ending.kind !== 'failed') throw new Error('it answered');
    expect(ending.failure).toMatchObject({
      type: 'DrainStalled',
      nonRetryable: false,
      category: 'BENIGN',
      message: '3 of 9 pods left: training/llama-7: PDB llama allows 0 disruptions',
    });
    expect(Number(ending.failure.nextRetryDelay)).toBeLessThan(1_000);
    expect(ending.beats.at(-1)).toMatchObject({ resume, progress: blocked });
    expect(asked('reportProgress')).toMatchObject([{ argument: { node: 'n1', progress: blocked } }]);
  });

  it('goes on from what the last attempt left, without asking for a fresh grant [I32]', async () => {
    const seen: unknown[] = [];
    bed.cluster.drainWith = (request) => {
      seen.push(request.resume);
      return Promise.resolve({ kind: 'stalled', progress: blocked, resume });
    };
    const grantAtMs = bed.clock.now.getTime() - 10_000;
    await runActivity(drainNode, input(), { heartbeatDetails: { resume, progress: blocked, grantAtMs } });
    expect(seen).toEqual([resume]);
    expect(asked('checkGrant')).toEqual([]);
  });

  it('asks for the grant again right before the first eviction [I34]', async () => {
    bed.cluster.drainWith = async (request) => {
      bed.clock.now = new Date(bed.clock.now.getTime() + 5_000);
      bed.runs.grant = { kind: 'aborted', why: 'aborted by ana' };
      await request.beforeEvicting();
      return { kind: 'drained', evicted: 1 };
    };
    expect(await answerOf(drainNode, input())).toEqual({
      kind: 'withheld',
      grant: 'aborted',
      why: 'aborted by ana',
    });
    expect(asked('checkGrant')).toHaveLength(2);
  });

  it.each(['aborted', 'parentGone'] as const)('touches nothing when its grant is %s [I34]', async (kind) => {
    bed.runs.grant = { kind, why: 'because' };
    expect(await answerOf(drainNode, input())).toEqual({ kind: 'withheld', grant: kind, why: 'because' });
    expect(bed.cluster.calls).toEqual([]);
  });

  it('runs to its end under a pause', async () => {
    bed.runs.grant = { kind: 'paused', why: 'lunch' };
    expect(await answerOf(drainNode, input())).toMatchObject({ kind: 'drained' });
  });

  it('tells what holds the node when its deadline has passed, even if that passed between attempts', async () => {
    bed.clock.now = new Date(Date.parse(DEADLINE) + 1);
    const details = { heartbeatDetails: { resume, progress: blocked, grantAtMs: 0 } };
    expect(await answerOf(drainNode, input(), details)).toEqual({ kind: 'timedOut', progress: blocked });
    expect(bed.cluster.calls).toEqual([]);
  });

  it('tells at its deadline what its tries failed on, unless one of them got further since', async () => {
    bed.cluster.drainWith = () => Promise.reject(new PortError('forbidden', 'no list poddisruptionbudgets'));
    const ending = await runActivity(drainNode, input());
    expect(ending).toMatchObject({ kind: 'failed', failure: { type: 'Forbidden' } });
    const heartbeatDetails = ending.beats.at(-1);
    bed.cluster.drainWith = (request) => {
      request.onHeartbeat(resume, blocked);
      return Promise.reject(new Error('a defect'));
    };
    const further = await runActivity(drainNode, input(), { heartbeatDetails });
    bed.clock.now = new Date(Date.parse(DEADLINE) + 1);
    const nothing = { podsTotal: 0, podsLeft: 0, blockers: [], blockersTotal: 0 };
    expect(await answerOf(drainNode, input(), { heartbeatDetails })).toEqual({
      kind: 'timedOut',
      progress: nothing,
      why: 'no list poddisruptionbudgets',
    });
    const since = { heartbeatDetails: further.beats.at(-1) };
    expect(await answerOf(drainNode, input(), since)).toEqual({ kind: 'timedOut', progress: blocked });
  });

  it('ends at its deadline in the middle of a wait', async () => {
    bed.clock.now = new Date(Date.parse(DEADLINE) - 20);
    bed.cluster.drainWith = (request) => {
      request.onBlockersChanged(blocked);
      return new Promise((_resolve, reject) =>
        request.signal.addEventListener('abort', () => reject(new Error('aborted'))),
      );
    };
    expect(await answerOf(drainNode, input())).toEqual({ kind: 'timedOut', progress: blocked });
  });

  it.each([
    ['a cancellation', { cancelRequested: true }, 'CANCELLED' as const],
    ['a worker that stops', { workerShutdown: true }, 'WORKER_SHUTDOWN' as const],
  ])('is ended by %s at once', async (_what, details, reason) => {
    const { environment } = mockEnvironment();
    bed.cluster.drainWith = (request) => {
      setImmediate(() => environment.cancel(reason, new ActivityCancellationDetails(details)));
      return new Promise((_resolve, reject) =>
        request.signal.addEventListener('abort', () => reject(new Error('aborted'))),
      );
    };
    const ended = environment.run(drainNode, input());
    if (reason === 'CANCELLED') expect(await ended).toEqual({ kind: 'cancelled' });
    else await expect(ended).rejects.toMatchObject({ type: 'DrainStalled', nonRetryable: false });
  });

  it('beats while it waits for the first list of a watch, and loses nothing of the last attempt', async () => {
    jest.useFakeTimers();
    let listed = () => {};
    bed.cluster.drainWith = async () => {
      await new Promise<void>((resolve) => (listed = resolve));
      return { kind: 'drained', evicted: 6 };
    };
    const grantAtMs = bed.clock.now.getTime();
    const { environment, beats } = mockEnvironment({
      heartbeatDetails: { resume, progress: blocked, grantAtMs },
    });
    const ended = environment.run(drainNode, input());
    await jest.advanceTimersByTimeAsync(25_000);
    listed();
    expect(await ended).toMatchObject({ kind: 'drained' });
    expect(beats).toEqual([
      { resume, progress: blocked, grantAtMs },
      { resume, progress: blocked, grantAtMs },
    ]);
  });

  it('tells again in the next attempt what nobody heard', async () => {
    stall();
    bed.deps.runs.reportProgress = () => Promise.reject(new PortError('unreachable', 'no Temporal'));
    const ending = await runActivity(drainNode, input());
    expect(ending.beats.at(-1)).toMatchObject({ resume: { told: '' } });
  });

  it('maps what the port refuses by the one table', async () => {
    bed.cluster.drainWith = () => Promise.reject(new PortError('forbidden', 'no create pods/eviction'));
    expect(await runActivity(drainNode, input())).toMatchObject({
      kind: 'failed',
      failure: { type: 'Forbidden', nonRetryable: false, message: 'no create pods/eviction' },
    });
  });
});

describe('drainNode under onTimeout: force', () => {
  const drain = { timeoutMs: 1_800_000, onTimeout: 'force' } as const;
  const step = () => ({ ...nodeStep(), drain });
  const pod = (uid: string) => ({ namespace: 'default', name: `bare-${uid}`, uid });
  const forced = (...uids: string[]) => {
    bed.cluster.force = { pods: uids.map(pod), total: uids.length };
  };

  it('answers with the pods that force would add, by one look when its time is up [I160]', async () => {
    forced('u1');
    const late = { ...nodeInput(step()), deadline: bed.clock.now.toISOString() };
    expect(await answerOf(drainNode, late)).toMatchObject({
      kind: 'timedOut',
      force: { pods: [pod('u1')], total: 1 },
    });
    const other = { ...input(), deadline: late.deadline };
    expect(await answerOf(drainNode, other)).not.toHaveProperty('force');
  });

  it.each([
    ['one more', ['u1', 'u2', 'u3']],
    ['one fewer', ['u1']],
    ['another', ['u1', 'u3']],
  ])(
    'forces nothing when the pods have changed by %s, and answers with those there are [I161]',
    async (_, now) => {
      forced(...now);
      const o = { ...nodeInput(step()), deadline: DEADLINE, force: ['u1', 'u2'] };
      bed.cluster.drainWith = () => Promise.reject(new Error('nothing may be drained'));
      expect(await answerOf(drainNode, o)).toMatchObject({
        kind: 'forceOutdated',
        force: { total: now.length },
      });
    },
  );

  it.each([
    ['the same', ['u2', 'u1']],
    ['gone', []],
  ])('drains when the pods are %s', async (_, now) => {
    forced(...now);
    let asked: readonly string[] | undefined;
    bed.cluster.drainWith = (request) => {
      asked = request.force;
      return Promise.resolve({ kind: 'drained', evicted: 2 });
    };
    const o = { ...nodeInput(step()), deadline: DEADLINE, force: ['u1', 'u2'] };
    expect(await answerOf(drainNode, o)).toMatchObject({ kind: 'drained', evicted: 2 });
    expect(asked).toEqual(['u1', 'u2']);
  });

  it('goes on after a crash with what is left of them [I161]', async () => {
    forced('u2');
    bed.cluster.drainWith = () => Promise.resolve({ kind: 'drained', evicted: 2 });
    const o = { ...nodeInput(step()), deadline: DEADLINE, force: ['u1', 'u2'] };
    const grantAtMs = bed.clock.now.getTime();
    const heartbeatDetails = { resume, progress: blocked, grantAtMs, forceLooked: true };
    const ending = await runActivity(drainNode, o, { heartbeatDetails });
    expect(ending).toMatchObject({ kind: 'answered', answer: { kind: 'drained' } });
  });

  it('looks at the pods in a later attempt, too, until a look has succeeded [I161]', async () => {
    const o = { ...nodeInput(step()), deadline: DEADLINE, force: ['u1', 'u2'] };
    bed.cluster.failure = new PortError('unreachable', `no route to the API server${' '.repeat(9_000)}`);
    const first = await runActivity(drainNode, o);
    expect(first).toMatchObject({ kind: 'failed' });
    bed.cluster.failure = null;
    forced('u1', 'u3');
    const heartbeatDetails = first.beats.at(-1);
    const { failure } = heartbeatDetails as { failure: string };
    expect([failure.trim(), failure.length]).toEqual(['no route to the API server', 500]);
    bed.cluster.drainWith = () => Promise.reject(new Error('nothing may be drained'));
    const second = await runActivity(drainNode, o, { heartbeatDetails });
    expect(second).toMatchObject({ kind: 'answered', answer: { kind: 'forceOutdated' } });
  });

  it('leaves to the next attempt that it has looked, before anything is evicted', async () => {
    forced('u1', 'u2');
    const o = { ...nodeInput(step()), deadline: DEADLINE, force: ['u1', 'u2'] };
    bed.cluster.drainWith = () => Promise.reject(new PortError('unreachable', 'gone'));
    const { beats } = await runActivity(drainNode, o);
    expect(beats[0]).toMatchObject({ forceLooked: true });
  });
});

describe('drainNode under drain rules', () => {
  it('counts a rule’s deadline from the beginning of the drain, in whatever attempt [I165]', async () => {
    const rules = [
      {
        name: 'jobs',
        matchLabels: { app: 'job' },
        namespaces: null,
        order: 0,
        waitFor: 'completion',
        deadlineMs: 60_000,
      },
    ] as const;
    const seen: unknown[] = [];
    bed.cluster.drainWith = (request) => {
      seen.push([request.rules, request.startedAt]);
      return Promise.resolve({ kind: 'drained', evicted: 1 });
    };
    const step = { ...nodeStep(), drain: { timeoutMs: 1_800_000, rules } };
    const o = { ...nodeInput(step), deadline: DEADLINE };
    await answerOf(drainNode, o);
    bed.clock.now = new Date(bed.clock.now.getTime() + 60_000);
    const heartbeatDetails = { resume, progress: blocked, grantAtMs: bed.clock.now.getTime() };
    await runActivity(drainNode, o, { heartbeatDetails });
    expect(seen).toEqual([1, 2].map(() => [rules, '2026-01-02T00:00:00.000Z']));
  });
});
