// Documents that people sign and keep, word for word. Written again with REFIT_WRITE_GOLDEN=1.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { heading, list, paragraph, table } from '../../domain/document.ts';
import { changeRequest } from '../../domain/render/change-request.ts';
import type { PlannedChange } from '../../domain/render/change-request.ts';
import { promotionRequest } from '../../domain/render/promotion-request.ts';
import { reportDocument } from '../../domain/render/report-document.ts';
import type { RunRecord } from '../../domain/render/report-document.ts';
import { renderMarkdown } from '../../clients/cli/documents.ts';
import { sampleEstimate, sampleHistory, samplePlan, sampleReport } from '../domain/render/sample-run.ts';

const START = 'refit upgrade prod-east --plan-digest sha256:3f1c';

const plan = samplePlan().summary;
const record: RunRecord = {
  report: sampleReport({ plan: { ...plan, expected: sampleEstimate().whole }, outcomeWhy: 'aborted by sam' }),
  digest: 'sha256:4e1d',
  nodes: [
    { ...sampleHistory(), record: 'sha256:0a1b' },
    sampleHistory({
      node: 'ip-10-0-0-4',
      attempt: 2,
      outcome: { kind: 'failed', at: 'draining', why: 'training/llama-7 | held by <PDB>', nodeEmpty: false },
      evidence: [],
    }),
  ],
  decisions: [
    {
      at: '2026-11-20T10:00:30.000Z',
      kind: 'approve',
      subject: 'node/ip-10-0-0-3',
      by: 'sam',
      reason: 'looked at the canary',
      planDigest: 'sha256:3f1c',
      yeses: '1 of 2',
      evidence: ['pods to move: 3'],
      saidAt: '2026-11-20T09:59:00.000Z',
      record: 'sha256:2c3d',
    },
    {
      at: '2026-11-20T10:20:00.000Z',
      kind: 'changePolicy',
      subject: null,
      by: 'ana',
      reason: 'slower',
      planDigest: null,
      changes: [{ field: 'disruption.unavailableMax', from: '3', to: '1', pools: ['h100'] }],
    },
  ],
};

const risk = { kind: 'bare' as const, pods: 1, example: 'default/web-1', text: 'no controller' };
const bare = { summary: plan, rows: samplePlan().rows };
const change: PlannedChange & { start: string } = {
  definition: samplePlan().definition,
  summary: {
    ...plan,
    preflight: {
      risks: [
        {
          kind: 'bare',
          nodes: 1,
          pods: 1,
          example: { node: 'h100-0', pod: 'default/web-1', text: 'no controller' },
        },
      ],
      limits: ['volumes of CSI drivers are not looked into'],
      pages: [],
    },
  },
  rows: samplePlan().rows.map((row) =>
    row.node === 'h100-0' ? { ...row, meets: { pods: 9, risks: [risk] } } : row,
  ),
  estimate: sampleEstimate(),
  start: START,
};

const TEXTS: Readonly<Record<string, () => Promise<string>>> = {
  'change-request.md': () => renderMarkdown(changeRequest(change)),
  'change-request-without-a-look.md': () =>
    renderMarkdown(changeRequest({ ...change, ...bare, estimate: undefined })),
  'promotion-request.md': () =>
    renderMarkdown(
      promotionRequest({
        input: { fleet: 'training', promote: true, release: '2026.11', requestedBy: 'ana' },
        promotion: { soakMs: 3_600_000, successMinPercent: 95 },
        start: 'refit upgrade --promote --fleet training --release 2026.11',
        clusters: [
          {
            ...{ tier: 'dev', cluster: 'dev-1', to: '2026.11', nodes: 5, upgrade: 3, note: 'asks nobody' },
            ...{ refused: false, change: { ...bare, definition: change.definition, estimate: undefined } },
          },
          {
            ...{ tier: 'prod', cluster: 'prod-1', to: '2026.11', nodes: 0, upgrade: 0 },
            ...{ note: 'refused: node h100-1: has no instance', refused: true, change: null },
          },
        ],
      }),
    ),
  'report.md': () => renderMarkdown(reportDocument(record)),
  'report-of-an-open-run.md': () =>
    renderMarkdown(
      reportDocument({
        report: sampleReport({ outcome: null, plan: null, notes: [], notesTotal: 0 }),
        nodes: null,
        decisions: null,
        digest: null,
      }),
    ),
};

describe('golden documents', () => {
  it.each(Object.keys(TEXTS))('%s reads as it is kept', async (name) => {
    const path = join(import.meta.dirname, 'golden', name);
    const text = (await TEXTS[name]?.()) ?? '';
    if (process.env['REFIT_WRITE_GOLDEN'] === '1') writeFileSync(path, text);
    else expect(text).toBe(readFileSync(path, 'utf8'));
  });
});

describe('the document of a report', () => {
  it('tells of a promotion cluster by cluster', async () => {
    const row = { tier: 'dev' as const, cluster: 'dev-1', state: 'soaking' as const, note: 'until noon' };
    const promotion = {
      release: '2026.11',
      releaseDigest: 'sha256:5f',
      rows: [{ ...row, workflowId: 'up.dev-1', since: null, until: null }],
    };
    const report = sampleReport({ plan: null, promotion });
    const text = await renderMarkdown(reportDocument({ ...record, report }));
    expect(text).toContain('## Release 2026.11, cluster by cluster');
    expect(text).toContain('| dev | dev-1 | soaking | | until noon |');
  });

  it('calls nothing good that the records do not show [I182]', async () => {
    const without = {
      ...record,
      report: sampleReport({ outcome: 'succeeded' }),
      nodes: null,
      decisions: null,
    };
    const text = await renderMarkdown(reportDocument(without));
    expect(text).toContain('what nodes and people did is unknown here');
    expect(text).toContain('Unknown: the records are not at hand.');
    expect(text).not.toMatch(/^None/m);
    const complete = { ...record, nodes: [], decisions: [] };
    const rolledBack = sampleReport({
      outcome: 'rolledBack',
      counts: { ...record.report.counts, wentBack: 2 },
    });
    expect(await renderMarkdown(reportDocument({ ...record, report: rolledBack }))).toContain(
      '| Went back to what they ran before | 0 | 2 |',
    );
    const { counts } = record.report;
    const report = sampleReport({
      counts: { ...counts, done: 3, failed: 0, skipped: 0 },
      outcome: 'succeeded',
    });
    expect(await renderMarkdown(reportDocument({ ...complete, report }))).toContain('None is recorded.');
  });
});

describe('a document', () => {
  const evil = [
    '# not a heading',
    '- not an item',
    'a | b | c',
    '<script>alert(1)</script>',
    '[here](http://evil.example)',
    '`code` **bold** _it_',
    'two\nlines\u001b[2J',
    '| x |\n|---|',
    '&lt;b&gt;',
  ];

  it('lets no text become a heading, an item, a cell, a link, markup or HTML [I181]', async () => {
    for (const text of evil) {
      const written = await renderMarkdown([
        heading(2, text),
        paragraph(text),
        ...list([text]),
        ...table(['Node', 'Why'], [['n', text]]),
      ]);
      const lines = written.split('\n').filter((line) => line !== '');
      // One line each, and the three of the table.
      expect(lines).toHaveLength(6);
      expect(lines.filter((line) => line.startsWith('#'))).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith('- '))).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith('|'))).toHaveLength(3);
      for (const row of lines.filter((line) => line.startsWith('|'))) {
        expect(row.match(/(?<!\\)\|/g)).toHaveLength(3);
      }
      expect(written).not.toMatch(/(?<!\\)<|(?<!\\)\[|(?<!\\)`|(?<!\\)\*\*|\u001b/);
    }
  });

  it('says how much of a long table it leaves out, and where that stands', async () => {
    const rows = ['a', 'b', 'c'].map((cell) => [cell]);
    const written = await renderMarkdown(table(['X'], rows, { rowsMax: 2, more: 'the JSON has all' }));
    expect(written).toContain('… and 1 more: the JSON has all');
    expect(written).not.toContain('c |');
  });
});
