// What a person is told that a drain would meet.
import { describe, expect, it } from '@jest/globals';
import { readImpact } from '../../../domain/drain/impact.ts';
import { nodeEvidence } from '../../../domain/machines/fleet-evidence.ts';
import { policyOf, stepOf } from '../../workflows/shapes.ts';
import { pdb, pod } from './facts.ts';

const context = { lookUpDaemonSet: () => ({ kind: 'present' as const }), force: false };
const owner = (kind: string) => ({ apiVersion: 'batch/v1', kind, name: 'x' });

const pods = [
  pod({ name: 'llama-0', namespace: 'training', controller: owner('Job'), labels: { app: 'llama' } }),
  pod({ name: 'llama-1', namespace: 'training', controller: owner('Job'), labels: { app: 'llama' } }),
  pod({ name: 'chat-0', namespace: 'serving', labels: { app: 'chat' } }),
  pod({ name: 'shell', namespace: 'default', controller: null, labels: {} }),
  // Nothing of these is moved.
  pod({ name: 'done', phase: 'Succeeded' }),
  pod({ name: 'mirror', mirror: true }),
  pod({ name: 'agent', controller: { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent' } }),
];
const selects = (app: string) => ({ matchLabels: { app }, matchExpressions: [] });
const pdbs = [
  pdb({ namespace: 'serving', name: 'chat', selector: selects('chat'), disruptionsAllowed: 2 }),
  pdb({
    namespace: 'training',
    name: 'llama',
    selector: selects('llama'),
    maxUnavailable: 0,
    disruptionsAllowed: 0,
  }),
  pdb({ namespace: 'other', name: 'elsewhere', selector: selects('llama') }),
];

describe('what a drain would meet', () => {
  const impact = readImpact(pods, pdbs, context);

  it('counts the pods that it would move by namespace and owner, the most first [I142]', () => {
    expect(impact.podsTotal).toBe(4);
    expect(impact.pods).toEqual([
      { namespace: 'training', owner: 'of a Job', pods: 2 },
      { namespace: 'serving', owner: 'of a ReplicaSet', pods: 1 },
      { namespace: 'default', owner: 'bare', pods: 1 },
    ]);
  });

  it('names the budgets that guard them with what they allow now, and what can never be [I142]', () => {
    expect(impact.pdbs).toEqual([
      { namespace: 'training', name: 'llama', pods: 2, disruptionsAllowed: 0, never: true },
      { namespace: 'serving', name: 'chat', pods: 1, disruptionsAllowed: 2, never: false },
    ]);
  });

  it('names the pods that would hold it up, with the reason [I142]', () => {
    expect(impact.blocked).toEqual([
      { namespace: 'default', name: 'shell', why: 'no controller would bring it back' },
    ]);
  });

  it('stays small whatever stands on the node, and says what it leaves out [I142]', () => {
    const crowd = Array.from({ length: 500 }, (_, index) =>
      pod({ name: `p${index}`, namespace: `team-${index}`, controller: null }),
    );
    const guards = crowd.map(({ namespace }) => pdb({ namespace, name: 'guard'.repeat(10) }));
    const full = readImpact(crowd, guards, context);
    expect([full.podsTotal, full.kindsLeft, full.pdbsLeft, full.blocked.length]).toEqual([500, 494, 494, 3]);
    expect(JSON.stringify(full).length).toBeLessThan(2_500);
  });

  it('is told at the gate in lines that a person reads [I142]', () => {
    expect(nodeEvidence({ ...stepOf('n1', policyOf(), 1), podsToMove: 4, impact }).slice(2, -1)).toEqual([
      'pods to move: 4 (training: 2 of a Job, serving: 1 of a ReplicaSet, default: 1 bare)',
      'guarded by PDB training/llama over 2 of them, which can never allow it; serving/chat over 1 of them, 2 disruptions allowed now',
      'would block: default/shell: no controller would bring it back',
    ]);
    const unknown = nodeEvidence({ ...stepOf('n1', policyOf(), 1), podsToMove: 4 });
    expect(unknown[2]).toBe('pods to move: 4');
  });
});
