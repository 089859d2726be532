// The report of a run that goes on: what is known so far, and no outcome that nobody knows.
import { describe, expect, it } from '@jest/globals';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import { reportAt, reportOf } from '../../domain/machines/fleet-views.ts';
import { renderReport } from '../../domain/render/report.ts';
import type { PageQuery } from '../../domain/status.ts';
import { definitionOf, policyOf, rowOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const LATER = '2026-01-01T01:00:00.000Z';
const scope = newScope(['n1', 'n2'].map((name) => rowOf(name)));
const definition = definitionOf(policyOf(), { fleet: 'training', cluster: 'prod-east' });
const state = { ...newRunState(AT), definition, codes: 'wf' };
const ids = { workflowId: 'up', firstExecutionRunId: 'run-1' };

describe('the report of a run', () => {
  it('tells no outcome while the run goes on, whatever has failed so far', () => {
    const report = reportAt(state, scope, ids, LATER);
    expect(report).toMatchObject({ outcome: null, endedAt: LATER, counts: { failed: 1, waiting: 1 } });
    expect(report === null ? '' : renderReport(report)).toMatch(/^up: goes on\n/);
  });

  it('tells how the run ended, once it has', () => {
    const ended = { ...state, outcome: 'failed' as const, endedAt: LATER };
    expect(reportAt(ended, scope, ids, LATER)).toMatchObject({ outcome: 'failed' });
  });

  it('is answered by pages of its notes, by pool and by node, like the other queries', () => {
    const rows = [rowOf('n1'), rowOf('n2'), rowOf('n3'), rowOf('b1', 'batch')];
    const skipped = { ...state, codes: 'ssws' };
    const ask = (query: PageQuery) => {
      const { report, next } = reportOf(skipped, newScope(rows), ids, { now: LATER, query });
      return { nodes: report?.notes.map(({ node }) => node), total: report?.notesTotal, next };
    };
    expect(ask({})).toEqual({ nodes: ['n1', 'n2', 'b1'], total: 3, next: null });
    expect(ask({ pool: 'batch' })).toEqual({ nodes: ['b1'], total: 1, next: null });
    expect(ask({ node: 'n2' })).toEqual({ nodes: ['n2'], total: 1, next: null });
    expect(ask({ limit: 2 })).toEqual({ nodes: ['n1', 'n2'], total: 3, next: 'n2' });
    expect(ask({ after: 'n2' })).toEqual({ nodes: ['b1'], total: 3, next: null });
  });
});
