// Why pods are still on their node, and when that is told.
import { describe, expect, it } from '@jest/globals';
import { reportBlockers } from '../../../domain/drain/blockers.ts';
import { checkBudget } from '../../../domain/drain/budget.ts';
import { MAX_BLOCKERS } from '../../../domain/node-state.ts';
import { pdb, pod } from './facts.ts';
import type { PodSituation } from '../../../domain/drain/blockers.ts';

const nowMs = Date.parse('2026-11-01T12:00:00Z');

function situation(changes: Partial<PodSituation> = {}): PodSituation {
  const covering = changes.covering ?? [];
  const subject = changes.pod ?? pod();
  const budget = checkBudget(subject, covering);
  return {
    pod: subject,
    choice: { kind: 'evict' },
    covering,
    budget,
    evicted: false,
    refusal: null,
    turn: { kind: 'go' },
    ...changes,
  };
}

function report(situations: PodSituation[], since: Record<string, string> = {}, atMs = nowMs) {
  return reportBlockers({ situations, podsTotal: 3, since, nowMs: atMs });
}

const held = situation({ covering: [pdb({ disruptionsAllowed: 0, currentHealthy: 2 })] });

describe('the reasons why pods stay', () => {
  it('names pod, PDB and allowance once a refusal has stood for a second [I32]', () => {
    const first = report([held]);
    expect(first.progress.blockers).toEqual([]);
    expect(first.dueAtMs).toBe(nowMs + 1_000);
    const second = report([held], { ...first.since }, nowMs + 1_000);
    expect(second.progress).toEqual({
      podsTotal: 3,
      podsLeft: 1,
      blockersTotal: 1,
      blockers: [
        {
          kind: 'pdb',
          namespace: 'default',
          pod: 'web-1',
          podUid: 'uid-web-1',
          pdbs: ['web'],
          disruptionsAllowed: 0,
          since: '2026-11-01T12:00:00.000Z',
          text: 'PDB web allows 0 disruptions: 2 of 3 pods healthy, 2 needed',
        },
      ],
    });
  });

  it.each([
    ['pdbNever', situation({ covering: [pdb({ disruptionsAllowed: 0, maxUnavailable: 0 })] })],
    ['twoPdbs', situation({ covering: [pdb(), pdb({ name: 'other' })] })],
    ['bare', situation({ choice: { kind: 'blocked', reason: 'bare', why: 'bare' } })],
    ['daemonSetMissing', situation({ choice: { kind: 'blocked', reason: 'daemonSetMissing', why: 'gone' } })],
    ['annotation', situation({ choice: { kind: 'blocked', reason: 'annotation', why: 'wait' } })],
  ])('tells %s at once, for only a person can lift it [I32]', (kind, each) => {
    expect(report([each]).progress.blockers.map((b) => b.kind)).toEqual([kind]);
  });

  it('is silent about a pod that ends in its grace period, and tells of one that is overdue', () => {
    const ending = situation({ evicted: true, pod: pod({ deletionTimestamp: '2026-11-01T12:00:00Z' }) });
    expect(report([ending]).progress.blockersTotal).toBe(0);
    expect(report([ending], {}, nowMs + 10_001).progress.blockers[0]?.kind).toBe('terminating');
  });

  it('has one fingerprint for one set of reasons, whatever the numbers say [I32]', () => {
    const since = { 'uid-web-1/pdb': '2026-11-01T11:00:00.000Z' };
    const fewer = situation({ covering: [pdb({ disruptionsAllowed: 0, currentHealthy: 1 })] });
    expect(report([held], since).fingerprint).toBe(report([fewer], since).fingerprint);
    expect(report([held], since).fingerprint).not.toBe(report([]).fingerprint);
  });

  it('stays bounded: the most urgent travel, the rest are counted', () => {
    const many = Array.from({ length: 60 }, (_, at) =>
      situation({
        pod: pod({ name: `p-${String(at).padStart(2, '0')}` }),
        choice: { kind: 'blocked', reason: 'bare', why: 'bare' },
      }),
    );
    const found = report([held, ...many], { 'uid-web-1/pdb': '2026-11-01T11:00:00.000Z' });
    expect(found.progress.blockers).toHaveLength(MAX_BLOCKERS);
    expect(found.progress.blockers[0]?.pod).toBe('p-00');
    expect(found.progress.blockersTotal).toBe(61);
    expect(Object.keys(found.since).length).toBeLessThanOrEqual(2 * MAX_BLOCKERS);
  });
});
