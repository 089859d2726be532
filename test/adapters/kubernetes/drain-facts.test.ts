// The facts of a plan's preflight, gathered from an API server in memory: what is read of pods, claims and
// volumes, and with how many requests.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DrainFacts } from '../../../domain/planning/drain-tally.ts';
import { openAdapterBed, putNode, putPdb, putPod } from './bed.ts';
import type { AdapterBed } from './bed.ts';

let bed: AdapterBed;
beforeEach(async () => {
  bed = await openAdapterBed();
  putNode(bed.server, 'n1');
});
afterEach(() => bed.close());

const collect = (): Promise<DrainFacts> => bed.cluster.collectDrainFacts({ scope: new Map([['n1', []]]) });
const demandsOf = (facts: DrainFacts) => facts.drains.get('n1')?.demands ?? [];
const lists = () =>
  bed.server.taken
    .filter(({ query }) => query.get('watch') === null)
    .map(({ path }) => path.split('/').at(-1));

function put(name: string, spec: Record<string, unknown>): void {
  const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', controller: true }];
  bed.server.put('pods', {
    metadata: { name, namespace: 'default', labels: { app: name }, ownerReferences },
    spec: { nodeName: 'n1', ...spec },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  });
}

const container = (requests: Record<string, string>, more: object = {}) => ({
  resources: { requests },
  ...more,
});

describe('the facts of a preflight', () => {
  it('read what a pod asks of a node, as the scheduler counts it [I173]', async () => {
    const term = { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] };
    put('web', {
      initContainers: [
        container({ cpu: '100m' }, { restartPolicy: 'Always' }),
        container({ cpu: '3', memory: '1Gi' }),
      ],
      containers: [
        container({ cpu: '500m', 'nvidia.com/gpu': '4' }),
        container({ cpu: '250m', memory: '2Gi' }),
      ],
      overhead: { cpu: '50m' },
      nodeSelector: { pool: 'h100' },
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } },
      },
      tolerations: [{ key: 'gpu', operator: 'Exists' }],
      volumes: [{ name: 'tmp', emptyDir: {} }],
    });
    const facts = await collect();
    expect(demandsOf(facts)[0]?.shape).toEqual({
      requests: { cpu: 3150, memory: 2 * 1024 ** 3, 'nvidia.com/gpu': 4, pods: 1 },
      nodeSelector: { pool: 'h100' },
      affinity: [{ labels: [{ key: 'zone', operator: 'In', values: ['a'] }], fields: [] }],
      tolerations: [{ key: 'gpu', operator: 'Exists', value: '', effect: '' }],
    });
    expect(facts.used.get('n1')).toMatchObject({ cpu: 3150, pods: 1 });
    expect([...(facts.drains.get('n1')?.risks.keys() ?? [])]).toEqual(['localStorage']);
  });

  it('take what the pod as a whole asks for before what its containers say', async () => {
    put('web', {
      containers: [container({ cpu: '1', memory: '1Gi' })],
      resources: { requests: { cpu: '2' } },
    });
    expect(demandsOf(await collect())[0]?.shape.requests).toEqual({ cpu: 2000, memory: 1024 ** 3, pods: 1 });
  });

  it('find where the volumes of pods can be used, by node affinity and by zone label [I173]', async () => {
    const claim = (name: string) => [{ name: 'data', persistentVolumeClaim: { claimName: name } }];
    put('db', { volumes: claim('db') });
    put('old', { volumes: claim('old') });
    put('scratch', { volumes: [{ name: 'x', ephemeral: {} }] });
    for (const name of ['db', 'old', 'other']) {
      bed.server.put('claims', {
        metadata: { name, namespace: 'default' },
        spec: { volumeName: `pv-${name}` },
      });
    }
    const nodeSelectorTerms = [{ matchExpressions: [{ key: 'host', operator: 'In', values: ['n1'] }] }];
    bed.server.put('volumes', {
      metadata: { name: 'pv-db' },
      spec: { nodeAffinity: { required: { nodeSelectorTerms } } },
    });
    bed.server.put('volumes', {
      metadata: { name: 'pv-old', labels: { 'topology.kubernetes.io/zone': 'a__b' } },
      spec: {},
    });
    bed.server.put('volumes', { metadata: { name: 'pv-other' }, spec: {} });
    const { volumes } = await collect();
    expect(volumes.kind === 'known' && Object.fromEntries(volumes.places)).toEqual({
      'default/db': [[{ labels: [{ key: 'host', operator: 'In', values: ['n1'] }], fields: [] }]],
      'default/old': [
        [
          {
            labels: [{ key: 'topology.kubernetes.io/zone', operator: 'In', values: ['a', 'b'] }],
            fields: [],
          },
        ],
      ],
    });
  });

  it('say that volumes are unknown to whoever may not list them, and plan all the same', async () => {
    put('db', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'db' } }] });
    bed.server.intercept = ({ path }) =>
      path.endsWith('/persistentvolumeclaims')
        ? { status: 403, body: { message: 'cannot list resource "persistentvolumeclaims"' } }
        : undefined;
    const { volumes, drains } = await collect();
    expect(volumes).toEqual({ kind: 'unknown', why: expect.stringContaining('persistentvolumeclaims') });
    expect(drains.get('n1')?.pods).toBe(1);
  });

  it('cost one LIST of pods by pages of 500, and none of volumes where no pod has one', async () => {
    for (let at = 0; at < 501; at += 1) putPod(bed.server, `web-${at}`);
    putPod(bed.server, 'bare-1', { bare: true });
    putPdb(bed.server, 0);
    const { drains, volumes } = await collect();
    expect(drains.get('n1')?.pods).toBe(502);
    expect([...(drains.get('n1')?.risks.values() ?? [])].map(({ kind, pods }) => `${kind} ${pods}`)).toEqual([
      'pdbNow 502',
      'bare 1',
    ]);
    expect(volumes).toEqual({ kind: 'known', places: new Map() });
    expect(lists().sort()).toEqual(['daemonsets', 'poddisruptionbudgets', 'pods', 'pods']);
  });

  it('state what each node has, in the LIST alone that a plan is made from', async () => {
    bed.server.put('nodes', {
      metadata: { name: 'n2' },
      spec: {},
      status: { allocatable: { cpu: '8', pods: '110' } },
    });
    const nodes = await bed.cluster.collectNodes();
    expect(nodes.map(({ allocatable }) => allocatable)).toEqual([{}, { cpu: '8', pods: '110' }]);
    expect((await bed.cluster.collectNodesCached()).map(({ allocatable }) => allocatable)).toEqual([
      undefined,
      undefined,
    ]);
  });
});
