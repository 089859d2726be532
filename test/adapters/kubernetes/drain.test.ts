// The drain loop against an API server in memory: what it sends, what it waits on, when it stops.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { STALLED, drain, openAdapterBed, owner, putNode, putPdb, putPod, until } from './bed.ts';
import type { DrainResume } from '../../../adapters/ports/kubernetes.ts';
import type { AdapterBed } from './bed.ts';

/** Far below the half minute after which a PDB is asked anyway, far above what a busy machine adds. */
const GOES_ON_WITHIN_MS = 10_000;

let bed: AdapterBed;
const budgetRefusal = {
  status: 429,
  body: {
    message: 'Cannot evict',
    details: { causes: [{ reason: 'DisruptionBudget', message: 'The disruption budget web needs 2' }] },
  },
};
const evictions = () => bed.server.taken.filter((each) => each.path.endsWith('/eviction'));

beforeEach(async () => {
  bed = await openAdapterBed();
  putNode(bed.server, 'n1');
});
afterEach(() => bed.close());

async function cordon(): Promise<void> {
  const cordoned = await bed.cluster.ensureCordoned({ node: 'n1', uid: 'uid-n1', owner });
  expect(cordoned).toEqual({ kind: 'cordoned' });
}

describe('a drain', () => {
  it('of five pods is five evictions, and a node takes nine requests in all [I23, I33]', async () => {
    for (const at of [1, 2, 3, 4, 5]) putPod(bed.server, `web-${at}`);
    await bed.cluster.collectNodesCached();
    await cordon();
    expect(await drain(bed.cluster).outcome).toEqual({ kind: 'drained', evicted: 5 });
    expect(await bed.cluster.checkEmpty({ node: 'n1', uid: 'uid-n1', owner })).toEqual({ kind: 'empty' });
    const release = '2026.11';
    expect(await bed.cluster.ensureUncordoned({ node: 'n1', uid: 'uid-n1', owner, release })).toEqual({
      kind: 'uncordoned',
    });
    const ofTheNode = bed.server.taken.filter(
      ({ query }) => query.get('watch') === null && query.get('limit') !== '500',
    );
    const look = bed.server.taken.filter(({ query }) => query.get('fieldSelector') === 'spec.nodeName=n1');
    expect(ofTheNode.length + look.length).toBe(9);
    for (const { body } of evictions()) {
      expect(body).toMatchObject({
        deleteOptions: { preconditions: { uid: expect.stringMatching(/^uid-web-/) } },
      });
    }
    expect(bed.server.taken.every(({ userAgent }) => userAgent.startsWith('refit/'))).toBe(true);
  });

  it('evicts nothing while one pod blocks, and goes on when a person has dealt with it [I22]', async () => {
    putPod(bed.server, 'web-1');
    putPod(bed.server, 'bare-1', { bare: true });
    await cordon();
    const { outcome, told } = drain(bed.cluster);
    await until(() => told.length > 0);
    expect(told[0]?.blockers).toMatchObject([{ kind: 'bare', pod: 'bare-1' }]);
    expect(evictions()).toEqual([]);
    bed.server.remove('pods', { namespace: 'default', name: 'bare-1' });
    expect(await outcome).toEqual({ kind: 'drained', evicted: 1 });
  });

  it('asks a PDB that allows nothing not at all, and goes on as soon as it allows it [I24]', async () => {
    putPdb(bed.server, 0);
    putPod(bed.server, 'web-1');
    await cordon();
    const { outcome, told } = drain(bed.cluster);
    await until(() => told.length > 0);
    expect(told[0]?.blockers).toMatchObject([
      { kind: 'pdb', pod: 'web-1', pdbs: ['web'], disruptionsAllowed: 0 },
    ]);
    expect(evictions()).toEqual([]);
    const allowedAtMs = Date.now();
    putPdb(bed.server, 1);
    expect(await outcome).toEqual({ kind: 'drained', evicted: 1 });
    expect((evictions()[0]?.atMs ?? Number.POSITIVE_INFINITY) - allowedAtMs).toBeLessThan(GOES_ON_WITHIN_MS);
  });

  it('after a refusal waits for the PDB to change rather than asking again [I24]', async () => {
    putPdb(bed.server, 1);
    putPod(bed.server, 'web-1');
    // The PDB is used up in the same moment: as seen as the refusal itself.
    bed.server.evict = () => {
      putPdb(bed.server, 0);
      return budgetRefusal;
    };
    await cordon();
    const { outcome } = drain(bed.cluster);
    await until(() => evictions().length === 1);
    // That nothing is sent can only be waited for: longer than whoever retries by the clock would wait.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(evictions()).toHaveLength(1);
    bed.server.evict = (pod) => {
      bed.server.remove('pods', pod.metadata);
      return { status: 201 };
    };
    putPdb(bed.server, 1);
    expect(await outcome).toEqual({ kind: 'drained', evicted: 1 });
    expect(evictions()).toHaveLength(2);
  });

  it('sends no more evictions for a PDB than it allows, nor more than ten at once, over all nodes [I25]', async () => {
    putPdb(bed.server, 30);
    const nodes = ['n1', 'n2', 'n3'];
    let [inFlight, most] = [0, 0];
    bed.server.evict = async (pod) => {
      most = Math.max(most, (inFlight += 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      inFlight -= 1;
      bed.server.remove('pods', pod.metadata);
      return { status: 201 };
    };
    for (const node of nodes) {
      putNode(bed.server, node);
      for (let at = 0; at < 10; at += 1) putPod(bed.server, `${node}-${at}`, { node });
    }
    await Promise.all(nodes.map((node) => bed.cluster.ensureCordoned({ node, uid: `uid-${node}`, owner })));
    const drains = nodes.map((node) => drain(bed.cluster, { node, uid: `uid-${node}` }).outcome);
    expect(await Promise.all(drains)).toEqual(nodes.map(() => ({ kind: 'drained', evicted: 10 })));
    expect(most).toBeLessThanOrEqual(10);
    expect(most).toBeGreaterThan(1);
  });

  it('looks at a pod after a 409, and counts only another UID as gone [I23]', async () => {
    putPod(bed.server, 'web-1');
    let conflicts = 0;
    bed.server.evict = (pod) => {
      conflicts += 1;
      if (conflicts === 2) bed.server.remove('pods', pod.metadata);
      return { status: 409, body: { message: 'conflict' } };
    };
    await cordon();
    expect(await drain(bed.cluster).outcome).toEqual({ kind: 'drained', evicted: 0 });
    expect(conflicts).toBe(2);
    expect(bed.server.count('GET', /\/pods\/web-1$/)).toBe(2);
  });

  it('tells of two PDBs at once, without asking [I24]', async () => {
    putPdb(bed.server, 1);
    putPdb(bed.server, 1, 'other');
    putPod(bed.server, 'web-1');
    await cordon();
    const { told, outcome, stop } = drain(bed.cluster);
    await until(() => told.length > 0);
    expect(told[0]?.blockers).toMatchObject([{ kind: 'twoPdbs', pdbs: ['web', 'other'] }]);
    expect(evictions()).toEqual([]);
    stop.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
  });

  it('that comes back from a stall leaves at once while nothing has changed, and tells nothing twice [I32]', async () => {
    putPdb(bed.server, 0);
    putPod(bed.server, 'web-1');
    await cordon();
    const first = await drain(bed.cluster, { resume: STALLED }).outcome;
    if (first.kind !== 'stalled') throw new Error(first.kind);
    const since = Object.fromEntries(
      Object.keys(first.resume.since).map((key) => [key, '2026-01-01T00:00:00.000Z']),
    );
    const second = drain(bed.cluster, { resume: { ...first.resume, since } });
    const secondOutcome = await second.outcome;
    if (secondOutcome.kind !== 'stalled') throw new Error(secondOutcome.kind);
    expect(second.told).toHaveLength(1);
    const third = drain(bed.cluster, { resume: secondOutcome.resume });
    expect((await third.outcome).kind).toBe('stalled');
    expect(third.told).toEqual([]);
    expect(evictions()).toEqual([]);
  });

  it('tells at most once a second, also over attempts that follow each other faster [I32]', async () => {
    putPod(bed.server, 'bare-1', { bare: true });
    await cordon();
    const stalled = async (resume: DrainResume) => {
      const { outcome, told } = drain(bed.cluster, { resume });
      const ended = await outcome;
      if (ended.kind !== 'stalled') throw new Error(ended.kind);
      return { resume: ended.resume, told: told.map(({ blockersTotal }) => blockersTotal) };
    };
    const first = await stalled(STALLED);
    expect(first.told).toEqual([1]);
    putPod(bed.server, 'bare-2', { bare: true });
    while ((await bed.cluster.collectNodesCached())[0]?.podsToMove !== 2)
      await new Promise((resolve) => setTimeout(resolve, 5));
    // In the future, so that no busy machine makes the second attempt come late.
    const second = await stalled({ ...first.resume, toldAtMs: Date.now() + 60_000 });
    expect(second).toEqual({ told: [], resume: { ...second.resume, told: first.resume.told } });
    const third = await stalled({ ...second.resume, toldAtMs: Date.now() - 1_000 });
    expect(third.told).toEqual([2]);
  });

  it('stops as unsafe when the cordon is lifted, before another pod is evicted [I26]', async () => {
    putPdb(bed.server, 0);
    putPod(bed.server, 'web-1');
    await cordon();
    const { outcome, told } = drain(bed.cluster);
    await until(() => told.length > 0);
    const node = bed.server.get('nodes', 'n1');
    bed.server.put('nodes', { ...node, metadata: { ...node?.metadata, name: 'n1' }, spec: {} });
    expect(await outcome).toMatchObject({
      kind: 'unsafe',
      why: expect.stringContaining('uncordoned by somebody'),
    });
    expect(evictions()).toEqual([]);
  });

  it('of a node without our mark evicts nothing [I26]', async () => {
    putPod(bed.server, 'web-1');
    expect((await drain(bed.cluster).outcome).kind).toBe('unsafe');
    expect(evictions()).toEqual([]);
  });

  it('asks before its first eviction alone, and ends by what that throws [I26]', async () => {
    putPod(bed.server, 'web-1');
    await cordon();
    const beforeEvicting = () => Promise.reject(new Error('the run was aborted'));
    await expect(drain(bed.cluster, { beforeEvicting }).outcome).rejects.toThrow('the run was aborted');
    expect(evictions()).toEqual([]);
  });

  it('lasts through a crash of the API server [I30]', async () => {
    putPdb(bed.server, 0);
    putPod(bed.server, 'web-1');
    await cordon();
    const { outcome, told } = drain(bed.cluster);
    await until(() => told.length > 0);
    const { port } = bed.server;
    await bed.server.stop();
    await bed.server.start(port);
    putPdb(bed.server, 1);
    expect(await outcome).toEqual({ kind: 'drained', evicted: 1 });
  });

  it.each([403, 422])(
    'tells of an eviction that is refused with %i by verb and resource, goes on with the others, and with it when that is lifted',
    async (status) => {
      putPod(bed.server, 'web-1');
      putPod(bed.server, 'web-2');
      await cordon();
      let lifted = false;
      bed.server.intercept = ({ path }) =>
        path.endsWith('/web-1/eviction') && !lifted
          ? { status, body: { message: `no right to it: ${'x'.repeat(10_000)}` } }
          : undefined;
      const { outcome, told } = drain(bed.cluster);
      await until(() => told.at(-1)?.podsLeft === 1);
      expect(told.at(-1)?.blockers).toMatchObject([
        {
          kind: 'other',
          pod: 'web-1',
          text: expect.stringContaining('create pods/eviction web-1 in namespace'),
        },
      ]);
      expect(told.at(-1)?.blockers[0]?.text.length).toBeLessThanOrEqual(500);
      lifted = true;
      expect(await outcome).toEqual({ kind: 'drained', evicted: 2 });
    },
  );
});

describe('force', () => {
  it('evicts the bare pods that a person let go, by UID and by eviction alone [I160, I163]', async () => {
    putPod(bed.server, 'web-1');
    putPod(bed.server, 'bare-1', { bare: true });
    await cordon();
    const { outcome } = drain(bed.cluster, { force: ['uid-bare-1'] });
    expect(await outcome).toEqual({ kind: 'drained', evicted: 2 });
    expect(evictions().map(({ body }) => body)).toContainEqual(
      expect.objectContaining({ deleteOptions: { preconditions: { uid: 'uid-bare-1' } } }),
    );
    expect(bed.server.count('DELETE', /./)).toBe(0);
  });

  it('touches nothing while there is another bare pod than those [I161]', async () => {
    putPod(bed.server, 'bare-1', { bare: true });
    putPod(bed.server, 'bare-2', { bare: true });
    await cordon();
    const { told, outcome, stop } = drain(bed.cluster, { force: ['uid-bare-1'] });
    await until(() => told.length > 0);
    expect(told[0]?.blockers).toMatchObject([{ kind: 'bare', pod: 'bare-2' }]);
    expect(evictions()).toEqual([]);
    stop.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
  });

  it('passes no PDB [I163]', async () => {
    putPdb(bed.server, 0);
    putPod(bed.server, 'bare-1', { bare: true });
    await cordon();
    const { told, outcome, stop } = drain(bed.cluster, { force: ['uid-bare-1'] });
    await until(() => told.length > 0);
    expect(told[0]?.blockers).toMatchObject([{ kind: 'pdb', pod: 'bare-1' }]);
    expect(evictions()).toEqual([]);
    stop.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
  });

  it('is asked for exactly those pods that kubectl would evict by it alone [I160]', async () => {
    putPod(bed.server, 'web-1');
    putPod(bed.server, 'bare-1', { bare: true });
    putPod(bed.server, 'elsewhere', { bare: true, node: 'n2' });
    expect(await bed.cluster.collectForcePods({ node: 'n1' })).toEqual({
      pods: [{ namespace: 'default', name: 'bare-1', uid: 'uid-bare-1' }],
      total: 1,
    });
    const [without, withForce] = await Promise.all(
      [false, true].map((force) => bed.cluster.planDrain({ node: 'n1', force })),
    );
    const before = new Set(without?.evict.map(({ name }) => name));
    expect(withForce?.evict.map(({ name }) => name).filter((name) => !before.has(name))).toEqual(['bare-1']);
  });
});

describe('the last look', () => {
  it('finds what a drain would evict, and a node that is not ours [I33]', async () => {
    await cordon();
    putPod(bed.server, 'late-1');
    const asked = { node: 'n1', uid: 'uid-n1', owner };
    expect(await bed.cluster.checkEmpty(asked)).toEqual({
      kind: 'occupied',
      pods: [{ namespace: 'default', name: 'late-1', why: 'a drain would evict it' }],
    });
    expect((await bed.cluster.checkEmpty({ ...asked, owner: 'other' })).kind).toBe('unsafe');
  });
});

describe('a dry run', () => {
  it('puts every pod into one of its lists, and looks each DaemonSet up as kubectl does [I20]', async () => {
    putPod(bed.server, 'web-1');
    putPod(bed.server, 'bare-1', { bare: true });
    expect(await bed.cluster.planDrain({ node: 'n1', force: false })).toEqual({
      evict: [{ namespace: 'default', name: 'web-1' }],
      skip: [],
      blocked: [{ namespace: 'default', name: 'bare-1', why: 'no controller would bring it back' }],
    });
    expect((await bed.cluster.planDrain({ node: 'n1', force: true })).evict).toHaveLength(2);
    await expect(bed.cluster.planDrain({ node: 'n9', force: false })).rejects.toMatchObject({
      kind: 'notFound',
    });
  });
});
