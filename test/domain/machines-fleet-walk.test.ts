// Random walks of the fleet machine, and its bounds at 5,000 nodes with the longest texts.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { transition } from '../../domain/machines/fleet.ts';
import type { FleetEvent } from '../../domain/machines/fleet-events.ts';
import { newRunState, newScope } from '../../domain/machines/fleet-state.ts';
import type { RunState, Scope } from '../../domain/machines/fleet-state.ts';
import { planOf, reportAt, statusOf, tableOf, whyOf } from '../../domain/machines/fleet-views.ts';
import type { NodeOutcome } from '../../domain/node-state.ts';
import { OCCUPIED_MAX } from '../../domain/plan.ts';
import { DEFERRED_MAX } from '../../domain/planning/deferral.ts';
import { countCodes } from '../../domain/row-codes.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };
const PAYLOAD_BYTES_MAX = 256 * 1024;

function summaryOf(rows: number) {
  const counts = { upgrade: rows, upToDate: 0, leftAlone: 0 };
  const base = { digest: 'sha256:plan', observedAt: AT, pages: ['p'], rows, counts, pools: [] };
  return { ...base, oldRootVolumes: null, warnings: [] };
}

function begin(scope: Scope, before: 'never' | 'node' | 'pool', failuresMax: number): RunState {
  const policy = policyOf({ unavailableMax: 3, failuresMax, approval: { before } });
  const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
  const start: RunState = { ...newRunState(AT), definition, hold: { kind: 'held' } };
  const move = transition(start, scope, { kind: 'planned', at: AT, summary: summaryOf(scope.rows.length) });
  if (move.kind !== 'moved') throw new Error('not planned');
  return move.state;
}

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'];
const node = fc.constantFrom(...NODES);
const by = fc.constantFrom('sam', 'ana');
const gate = fc.oneof(
  node.map((name) => `node/${name}`),
  fc.constant('pool/h100'),
);
const policy = policyOf();
const outcome = fc.constantFrom(
  { kind: 'done' as const, release: '2026.11', bootId: 'b' },
  { kind: 'failed' as const, at: 'verifying' as const, why: 'wrong version', nodeEmpty: true },
  { kind: 'putBack' as const, why: 'skipped', uncordoned: true },
);
const person = (kind: string, message: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record({ kind: fc.constant(kind), askId: fc.uuid(), message: fc.record(message) });
const reason = fc.constant('x');

const event = fc.oneof(
  person('approve', { gate, by }),
  person('reject', { gate, by }),
  person('pause', { by, reason }),
  person('resume', { by }),
  person('skipNode', { node, by, reason }),
  person('retryNode', { node, by }),
  person('nextNode', { node, by }),
  fc.constantFrom(1, 2, 4).map((unavailableMax) => ({
    kind: 'policyChanged',
    by: 'sam',
    reason: 'x',
    definition: definitionOf(policyOf({ unavailableMax, approval: { before: 'node' } }), {
      fleet: 'training',
      cluster: 'prod-east',
    }),
  })),
  // Seldom, since nothing follows it.
  { weight: 1, arbitrary: person('abort', { by, reason, rollback: fc.constant(false) }) },
  {
    weight: 12,
    arbitrary: fc.subarray(NODES).map((names) => ({
      kind: 'stepsOffered',
      next: {
        observedAt: AT,
        slots: [],
        steps: names.map((name) => stepOf(name, policy, 1)),
        settled: [],
        waiting: [],
      },
    })),
  },
  { weight: 20, arbitrary: fc.constant({ kind: 'startReady' }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('nodeEnded'), node, outcome }) },
  fc.record({
    kind: fc.constant('nodeStateReported'),
    node,
    state: fc.constantFrom('reimaging', 'verifying'),
  }),
  fc.constant({ kind: 'handedOver' }),
  fc.constant({ kind: 'cancelled' }),
);

/** As the driver does it: what is ready is started, and an end carries the attempt of the child at work. */
function stamped(state: RunState, drawn: { kind: string }): FleetEvent | undefined {
  if (drawn.kind === 'startReady') {
    const step = state.ready[0]?.step;
    if (step === undefined) return undefined;
    return { kind: 'nodeStarted', at: AT, step, childId: `run/node/${step.node}` };
  }
  if (drawn.kind === 'stepsOffered' && state.rollback !== null) return offeredBack(state, drawn);
  if (drawn.kind !== 'nodeEnded') return { ...drawn, at: AT } as unknown as FleetEvent;
  const attempt = state.active[(drawn as { node?: string }).node ?? '']?.attempt ?? 1;
  return { ...drawn, at: AT, attempt } as unknown as FleetEvent;
}

/** The same nodes, as the planner offers them to a run that is rolled back, with one that still goes forward. */
function offeredBack(state: RunState, drawn: { kind: string }): FleetEvent {
  const { next } = drawn as FleetEvent & { kind: 'stepsOffered' };
  const back = { how: 'reimage' as const, hadFailed: false };
  const steps = next.steps.map((step, index) =>
    index === 0 ? step : { ...step, attempt: (state.attempts[step.node] ?? 1) + 1, back },
  );
  return { kind: 'stepsOffered', at: AT, next: { ...next, steps } };
}

function walk(begun: RunState, scope: Scope, events: readonly { kind: string }[]) {
  let state = begun;
  let started = 0;
  for (const drawn of events) {
    const next = stamped(state, drawn);
    if (next === undefined) continue;
    const move = transition(state, scope, next);
    if (move.kind !== 'moved') {
      expect(move.kind === 'same' ? move.effect : move.why).not.toBe('');
      continue;
    }
    check(state, move.state, drawn.kind);
    state = move.state;
    if (next.kind === 'nodeStarted') started += 1;
  }
  expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  return { state, started };
}

function check(before: RunState, after: RunState, kind: string): void {
  expect(after.codes).toHaveLength(NODES.length);
  const counts = Object.values(countCodes(after.codes)).reduce((sum, count) => sum + count, 0);
  expect(counts).toBe(NODES.length);
  // A slot is held once: by a gate, by a step that is ready, or by a child.
  const held = [
    ...Object.keys(after.active),
    ...after.ready.map(({ step }) => step.node),
    ...after.gates.flatMap(({ about }) => (about.kind === 'node' ? [about.node] : [])),
  ];
  expect(new Set(held).size).toBe(held.length);
  for (const name of Object.keys(after.active)) expect(after.codes[NODES.indexOf(name)]).toBe('a');
  if (before.aborting !== null) {
    expect(after.ready).toEqual([]);
    expect(Object.keys(after.active).filter((name) => !(name in before.active))).toEqual([]);
  }
  if (before.rollback !== null) {
    const forward = Object.values(after.active).filter((child) => child.back === undefined);
    expect(forward.filter((child) => before.active[child.node]?.back !== undefined)).toEqual([]);
    expect(forward.filter(({ node: name }) => !(name in before.active))).toEqual([]);
    expect(after.rollback).not.toBeNull();
  }
  if (kind === 'stepsOffered' && before.paused !== null) expect(after.ready).toEqual(before.ready);
  // Decisions are taken out of gates that were open, one at a time.
  const gone = before.gates.filter(({ name }) => !after.gates.some((open) => open.name === name));
  if (kind === 'approve') expect(gone).toHaveLength(1);
}

describe('walks of the fleet machine', () => {
  it('never hold a slot twice, lose a row, or start anything after an abort [I86]', () => {
    const scope = newScope(NODES.map((name) => rowOf(name)));
    const rules = fc.record({
      before: fc.constantFrom('never' as const, 'node' as const, 'pool' as const),
      failuresMax: fc.constantFrom(0, 2),
    });
    let started = 0;
    let aborted = 0;
    fc.assert(
      fc.property(
        rules,
        fc.array(event, { minLength: 20, maxLength: 80 }),
        ({ before, failuresMax }, events) => {
          const walked = walk(begin(scope, before, failuresMax), scope, events);
          started += walked.started;
          if (walked.state.aborting !== null) aborted += 1;
        },
      ),
      { numRuns: 150 },
    );
    // The walks have been where something can go wrong: a third of what chance gives, for it varies.
    expect(started).toBeGreaterThan(30);
    expect(aborted).toBeGreaterThan(40);
  });

  it('never start anything forward, nor lose a row, once the run is rolled back [I185]', () => {
    const former = { imageId: 'ami-1', release: '2026.09' };
    const scope = newScope(NODES.map((name) => ({ ...rowOf(name), former })));
    const ends = fc.tuple(...NODES.slice(0, 5).map(() => outcome));
    const rolledBack = (outcomes: readonly NodeOutcome[]) => {
      const events = outcomes.flatMap((one, index) => {
        const name = NODES[index] ?? '';
        const begun = { kind: 'nodeStarted', step: stepOf(name, policy, 1), childId: `run/node/${name}` };
        // The last one is at work when the rollback begins.
        return index === 4 ? [begun] : [begun, { kind: 'nodeEnded', node: name, outcome: one }];
      });
      const said = { kind: 'rollback', askId: 'a', message: { by: 'sam', reason: 'x' } };
      return walk(begin(scope, 'never', 5), scope, [...events, said]).state;
    };
    let wentBack = 0;
    fc.assert(
      fc.property(ends, fc.array(event, { minLength: 20, maxLength: 80 }), (outcomes, events) => {
        const { state } = walk(rolledBack(outcomes), scope, events);
        wentBack += countCodes(state.codes).wentBack;
        // What was never begun stays as it was.
        expect(state.codes[5]).toBe('s');
      }),
      { numRuns: 200 },
    );
    expect(wentBack).toBeGreaterThan(5);
  });
});

describe('a run over 5,000 nodes with the longest texts', () => {
  const names = Array.from(
    { length: 5_000 },
    (_, index) =>
      `ip-10-100-${String(Math.floor(index / 250))}-${String(index % 250)}.eu-central-1.compute.internal`,
  );
  const long = 'w'.repeat(5_000);
  const scope = newScope(names.map((name) => rowOf(name)));

  function worst(): RunState {
    let state = begin(scope, 'never', 0);
    const apply = (happened: FleetEvent) => {
      const move = transition(state, scope, happened);
      if (move.kind === 'moved') state = move.state;
    };
    for (const name of names.filter((_, index) => index % 4 === 3).slice(0, DEFERRED_MAX)) {
      const childId = `${IDS.workflowId}/node/${name}`;
      apply({ kind: 'nodeStarted', at: AT, step: stepOf(name, policy, 1), childId });
      const outcome = { kind: 'deferred' as const, why: long, uncordoned: true };
      apply({ kind: 'nodeEnded', at: AT, node: name, attempt: 1, outcome });
    }
    for (const [index, name] of names.entries()) {
      if (index % 4 === 3) continue;
      apply({
        kind: 'nodeStarted',
        at: AT,
        step: stepOf(name, policy, 1),
        childId: `${IDS.workflowId}/node/${name}`,
      });
      if (Object.keys(state.active).length <= OCCUPIED_MAX && index < 400) {
        const blocker = {
          kind: 'pdb' as const,
          namespace: 'training'.repeat(7),
          pod: 'p'.repeat(63),
          podUid: '0'.repeat(36),
          pdbs: ['q'.repeat(63), 'r'.repeat(63)],
          disruptionsAllowed: 0,
          since: AT,
          text: 't'.repeat(200),
        };
        const blockers = Array.from({ length: 20 }, () => blocker);
        const progress = { podsTotal: 100, podsLeft: 100, blockers, blockersTotal: 100 };
        apply({ kind: 'progressReported', at: AT, node: name, progress });
      } else {
        const failure = { kind: 'failed' as const, at: 'verifying' as const, why: long, nodeEmpty: false };
        apply({ kind: 'nodeEnded', at: AT, node: name, attempt: 1, outcome: failure });
        const message = { node: name, by: 'sam', reason: long };
        apply({ kind: 'skipNode', at: AT, askId: 'a', message });
      }
    }
    return state;
  }

  const state = worst();
  const bytes = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

  it('answers every query in one payload [I87]', () => {
    const report = reportAt(state, scope, IDS, AT);
    expect(bytes(statusOf(state, IDS))).toBeLessThan(PAYLOAD_BYTES_MAX);
    expect(bytes(tableOf(state, scope, { limit: 500 }))).toBeLessThan(PAYLOAD_BYTES_MAX);
    expect(bytes(planOf(state, scope, { limit: 500 }))).toBeLessThan(PAYLOAD_BYTES_MAX);
    expect(bytes(whyOf(state, scope, { limit: 500 }))).toBeLessThan(PAYLOAD_BYTES_MAX);
    expect(bytes(report)).toBeLessThan(PAYLOAD_BYTES_MAX);
  });

  it('is carried over by continue-as-new in one payload [I87]', () => {
    const move = transition(state, scope, { kind: 'handedOver', at: AT });
    expect(move.kind).toBe('moved');
    if (move.kind !== 'moved') return;
    expect(bytes(move.state)).toBeLessThan(PAYLOAD_BYTES_MAX);
  });
});
