// The report of a run that goes on: what is known so far, and no outcome that nobody knows.
import { describe, expect, it } from '@jest/globals';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import { reportAt } from '../../domain/machines/fleet-views.ts';
import { renderReport } from '../../domain/render/report.ts';
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
});
