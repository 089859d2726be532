// Every numbered rule of kubectl's choice, and the whole against an oracle written from kubectl's filters
// as a chain of deletions and vetoes rather than as our list.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chooseForDrain } from '../../../domain/drain/choose.ts';
import { pod } from './facts.ts';
import type { DaemonSetLookup } from '../../../domain/drain/choose.ts';
import type { PodFacts } from '../../../domain/drain/pod.ts';

const present: DaemonSetLookup = { kind: 'present' };
const missing: DaemonSetLookup = { kind: 'missing' };
const error: DaemonSetLookup = { kind: 'error', text: 'forbidden' };
const daemonSet = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'exporter' };

function kindOf(changes: Partial<PodFacts>, o: { found?: DaemonSetLookup; force?: boolean } = {}): string {
  const context = { lookUpDaemonSet: () => o.found ?? present, force: o.force ?? false };
  return chooseForDrain(pod(changes), context).kind;
}

describe('the choice of pods', () => {
  it.each<[string, Partial<PodFacts>, { found?: DaemonSetLookup; force?: boolean }, string]>([
    ['evicts a pod that is ending already', { deletionTimestamp: '2026-01-01T00:00:00Z' }, {}, 'evict'],
    ['skips a pod of a DaemonSet', { controller: daemonSet }, {}, 'skip'],
    [
      'evicts a pod of apps/v1beta2 DaemonSet',
      { controller: { ...daemonSet, apiVersion: 'apps/v1beta2' } },
      {},
      'evict',
    ],
    [
      'evicts a pod of extensions/v1beta1 DaemonSet',
      { controller: { ...daemonSet, apiVersion: 'extensions/v1beta1' } },
      {},
      'evict',
    ],
    [
      'evicts a pod of an advanced DaemonSet',
      { controller: { ...daemonSet, apiVersion: 'apps.kruise.io/v1alpha1' } },
      {},
      'evict',
    ],
    ['evicts a finished pod of a DaemonSet', { controller: daemonSet, phase: 'Succeeded' }, {}, 'evict'],
    [
      'evicts a failed pod of a missing DaemonSet',
      { controller: daemonSet, phase: 'Failed' },
      { found: missing },
      'evict',
    ],
    [
      'skips a finished mirror pod of a DaemonSet',
      { controller: daemonSet, phase: 'Failed', mirror: true },
      {},
      'skip',
    ],
    ['blocks on a missing DaemonSet', { controller: daemonSet }, { found: missing }, 'blocked'],
    [
      'evicts from a missing DaemonSet with force',
      { controller: daemonSet },
      { found: missing, force: true },
      'evict',
    ],
    ['blocks on a failed look-up', { controller: daemonSet }, { found: error }, 'blocked'],
    [
      'blocks on a failed look-up even with force',
      { controller: daemonSet },
      { found: error, force: true },
      'blocked',
    ],
    [
      'blocks on a mirror pod of a missing DaemonSet',
      { controller: daemonSet, mirror: true },
      { found: missing },
      'blocked',
    ],
    ['skips it with force', { controller: daemonSet, mirror: true }, { found: missing, force: true }, 'skip'],
    ['skips a mirror pod, bare as it is', { controller: null, mirror: true }, {}, 'skip'],
    ['blocks on a running bare pod', { controller: null }, {}, 'blocked'],
    ['blocks on a pending bare pod', { controller: null, phase: 'Pending' }, {}, 'blocked'],
    ['blocks on a bare pod of unknown phase', { controller: null, phase: 'Unknown' }, {}, 'blocked'],
    ['evicts a finished bare pod', { controller: null, phase: 'Succeeded' }, {}, 'evict'],
    ['evicts a bare pod with force', { controller: null }, { force: true }, 'evict'],
    [
      'evicts a pod of a controller that it never looks up',
      { controller: { apiVersion: 'batch/v1', kind: 'Job', name: 'x' } },
      { found: missing },
      'evict',
    ],
    ['evicts a pod of kube-system', { namespace: 'kube-system' }, {}, 'evict'],
  ])('%s [I20]', (_what, changes, o, expected) => {
    expect(kindOf(changes, o)).toBe(expected);
  });

  it('looks a DaemonSet up by the namespace of the pod and the name alone [I20]', () => {
    const asked: string[] = [];
    chooseForDrain(pod({ namespace: 'gpu', controller: daemonSet }), {
      force: false,
      lookUpDaemonSet: (...key) => {
        asked.push(key.join('/'));
        return present;
      },
    });
    expect(asked).toEqual(['gpu/exporter']);
  });

  it.each([
    ['evict', 'Running', 'evict'],
    ['wait', 'Running', 'blocked'],
    ['wait', 'Succeeded', 'evict'],
    ['skip', 'Running', 'blocked'],
    ['', 'Running', 'blocked'],
    ['Evict', 'Running', 'blocked'],
  ])('takes refit.dev/drain: "%s" on a %s pod as %s [I21]', (drainWish, phase, expected) => {
    expect(kindOf({ drainWish, phase })).toBe(expected);
  });

  it('lifts no block of kubectl by refit.dev/drain: evict [I21]', () => {
    expect(kindOf({ controller: null, drainWish: 'evict' })).toBe('blocked');
  });
});

const anyPod: fc.Arbitrary<PodFacts> = fc
  .record({
    phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
    mirror: fc.boolean(),
    deletionTimestamp: fc.constantFrom(null, '2026-01-01T00:00:00Z'),
    namespace: fc.constantFrom('default', 'kube-system'),
    controller: fc.option(
      fc.record({
        apiVersion: fc.constantFrom('apps/v1', 'apps/v1beta2', 'apps.kruise.io/v1alpha1', 'batch/v1'),
        kind: fc.constantFrom('DaemonSet', 'ReplicaSet', 'Job'),
        name: fc.constantFrom('a', 'b'),
      }),
    ),
    drainWish: fc.constantFrom(null, 'wait', 'evict', 'skip', 'other'),
  })
  .map(pod);
const anyFound = fc.constantFrom(present, missing, error);

/** kubectl's filters, each adding its verdict; the first that does not want the pod gone ends it. */
function kubectl(p: PodFacts, found: DaemonSetLookup, force: boolean): string {
  const over = ['Succeeded', 'Failed'].includes(p.phase);
  const daemonSetFilter = (): string => {
    if (`${p.controller?.kind} ${p.controller?.apiVersion}` !== 'DaemonSet apps/v1') return 'okay';
    if (over) return 'okay';
    if (found.kind === 'missing' && force) return 'okay';
    return found.kind === 'present' ? 'skip' : 'error';
  };
  const mirrorFilter = (): string => (p.mirror ? 'skip' : 'okay');
  const unreplicatedFilter = (): string => (over || p.controller || force ? 'okay' : 'error');
  const verdict = [daemonSetFilter, mirrorFilter, unreplicatedFilter]
    .map((f) => f())
    .find((v) => v !== 'okay');
  return { okay: 'evict', skip: 'skip', error: 'blocked' }[verdict ?? 'okay'] ?? 'never';
}

describe('the choice of pods, over all pods', () => {
  it('is kubectl’s without an annotation [I20]', () => {
    fc.assert(
      fc.property(anyPod, anyFound, fc.boolean(), (p, found, force) => {
        const plain = { ...p, drainWish: null };
        expect(chooseForDrain(plain, { lookUpDaemonSet: () => found, force }).kind).toBe(
          kubectl(plain, found, force),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('evicts with an annotation only what it evicts without, and skips the same [I21]', () => {
    fc.assert(
      fc.property(anyPod, anyFound, fc.boolean(), (p, found, force) => {
        const context = { lookUpDaemonSet: () => found, force };
        const without = chooseForDrain({ ...p, drainWish: null }, context).kind;
        const chosen = chooseForDrain(p, context).kind;
        if (chosen === 'evict') expect(without).toBe('evict');
        expect(chosen === 'skip').toBe(without === 'skip');
      }),
      { numRuns: 2_000 },
    );
  });
});
