// One run as its queries and records tell it, for the texts that people read.
import type { PlanEstimate } from '../../../domain/estimate.ts';
import type { NodeHistory, RunReport } from '../../../domain/report.ts';
import type { RunStatus } from '../../../domain/status.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import type { PlanSummary } from '../../../domain/plan.ts';
import { sampleDefinition, sampleInventory, sampleNode, sampleNodes } from '../planning/sample-fleet.ts';

export const NOW = new Date('2026-11-20T10:30:00.000Z');
const DIGEST = `sha256:${'3f'.repeat(32)}`;

export function samplePlan() {
  const definition = sampleDefinition({ tier: 'prod' });
  const nodes = [
    ...sampleNodes('batch', 2),
    sampleNode('h100', 0),
    sampleNode('h100', 1, { unschedulable: true }),
    sampleNode('h100', 2, { kubeletVersion: 'v1.36.1' }),
  ];
  const plan = planRun(definition, sampleInventory(nodes), null);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  const summary: PlanSummary = { ...plan.draft, digest: DIGEST, pages: [] };
  return { definition, summary, rows: plan.rows };
}

export function sampleEstimate(): PlanEstimate {
  const minutes = (low: number, high: number) => ({ lowMs: low * 60_000, highMs: high * 60_000 });
  return {
    from: '2026-11-20T10:00:00.000Z',
    whole: { ...minutes(750, 2400), gpuHours: { low: 32, high: 64 }, measured: 30 },
    pools: [
      {
        pool: 'batch',
        nodes: 2,
        node: { ...minutes(5, 60), measured: 0 },
        soakMs: 0,
        earliest: { begin: '2026-11-20T10:00:00.000Z', end: '2026-11-20T10:10:00.000Z' },
        latest: { begin: '2026-11-20T10:00:00.000Z', end: '2026-11-20T12:00:00.000Z' },
      },
      {
        pool: 'h100',
        nodes: 12,
        node: { ...minutes(20, 40), measured: 30 },
        soakMs: 600_000,
        earliest: { begin: '2026-11-20T10:10:00.000Z', end: '2026-11-20T22:30:00.000Z' },
        latest: { begin: '2026-11-20T12:00:00.000Z', end: '2026-11-22T02:00:00.000Z' },
      },
    ],
    openings: [
      {
        pool: 'h100',
        from: '2026-11-20T22:00:00.000Z',
        until: '2026-11-21T04:00:00.000Z',
        nodesLow: 8,
        nodesHigh: 12,
      },
      {
        pool: 'h100',
        from: '2026-11-21T22:00:00.000Z',
        until: '2026-11-22T04:00:00.000Z',
        nodesLow: 0,
        nodesHigh: 4,
      },
    ],
    openingsLeft: 0,
    approvals: [
      { gate: 'node/…', pool: 'h100', times: 3, approvers: 2, notRequester: true },
      {
        gate: 'canary',
        pool: 'h100',
        times: 1,
        approvers: 2,
        notRequester: true,
        onlyWhen: 'no canary ends well, or one does not stay well',
      },
    ],
  };
}

export function sampleStatus(changes: Partial<RunStatus> = {}): RunStatus {
  return {
    workflowId: 'upgrade.training.prod-east',
    fleet: 'training',
    cluster: 'prod-east',
    requestedBy: 'ana',
    startedAt: '2026-11-20T10:00:00.000Z',
    phase: 'running',
    phaseWhy: null,
    outcome: null,
    planDigest: DIGEST,
    counts: { total: 24, waiting: 15, active: 2, done: 4, failed: 1, skipped: 0, upToDate: 1, leftAlone: 1 },
    active: [
      {
        node: 'ip-10-0-0-1',
        pool: 'h100',
        childId: 'upgrade.training.prod-east/node/ip-10-0-0-1',
        attempt: 1,
        state: 'draining',
        since: '2026-11-20T10:20:00.000Z',
        until: '2026-11-20T10:50:00.000Z',
        progress: {
          podsTotal: 9,
          podsLeft: 3,
          blockers: [
            {
              kind: 'pdb',
              namespace: 'training',
              pod: 'llama-7',
              podUid: 'u',
              pdbs: ['llama'],
              disruptionsAllowed: 0,
              since: '2026-11-20T10:21:00.000Z',
              text: 'training/llama-7 held by PDB llama',
            },
          ],
          blockersTotal: 2,
        },
      },
    ],
    waiting: [
      {
        subject: 'node/ip-10-0-0-1',
        on: 'training/llama-7 held by PDB llama, which allows no disruption',
        since: '2026-11-20T10:21:00.000Z',
        until: '2026-11-20T10:50:00.000Z',
        freedBy: 'one more Ready pod of PDB llama',
      },
    ],
    gates: [
      {
        name: 'node/ip-10-0-0-2',
        openedAt: '2026-11-20T10:29:00.000Z',
        evidence: ['ip-10-0-0-2 (h100, us-east-1a): 2026.09 → 2026.11', '4 pods have to move'],
        answers: ['refit approve node/ip-10-0-0-2', 'refit reject node/ip-10-0-0-2'],
      },
    ],
    ignored: [
      {
        at: '2026-11-20T10:28:00.000Z',
        message: 'approve',
        content: '{"gate":"node/typo"}',
        why: 'no gate node/typo is open',
      },
    ],
    events: [{ at: '2026-11-20T10:29:00.000Z', text: 'gate node/ip-10-0-0-2 opened' }],
    reportDigest: null,
    ...changes,
  };
}

export function sampleHistory(changes: Partial<NodeHistory> = {}): NodeHistory {
  return {
    workflowId: 'upgrade.training.prod-east',
    node: 'ip-10-0-0-3',
    uid: 'uid-3',
    pool: 'h100',
    instanceId: 'i-3',
    attempt: 1,
    from: '2026.09',
    to: '2026.11',
    startedAt: '2026-11-20T10:00:00.000Z',
    endedAt: '2026-11-20T10:14:03.000Z',
    transitions: [
      { at: '2026-11-20T10:00:00.000Z', state: 'cordoned', text: 'cordoned by us' },
      { at: '2026-11-20T10:00:01.000Z', state: 'draining', text: '9 pods to move' },
      { at: '2026-11-20T10:04:00.000Z', state: 'reimaging', text: 'empty' },
    ],
    outcome: { kind: 'done', release: '2026.11', bootId: 'boot-2' },
    taskId: 'replacevol-1',
    oldRootVolumeId: 'vol-old',
    evidence: [
      { check: 'ready', subject: 'node', expected: 'True', found: 'True', ok: true },
      { check: 'gpus', subject: 'nvidia.com/gpu', expected: '8', found: '7', ok: false },
    ],
    ...changes,
  };
}

export function sampleReport(changes: Partial<RunReport> = {}): RunReport {
  return {
    workflowId: 'upgrade.training.prod-east',
    firstExecutionRunId: 'run-1',
    fleet: 'training',
    cluster: 'prod-east',
    requestedBy: 'ana',
    startedAt: '2026-11-20T10:00:00.000Z',
    endedAt: '2026-11-20T11:30:00.000Z',
    outcome: 'failed',
    plan: samplePlan().summary,
    counts: { total: 5, done: 1, failed: 1, skipped: 1, upToDate: 1, leftAlone: 1, waiting: 0 },
    notes: [{ node: 'h100-1', state: 'cordoned-by-other', why: 'cordoned by somebody else' }],
    notesTotal: 1,
    ...changes,
  };
}
