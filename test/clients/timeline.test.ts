// `refit timeline`: lines on a terminal, or one page that needs nothing else.
import { describe, expect, it } from '@jest/globals';
import { XMLParser } from 'fast-xml-parser';
import { renderTimelinePage } from '../../clients/cli/timeline-page.ts';
import type { TableRow } from '../../domain/status.ts';
import { timelineOf } from '../../domain/timeline.ts';
import { createFakeRecords } from '../fakes/fake-records.ts';
import { sampleHistory, sampleReport } from '../domain/render/sample-run.ts';
import { runRefit } from './fake-context.ts';
import { FakeTemporal } from './fake-temporal.ts';

const RUN = 'upgrade.training.prod-east';

async function recorded() {
  const records = createFakeRecords();
  const put = (node: string, pool: string) =>
    records.put({ kind: 'nodeHistory', key: RUN, body: sampleHistory({ node, pool }) });
  await put('ip-1', 'h100');
  await put('ip-2', 'batch');
  await records.put({ kind: 'report', key: RUN, body: sampleReport() });
  return {
    connect: () => Promise.resolve(new FakeTemporal()),
    records: () => Promise.resolve(records),
  };
}

const row: TableRow = {
  node: 'ip-9',
  pool: 'h100',
  zone: 'a',
  state: 'draining',
  since: '2026-11-20T11:00:00.000Z',
  from: '2026.09',
  to: '2026.11',
  attempt: 1,
  note: '3 of 9 pods left',
};

describe('refit timeline', () => {
  it('draws a run that has ended from its records, and a part of it when asked', async () => {
    const given = await recorded();
    const all = await runRefit(['timeline', RUN], given);
    expect(all.exitCode).toBe(0);
    expect(all.out).toMatch(/^ip-1 .*done$/m);
    const part = await runRefit(['timeline', RUN, '--pool', 'batch'], given);
    expect(part.out).not.toContain('ip-1');
    expect(part.out).toMatch(/^ip-2 .*done$/m);
  });

  it('adds of a run that goes on what is at work now, and says what is not known', async () => {
    const temporal = new FakeTemporal();
    const report = sampleReport({ outcome: null });
    const rest: TableRow = { ...row, node: 'ip-8', state: 'normal' };
    temporal.add(RUN, {
      answers: {
        report: { report, digest: null, next: null },
        table: { rows: [row, rest], total: 2, next: null },
      },
    });
    const { out, err } = await runRefit(['timeline', '-o', 'json'], {
      connect: () => Promise.resolve(temporal),
    });
    expect(JSON.parse(out)).toMatchObject({ outcome: null, lanes: [{ node: 'ip-9', ended: 'atWork' }] });
    expect(err).toContain('what nodes did that have ended is not known here');
  });

  it('refuses a limit that is no number of lines', async () => {
    const { exitCode, err } = await runRefit(['timeline', RUN, '--limit', 'all'], await recorded());
    expect(exitCode).toBe(1);
    expect(err).toContain('--limit is all; expected is a number of lines from 1 to 9999');
  });

  it('writes a page', async () => {
    const { out } = await runRefit(['timeline', RUN, '-o', 'html'], await recorded());
    expect(out).toMatch(/^<!doctype html><html lang="en">/);
    expect(out).toContain('>ip-1</div>');
  });
});

/** Of elements. */
function namesIn(parsed: unknown): ReadonlySet<string> {
  return new Set(keysIn(parsed).filter((key) => !key.startsWith('@_') && key !== '#text'));
}

function attributesIn(parsed: unknown): readonly string[] {
  return keysIn(parsed).filter((key) => key.startsWith('@_'));
}

function keysIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(keysIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [key, ...keysIn(member)]);
}

describe('the page of a timeline', () => {
  const evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>';

  it('lets no text become markup, loads nothing, and runs nothing [I183]', async () => {
    const history = sampleHistory({
      node: evil,
      pool: evil,
      transitions: [{ at: sampleHistory().startedAt, state: `draining" style="${evil}`, text: evil }],
      outcome: { kind: 'failed', at: 'draining', why: evil, nodeEmpty: false },
    });
    const report = sampleReport({ workflowId: evil });
    const page = await renderTimelinePage(timelineOf(report, [history], []));
    const parser = new XMLParser({ unpairedTags: ['meta'], ignoreAttributes: false, stopNodes: ['*.style'] });
    const parsed: unknown = parser.parse(page.replace('<!doctype html>', ''));
    const known = ['html', 'head', 'meta', 'title', 'style', 'body', 'h1', 'p', 'div', 'span', 'i', 'b'];
    const ofChart = ['svg', 'path', 'details', 'summary'];
    expect([...namesIn(parsed)].sort()).toEqual([...known, ...ofChart].sort());
    expect(attributesIn(parsed).filter((name) => name.startsWith('@_on'))).toEqual([]);
    // Nothing that a browser would fetch; the namespace of SVG is a name alone.
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|url\(|@import/);
    expect(page.replaceAll('&#x27;', "'")).toContain("default-src 'none'; style-src 'unsafe-inline'");
  });

  it('holds 5,000 nodes in folds, closed but for what did not go well', async () => {
    const failed = { kind: 'failed', at: 'draining', why: 'held', nodeEmpty: false } as const;
    const histories = Array.from({ length: 5000 }, (_, index) =>
      sampleHistory({ node: `ip-${index}`, ...(index % 1000 === 0 ? { outcome: failed } : {}) }),
    );
    const page = await renderTimelinePage(timelineOf(sampleReport(), histories, []));
    expect(page.match(/<div class="lane">/g)).toHaveLength(5001);
    expect(page.match(/<details open>/g)).toHaveLength(1);
    expect(page).toContain('Not done (5)');
    expect(page).toContain('Pool h100 (4995), 4751 to 4995');
    expect(page.length).toBeLessThan(8_000_000);
  });
});
