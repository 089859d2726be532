// What the drains of a plan would meet: what is made of each pod, and how a plan sums it up.
import { describe, expect, it } from '@jest/globals';
import { createDrainTally } from '../../../domain/planning/drain-tally.ts';
import type { DrainFacts, PodLoad } from '../../../domain/planning/drain-tally.ts';
import { LANDING_LIMITS } from '../../../domain/planning/landing.ts';
import { drainScope, tellPreflight } from '../../../domain/planning/preflight.ts';
import type { PdbFacts, PodFacts } from '../../../domain/drain/pod.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import type { DrainRule } from '../../../domain/policy.ts';
import { BLOCK_KINDS, RISK_KINDS } from '../../../domain/preflight.ts';
import type { RiskKind } from '../../../domain/preflight.ts';
import { nodeFacts } from '../../fakes/fake-kubernetes.ts';
import { pdb, pod } from '../drain/facts.ts';
import {
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './sample-fleet.ts';

function load(changes: Partial<PodFacts>, o: Partial<Omit<PodLoad, 'pod'>> = {}): PodLoad {
  return {
    pod: pod(changes),
    shape: { requests: { cpu: 1000, pods: 1 }, nodeSelector: {}, affinity: null, tolerations: [] },
    claims: [],
    keepsEmptyDir: false,
    ...o,
  };
}

function gather(
  loads: readonly PodLoad[],
  o: { pdbs?: readonly PdbFacts[]; rules?: readonly DrainRule[]; volumes?: DrainFacts['volumes'] } = {},
): DrainFacts {
  const tally = createDrainTally({
    scope: new Map([['n1', o.rules ?? []]]),
    pdbsOf: () => o.pdbs ?? [],
    lookUpDaemonSet: (_, name) => (name === 'gone' ? { kind: 'missing' } : { kind: 'present' }),
  });
  for (const one of loads) tally.add(one);
  return { ...tally.end(), volumes: o.volumes ?? { kind: 'known', places: new Map() } };
}

const risksOf = (facts: DrainFacts) => [...(facts.drains.get('n1')?.risks.values() ?? [])];

const waits: DrainRule = {
  name: 'jobs',
  matchLabels: { app: 'web' },
  namespaces: null,
  order: 0,
  waitFor: 'completion',
  deadlineMs: null,
};
const daemonSet = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'exporter' };

describe('the tally of pods', () => {
  it.each<[RiskKind, PodLoad, Parameters<typeof gather>[1]]>([
    ['twoPdbs', load({}), { pdbs: [pdb(), pdb({ name: 'other' })] }],
    ['pdbNever', load({}), { pdbs: [pdb({ maxUnavailable: 0, disruptionsAllowed: 0 })] }],
    ['pdbNow', load({}), { pdbs: [pdb({ disruptionsAllowed: 0 })] }],
    ['bare', load({ controller: null }), {}],
    ['daemonSetMissing', load({ controller: { ...daemonSet, name: 'gone' } }), {}],
    ['wait', load({ drainWish: 'wait' }), {}],
    ['annotation', load({ drainWish: 'Wait' }), {}],
    ['annotation', load({ drainWish: 'skip' }), {}],
    ['rule', load({}), { rules: [waits] }],
    ['localStorage', load({}, { keepsEmptyDir: true }), {}],
  ])('finds %s as a drain would [I174]', (kind, one, o) => {
    const facts = gather([one, load({ name: 'plain', labels: {} })], o);
    expect(risksOf(facts)).toEqual([
      { kind, pods: 1, example: 'default/web-1', text: expect.stringMatching(/.{10}/) },
    ]);
    expect(facts.drains.get('n1')?.pods).toBe(2);
  });

  it.each<[string, PodLoad]>([
    ['of a DaemonSet', load({ controller: daemonSet })],
    ['of a kubelet', load({ mirror: true })],
    ['that has ended', load({ phase: 'Succeeded' })],
    ['of a node that is not drained', load({ node: 'n2', controller: null })],
  ])('leaves out a pod %s [I174]', (_, one) => {
    expect(gather([one]).drains.size).toBe(0);
  });

  it('counts the requests of all pods that have not ended, on every node', () => {
    const facts = gather([
      load({ name: 'a' }),
      load({ name: 'b', controller: daemonSet }),
      load({ name: 'c', phase: 'Failed' }),
      load({ name: 'd', node: 'n2' }),
    ]);
    expect([...facts.used]).toEqual([
      ['n1', { cpu: 2000, pods: 2 }],
      ['n2', { cpu: 1000, pods: 1 }],
    ]);
  });

  it('keeps a shape once for all pods that ask for the same, and no pod that would not come back', () => {
    const facts = gather([
      load({ name: 'a' }),
      load({ name: 'b' }),
      load({ name: 'c' }, { claims: ['data-c'] }),
      load({ name: 'bare', controller: null }),
      load({ name: 'ending', deletionTimestamp: '2026-01-01T00:00:00Z' }),
    ]);
    const demands = facts.drains.get('n1')?.demands ?? [];
    expect(demands.map(({ pods, example, claims }) => ({ pods, example, claims }))).toEqual([
      { pods: 2, example: 'default/a', claims: [] },
      { pods: 1, example: 'default/c', claims: ['default/data-c'] },
    ]);
    expect(demands[0]?.shape).toBe(demands[1]?.shape);
  });
});

describe('the preflight of a plan', () => {
  const allocatable = { cpu: '4', memory: '64Gi', pods: '10' };
  const zone = (name: string) => ({ labels: [{ key: 'zone', operator: 'In', values: [name] }], fields: [] });
  const place = (name: string, changes: Partial<NodeFacts> = {}) =>
    nodeFacts({ name, allocatable, ...changes });
  const row = (node: string) => {
    const [first] = plannedRows(
      sampleDefinition({ pools: [samplePool('batch')] }),
      sampleInventory(sampleNodes('batch', 1)),
    );
    if (first === undefined) throw new Error('no row');
    return { ...first, node };
  };

  it('tells each row what its drain would meet, the gravest first, and sums it up [I174]', () => {
    const facts = gather(
      [
        load({ name: 'a', controller: null }),
        load({ name: 'b' }, { keepsEmptyDir: true }),
        load(
          { name: 'c' },
          { shape: { requests: { cpu: 9000, pods: 1 }, nodeSelector: {}, affinity: null, tolerations: [] } },
        ),
      ],
      {},
    );
    const { rows, preflight } = tellPreflight(
      [row('n1'), row('n2')],
      { nodes: [place('n1'), place('n2')] },
      facts,
    );
    expect(rows.map(({ meets }) => meets)).toEqual([
      {
        pods: 3,
        risks: [
          { kind: 'bare', pods: 1, example: 'default/a', text: 'no controller would bring it back' },
          {
            kind: 'noRoom',
            pods: 1,
            example: 'default/c',
            text: '1 other nodes fit it, none has room for cpu 9',
          },
          { kind: 'localStorage', pods: 1, example: 'default/b', text: expect.any(String) },
        ],
      },
      { pods: 0, risks: [] },
    ]);
    expect(preflight.risks.map(({ kind, nodes, pods }) => `${kind} ${nodes} ${pods}`)).toEqual([
      'bare 1 1',
      'noRoom 1 1',
      'localStorage 1 1',
    ]);
    expect(preflight.limits).toEqual(LANDING_LIMITS);
  });

  it('takes what other pods ask for from the room of their nodes [I173]', () => {
    const others = Array.from({ length: 4 }, (_, at) => load({ name: `o${at}`, node: 'n2' }));
    const nodes = [place('n1'), place('n2')];
    const told = (loads: readonly PodLoad[]) =>
      tellPreflight([row('n1')], { nodes }, gather([load({}), ...loads])).rows[0]?.meets?.risks ?? [];
    expect(told(others.slice(1))).toEqual([]);
    expect(told(others)).toMatchObject([{ kind: 'noRoom', pods: 1 }]);
  });

  it('keeps a pod where its volume can be used, and says when that is not known [I173]', () => {
    const places = new Map([['default/data', [[zone('a')]]]]);
    const nodes = [place('n1', { labels: { zone: 'a' } }), place('n2', { labels: { zone: 'b' } })];
    const pods = [load({}, { claims: ['data'] })];
    const known = tellPreflight([row('n1')], { nodes }, gather(pods, { volumes: { kind: 'known', places } }));
    expect(known.rows[0]?.meets?.risks).toMatchObject([
      { kind: 'pinned', text: 'no other node fits it: 1 are out of reach of its volumes' },
    ]);
    const why = 'may not list persistentvolumes';
    const blind = tellPreflight([row('n1')], { nodes }, gather(pods, { volumes: { kind: 'unknown', why } }));
    expect(blind.rows[0]?.meets?.risks).toEqual([]);
    expect(blind.preflight.limits[0]).toContain(why);
  });

  it('is about the nodes that are upgraded alone, each with the rules of its pool', () => {
    const drain = { ...samplePolicy().drain, rules: [waits] };
    const pools = [samplePool('batch', { policy: samplePolicy({ drain }) }), samplePool('h100')];
    const nodes = [...sampleNodes('batch', 1), ...sampleNodes('h100', 2)];
    nodes[2] = { ...nodes[2]!, unschedulable: true };
    const definition = sampleDefinition({ pools });
    const rows = plannedRows(definition, sampleInventory(nodes));
    expect([...drainScope(definition, rows)]).toEqual([
      ['batch-0', [waits]],
      ['h100-0', []],
    ]);
    const told = tellPreflight(rows, { nodes }, gather([]));
    expect(told.rows.map(({ node, meets }) => [node, meets?.pods])).toEqual([
      ['batch-0', 0],
      ['h100-0', 0],
      ['h100-1', undefined],
    ]);
    const nothing = { nodes: 1, pods: 0, ofJobs: 0, guarded: 0 };
    const moves = [
      { pool: 'batch', ...nothing },
      { pool: 'h100', ...nothing },
    ];
    expect(told.preflight).toEqual({ risks: [], moves, limits: [], pages: [] });
  });

  it('counts by pool what the drains would move: pods, those of Jobs, those under a PodDisruptionBudget', () => {
    const job = { apiVersion: 'batch/v1', kind: 'Job', name: 'train' };
    const nodes = sampleNodes('h100', 2).map((node, index) => ({ ...node, name: `n${String(index + 1)}` }));
    const rows = plannedRows(sampleDefinition({ pools: [samplePool('h100')] }), sampleInventory(nodes));
    const guarded = { labels: { app: 'guarded' } };
    const free = { labels: { app: 'free' } };
    const loads = [
      load({ name: 'a', controller: job, ...free }),
      load({ name: 'b', ...guarded }),
      load({ name: 'c', ...free }),
      load({ name: 'ds', controller: daemonSet, ...guarded }),
    ];
    const budget = pdb({ selector: { matchLabels: { app: 'guarded' }, matchExpressions: [] } });
    const { preflight } = tellPreflight(rows, { nodes }, gather(loads, { pdbs: [budget] }));
    expect(preflight.moves).toEqual([{ pool: 'h100', nodes: 2, pods: 3, ofJobs: 1, guarded: 1 }]);
  });

  it('counts as blocks what stands first among the kinds', () => {
    expect(RISK_KINDS.slice(0, BLOCK_KINDS.length)).toEqual(BLOCK_KINDS);
  });
});
