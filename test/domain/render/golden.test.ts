// The texts that people read, word for word. Written again with REFIT_WRITE_GOLDEN=1.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { renderPlan } from '../../../domain/render/plan.ts';
import { printable } from '../../../domain/render/printable.ts';
import { renderReport } from '../../../domain/render/report.ts';
import { renderSpan, renderUntil } from '../../../domain/render/span.ts';
import { renderStatus } from '../../../domain/render/status.ts';
import { renderTimeline } from '../../../domain/render/timeline.ts';
import { renderWhy } from '../../../domain/render/why.ts';
import { NOW, sampleHistory, samplePlan, sampleReport, sampleStatus } from './sample-run.ts';

const plan = samplePlan();
const failed = sampleHistory({
  node: 'ip-10-0-0-4',
  attempt: 2,
  outcome: { kind: 'failed', at: 'draining', why: 'training/llama-7 held by PDB llama', nodeEmpty: false },
});
const decisions = [
  {
    at: '2026-11-20T10:00:30.000Z',
    kind: 'approve' as const,
    subject: 'node/ip-10-0-0-3',
    by: 'sam',
    reason: 'looked at the canary',
    planDigest: null,
  },
  {
    at: '2026-11-20T10:00:40.000Z',
    kind: 'approve' as const,
    subject: 'node/ip-10-0-0-3',
    by: 'ana',
    reason: 'said for node/* (the next 3)',
    planDigest: 'sha256:3f1c',
    yeses: '2 of 2',
    evidence: ['ip-10-0-0-3 (h100, us-east-1a): 2026.09 → 2026.11', 'pods to move: 3\u001b[2J'],
    saidAt: '2026-11-20T09:59:00.000Z',
  },
];

const TEXTS: Readonly<Record<string, () => string>> = {
  'plan.txt': () => renderPlan(plan.summary, plan.rows, plan.definition),
  'plan-without-policies.txt': () => renderPlan(plan.summary, plan.rows),
  'status.txt': () => renderStatus(sampleStatus(), NOW),
  'status-without-a-clock.txt': () => renderStatus(sampleStatus()),
  'why.txt': () => renderWhy(sampleStatus().waiting, NOW),
  'report.txt': () => renderReport(sampleReport(), { nodes: [sampleHistory(), failed], decisions }),
  'report-without-records.txt': () => renderReport(sampleReport({ plan: null })),
  'timeline.txt': () => renderTimeline(sampleHistory()),
};

describe('golden texts', () => {
  it.each(Object.keys(TEXTS))('%s reads as it is kept', (name) => {
    const path = join(import.meta.dirname, 'golden', name);
    const text = `${TEXTS[name]?.() ?? ''}\n`;
    if (process.env['REFIT_WRITE_GOLDEN'] === '1') writeFileSync(path, text);
    else expect(text).toBe(readFileSync(path, 'utf8'));
  });
});

describe('text of strangers', () => {
  it('reaches no terminal with a control character, and is cut [I108]', () => {
    const evil = '\u001b[2J\u001b]0;owned\u0007ok\r\nfake line\u202e';
    expect(printable(evil)).toBe('[2J ]0;owned ok fake line');
    expect(printable('x'.repeat(1_000_000))).toHaveLength(300);
    expect(printable(`${'x'.repeat(599)}\u0007\u0007`)).toHaveLength(300);
    const status = sampleStatus({ phase: 'paused', phaseWhy: evil });
    const control = /[\u0000-\u0009\u000b-\u001f\u202e]/;
    expect(renderStatus(status)).not.toMatch(control);
    const report = sampleReport({ notes: [{ node: 'n', state: 'failed', why: evil }] });
    expect(renderReport(report)).not.toMatch(control);
  });
});

describe('spans of time', () => {
  it('are told by their two largest units', () => {
    const minute = 60_000;
    const spans = [0, 9_000, 65_000, 190 * minute, 3 * 1440 * minute + 61 * minute];
    expect(spans.map(renderSpan)).toEqual(['0s', '9s', '1m5s', '3h10m', '3d1h']);
  });

  it('that have run out are told as overdue', () => {
    expect(renderUntil('2026-11-20T10:28:00.000Z', NOW)).toBe('overdue by 2m');
    expect(renderUntil(null, NOW)).toBeUndefined();
  });
});
