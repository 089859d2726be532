// Back, and as promised: only what is newer than the boot counts, and each finding says what stood there.
import { describe, expect, it } from '@jest/globals';
import { judgeRejoin } from '../../../domain/verify/rejoin.ts';
import { judgeVerification } from '../../../domain/verify/verification.ts';
import type { VerifyFacts } from '../../../domain/verify/verification.ts';
import type { NodeFacts } from '../../../domain/inventory.ts';
import { nodeFacts } from '../../fakes/fake-kubernetes.ts';

const BEFORE = '2026-01-01T23:59:59Z';
const SINCE = '2026-01-02T00:00:00.000Z';
const AFTER = '2026-01-02T00:05:00Z';
const DRIVER = 'nvidia.com/cuda.driver-version.full';

const booted = (changes: Partial<NodeFacts> = {}) =>
  nodeFacts({
    name: 'n1',
    bootId: 'boot-2',
    readyHeartbeatAt: AFTER,
    kubeletVersion: 'v1.36.1',
    osImage: 'Ubuntu 26.04',
    labels: { [DRIVER]: '570', 'refit.dev/image': 'new' },
    ...changes,
  });

describe('judgeRejoin', () => {
  const expected = { node: 'n1', uid: 'uid-n1', bootIdBefore: 'boot-1' };

  it('takes a node as back when Ready is reported out of another boot [I46]', () => {
    expect(judgeRejoin(expected, booted(), SINCE)).toEqual({ kind: 'rejoined', bootId: 'boot-2', at: AFTER });
  });

  it.each([
    ['the old boot, Ready as ever', booted({ bootId: 'boot-1' })],
    ['a new boot with the Ready of the old one', booted({ readyHeartbeatAt: BEFORE })],
    ['a new boot that never reported Ready', booted({ readyHeartbeatAt: '' })],
    ['a new boot, not Ready', booted({ ready: 'False' })],
    ['a new boot, Ready unknown', booted({ ready: 'Unknown' })],
    ['no bootID', booted({ bootId: '' })],
  ])('waits on %s [I46]', (_what, node) => {
    expect(judgeRejoin(expected, node, SINCE).kind).toBe('notYet');
  });

  it('is told when the Node is gone or is another one', () => {
    expect(judgeRejoin(expected, undefined, SINCE).kind).toBe('gone');
    expect(judgeRejoin(expected, booted({ uid: 'other' }), SINCE).kind).toBe('gone');
  });
});

describe('judgeVerification', () => {
  const daemonSet = (name: string, changes: Partial<VerifyFacts['daemonSets'][number]> = {}) => ({
    namespace: 'gpu-operator',
    name,
    ready: true,
    startedAt: AFTER,
    ...changes,
  });
  const names = ['nvidia-device-plugin-daemonset', 'gpu-feature-discovery', 'dcgm-exporter'];
  const target = {
    release: {
      name: '2026.11',
      imageId: 'ami-new',
      expects: {
        kubeletVersion: 'v1.36.1',
        osImage: 'Ubuntu 26.04',
        labels: { [DRIVER]: '570', 'refit.dev/image': 'new' },
      },
    },
    before: {
      bootId: 'boot-1',
      gpusAllocatable: 8,
      rootVolumeId: null,
      imageId: 'ami-old',
      daemonSets: names.map((name) => ({ namespace: 'gpu-operator', name })),
    },
  };
  const facts = (
    node: NodeFacts = booted(),
    daemonSets: VerifyFacts['daemonSets'] = names.map((name) => daemonSet(name)),
  ) => ({ node, daemonSets });
  const judge = (given: VerifyFacts) => judgeVerification(target, given, SINCE, 'boot-2');
  /** All as it should be, but one DaemonSet. */
  const withOne = (name: string, changes: Parameters<typeof daemonSet>[1]) =>
    facts(
      booted(),
      names.map((other) => daemonSet(other, other === name ? changes : {})),
    );

  it('is content with everything in place, and says what it looked at', () => {
    const judged = judge(facts());
    expect(judged.kind).toBe('verified');
    expect(judged.evidence.map(({ check }) => check)).toEqual([
      'ready',
      'kubeletVersion',
      'osImage',
      'daemonSet',
      'daemonSet',
      'daemonSet',
      'label',
      'label',
      'gpus',
    ]);
    expect(judged.evidence.every(({ ok }) => ok)).toBe(true);
  });

  it.each([
    [
      'a DaemonSet without a pod',
      facts(
        booted(),
        names.slice(1).map((name) => daemonSet(name)),
      ),
    ],
    ['a DaemonSet that is not Ready', withOne('dcgm-exporter', { ready: false })],
    ['a DaemonSet whose containers are of the old boot', withOne('dcgm-exporter', { startedAt: BEFORE })],
    ['a DaemonSet without a container', withOne('dcgm-exporter', { startedAt: null })],
    ['fewer GPUs than before', facts(booted({ gpusAllocatable: 7 }))],
    ['another driver', facts(booted({ labels: { [DRIVER]: '565', 'refit.dev/image': 'new' } }))],
    ['a missing label', facts(booted({ labels: { [DRIVER]: '570' } }))],
    ['a stale Ready', facts(booted({ readyHeartbeatAt: BEFORE }))],
    ['yet another boot', facts(booted({ bootId: 'boot-3' }))],
  ])('waits on %s [I46]', (_what, given) => {
    const judged = judge(given);
    expect(judged.kind).toBe('notYet');
    expect(judged.kind === 'notYet' && judged.why).toMatch(/expected .*, found /);
  });

  it('believes the right GPUs and labels only when their writers have started since the boot [I46]', () => {
    const stalePlugin = judge(withOne('nvidia-device-plugin-daemonset', { startedAt: BEFORE }));
    const wrong = (judged: typeof stalePlugin) =>
      judged.evidence.filter(({ ok }) => !ok).map(({ check }) => check);
    expect(wrong(stalePlugin)).toEqual(['daemonSet', 'label', 'gpus']);
    const staleDiscovery = judge(withOne('gpu-feature-discovery', { startedAt: BEFORE }));
    expect(wrong(staleDiscovery)).toEqual(['daemonSet', 'label']);
    expect(staleDiscovery.evidence.find(({ ok, check }) => !ok && check === 'label')?.found).toContain(
      '570 (not believed',
    );
    const none = { ...target, before: { ...target.before, daemonSets: [] } };
    expect(wrong(judgeVerification(none, facts(booted(), []), SINCE, 'boot-2'))).toEqual(['label', 'gpus']);
  });

  it('fails at once on a version that the new boot itself reports, never on a stale one', () => {
    const wrongVersion = booted({ kubeletVersion: 'v1.35.0' });
    expect(judge(facts(wrongVersion))).toMatchObject({
      kind: 'failed',
      why: 'kubeletVersion n1: expected v1.36.1, found v1.35.0',
    });
    expect(judge(facts(booted({ osImage: 'Ubuntu 24.04' }))).kind).toBe('failed');
    expect(judge(facts({ ...wrongVersion, readyHeartbeatAt: BEFORE })).kind).toBe('notYet');
    expect(judge(facts({ ...wrongVersion, ready: 'False' })).kind).toBe('notYet');
  });

  it('asks no GPUs of a node that had none, and minds none that came back', () => {
    const without = { ...target, before: { ...target.before, gpusAllocatable: 0 } };
    const judged = judgeVerification(without, facts(booted({ gpusAllocatable: 0 })), SINCE, 'boot-2');
    expect(judged.kind).toBe('verified');
    const repaired = { ...target, before: { ...target.before, gpusAllocatable: 7 } };
    expect(judgeVerification(repaired, facts(), SINCE, 'boot-2').kind).toBe('verified');
  });
});
