// Where the pods of a drained node could go: each filter alone, room for all of them together, and small
// clusters against an oracle that tries every node for every pod.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createLandings } from '../../../domain/planning/landing.ts';
import type { Demand, Room } from '../../../domain/planning/landing.ts';
import type { NodeTerm, PodShape } from '../../../domain/planning/placing.ts';

const PLENTY = { cpu: 8000, memory: 64e9, 'nvidia.com/gpu': 8, pods: 110 };

function room(name: string, changes: Partial<Room> = {}): Room {
  return { name, labels: {}, taints: [], unschedulable: false, ready: 'True', free: PLENTY, ...changes };
}

function demand(shape: Partial<PodShape> = {}, changes: Partial<Demand> = {}): Demand {
  const whole = {
    requests: { cpu: 1000, pods: 1 },
    nodeSelector: {},
    affinity: null,
    tolerations: [],
    ...shape,
  };
  return { shape: whole, volumes: [], pods: 1, ...changes };
}

function term(key: string, operator: string, ...values: string[]): NodeTerm {
  return { labels: [{ key, operator, values }], fields: [] };
}

/** The node that is drained is always there, and would take anything. */
function landing(one: Demand, others: readonly Room[]) {
  const self = room('drained', { labels: { pool: 'h100', zone: 'a', size: '8' } });
  return createLandings([self, ...others])('drained', [one])[0];
}

const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' };
const toleration = { key: 'gpu', operator: 'Equal', value: 'yes', effect: 'NoSchedule' };

describe('a pod of a drained node', () => {
  it.each<[string, Demand, Room]>([
    ['a node with room', demand(), room('n1')],
    [
      'its node selector',
      demand({ nodeSelector: { pool: 'h100' } }),
      room('n1', { labels: { pool: 'h100' } }),
    ],
    [
      'its affinity: In',
      demand({ affinity: [term('zone', 'In', 'a', 'b')] }),
      room('n1', { labels: { zone: 'b' } }),
    ],
    ['its affinity: NotIn', demand({ affinity: [term('zone', 'NotIn', 'a')] }), room('n1')],
    [
      'its affinity: Exists',
      demand({ affinity: [term('zone', 'Exists')] }),
      room('n1', { labels: { zone: 'c' } }),
    ],
    ['its affinity: DoesNotExist', demand({ affinity: [term('zone', 'DoesNotExist')] }), room('n1')],
    [
      'its affinity: Gt',
      demand({ affinity: [term('size', 'Gt', '4')] }),
      room('n1', { labels: { size: '8' } }),
    ],
    [
      'its affinity: Lt',
      demand({ affinity: [term('size', 'Lt', '4')] }),
      room('n1', { labels: { size: '2' } }),
    ],
    [
      'any one of its terms',
      demand({ affinity: [term('zone', 'In', 'x'), term('pool', 'In', 'h100')] }),
      room('n1', { labels: { pool: 'h100' } }),
    ],
    ['a tolerated taint', demand({ tolerations: [toleration] }), room('n1', { taints: [taint] })],
    [
      'a toleration of everything',
      demand({ tolerations: [{ key: '', operator: 'Exists', value: '', effect: '' }] }),
      room('n1', { taints: [taint] }),
    ],
    ['a taint that only asks', demand(), room('n1', { taints: [{ ...taint, effect: 'PreferNoSchedule' }] })],
    [
      'the zone of its volume',
      demand({}, { volumes: [[term('zone', 'In', 'a')]] }),
      room('n1', { labels: { zone: 'a' } }),
    ],
  ])('finds a place by %s [I173]', (_, one, other) => {
    expect(landing(one, [other])).toEqual({ kind: 'lands' });
  });

  it.each<[string, Demand, Room, string]>([
    ['a cordoned node', demand(), room('n1', { unschedulable: true }), '1 are cordoned or not Ready'],
    ['a node that is not Ready', demand(), room('n1', { ready: 'Unknown' }), '1 are cordoned or not Ready'],
    [
      'another label',
      demand({ nodeSelector: { pool: 'h100' } }),
      room('n1', { labels: { pool: 'batch' } }),
      '1 do not match its node selector pool=h100',
    ],
    [
      'affinity',
      demand({ affinity: [term('zone', 'In', 'a')] }),
      room('n1', { labels: { zone: 'b' } }),
      '1 do not match its node affinity',
    ],
    ['a number that is no number', demand({ affinity: [term('size', 'Gt', '4')] }), room('n1'), 'affinity'],
    ['a term that says nothing', demand({ affinity: [{ labels: [], fields: [] }] }), room('n1'), 'affinity'],
    [
      'its own host by name',
      demand({
        affinity: [{ labels: [], fields: [{ key: 'metadata.name', operator: 'In', values: ['drained'] }] }],
      }),
      room('n1'),
      'affinity',
    ],
    ['a taint', demand(), room('n1', { taints: [taint] }), '1 carry a taint that it does not tolerate'],
    [
      'a taint of another value',
      demand({ tolerations: [{ ...toleration, value: 'no' }] }),
      room('n1', { taints: [taint] }),
      'taint',
    ],
    [
      'a taint of another effect',
      demand({ tolerations: [toleration] }),
      room('n1', { taints: [{ ...taint, effect: 'NoExecute' }] }),
      'taint',
    ],
    [
      'a volume in another zone',
      demand({}, { volumes: [[term('zone', 'In', 'a')]] }),
      room('n1', { labels: { zone: 'b' } }),
      '1 are out of reach of its volumes',
    ],
  ])('is pinned by %s, and it is told [I173]', (_, one, other, text) => {
    expect(landing(one, [other])).toEqual({ kind: 'pinned', text: expect.stringContaining(text) });
  });

  it('has nowhere to go in a cluster of one node', () => {
    expect(landing(demand(), [])).toEqual({ kind: 'pinned', text: 'the cluster has no other node' });
  });

  it.each([
    ['GPUs', { 'nvidia.com/gpu': 1, pods: 1 }, { ...PLENTY, 'nvidia.com/gpu': 0 }, 'nvidia.com/gpu 1'],
    ['memory', { memory: 65e9, pods: 1 }, PLENTY, 'memory 60.6Gi'],
    ['a slot for a pod', { pods: 1 }, { ...PLENTY, pods: 0 }, 'another pod'],
    ['what no node has', { 'example.com/fpga': 1, pods: 1 }, PLENTY, 'example.com/fpga 1'],
  ])('has no room where %s are missing [I173]', (_, requests, free, what) => {
    expect(landing(demand({ requests }), [room('n1', { free })])).toEqual({
      kind: 'noRoom',
      pods: 1,
      text: `1 other nodes fit it, none has room for ${what}`,
    });
  });

  it('shares the room with the other pods of its node, the largest first [I173]', () => {
    const big = demand({ requests: { 'nvidia.com/gpu': 6, pods: 1 } });
    const small = demand({ requests: { 'nvidia.com/gpu': 1, pods: 1 } }, { pods: 4 });
    const landings = createLandings([room('drained'), room('n1')]);
    expect(landings('drained', [small, big])).toEqual([
      {
        kind: 'noRoom',
        pods: 2,
        text: '1 other nodes fit it, with room for 2 of the 4 pods that ask for nvidia.com/gpu 1',
      },
      { kind: 'lands' },
    ]);
    // What one node's pods would take is free again for the next node that is asked about.
    expect(landings('another', [big])).toEqual([{ kind: 'lands' }]);
  });
});

describe('a search over random clusters', () => {
  const labels = fc.record({ zone: fc.constantFrom('a', 'b') });
  const rooms = fc.array(
    fc.record({ labels, closed: fc.boolean(), tainted: fc.boolean(), gpus: fc.nat(8) }),
    { minLength: 1, maxLength: 8 },
  );
  const pod = fc.record({
    zone: fc.option(fc.constantFrom('a', 'b')),
    tolerates: fc.boolean(),
    gpus: fc.nat(8),
  });

  it('calls a single pod without a place exactly when no other node takes it [I173]', () => {
    fc.assert(
      fc.property(rooms, pod, fc.nat(7), (shapes, asked, at) => {
        const all = shapes.map((each, index) =>
          room(`n${index}`, {
            labels: each.labels,
            unschedulable: each.closed,
            taints: each.tainted ? [taint] : [],
            free: { 'nvidia.com/gpu': each.gpus, pods: 1 },
          }),
        );
        const one = demand({
          requests: { 'nvidia.com/gpu': asked.gpus, pods: 1 },
          nodeSelector: asked.zone === null ? {} : { zone: asked.zone },
          tolerations: asked.tolerates ? [toleration] : [],
        });
        const from = at % shapes.length;
        const takes = shapes.some(
          (each, index) =>
            index !== from &&
            !each.closed &&
            (!each.tainted || asked.tolerates) &&
            (asked.zone === null || asked.zone === each.labels.zone) &&
            each.gpus >= asked.gpus,
        );
        expect(createLandings(all)(`n${from}`, [one])[0]?.kind === 'lands').toBe(takes);
      }),
      { numRuns: 500 },
    );
  });

  it('is done with 5,000 nodes and 100,000 pods in seconds', () => {
    const all = Array.from({ length: 5000 }, (_, index) =>
      room(`n${index}`, {
        labels: { zone: `z${index % 3}` },
        free: { ...PLENTY, 'nvidia.com/gpu': index % 2 },
      }),
    );
    const shapes = Array.from({ length: 20 }, (_, index) =>
      demand({ requests: { cpu: 100, 'nvidia.com/gpu': index % 3 === 0 ? 8 : 0, pods: 1 } }, { pods: 1 }),
    );
    const startedMs = performance.now();
    const landings = createLandings(all);
    let homeless = 0;
    for (const { name } of all)
      homeless += landings(name, shapes).filter(({ kind }) => kind !== 'lands').length;
    expect(homeless).toBe(5000 * 7);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  });
});
