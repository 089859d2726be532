// What a run does at the gate of its tier: the real planner wishes it, the machine keeps it, people answer.
import { describe, expect, it } from '@jest/globals';
import { nextLookOf } from '../../domain/machines/fleet-look.ts';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { isOver, outcomeOf } from '../../domain/machines/fleet-phase.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { reportAt, whyOf } from '../../domain/machines/fleet-views.ts';
import type { NextSteps } from '../../domain/plan.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import { planNext } from '../../domain/planning/plan-next.ts';
import type { LowerTiers } from '../../domain/rollout.ts';
import {
  firstQuestion,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleLooks,
  sampleNodes,
  samplePolicy,
  samplePool,
} from './planning/sample-fleet.ts';

const AT = '2026-11-20T10:00:00.000Z';
const UNTIL = '2026-11-21T10:00:00.000Z';
const nodes = [...sampleNodes('batch', 3), ...sampleNodes('h100', 2)];
const definition = (lowerTiers?: LowerTiers) => ({
  ...sampleDefinition(),
  releaseDigests: { batch: 'sha256:new', h100: 'sha256:new' },
  ...(lowerTiers === undefined ? {} : { lowerTiers }),
});
const rows = plannedRows(definition(), sampleInventory(nodes));
const scope = newScope(rows);
const soaking = { until: UNTIL, found: ['dev dev-1 soaks'] };
const unproven = { until: null, found: ['qa qa-1 has not soaked 2026.11: no run'] };

type Unstamped<E> = E extends { at: string } ? Omit<E, 'at'> : never;

function after(state: RunState, ...events: Unstamped<FleetEvent>[]): RunState {
  return events.reduce((so, event) => {
    const move = transition(so, scope, { ...event, at: AT } as FleetEvent);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${JSON.stringify(move)}`);
    return move.state;
  }, state);
}

function begin(lowerTiers: LowerTiers): RunState {
  const summary = {
    digest: 'sha256:plan',
    observedAt: AT,
    pages: ['p'],
    rows: rows.length,
    counts: { upgrade: rows.length, upToDate: 0, leftAlone: 0 },
    pools: [],
    oldRootVolumes: null,
    warnings: [],
  };
  const held = { ...newRunState(AT), hold: { kind: 'held' as const } };
  return after(held, { kind: 'resolved', definition: definition(lowerTiers) }, { kind: 'planned', summary });
}

type Asked = { observedAt?: string; lowerTiers?: LowerTiers };

/** `lowerTiers`: what the records say when it is asked, nothing by default. */
function ask({ definition: kept, gatesOpened, codes }: RunState, o: Asked): NextSteps {
  if (kept === null) throw new Error('no definition');
  const question = { ...firstQuestion(definition(o.lowerTiers), rows), gatesOpened };
  const seen = { observedAt: o.observedAt ?? AT, nodes };
  const plan = planNext({ ...question, codes }, seen, sampleLooks(nodes));
  if (plan.kind !== 'steps') throw new Error('looks');
  return plan.next;
}

const offered = (state: RunState, o: Asked = { lowerTiers: state.definition?.lowerTiers ?? unproven }) =>
  after(state, { kind: 'planAsked' }, { kind: 'stepsOffered', next: ask(state, o) });
const decide = (kind: 'approve' | 'reject'): Unstamped<FleetEvent> =>
  ({ kind, askId: 'a', message: { gate: 'tier/prod', by: 'sam' } }) as Unstamped<FleetEvent>;

describe('a run that would roll out what has not soaked below', () => {
  it('asks at one gate before anything is touched, and every node says why it waits [I197]', () => {
    const asked = offered(begin(unproven));
    expect(asked.gates.map(({ name }) => name)).toEqual(['tier/prod']);
    expect(asked.gates[0]?.evidence.join('\n')).toContain('qa qa-1 has not soaked 2026.11');
    expect(asked.ready).toEqual([]);
    const told = asked.lastPlan?.waiting ?? [];
    expect(told.map(({ why, nodes: count }) => [why.kind, count])).toEqual([
      ['lowerTier', 3],
      ['lowerTier', 2],
    ]);
    for (const { node } of rows) {
      const { items } = whyOf(asked, scope, { node });
      expect(items[0]?.on).toContain('has not soaked below prod');
    }
  });

  it('waits for people alone, without looking again, where time does not help', () => {
    expect(nextLookOf(offered(begin(unproven)))).toEqual({ kind: 'none' });
  });

  it('begins after a yes, which stands in the record with what was on the screen [I197]', () => {
    const asked = offered(begin(unproven));
    const move = transition(asked, scope, { ...decide('approve'), at: AT } as FleetEvent);
    if (move.kind !== 'moved') throw new Error(move.kind);
    const [command] = move.commands;
    expect(command).toMatchObject({
      kind: 'record',
      decision: { kind: 'approve', subject: 'tier/prod', by: 'sam' },
    });
    expect(JSON.stringify(command)).toContain('qa-1 has not soaked');
    const begun = offered(move.state, { lowerTiers: unproven });
    expect(begun.gates.map(({ name }) => name)).toEqual(['node/batch-0']);
  });

  it('touches nothing after a no', () => {
    const rejected = after(offered(begin(unproven)), decide('reject'));
    expect(isOver(rejected)).toBe(true);
    expect(outcomeOf(rejected)).toBe('failed');
    expect(
      reportAt(rejected, scope, { workflowId: 'w', firstExecutionRunId: 'r' }, AT)?.counts,
    ).toMatchObject({
      done: 0,
      skipped: 5,
    });
  });

  it('begins no node after a no, also one that stood at a gate of its own when the records said worse [I197]', () => {
    const soaked = { observedAt: UNTIL };
    const atGate = offered(after(offered(begin(soaking)), { kind: 'lookedAgain' }), soaked);
    const worse = offered(after(atGate, { kind: 'lookedAgain' }), { ...soaked, lowerTiers: unproven });
    expect(worse.gates.map(({ name }) => name)).toEqual(['node/batch-0', 'tier/prod']);
    const rejected = after(worse, decide('reject'));
    expect(rejected.gates).toEqual([]);
    expect(rejected.codes).toBe('sssss');
    expect(isOver(rejected)).toBe(true);
  });

  it('goes on by itself when only time was missing, and the gate closes [I197]', () => {
    const asked = offered(begin(soaking));
    expect(asked.gates.map(({ name }) => name)).toEqual(['tier/prod']);
    expect(nextLookOf(asked)).toEqual({ kind: 'at', at: UNTIL });
    const later = offered(after(asked, { kind: 'lookedAgain' }), { observedAt: UNTIL });
    expect(later.gates.map(({ name }) => name)).toEqual(['node/batch-0']);
  });

  it('stays at its gate with the new reason when the records say worse once the time has come [I249]', () => {
    const asked = offered(begin(soaking));
    const later = offered(after(asked, { kind: 'lookedAgain' }), {
      observedAt: UNTIL,
      lowerTiers: unproven,
    });
    expect(later.ready).toEqual([]);
    expect(later.gates.map(({ name, openedAt }) => [name, openedAt])).toEqual([['tier/prod', AT]]);
    expect(later.gates[0]?.evidence.join('\n')).toContain('qa qa-1 has not soaked 2026.11: no run');
    expect(later.gates[0]?.evidence.join('\n')).not.toContain('without an answer');
    expect(nextLookOf(later)).toEqual({ kind: 'none' });
  });

  it('begins nothing further when the records say so in the middle of its work [I249]', () => {
    const approval = { ...defaultPolicy.approval, before: 'never' as const };
    const free = { ...definition(), pools: [samplePool('batch', { policy: samplePolicy({ approval }) })] };
    const plan = planNext(
      {
        ...firstQuestion({ ...free, lowerTiers: unproven }, rows),
        codes: 'dawww',
        occupied: [{ node: 'batch-1', pool: 'batch' }],
      },
      { observedAt: AT, nodes },
      sampleLooks(nodes),
    );
    expect(plan).toMatchObject({ kind: 'steps', next: { steps: [], gates: [{ name: 'tier/prod' }] } });
  });
});

it('a report says which release it laid on which pools [I195]', () => {
  const report = reportAt(begin(unproven), scope, { workflowId: 'w', firstExecutionRunId: 'r' }, AT);
  expect(report?.scope).toEqual({
    tier: 'prod',
    nodesNamed: false,
    pools: [
      { name: 'batch', release: '2026.11', releaseDigest: 'sha256:new' },
      { name: 'h100', release: '2026.11', releaseDigest: 'sha256:new' },
    ],
  });
});
