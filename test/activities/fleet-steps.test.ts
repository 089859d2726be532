// Holding a cluster, finding children again, records: what a run does as a whole.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createClusterActivities } from '../../activities/cluster.ts';
import { createRecordActivities } from '../../activities/records.ts';
import { InvalidFleet } from '../../domain/invalid-fleet.ts';
import { parseOwnerMark, renderOwnerMark } from '../../domain/owner-mark.ts';
import type { NodeHistory } from '../../domain/report.ts';
import { OWNER_ANNOTATION, nodeFacts } from '../fakes/fake-kubernetes.ts';
import { OWNER, createFakeBed, nodeInput } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';
import { definitionOf, policyOf } from '../workflows/shapes.ts';
import { answerOf, runActivity } from './activity-runner.ts';

let bed: FakeBed;
let activities: ReturnType<typeof createClusterActivities>;
beforeEach(() => {
  bed = createFakeBed();
  activities = createClusterActivities(bed.deps);
});

const OTHER = 'default/upgrade/of/others/run-9';
const { cluster, run } = nodeInput();
const hold = (adoptFrom: string | null = null) =>
  answerOf(activities.holdCluster, { cluster, run, adoptFrom });

describe('holdCluster', () => {
  const holder = { kind: 'heldByOther', holder: OTHER, since: '2026-01-01T00:00:00Z' };
  const heldByOther = (state: 'open' | 'closed' | 'unknown', marked: boolean) => {
    bed.cluster.lease = { holder: OTHER, since: '2026-01-01T00:00:00Z', resourceVersion: '1' };
    if (state !== 'unknown')
      bed.runs.states.set('upgrade/of/others/run-9', { kind: state, status: 'TERMINATED' });
    if (marked) {
      bed.cluster.nodes.set('n7', nodeFacts({ name: 'n7', annotations: { [OWNER_ANNOTATION]: OTHER } }));
    }
  };

  it('takes a free cluster, and holds it when asked twice', async () => {
    expect(await hold()).toEqual({ kind: 'held' });
    expect(await hold()).toEqual({ kind: 'held' });
    expect(bed.cluster.lease?.holder).toBe(OWNER);
  });

  it('waits for a run that is open, also when a person said adopt [I50]', async () => {
    heldByOther('open', false);
    expect(await hold()).toEqual(holder);
    expect(await hold(OTHER)).toEqual(holder);
  });

  it('takes over at once from a closed run that has left no mark on any node', async () => {
    heldByOther('closed', false);
    expect(await hold()).toEqual({ kind: 'held' });
    expect(bed.cluster.lease?.holder).toBe(OWNER);
  });

  it('asks a person when a closed run has left its mark, and takes over after that [I50]', async () => {
    heldByOther('closed', true);
    expect(await hold()).toEqual({ kind: 'needsAdoption', holder: OTHER, nodes: ['n7'] });
    expect(await hold('default/somebody/else')).toMatchObject({ kind: 'needsAdoption' });
    expect(bed.cluster.lease?.holder).toBe(OTHER);
    expect(await hold(OTHER)).toEqual({ kind: 'held' });
  });

  it('marks the nodes of an adopted run as its own, also after a crash between Lease and nodes [I50]', async () => {
    heldByOther('closed', true);
    await hold(OTHER);
    const markOf = (node: string) => bed.cluster.nodes.get(node)?.annotations[OWNER_ANNOTATION];
    expect(markOf('n7')).toBe(OWNER);
    bed.cluster.nodes.set('n8', nodeFacts({ name: 'n8', annotations: { [OWNER_ANNOTATION]: OTHER } }));
    expect(await hold(OTHER)).toEqual({ kind: 'held' });
    expect(markOf('n8')).toBe(OWNER);
  });

  it('leaves the nodes of others as they are when nobody has said adopt [I50]', async () => {
    bed.cluster.nodes.set('n8', nodeFacts({ name: 'n8', annotations: { [OWNER_ANNOTATION]: OTHER } }));
    expect(await hold()).toEqual({ kind: 'held' });
    expect(bed.cluster.nodes.get('n8')?.annotations[OWNER_ANNOTATION]).toBe(OTHER);
  });

  it('asks a person when Temporal does not know the holder, marks or none [I50]', async () => {
    heldByOther('unknown', false);
    expect(await hold()).toEqual({ kind: 'needsAdoption', holder: OTHER, nodes: [] });
    bed.cluster.lease = { holder: 'another-namespace/w/r', since: '', resourceVersion: '1' };
    bed.runs.states.set('w/r', { kind: 'closed', status: 'COMPLETED' });
    expect(await hold()).toMatchObject({ kind: 'needsAdoption' });
    bed.cluster.lease = { holder: 'somebody', since: '', resourceVersion: '1' };
    expect(await hold()).toMatchObject({ kind: 'needsAdoption', holder: 'somebody' });
  });

  it('releases only what it holds itself', async () => {
    heldByOther('open', false);
    await answerOf(activities.releaseCluster, { cluster, run });
    expect(bed.cluster.lease?.holder).toBe(OTHER);
    bed.cluster.lease = { holder: OWNER, since: '', resourceVersion: '1' };
    await answerOf(activities.releaseCluster, { cluster, run });
    expect(bed.cluster.lease).toBeNull();
  });
});

describe('owner marks', () => {
  it('come back as they went in, slashes in the workflow id included', () => {
    const parts = { namespace: 'ns', workflowId: 'a/node/b', firstExecutionRunId: 'r' };
    expect(parseOwnerMark(renderOwnerMark(parts))).toEqual(parts);
    for (const text of ['', 'a', 'a/b', '/a/b', 'a//b', 'a/b/']) expect(parseOwnerMark(text)).toBeUndefined();
  });
});

describe('resolveRun', () => {
  it('fails for good with what is wrong in the fleet file', async () => {
    const problem = {
      file: 'fleet.yaml',
      line: 3,
      column: 1,
      path: 'spec',
      found: '3',
      expected: 'an object',
      fix: null,
    };
    const fleetFiles = {
      ...bed.deps.fleetFiles,
      resolveRun: () => Promise.reject(new InvalidFleet([problem])),
    };
    const { resolveRun } = createClusterActivities({ ...bed.deps, fleetFiles });
    const input = { fleet: 'f', cluster: 'c' };
    expect(await runActivity(resolveRun, input)).toMatchObject({
      kind: 'failed',
      failure: {
        type: 'InvalidInput',
        nonRetryable: true,
        message: expect.stringContaining('fleet.yaml:3:1: spec') as unknown,
      },
    });
  });
});

describe('collectChildren', () => {
  it('tells open children from closed ones, and takes no answer for what cannot be read', async () => {
    const result = {
      node: 'n1',
      attempt: 1,
      outcome: { kind: 'done', release: 'r', bootId: 'b' },
      history: null,
    };
    bed.runs.children.set('a', { kind: 'open' });
    bed.runs.children.set('b', { kind: 'closed', status: 'COMPLETED', result });
    bed.runs.children.set('c', { kind: 'closed', status: 'COMPLETED', result: { node: 'n1' } });
    bed.runs.children.set('d', { kind: 'closed', status: 'FAILED', result: null });
    const children = ['a', 'b', 'c', 'd', 'e'];
    expect(await answerOf(activities.collectChildren, { children })).toEqual([
      { childId: 'a', kind: 'open' },
      { childId: 'b', kind: 'closed', status: 'COMPLETED', result },
      { childId: 'c', kind: 'closed', status: 'COMPLETED', result: null },
      { childId: 'd', kind: 'closed', status: 'FAILED', result: null },
      { childId: 'e', kind: 'closed', status: 'UNKNOWN', result: null },
    ]);
  });
});

describe('records and volumes', () => {
  it('reads a page of the plan, and stops for a person when it is not there', async () => {
    const digest = await bed.records.put({ kind: 'planPage', key: 'w', body: [] });
    expect(await answerOf(activities.readPlanPage, { digest })).toEqual([]);
    expect(await runActivity(activities.readPlanPage, { digest: 'sha256:x' })).toMatchObject({
      failure: { type: 'Unsafe', nonRetryable: true },
    });
  });

  it('keeps decisions and node histories under the run, saying of which run of that id they are', async () => {
    const { recordDecision, recordNode } = createRecordActivities(bed.deps);
    const decision = {
      at: '2026-01-01T00:00:00Z',
      kind: 'approve',
      subject: 'node/n1',
      by: 'sam',
      reason: null,
      planDigest: null,
    } as const;
    const first = await answerOf(recordDecision, { run, decision });
    expect(await answerOf(recordDecision, { run, decision })).toBe(first);
    expect(await bed.records.list({ kind: 'decision', key: run.workflowId })).toEqual([first]);
    const next = { ...run, firstExecutionRunId: 'run-2' };
    expect(await answerOf(recordDecision, { run: next, decision })).not.toBe(first);
    const history = { workflowId: 'child', node: 'n1' } as NodeHistory;
    const digest = await answerOf(recordNode, { run, history });
    expect(await bed.records.get(digest)).toMatchObject({ node: 'n1', firstExecutionRunId: 'run-1' });
  });

  it('reaps old root volumes in the region of the cluster', async () => {
    bed.instances.reapable = ['vol-1'];
    expect(await answerOf(activities.reapOldRootVolumes, { cluster })).toEqual(['vol-1']);
  });
});

describe('resolvePolicyChange', () => {
  const definition = definitionOf(policyOf(), { fleet: 'f', cluster: 'c' });

  it('answers what is wrong, since the message is refused and not the run', async () => {
    const problem = {
      file: 'input',
      line: null,
      column: null,
      path: 'policy.drain.timout',
      found: 'timout',
      expected: 'a known key',
      fix: 'did you mean timeout?',
    };
    const fleetFiles = {
      ...bed.deps.fleetFiles,
      changePolicy: () => Promise.reject(new InvalidFleet([problem])),
    };
    const { resolvePolicyChange } = createClusterActivities({ ...bed.deps, fleetFiles });
    const answer = await runActivity(resolvePolicyChange, { definition, policy: {} });
    expect(answer).toMatchObject({ kind: 'answered', answer: { kind: 'refused' } });
    expect(JSON.stringify(answer)).toContain('did you mean timeout?');
  });

  it('answers the definition with its new policies, and fails for the worker’s own trouble', async () => {
    const fleetFiles = { ...bed.deps.fleetFiles, changePolicy: () => Promise.resolve(definition) };
    const { resolvePolicyChange } = createClusterActivities({ ...bed.deps, fleetFiles });
    expect(await runActivity(resolvePolicyChange, { definition, policy: {} })).toMatchObject({
      answer: { kind: 'resolved', definition },
    });
    const broken = createClusterActivities(bed.deps).resolvePolicyChange;
    expect(await runActivity(broken, { definition, policy: {} })).toMatchObject({
      kind: 'failed',
      failure: { type: 'Unexpected', nonRetryable: false },
    });
  });
});
