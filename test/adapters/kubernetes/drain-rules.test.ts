// A drain under rules, against an API server in memory: in which order it evicts, what it waits for, what it asks.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { drain, openAdapterBed, owner, putNode, putPod, until } from './bed.ts';
import type { AdapterBed } from './bed.ts';
import type { DrainRule } from '../../../domain/policy.ts';

// The drain's own patience is up to two seconds; a busy machine takes its share on top.
jest.setTimeout(20_000);

let bed: AdapterBed;
const evicted = () =>
  bed.server.taken.flatMap(({ path }) => /pods\/([^/]+)\/eviction$/.exec(path)?.slice(1) ?? []);
const asked = () =>
  bed.server.taken.filter(({ method, path }) => method === 'PATCH' && path.includes('/pods/'));
const rule = (changes: Partial<DrainRule>): DrainRule => ({
  name: 'jobs',
  matchLabels: { app: 'job' },
  namespaces: null,
  order: 0,
  waitFor: 'nothing',
  deadlineMs: null,
  ...changes,
});

beforeEach(async () => {
  bed = await openAdapterBed();
  putNode(bed.server, 'n1');
});
afterEach(() => bed.close());

async function cordon(): Promise<void> {
  await bed.cluster.ensureCordoned({ node: 'n1', uid: 'uid-n1', owner });
}

describe('a drain under rules', () => {
  it('evicts in their order, the next only when the ones before are gone [I164]', async () => {
    putPod(bed.server, 'last', { app: 'db' });
    putPod(bed.server, 'web-1');
    putPod(bed.server, 'first', { app: 'job' });
    await cordon();
    const rules = [rule({ order: -1 }), rule({ name: 'db', matchLabels: { app: 'db' }, order: 1 })];
    expect(await drain(bed.cluster, { rules }).outcome).toEqual({ kind: 'drained', evicted: 3 });
    expect(evicted()).toEqual(['first', 'web-1', 'last']);
  });

  it('waits for a job to end while others leave, and says so [I165]', async () => {
    putPod(bed.server, 'job-1', { app: 'job' });
    putPod(bed.server, 'web-1');
    await cordon();
    const { outcome, told } = drain(bed.cluster, { rules: [rule({ waitFor: 'completion' })] });
    await until(() => told.some(({ blockers }) => blockers.some(({ kind }) => kind === 'rule')));
    expect(evicted()).toEqual(['web-1']);
    expect(told.at(-1)?.blockers).toMatchObject([
      { kind: 'rule', pod: 'job-1', text: expect.stringContaining('jobs') },
    ]);
    putPod(bed.server, 'job-1', { app: 'job', phase: 'Succeeded' });
    expect(await outcome).toEqual({ kind: 'drained', evicted: 2 });
    expect(asked()).toEqual([]);
  });

  it('evicts a job when its deadline has passed, and not before [I165]', async () => {
    putPod(bed.server, 'job-1', { app: 'job' });
    await cordon();
    const startedAt = new Date().toISOString();
    const rules = [rule({ waitFor: 'completion', deadlineMs: 1_500 })];
    expect(await drain(bed.cluster, { rules, startedAt }).outcome).toEqual({ kind: 'drained', evicted: 1 });
    const at = bed.server.taken.find(({ path }) => path.endsWith('/eviction'))?.atMs ?? 0;
    expect(at - Date.parse(startedAt)).toBeGreaterThanOrEqual(1_500);
  });

  it('asks for a checkpoint once, by the UID of the pod, and evicts after its marker [I166]', async () => {
    putPod(bed.server, 'job-1', { app: 'job' });
    putPod(bed.server, 'web-1');
    await cordon();
    const { outcome, told } = drain(bed.cluster, { rules: [rule({ waitFor: 'checkpoint' })] });
    await until(() => told.some(({ blockers }) => blockers.some(({ kind }) => kind === 'rule')));
    expect(evicted()).toEqual(['web-1']);
    expect(asked()).toHaveLength(1);
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(asked()[0]?.body).toEqual({
      metadata: { uid: 'uid-job-1', annotations: { 'refit.dev/checkpoint-requested': time } },
    });
    const pod = bed.server.get('pods', 'default/job-1');
    if (pod === undefined) throw new Error('no pod');
    const annotations = pod.metadata['annotations'] as Record<string, string>;
    const done = { 'refit.dev/checkpoint-done': annotations['refit.dev/checkpoint-requested'] };
    bed.server.put('pods', {
      ...pod,
      metadata: { ...pod.metadata, annotations: { ...annotations, ...done } },
    });
    expect(await outcome).toEqual({ kind: 'drained', evicted: 2 });
    expect(asked()).toHaveLength(1);
  });

  it('asks nobody and evicts nobody while another pod blocks the node, nor without a grant [I164, I166]', async () => {
    putPod(bed.server, 'job-1', { app: 'job' });
    putPod(bed.server, 'bare-1', { bare: true });
    await cordon();
    const rules = [rule({ waitFor: 'checkpoint' })];
    const { told, outcome } = drain(bed.cluster, {
      rules,
      beforeEvicting: () => Promise.reject(new Error('the run was aborted')),
    });
    await until(() => told.length > 0);
    expect(told[0]?.blockers).toMatchObject([{ kind: 'bare', pod: 'bare-1' }]);
    expect(asked()).toEqual([]);
    bed.server.remove('pods', { namespace: 'default', name: 'bare-1' });
    await expect(outcome).rejects.toThrow('the run was aborted');
    expect([...asked(), ...evicted()]).toEqual([]);
  });

  it('names verb and resource when it may not ask', async () => {
    putPod(bed.server, 'job-1', { app: 'job' });
    await cordon();
    bed.server.intercept = ({ method, path }) =>
      method === 'PATCH' && path.includes('/pods/') ? { status: 403, body: { message: 'no' } } : undefined;
    await expect(
      drain(bed.cluster, { rules: [rule({ waitFor: 'checkpoint' })] }).outcome,
    ).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('patch pods job-1 in namespace default'),
    });
  });
});
