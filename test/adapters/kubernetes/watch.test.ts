// The shared watch: what it survives, and that it never goes back.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createApi } from '../../../adapters/kubernetes/api.ts';
import { createCredentials } from '../../../adapters/kubernetes/credentials.ts';
import { loadKubeConfig } from '../../../adapters/kubernetes/kubeconfig.ts';
import { toPod } from '../../../adapters/kubernetes/objects.ts';
import { Reflector } from '../../../adapters/kubernetes/watch.ts';
import { ApiServer } from './api-server.ts';
import { putPod, until } from './bed.ts';
import type { Api } from '../../../adapters/kubernetes/api.ts';
import type { PodFacts } from '../../../domain/drain/pod.ts';

let server: ApiServer;
let api: Api;
let pods: Reflector<PodFacts>;

beforeEach(async () => {
  server = new ApiServer();
  await server.start();
  const path = server.kubeconfig();
  const credentials = createCredentials(() => loadKubeConfig({ kind: 'kubeconfig', path, context: 'test' }));
  api = createApi({ cluster: 'prod', credentials });
  pods = new Reflector({
    api,
    path: '/api/v1/pods',
    resource: 'pods',
    trim: toPod,
    groupOf: (pod) => pod.node,
    random: () => 0,
    limits: { pageSize: 2, silenceMaxMs: 400, backoffMinMs: 5 },
  });
});
afterEach(async () => {
  await pods.stop();
  await api.close();
  await server.stop();
});

const names = () => [...pods.values()].map((pod) => pod.name).sort();
const lists = () => server.count('GET', /\/pods$/, ({ query }) => query.get('watch') === null);
const watches = () => server.count('GET', /\/pods$/, ({ query }) => query.get('watch') !== null);

describe('a watch', () => {
  it('lists by pages, then follows what is added, changed and deleted, by group [I30]', async () => {
    for (const at of [1, 2, 3, 4, 5]) putPod(server, `p${at}`, { node: at < 4 ? 'n1' : 'n2' });
    await Promise.all([pods.synced(), pods.synced()]);
    expect(lists()).toBe(3);
    expect(pods.group('n1').size).toBe(3);
    await until(() => server.watching('pods') === 1);
    const heard: string[] = [];
    const stop = pods.subscribe(
      ({ key, object }) => heard.push(`${key} ${object === undefined ? 'gone' : 'set'}`),
      'n1',
    );
    putPod(server, 'p6');
    server.remove('pods', { namespace: 'default', name: 'p1' });
    putPod(server, 'p7', { node: 'n2' });
    await until(() => names().includes('p7'));
    expect(heard).toEqual(['default/p6 set', 'default/p1 gone']);
    expect(names()).toEqual(['p2', 'p3', 'p4', 'p5', 'p6', 'p7']);
    stop();
    expect(lists()).toBe(3);
  });

  it('goes on from where it was when the server ends it [I30]', async () => {
    await pods.synced();
    await until(() => server.watching('pods') === 1);
    server.endWatches('pods');
    putPod(server, 'missed');
    await until(() => names().includes('missed'));
    expect(lists()).toBe(1);
  });

  it('lists anew after 410 Gone, and tells what has vanished meanwhile [I30]', async () => {
    putPod(server, 'old');
    await pods.synced();
    await until(() => server.watching('pods') === 1);
    const heard: string[] = [];
    pods.subscribe(({ key, object }) => heard.push(`${key} ${object === undefined ? 'gone' : 'set'}`));
    server.endWatches('pods', { code: 410 });
    server.remove('pods', { namespace: 'default', name: 'old' });
    putPod(server, 'new');
    await until(() => names().join() === 'new');
    expect(heard).toEqual(['default/old gone', 'default/new set']);
    expect(lists()).toBe(2);
  });

  it('that goes silent is cut and begun again [I30]', async () => {
    await pods.synced();
    await until(() => watches() >= 2);
    putPod(server, 'after');
    await until(() => names().includes('after'));
    expect(lists()).toBe(1);
  });

  it('says what refuses its first list, and goes on when that is lifted [I30]', async () => {
    server.intercept = () => ({ status: 403, body: { message: 'pods is forbidden' } });
    await expect(pods.synced()).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('list pods'),
    });
    server.intercept = () => undefined;
    await expect(pods.synced()).resolves.toBeUndefined();
  });

  it('is not asked about a time that it has not heard of for long [I30]', async () => {
    await pods.synced();
    expect(() => pods.checkAlive()).not.toThrow();
    server.intercept = () => ({ status: 503 });
    server.endWatches('pods');
    await until(() => {
      try {
        pods.checkAlive();
        return false;
      } catch {
        return true;
      }
    });
    expect(() => pods.checkAlive()).toThrow(/heard nothing for/);
  });

  it('shows a write of ours at once, and nothing older after it [I30]', async () => {
    putPod(server, 'p1');
    await pods.synced();
    await until(() => server.watching('pods') === 1);
    const stale = server.get('pods', 'default/p1');
    if (stale === undefined) throw new Error('no pod');
    const newer = {
      ...stale,
      metadata: { ...stale.metadata, resourceVersion: '999' },
      status: { phase: 'Failed' },
    };
    pods.observe(newer);
    expect(pods.get('default/p1')?.phase).toBe('Failed');
    putPod(server, 'p1');
    putPod(server, 'p2');
    await until(() => names().includes('p2'));
    expect(pods.get('default/p1')?.phase).toBe('Failed');
  });
});
