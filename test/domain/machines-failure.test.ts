// When failures stop a run: how many, how many in a row, which share; and what a stop does to the run.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetCommand, FleetEvent } from '../../domain/machines/fleet-events.ts';
import { isOver, mayPlan, outcomeOf, phaseOf, phaseWhyOf } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState, Scope } from '../../domain/machines/fleet-state.ts';
import { reportAt } from '../../domain/machines/fleet-views.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Policy } from '../../domain/policy.ts';
import { ROW_CODES, withCode } from '../../domain/row-codes.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };

type Unstamped = FleetEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;
type Run = { state: RunState; scope: Scope; commands: FleetCommand[]; rejected: string[] };

function newRun(
  nodes: number,
  failure: Partial<Policy['failure']>,
  pools: readonly string[] = ['h100'],
): Run {
  const policy = policyOf({
    unavailableMax: 5,
    policy: { failure: { ...defaultPolicy.failure, failuresMax: 5000, ...failure } },
  });
  const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
  const [pool] = definition.pools;
  const named = pools.flatMap((name) => (pool === undefined ? [] : [{ ...pool, name }]));
  const rows = Array.from({ length: nodes }, (_, index) =>
    rowOf(`n${String(index + 1)}`, pools[index % pools.length]),
  );
  const state: RunState = {
    ...newRunState(AT),
    definition: { ...definition, pools: named },
    hold: { kind: 'held' },
    plan: {
      digest: 'sha256:plan',
      observedAt: AT,
      pages: ['p'],
      rows: nodes,
      counts: { upgrade: nodes, upToDate: 0, leftAlone: 0 },
      pools: [],
      oldRootVolumes: null,
      warnings: [],
    },
    codes: ROW_CODES.waiting.repeat(nodes),
  };
  return { state, scope: newScope(rows), commands: [], rejected: [] };
}

function say(run: Run, event: Unstamped): void {
  const move = transition(run.state, run.scope, { ...event, at: AT } as FleetEvent);
  if (move.kind === 'rejected') run.rejected.push(move.why);
  if (move.kind !== 'moved') return;
  run.state = move.state;
  run.commands.push(...move.commands);
}

const poolOf = (run: Run, node: string) => run.scope.rows[run.scope.indexOf.get(node) ?? -1]?.pool ?? '';

function begin(run: Run, node: string, attempt = 1): void {
  const step = stepOf(node, policyOf(), attempt, poolOf(run, node));
  say(run, { kind: 'nodeStarted', step, childId: `run/node/${node}` });
}

const OUTCOMES = {
  done: { kind: 'done', release: '2026.11', bootId: 'b' },
  failed: { kind: 'failed', at: 'verifying', why: 'wrong version', nodeEmpty: true },
  putBack: { kind: 'putBack', why: 'cordoned by kim', uncordoned: false },
} satisfies Record<string, NodeOutcome>;

function end(run: Run, node: string, outcome: keyof typeof OUTCOMES, attempt = 1): void {
  say(run, { kind: 'nodeEnded', node, attempt, outcome: OUTCOMES[outcome] });
}

/** Takes `n<from>` and those after it through, one after another, until something stops the run. */
function take(run: Run, from: number, ...outcomes: (keyof typeof OUTCOMES)[]): void {
  for (const [index, outcome] of outcomes.entries()) {
    begin(run, `n${String(from + index)}`);
    end(run, `n${String(from + index)}`, outcome);
  }
}

const many = (count: number, outcome: keyof typeof OUTCOMES) => Array.from({ length: count }, () => outcome);

describe('a success rate', () => {
  it('is judged once twenty nodes of the pool have ended, not earlier [I145]', () => {
    const run = newRun(30, { successMinPercent: 95 });
    take(run, 1, 'failed', 'failed', ...many(17, 'done'));
    expect(phaseOf(run.state)).toBe('running');
    take(run, 20, 'done');
    expect(phaseOf(run.state)).toBe('paused');
    expect(phaseWhyOf(run.state)).toContain(
      '18 of 20 ended nodes of pool h100 have succeeded, and successMin is 95%; failed: n1, n2',
    );
  });

  it('that is just met stops nothing [I145]', () => {
    const run = newRun(30, { successMinPercent: 95 });
    take(run, 1, 'failed', ...many(19, 'done'));
    expect(phaseOf(run.state)).toBe('running');
    take(run, 21, 'failed');
    expect(phaseOf(run.state)).toBe('paused');
  });

  it('is judged at the end of a pool with fewer nodes, and the run waits for people [I145]', () => {
    const run = newRun(4, { successMinPercent: 80 });
    take(run, 1, 'failed', 'done', 'done');
    expect(phaseOf(run.state)).toBe('running');
    take(run, 4, 'done');
    expect(phaseWhyOf(run.state)).toContain('3 of 4 ended nodes of pool h100 have succeeded at its end');
    expect(isOver(run.state)).toBe(false);
  });

  it('is judged when the last node of a pool is skipped or turns out to need nothing [I145]', () => {
    const skipped = newRun(3, { successMinPercent: 80 });
    take(skipped, 1, 'failed', 'done');
    say(skipped, { kind: 'skipNode', askId: 'a', message: { node: 'n3', by: 'sam', reason: 'x' } });
    expect(phaseOf(skipped.state)).toBe('paused');
    const settled = newRun(3, { successMinPercent: 80 });
    take(settled, 1, 'failed', 'done');
    const upToDate = [{ node: 'n3', disposition: { kind: 'upToDate' as const } }];
    const next = { observedAt: AT, slots: [], steps: [], settled: upToDate, waiting: [] };
    say(settled, { kind: 'stepsOffered', next });
    expect(phaseOf(settled.state)).toBe('paused');
  });

  it('counts nodes that are done or failed alone: no skipped, put back or left alone ones [I146]', () => {
    const run = newRun(40, { successMinPercent: 90 });
    take(run, 1, ...many(20, 'putBack'));
    say(run, { kind: 'skipNode', askId: 'a', message: { node: 'n40', by: 'sam', reason: 'x' } });
    take(run, 21, 'failed', ...many(18, 'done'));
    // 18 of 19 would be enough, 38 of 39 as well: the last node of the pool ends it.
    expect(phaseOf(run.state)).toBe('running');
    expect(isOver(run.state)).toBe(true);
    const bad = newRun(40, { successMinPercent: 90 });
    take(bad, 1, ...many(20, 'putBack'), 'failed', 'failed', 'failed', ...many(17, 'done'));
    expect(phaseWhyOf(bad.state)).toContain('17 of 20 ended nodes');
  });

  it('is each pool’s own [I145]', () => {
    const run = newRun(6, { successMinPercent: 60 }, ['a', 'b']);
    // n1, n3, n5 are of pool a; n2, n4, n6 of pool b.
    take(run, 1, 'done', 'failed', 'done', 'done');
    begin(run, 'n5');
    end(run, 'n5', 'done');
    expect(phaseOf(run.state)).toBe('running');
    begin(run, 'n6');
    end(run, 'n6', 'failed');
    expect(phaseWhyOf(run.state)).toContain('1 of 3 ended nodes of pool b');
  });

  it('counts what a person has acknowledged no more; the run has failed all the same [I145]', () => {
    const run = newRun(3, { successMinPercent: 90 });
    take(run, 1, 'failed', 'done', 'done');
    expect(phaseOf(run.state)).toBe('paused');
    say(run, { kind: 'resume', askId: 'a', message: { by: 'sam' } });
    expect(isOver(run.state)).toBe(true);
    expect(outcomeOf(run.state)).toBe('failed');
  });

  it('is not judged at the end while a failed node is to be taken again', () => {
    const run = newRun(3, { successMinPercent: 90, failuresMax: 0 });
    take(run, 1, 'done', 'failed');
    say(run, { kind: 'retryNode', askId: 'a', message: { node: 'n2', by: 'sam' } });
    say(run, { kind: 'resume', askId: 'a', message: { by: 'sam' } });
    take(run, 3, 'done');
    expect(phaseOf(run.state)).toBe('running');
    begin(run, 'n2', 2);
    end(run, 'n2', 'failed', 2);
    expect(phaseOf(run.state)).toBe('paused');
  });
});

describe('failures in a row', () => {
  it('trip the run at so many without a success between them [I147]', () => {
    const run = newRun(10, { consecutiveMax: 3 });
    take(run, 1, 'failed', 'failed', 'done', 'failed', 'failed');
    expect(phaseOf(run.state)).toBe('running');
    take(run, 6, 'failed');
    expect(phaseWhyOf(run.state)).toContain(
      '3 failed one after another in pool h100, and consecutiveMax is 3',
    );
  });

  it('are ended by no node that is put back, and begin anew after a resume [I147]', () => {
    const run = newRun(10, { consecutiveMax: 2 });
    take(run, 1, 'failed', 'putBack', 'failed');
    expect(phaseOf(run.state)).toBe('paused');
    say(run, { kind: 'resume', askId: 'a', message: { by: 'sam' } });
    take(run, 4, 'failed');
    expect(phaseOf(run.state)).toBe('running');
    take(run, 5, 'failed');
    expect(phaseOf(run.state)).toBe('paused');
  });

  it('are each pool’s own [I147]', () => {
    const run = newRun(8, { consecutiveMax: 2 }, ['a', 'b']);
    take(run, 1, 'failed', 'failed');
    expect(phaseOf(run.state)).toBe('running');
    take(run, 3, 'failed');
    expect(phaseWhyOf(run.state)).toContain('in pool a');
  });
});

describe('a policy that says stop', () => {
  function stopped(): Run {
    const run = newRun(6, { failuresMax: 0, onExceeded: 'stop' });
    begin(run, 'n1');
    begin(run, 'n2');
    begin(run, 'n3');
    say(run, { kind: 'nodeStateReported', node: 'n3', state: 'reimaging' });
    end(run, 'n1', 'failed');
    return run;
  }

  it('ends the run by itself: nothing new starts, each child is told, the outcome is failed [I148]', () => {
    const run = stopped();
    expect(phaseOf(run.state)).toBe('aborting');
    expect(run.state.codes).toBe('faasss');
    expect(mayPlan({ ...run.state, planWanted: true })).toBe(false);
    const told = run.commands.flatMap((command) => (command.kind === 'tell' ? [command] : []));
    expect(told.map(({ childId, control }) => [childId, control.kind])).toEqual([
      ['run/node/n2', 'abort'],
      ['run/node/n3', 'abort'],
    ]);
    end(run, 'n2', 'putBack');
    expect(isOver(run.state)).toBe(false);
    end(run, 'n3', 'done');
    expect(isOver(run.state)).toBe(true);
    expect(outcomeOf(run.state)).toBe('failed');
    expect(run.state.codes).toBe('fsdsss');
  });

  it('is in the report with its reason, and recorded as the policy’s decision [I148]', () => {
    const run = stopped();
    const why = 'stopped by policy test: 1 failed in pool h100, 0 allowed: n1';
    expect(phaseWhyOf(run.state)).toBe(why);
    expect(reportAt(run.state, run.scope, IDS, AT)?.outcomeWhy).toBe(why);
    const [record] = run.commands.filter(({ kind }) => kind === 'record');
    expect(record).toMatchObject({ decision: { kind: 'stop', by: 'policy test' } });
  });

  it('does so for a rate and for failures in a row as well [I148]', () => {
    const rate = newRun(2, { successMinPercent: 90, onExceeded: 'stop' });
    take(rate, 1, 'done', 'failed');
    expect(rate.state.aborting?.kind).toBe('stopped');
    const row = newRun(9, { consecutiveMax: 2, onExceeded: 'stop' });
    take(row, 1, 'failed', 'failed');
    expect(row.state.aborting?.kind).toBe('stopped');
  });

  it('lets nobody resume or retry what is ending', () => {
    const run = stopped();
    say(run, { kind: 'resume', askId: 'a', message: { by: 'sam' } });
    say(run, { kind: 'retryNode', askId: 'a', message: { node: 'n1', by: 'sam' } });
    expect(run.rejected).toEqual([
      'the run is being aborted by policy test',
      'the run is being aborted by policy test',
    ]);
  });
});

describe('what a failure is', () => {
  it('a node that failed in any of its states; none that was put back or left alone [I146]', () => {
    for (const at of ['draining', 'reimaging', 'rejoining', 'verifying', 'soaking'] as const) {
      const run = newRun(2, { failuresMax: 0 });
      begin(run, 'n1');
      const outcome = { kind: 'failed' as const, at, why: 'x', nodeEmpty: false };
      say(run, { kind: 'nodeEnded', node: 'n1', attempt: 1, outcome });
      expect([at, phaseOf(run.state)]).toEqual([at, 'paused']);
    }
    const run = newRun(2, { failuresMax: 0, consecutiveMax: 1, successMinPercent: 100 });
    take(run, 1, 'putBack', 'putBack');
    expect(phaseOf(run.state)).toBe('running');
  });

  it('no run in which nothing was done has succeeded, whatever was skipped or left alone', () => {
    for (const code of [ROW_CODES.skipped, ROW_CODES.leftAlone] as const) {
      const run = newRun(2, {});
      const codes = withCode(withCode(run.state.codes, 0, code), 1, code);
      expect(outcomeOf({ ...run.state, codes })).toBe('failed');
    }
  });
});
