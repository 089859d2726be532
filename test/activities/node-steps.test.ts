// Cordon, uncordon, rejoin, verify: thin steps whose answers and refusals people rely on.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCordonActivities } from '../../activities/cordon.ts';
import { createRejoinActivities } from '../../activities/rejoin.ts';
import { createVerifyActivities } from '../../activities/verify.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import { OWNER_ANNOTATION } from '../fakes/fake-kubernetes.ts';
import { OWNER, START, createFakeBed, nodeInput } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { answerOf, mockEnvironment, runActivity } from './activity-runner.ts';

let bed: FakeBed;
beforeEach(() => {
  bed = createFakeBed();
});

const change = (changes: Partial<NodeFacts>) => {
  const node = bed.cluster.nodes.get('n1');
  if (node === undefined) throw new Error('the bed has no n1');
  bed.cluster.nodes.set('n1', { ...node, ...changes });
};
const node = () => bed.cluster.nodes.get('n1');

describe('cordonNode', () => {
  it('cordons under a grant, and is content when an earlier attempt has done it', async () => {
    change({ unschedulable: false, annotations: {} });
    const { cordonNode } = createCordonActivities(bed.deps);
    expect(await answerOf(cordonNode, nodeInput())).toEqual({ kind: 'cordoned' });
    expect(node()).toMatchObject({ unschedulable: true, annotations: { [OWNER_ANNOTATION]: OWNER } });
    expect(await answerOf(cordonNode, nodeInput())).toEqual({ kind: 'cordoned' });
  });

  it('touches nothing without a grant', async () => {
    change({ unschedulable: false, annotations: {} });
    bed.runs.grant = { kind: 'paused', why: 'paused by sam' };
    const answer = await answerOf(createCordonActivities(bed.deps).cordonNode, nodeInput());
    expect(answer).toEqual({ kind: 'withheld', grant: 'paused', why: 'paused by sam' });
    expect(bed.cluster.calls).toEqual([]);
  });

  it('leaves a node alone that somebody else has cordoned, or that is another one', async () => {
    const { cordonNode } = createCordonActivities(bed.deps);
    change({ annotations: { [OWNER_ANNOTATION]: 'other' } });
    expect(await answerOf(cordonNode, nodeInput())).toEqual({ kind: 'cordonedByOther', by: 'other' });
    change({ uid: 'uid-2' });
    expect(await answerOf(cordonNode, nodeInput())).toEqual({ kind: 'notTheNode', found: 'uid-2' });
  });
});

describe('uncordonNode and putBackNode', () => {
  it('lift our cordon; only a node that is done gets its release', async () => {
    const { uncordonNode, putBackNode } = createCordonActivities(bed.deps);
    expect(await answerOf(uncordonNode, nodeInput())).toMatchObject({ uncordoned: true });
    expect(node()?.annotations).toEqual({ 'refit.dev/release': '2026.11' });
    change({ unschedulable: true, annotations: { [OWNER_ANNOTATION]: OWNER } });
    const back = await answerOf(putBackNode, { ...nodeInput(), why: 'skipped by sam' });
    expect(back).toEqual({ uncordoned: true, why: 'skipped by sam; n1 is uncordoned' });
    expect(node()?.annotations).toEqual({});
  });

  it('are content with a node that is uncordoned already', async () => {
    change({ unschedulable: false });
    const { uncordonNode } = createCordonActivities(bed.deps);
    expect(await answerOf(uncordonNode, nodeInput())).toMatchObject({ uncordoned: true });
  });

  it('never lift a cordon that is not ours, nor one of a quarantined node [I49]', async () => {
    const { uncordonNode, putBackNode } = createCordonActivities(bed.deps);
    change({ annotations: { [OWNER_ANNOTATION]: 'other' } });
    expect(await answerOf(uncordonNode, nodeInput())).toMatchObject({ uncordoned: false });
    change({ annotations: { [OWNER_ANNOTATION]: OWNER, 'refit.dev/quarantine': 'GPU 3 fell off the bus' } });
    expect(await answerOf(uncordonNode, nodeInput())).toEqual({
      uncordoned: false,
      why: 'n1 is quarantined (GPU 3 fell off the bus): it stays cordoned',
    });
    expect(await answerOf(putBackNode, { ...nodeInput(), why: 'aborted' })).toMatchObject({
      uncordoned: false,
    });
    expect(node()?.unschedulable).toBe(true);
  });
});

const AFTER = '2026-01-02T00:05:00Z';
const DEADLINE = '2026-01-02T00:30:00.000Z';
const rejoin = () => ({ ...nodeInput(), deadline: DEADLINE, since: START });
const verify = () => ({ ...rejoin(), bootId: 'boot-2' });

describe('awaitRejoined', () => {
  it('comes back later until the node is Ready out of a new boot, asking the cluster nothing [I46]', async () => {
    const { awaitRejoined } = createRejoinActivities(bed.deps);
    expect(await runActivity(awaitRejoined, rejoin())).toMatchObject({
      kind: 'failed',
      failure: { type: 'NotYet', category: 'BENIGN', nextRetryDelay: 1_000 },
    });
    change({ bootId: 'boot-2', readyHeartbeatAt: AFTER });
    expect(await answerOf(awaitRejoined, rejoin())).toEqual({
      kind: 'rejoined',
      bootId: 'boot-2',
      at: AFTER,
    });
    expect(new Set(bed.cluster.calls.map(({ method }) => method))).toEqual(new Set(['collectRejoin']));
  });

  it('ends at the deadline with what was missing, also while the API server is away', async () => {
    const { awaitRejoined } = createRejoinActivities(bed.deps);
    bed.clock.now = new Date(DEADLINE);
    expect(await answerOf(awaitRejoined, rejoin())).toMatchObject({
      kind: 'timedOut',
      why: expect.stringContaining('bootID is still boot-1') as unknown,
    });
    bed.cluster.failure = new PortError('unreachable', 'no answer');
    expect(await answerOf(awaitRejoined, rejoin())).toEqual({ kind: 'timedOut', why: 'no answer' });
  });

  it('tells the run once that the node rejoins, and goes on when the run cannot be told', async () => {
    const { awaitRejoined } = createRejoinActivities(bed.deps);
    for (const attempt of [1, 2, 3]) await runActivity(awaitRejoined, rejoin(), { attempt });
    const told = bed.runs.calls.filter(({ method }) => method === 'reportState');
    expect(told.map(({ argument }) => argument)).toMatchObject([{ node: 'n1', state: 'rejoining' }]);
    bed.runs.reportState = () => Promise.reject(new PortError('unreachable', 'no answer'));
    change({ bootId: 'boot-2', readyHeartbeatAt: AFTER });
    expect(await answerOf(awaitRejoined, rejoin())).toMatchObject({ kind: 'rejoined' });
  });

  it('is told when the Node is gone', async () => {
    bed.cluster.nodes.clear();
    const { awaitRejoined } = createRejoinActivities(bed.deps);
    expect(await answerOf(awaitRejoined, rejoin())).toMatchObject({ kind: 'gone' });
  });

  it('is cancelled at once while it waits for the watch', async () => {
    bed.cluster.collectRejoin = () => new Promise(() => undefined);
    const { environment } = mockEnvironment();
    const running = environment.run(createRejoinActivities(bed.deps).awaitRejoined, rejoin());
    await new Promise(setImmediate);
    environment.cancel('CANCELLED');
    await expect(running).rejects.toMatchObject({ name: 'CancelledFailure' });
  });
});

describe('verifyNode', () => {
  beforeEach(() => {
    change({ bootId: 'boot-2', readyHeartbeatAt: AFTER, kubeletVersion: 'v1.36.1' });
    const name = 'nvidia-device-plugin-daemonset';
    bed.cluster.daemonSets.set('n1', [{ namespace: 'gpu', name, ready: true, startedAt: AFTER }]);
  });

  it('answers with its evidence when all is as promised', async () => {
    const answer = await answerOf(createVerifyActivities(bed.deps).verifyNode, verify());
    expect(answer.kind).toBe('verified');
    expect(answer.evidence.map(({ check, ok }) => [check, ok])).toEqual([
      ['ready', true],
      ['kubeletVersion', true],
      ['gpus', true],
    ]);
  });

  it('tells the run of a verification only when the first looks did not end it', async () => {
    const { verifyNode } = createVerifyActivities(bed.deps);
    change({ gpusAllocatable: 0 });
    for (const attempt of [1, 2, 3]) await runActivity(verifyNode, verify(), { attempt });
    expect(bed.runs.calls).toEqual([]);
    for (const attempt of [4, 5]) await runActivity(verifyNode, verify(), { attempt });
    expect(bed.runs.calls).toMatchObject([{ method: 'reportState', argument: { state: 'verifying' } }]);
  });

  it('comes back later for what is stale, and fails at the deadline with what stood there', async () => {
    const { verifyNode } = createVerifyActivities(bed.deps);
    change({ gpusAllocatable: 0 });
    expect(await runActivity(verifyNode, verify())).toMatchObject({
      kind: 'failed',
      failure: { type: 'NotYet' },
    });
    bed.clock.now = new Date(DEADLINE);
    expect(await answerOf(verifyNode, verify())).toMatchObject({
      kind: 'failed',
      why: 'gpus n1: expected 8 allocatable, found 0 allocatable',
      evidence: [{ ok: true }, { ok: true }, { check: 'gpus', ok: false }],
    });
  });

  it('fails at once on a wrong version, and on a Node that is another one or gone', async () => {
    const { verifyNode } = createVerifyActivities(bed.deps);
    change({ kubeletVersion: 'v1.35.0' });
    expect(await answerOf(verifyNode, verify())).toMatchObject({ kind: 'failed' });
    change({ uid: 'uid-2' });
    expect(await answerOf(verifyNode, verify())).toMatchObject({ kind: 'failed' });
    bed.cluster.nodes.clear();
    expect(await answerOf(verifyNode, verify())).toMatchObject({ kind: 'failed' });
  });
});
