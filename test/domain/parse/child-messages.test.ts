// Signals between a run and its children have open names: what only looks alike is told from the real.
import { describe, expect, it } from '@jest/globals';
import { transition } from '../../../domain/machines/fleet.ts';
import { newRunState, newScope } from '../../../domain/machines/fleet-state.ts';
import { statusOf } from '../../../domain/machines/fleet-views.ts';
import {
  isDrainProgress,
  isNodeControl,
  isNodeForceAsk,
  isNodeOutcome,
  isNodeStateName,
} from '../../../domain/parse/child-messages.ts';
import { definitionOf, policyOf, rowOf, stepOf } from '../../workflows/shapes.ts';

const AT = '2026-01-01T00:00:00.000Z';
const blocker = {
  kind: 'pdb',
  namespace: 'training',
  pod: 'llama-7',
  podUid: 'u7',
  pdbs: ['llama'],
  disruptionsAllowed: 0,
  since: AT,
  text: 'PDB llama allows 0 disruptions',
};
const progress = { podsTotal: 9, podsLeft: 3, blockers: [blocker], blockersTotal: 1 };
const strangers = [undefined, null, 'text', 7, [], {}, { kind: 'nonsense' }];
const long = 'x'.repeat(1_000_000);

describe('what a child says [I73]', () => {
  it('is a state by one of its names', () => {
    expect(isNodeStateName('rejoining')).toBe(true);
    for (const wrong of [...strangers, 'toString', long]) expect(isNodeStateName(wrong)).toBe(false);
  });

  it('is the progress of a drain down to each reason', () => {
    expect(isDrainProgress(progress)).toBe(true);
    expect(isDrainProgress({ ...progress, blockers: [], added: 'by a newer version' })).toBe(true);
    const wrong = [
      { ...progress, blockers: {} },
      { ...progress, blockers: null },
      { ...progress, blockers: [null] },
      { ...progress, blockers: [{ ...blocker, pdbs: undefined }] },
      { ...progress, blockers: [{ ...blocker, kind: 'moon' }] },
      { ...progress, blockers: [{ ...blocker, text: long }] },
      { ...progress, blockers: Array.from({ length: 21 }, () => blocker) },
      { ...progress, podsLeft: '3' },
    ];
    for (const each of [...strangers, ...wrong]) expect(isDrainProgress(each)).toBe(false);
  });

  it('is an end only with all that its kind carries', () => {
    expect(isNodeOutcome({ kind: 'done', release: '2026.11', bootId: 'b' })).toBe(true);
    expect(isNodeOutcome({ kind: 'done', release: '2026.11', bootId: 'b', replacedBy: 'n2' })).toBe(true);
    expect(isNodeOutcome({ kind: 'putBack', why: 'skipped', uncordoned: true })).toBe(true);
    expect(isNodeOutcome({ kind: 'putBack', why: 'late', uncordoned: false, again: true })).toBe(true);
    const deferred = { kind: 'deferred', why: 'not empty', uncordoned: true };
    expect(isNodeOutcome(deferred)).toBe(true);
    expect(isNodeOutcome({ ...deferred, lacks: 'capacity' })).toBe(true);
    expect(isNodeOutcome({ kind: 'failed', at: 'draining', why: 'late', nodeEmpty: false })).toBe(true);
    const wrong = [
      { kind: 'putBack' },
      { kind: 'putBack', why: 'late', uncordoned: false, again: 'soon' },
      { kind: 'deferred', why: 'x' },
      { kind: 'deferred', why: 'x', uncordoned: true, lacks: 'patience' },
      { kind: 'failed', at: 'moon', why: 'x' },
      { kind: 'done' },
      { kind: 'done', release: '2026.11', bootId: 'b', replacedBy: 7 },
    ];
    for (const each of [...strangers, ...wrong]) expect(isNodeOutcome(each)).toBe(false);
  });

  it('is a question of force only with each pod by its UID, and no more than a person reads', () => {
    const pod = { namespace: 'default', name: 'bare', uid: 'u1' };
    const ask = { node: 'n1', attempt: 1, ask: 1, pods: [pod], why: 'not empty', otherwise: 'deferred' };
    expect(isNodeForceAsk(ask)).toBe(true);
    expect(isNodeForceAsk({ ...ask, deferrals: 2, otherwise: 'failed' })).toBe(true);
    const wrong = [
      { ...ask, pods: {} },
      { ...ask, pods: [null] },
      { ...ask, pods: [{ ...pod, uid: undefined }] },
      { ...ask, pods: [{ ...pod, name: long }] },
      { ...ask, pods: Array.from({ length: 21 }, () => pod) },
      { ...ask, why: long },
      { ...ask, ask: '1' },
      { ...ask, deferrals: 'often' },
      { ...ask, otherwise: 'moon' },
    ];
    for (const each of [...strangers, ...wrong]) expect(isNodeForceAsk(each)).toBe(false);
  });

  it('would break the status of its run if it were taken as it comes', () => {
    const scope = newScope([rowOf('n1')]);
    const policy = policyOf();
    const definition = definitionOf(policy, { fleet: 'training', cluster: 'prod-east' });
    const state = { ...newRunState(AT), definition, codes: 'w' };
    const started = transition(state, scope, {
      kind: 'nodeStarted',
      at: AT,
      step: stepOf('n1', policy, 1),
      childId: 'run/node/n1',
    });
    if (started.kind !== 'moved') throw new Error(started.kind);
    const told = transition(started.state, scope, {
      kind: 'progressReported',
      at: AT,
      node: 'n1',
      progress: { ...progress, blockers: {} } as never,
    });
    if (told.kind !== 'moved') throw new Error(told.kind);
    expect(() => statusOf(told.state, { workflowId: 'up', firstExecutionRunId: 'r' })).toThrow(TypeError);
  });
});

describe('what a run says to a child [I73]', () => {
  it('is one of its controls with what that carries', () => {
    const right = [
      { kind: 'skip', askId: 'a', by: 'sam', reason: 'x' },
      { kind: 'putBack', why: 'tripped' },
      { kind: 'abort', why: 'aborted' },
      { kind: 'force', ask: 1, by: 'sam' },
      { kind: 'noForce', ask: 1, by: 'sam', reason: '' },
      { kind: 'nudge' },
      { kind: 'reportEnd' },
    ];
    for (const each of right) expect(isNodeControl(each)).toBe(true);
    const wrong = [
      { kind: 'skip', askId: 'a' },
      { kind: 'putBack' },
      { kind: 'abort', why: 7 },
      { kind: 'force', by: 'sam' },
      { kind: 'noForce', ask: 1, by: 'sam' },
    ];
    for (const each of [...strangers, ...wrong]) expect(isNodeControl(each)).toBe(false);
  });
});
