// A node that soaks: looked at until the end, and failed at the first look that finds something gone.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createVerifyActivities } from '../../activities/verify.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import { START, createFakeBed, nodeInput } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { answerOf, runActivity } from './activity-runner.ts';

const AFTER = '2026-01-02T00:05:00Z';
const UNTIL = '2026-01-02T00:20:00.000Z';
const DEADLINE = '2026-01-02T00:50:00.000Z';

let bed: FakeBed;
beforeEach(() => {
  bed = createFakeBed();
  change({ bootId: 'boot-2', readyHeartbeatAt: AFTER, kubeletVersion: 'v1.36.1' });
  const name = 'nvidia-device-plugin-daemonset';
  bed.cluster.daemonSets.set('n1', [{ namespace: 'gpu', name, ready: true, startedAt: AFTER }]);
});

const change = (changes: Partial<NodeFacts>) => {
  const node = bed.cluster.nodes.get('n1');
  if (node === undefined) throw new Error('the bed has no n1');
  bed.cluster.nodes.set('n1', { ...node, ...changes });
};
const soakNode = () => createVerifyActivities(bed.deps).soakNode;
const input = () => ({ ...nodeInput(), deadline: DEADLINE, until: UNTIL, since: START, bootId: 'boot-2' });
const at = (time: string) => {
  bed.clock.now = new Date(time);
};

describe('soakNode', () => {
  it('comes back later as long as the soak lasts, and answers at its end [I149]', async () => {
    at('2026-01-02T00:10:00.000Z');
    expect(await runActivity(soakNode(), input())).toMatchObject({
      kind: 'failed',
      failure: { type: 'NotYet', category: 'BENIGN', message: `well so far, soaks until ${UNTIL}` },
    });
    at(UNTIL);
    const answer = await answerOf(soakNode(), input());
    expect(answer.kind).toBe('verified');
    expect(answer.evidence.every(({ ok }) => ok)).toBe(true);
  });

  it('looks again at the very end, and every quarter of a minute before [I149]', async () => {
    at('2026-01-02T00:10:00.000Z');
    const early = await runActivity(soakNode(), input());
    expect(early).toMatchObject({ failure: { nextRetryDelay: 15_000 } });
    at('2026-01-02T00:19:59.000Z');
    expect(await runActivity(soakNode(), input())).toMatchObject({ failure: { nextRetryDelay: 1_000 } });
  });

  it.each<[string, Partial<NodeFacts>, string]>([
    ['a GPU is gone', { gpusAllocatable: 7 }, 'gpus n1: expected 8 allocatable, found 7 allocatable'],
    ['it is not Ready', { ready: 'Unknown' }, 'Ready Unknown'],
    ['it has booted again', { bootId: 'boot-3' }, 'found boot boot-3'],
    ['it shows another version', { kubeletVersion: 'v1.35.0' }, 'found v1.35.0'],
  ])('fails at once when %s [I149]', async (_, changes, why) => {
    at('2026-01-02T00:10:00.000Z');
    change(changes);
    const answer = await answerOf(soakNode(), input());
    expect(answer).toMatchObject({ kind: 'failed', why: expect.stringContaining(why) as unknown });
    expect(answer.kind === 'failed' && answer.why).toContain('turned bad while it soaked');
  });

  it('fails when a DaemonSet’s pod is not Ready any more, and when the node is gone [I149]', async () => {
    at('2026-01-02T00:10:00.000Z');
    const name = 'nvidia-device-plugin-daemonset';
    bed.cluster.daemonSets.set('n1', [{ namespace: 'gpu', name, ready: true, startedAt: null }]);
    expect(await answerOf(soakNode(), input())).toMatchObject({ kind: 'failed' });
    bed.cluster.nodes.clear();
    expect(await answerOf(soakNode(), input())).toMatchObject({
      kind: 'failed',
      why: 'turned bad while it soaked: node n1 is no longer in the cluster',
    });
  });

  it('takes an API server that is away for no sign of a bad node, until its deadline', async () => {
    bed.cluster.failure = new PortError('unreachable', 'no answer');
    at(UNTIL);
    expect(await runActivity(soakNode(), input())).toMatchObject({
      kind: 'failed',
      failure: { type: 'Unreachable', nonRetryable: false },
    });
    at(DEADLINE);
    expect(await answerOf(soakNode(), input())).toMatchObject({ kind: 'failed', why: 'no answer' });
  });

  it('tells the run once that the node soaks', async () => {
    at('2026-01-02T00:10:00.000Z');
    for (const attempt of [1, 2, 3]) await runActivity(soakNode(), input(), { attempt });
    expect(bed.runs.calls).toMatchObject([{ method: 'reportState', argument: { state: 'soaking' } }]);
  });
});
