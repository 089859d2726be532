// The Kubernetes client, cordon and Lease against an API server in memory that answers as a real one.
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKubeConfig } from '../../../adapters/kubernetes/kubeconfig.ts';
import { openAdapterBed, owner, putNode } from './bed.ts';
import type { AdapterBed } from './bed.ts';

let bed: AdapterBed;
beforeEach(async () => {
  bed = await openAdapterBed();
});
afterEach(() => bed.close());

describe('requests to an API server', () => {
  it('share few connections and say whose they are [I31]', async () => {
    putNode(bed.server, 'n1');
    for (let at = 0; at < 30; at += 1) await bed.cluster.collectVersion().catch(() => undefined);
    expect(bed.server.taken.length).toBe(30);
    expect(bed.server.connections).toBeLessThanOrEqual(2);
    expect(bed.server.taken.every(({ userAgent }) => /^refit\/\d+\.\d+\.\d+ /.test(userAgent))).toBe(true);
  });

  it('wait as long as a throttling server asks [I31]', async () => {
    let asked = 0;
    bed.server.intercept = ({ path }) => {
      if (path !== '/version') return undefined;
      asked += 1;
      return asked === 1
        ? { status: 429, headers: { 'retry-after': '1' } }
        : { status: 200, body: { gitVersion: 'v1.36.1' } };
    };
    expect(await bed.cluster.collectVersion()).toBe('v1.36.1');
    const [first, second] = bed.server.taken;
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(950);
  });

  it('ask for credentials anew after a 401, once [I31]', async () => {
    bed.server.intercept = () => ({ status: 401, body: { message: 'Unauthorized' } });
    await expect(bed.cluster.collectVersion()).rejects.toMatchObject({ kind: 'forbidden' });
    expect(bed.server.taken).toHaveLength(2);
  });

  it('name server and cluster when nobody answers', async () => {
    const { port } = bed.server;
    await bed.server.stop();
    await expect(bed.cluster.collectVersion()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining(
        `cluster prod at http://127.0.0.1:${port} does not answer (get /version)`,
      ),
    });
    await bed.server.start();
  });

  it('name verb, resource and user when they are forbidden', async () => {
    bed.server.intercept = ({ path }) =>
      path === '/version' ? { status: 403, body: { message: 'nope' } } : undefined;
    await expect(bed.cluster.collectVersion()).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('refused to get /version as tester: nope'),
    });
  });
});

describe('cordon and uncordon', () => {
  it('decide again on a consistent read when the view was stale [I27]', async () => {
    putNode(bed.server, 'n1');
    await bed.cluster.collectNodesCached();
    let conflicts = 0;
    bed.server.intercept = ({ method, path }) => {
      if (method !== 'PATCH' || path !== '/api/v1/nodes/n1' || conflicts > 0) return undefined;
      conflicts += 1;
      // Somebody else cordons in this very moment.
      bed.server.put('nodes', { metadata: { name: 'n1' }, spec: { unschedulable: true }, status: {} });
      return undefined;
    };
    const asked = { node: 'n1', uid: 'uid-n1', owner };
    expect((await bed.cluster.ensureCordoned(asked)).kind).toBe('cordonedByOther');
    expect(bed.server.get('nodes', 'n1')?.metadata['annotations']).toBeUndefined();
  });

  it('hand the nodes of one run to another, and no others [I27]', async () => {
    putNode(bed.server, 'n1', { 'refit.dev/owner': 'default/dead/1' });
    putNode(bed.server, 'n2', { 'refit.dev/owner': 'default/else/1' });
    const adoption = { from: 'default/dead/1', to: owner };
    expect(await bed.cluster.adoptNodes(adoption)).toEqual(['n1']);
    expect(await bed.cluster.adoptNodes(adoption)).toEqual([]);
    const marks = ['n1', 'n2'].map((node) => bed.server.get('nodes', node)?.metadata['annotations']);
    expect(marks).toMatchObject([{ 'refit.dev/owner': owner }, { 'refit.dev/owner': 'default/else/1' }]);
  });

  it('are each one request, and nothing when they are done already [I27]', async () => {
    putNode(bed.server, 'n1', { 'karpenter.sh/do-not-disrupt': 'maybe' });
    await bed.cluster.collectNodesCached();
    const before = bed.server.taken.filter(({ query }) => query.get('watch') === null).length;
    const asked = { node: 'n1', uid: 'uid-n1', owner };
    expect(await bed.cluster.ensureCordoned(asked)).toEqual({ kind: 'cordoned' });
    expect(await bed.cluster.ensureCordoned(asked)).toEqual({ kind: 'alreadyOurs' });
    expect(await bed.cluster.ensureUncordoned({ ...asked, release: null })).toEqual({ kind: 'uncordoned' });
    expect(bed.server.taken.filter(({ query }) => query.get('watch') === null).length - before).toBe(2);
    expect(bed.server.get('nodes', 'n1')).toMatchObject({
      metadata: { annotations: { 'karpenter.sh/do-not-disrupt': 'maybe' } },
      spec: {},
    });
  });

  it('note a reboot for one of two workers alone', async () => {
    putNode(bed.server, 'n1');
    await bed.cluster.ensureCordoned({ node: 'n1', uid: 'uid-n1', owner });
    const note = {
      node: 'n1',
      uid: 'uid-n1',
      owner,
      attempt: 1,
      bootId: 'b1',
      at: '2026-11-01T12:00:00.000Z',
    };
    const answers = await Promise.all([
      bed.cluster.ensureRebootNoted(note),
      bed.cluster.ensureRebootNoted(note),
    ]);
    expect(answers.map((each) => each.kind).sort()).toEqual(['noted', 'notedBefore']);
    const other = await bed.cluster.ensureRebootNoted({ ...note, owner: 'other' });
    expect(other.kind).toBe('unsafe');
  });
});

describe('the Lease of a cluster', () => {
  const take = (mark: string, from: string | null = null) =>
    bed.cluster.acquireLease({ owner: mark, takeOverFrom: from });

  it('is held by one of two who ask at once, in a namespace made for it [I29]', async () => {
    const answers = await Promise.all([take('a'), take('b')]);
    expect(answers.map((each) => each.kind).sort()).toEqual(['held', 'heldByOther']);
  });

  it('names its holder and the nodes that carry his mark; only a takeover by name moves it [I29]', async () => {
    putNode(bed.server, 'n1', { 'refit.dev/owner': 'a' });
    expect(await take('a')).toEqual({ kind: 'held' });
    expect(await take('a')).toEqual({ kind: 'held' });
    expect(await take('b')).toMatchObject({ kind: 'heldByOther', by: { holder: 'a' }, nodesMarked: ['n1'] });
    expect((await take('b', 'somebody')).kind).toBe('heldByOther');
    expect(await take('b', 'a')).toEqual({ kind: 'held' });
    await bed.cluster.releaseLease({ owner: 'a' });
    expect((await take('c')).kind).toBe('heldByOther');
    await bed.cluster.releaseLease({ owner: 'b' });
    expect(await take('c')).toEqual({ kind: 'held' });
  });
});

describe('a kubeconfig', () => {
  const folder = mkdtempSync(join(tmpdir(), 'refit-kubeconfigs-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (file: string, names: string[], server: string): string => {
    const path = join(folder, file);
    const content = {
      clusters: names.map((name) => ({ name, cluster: { server } })),
      users: names.map((name) => ({ name, user: { token: file } })),
      contexts: names.map((name) => ({ name, context: { cluster: name, user: name } })),
    };
    writeFileSync(path, JSON.stringify(content));
    return path;
  };

  it('of several files is merged as kubectl does: the first to name something wins, missing files are passed over', () => {
    const files = [
      join(folder, 'missing'),
      write('a', ['x', 'y'], 'https://a'),
      write('b', ['y', 'z'], 'https://b'),
    ];
    const env = { KUBECONFIG: files.join(':') };
    const server = (context: string) =>
      loadKubeConfig({ kind: 'context', context }, env).getCurrentCluster()?.server;
    expect(['x', 'y', 'z'].map(server)).toEqual(['https://a', 'https://a', 'https://b']);
  });

  it('without the context asked for lists those that there are', () => {
    const path = write('c', ['east', 'west'], 'https://c');
    expect(() => loadKubeConfig({ kind: 'kubeconfig', path, context: 'north' }, {})).toThrow(
      `no context north in kubeconfig ${path}; there are: east, west`,
    );
    expect(() =>
      loadKubeConfig({ kind: 'context', context: 'x' }, { KUBECONFIG: join(folder, 'none') }),
    ).toThrow(/no kubeconfig can be read at .*none/);
    expect(() => loadKubeConfig({ kind: 'inCluster' }, {})).toThrow(/does not run in a pod/);
  });
});
