// What stands at a gate about many nodes: what their drains would meet, and what has become of the plan since.
import { describe, expect, it } from '@jest/globals';
import { completeRunState, newRunState } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { statusOf } from '../../domain/machines/fleet-views.ts';
import type { DrainProgress } from '../../domain/node-state.ts';
import type { GateWish } from '../../domain/plan.ts';
import type { PlanPreflight, PlanRisk } from '../../domain/preflight.ts';
import { policyOf, stepOf } from '../workflows/shapes.ts';
import { createApprovalBed, minute } from './approval-bed.ts';

const bed = createApprovalBed({ nodes: ['n1', 'n2', 'n3', 'n4'] });
const IDS = { workflowId: 'run', firstExecutionRunId: 'r' };

const risk = (kind: PlanRisk['kind'], node: string): PlanRisk => ({
  kind,
  nodes: 2,
  pods: 3,
  example: { node, pod: 'ml/trainer', text: 'because' },
});
const preflight: PlanPreflight = {
  risks: [risk('twoPdbs', 'n1'), risk('pdbNever', 'n2'), risk('bare', 'n3'), risk('pdbNow', 'n4')],
  moves: [
    { pool: 'h100', nodes: 4, pods: 40, ofJobs: 12, guarded: 8 },
    { pool: 'batch', nodes: 2, pods: 5, ofJobs: 5, guarded: 0 },
  ],
  limits: [],
  pages: [],
};

function withPreflight(found: PlanPreflight | undefined): RunState {
  const { plan } = bed.planned;
  if (plan === null) throw new Error('the bed has planned');
  return { ...bed.planned, plan: found === undefined ? plan : { ...plan, preflight: found } };
}

function asked(state: RunState, wish: Partial<GateWish> = {}): readonly string[] {
  const gate: GateWish = {
    name: 'canary/h100',
    kind: 'canary',
    pool: 'h100',
    evidence: ['3 would follow'],
    ...wish,
  };
  const next = { observedAt: minute(0), slots: [], steps: [], settled: [], waiting: [], gates: [gate] };
  const open = bed.after(state, { kind: 'stepsOffered', next });
  return statusOf(open, IDS).gates[0]?.evidence ?? [];
}

describe('a gate about many nodes', () => {
  it.each(['canary', 'notReady', 'noWayBack'] as const)(
    'of kind %s tells what the drains of its pool would move, and what would block them [I256]',
    (kind) => {
      const told = asked(withPreflight(preflight), { kind, name: `${kind}/h100` });
      expect(told.slice(0, 5)).toEqual([
        '3 would follow',
        'the drains of all of pool h100, when planned: 40 pods to move from 4 nodes, 12 of them of Jobs, 8 under PDBs',
        expect.stringMatching(
          /^in the whole plan: BLOCKS {2}3 pods on 2 nodes .*two PodDisruptionBudgets.*n1, ml/,
        ),
        expect.stringMatching(/^in the whole plan: BLOCKS {2}3 pods on 2 nodes .*can never allow it/),
        'and 1 more kinds of blocks: refit plan shows them',
      ]);
    },
  );

  it('of a tier is about all pools, of a pool about its own; of a node it says what was seen of that node', () => {
    const state = withPreflight(preflight);
    expect(asked(state, { kind: 'tier', name: 'tier/prod', pool: '' }).join()).toContain(
      'the drains of all pools, when planned: 45 pods to move from 6 nodes, 17 of them of Jobs',
    );
    const gate = {
      name: 'pool/batch',
      openedAt: minute(0),
      evidence: [],
      about: { kind: 'pool', pool: 'batch' },
    } as const;
    expect(statusOf({ ...state, gates: [gate] }, IDS).gates[0]?.evidence.join()).toContain(
      '5 pods to move from 2 nodes',
    );
    const ofNode = bed.after(state, bed.offer(['n1']));
    expect(statusOf(ofNode, IDS).gates[0]?.evidence.join()).not.toContain('the drains of');
  });

  it('calls nothing clear that nobody looked at', () => {
    expect(asked(withPreflight(undefined))[1]).toBe('what the drains would meet was not looked at');
    expect(asked(withPreflight({ ...preflight, risks: [] }))[2]).toBe(
      'nothing in the whole plan would block a drain until a person deals with it',
    );
  });
});

describe('what has changed since the plan', () => {
  const progress = (pod: string): DrainProgress => ({
    podsTotal: 3,
    podsLeft: 1,
    blockersTotal: 1,
    blockers: [
      {
        kind: 'pdb',
        namespace: 'ml',
        pod,
        podUid: 'u',
        pdbs: ['p'],
        disruptionsAllowed: 0,
        since: minute(1),
        text: 'held by PDB p',
      },
    ],
  });
  const open = (state: RunState) =>
    statusOf(bed.after(state, bed.offer(['n4'])), IDS).gates[0]?.evidence ?? [];

  it('is told with the policies that were changed in flight', () => {
    const definition = bed.planned.definition!;
    const change = (unavailableMax: number) => ({
      kind: 'policyChanged' as const,
      by: 'sam',
      reason: 'x',
      definition: {
        ...definition,
        pools: definition.pools.map((pool) => ({
          ...pool,
          policy: policyOf({ unavailableMax, approval: pool.policy.approval }),
        })),
      },
    });
    expect(open(bed.planned).join()).not.toContain('policy changed');
    const changed = [3, 4, 5].reduce((state, max) => bed.after(state, change(max)), bed.planned);
    const line = open(changed).find((one) => one.startsWith('policy changed since the plan: ')) ?? '';
    expect(line).toMatch(/sam: disruption\.unavailableMax 3 → 4.*; sam: disruption\.unavailableMax 4 → 5/);
    expect(line).not.toContain('10 → 3');
  });

  it('is told with the nodes that were deferred, and the drains that are held now', () => {
    const deferred: RunState = {
      ...bed.planned,
      deferred: { n1: { times: 1, until: minute(60) }, n2: { times: 2, until: null } },
      notes: { n1: { state: 'deferred', why: 'ml/llama did not leave', at: minute(1) } },
    };
    const step = stepOf('n3', bed.policy, 1);
    const working = bed.after(deferred, { kind: 'nodeStarted', step, childId: 'run/node/n3' });
    const held = bed.after(working, { kind: 'progressReported', node: 'n3', progress: progress('vllm-0') });
    const told = open(held);
    expect(told).toContain('deferred since the plan: 2 nodes, the last n1: ml/llama did not leave; n2');
    expect(told).toContain('drains that are held now: 1 node, n3: ml/vllm-0: held by PDB p');
  });

  it('stays within bounds, whatever happened', () => {
    const long = 'x'.repeat(5_000);
    const names = Array.from({ length: 100 }, (_, index) => `node-${String(index)}-${'y'.repeat(200)}`);
    const state: RunState = {
      ...bed.planned,
      policyTold: [long, long],
      settledSince: { nodes: 100, last: [long, long, long] },
      deferred: Object.fromEntries(names.map((name) => [name, { times: 1, until: minute(9) }])),
    };
    const told = open(state);
    expect(told.length).toBeLessThanOrEqual(20);
    for (const line of told) expect(line.length).toBeLessThanOrEqual(200);
  });

  it('is nothing to a run that an older version carried over', () => {
    const fields = Object.entries(newRunState(minute(0))).filter(([name]) => name !== 'policyTold');
    expect(completeRunState(Object.fromEntries(fields) as RunState).policyTold).toEqual([]);
  });
});
