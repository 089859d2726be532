// What the bridge does next for a node, and what becomes of its pods: decided from what machine and node show.
import { describe, expect, it } from '@jest/globals';
import { nextStep } from '../../sandbox/bridge/next-step.ts';
import type { NodeShows } from '../../sandbox/bridge/next-step.ts';
import type { KubePod } from '../../sandbox/bridge/kube-shapes.ts';
import { statusAfterBoot } from '../../sandbox/bridge/restarted-pods.ts';

const NOW = 1_000_000;
const fresh = { readyUntil: 0, labels: false };
const settled: NodeShows = { off: false, ready: true, boot: 1, restarted: 1, settled: 1, pluginReady: true };
const running = { power: 'on' as const, boot: 1, upAt: 0 };

describe('the next step of a node', () => {
  it('is none while machine and node agree', () => {
    expect(nextStep(running, 'boots', settled, fresh, NOW)).toEqual({ kind: 'none' });
  });

  it('leads from a newer boot through every stage to settled, each step once', () => {
    const machine = { power: 'on' as const, boot: 2, upAt: NOW };
    let node = settled;
    const taken: string[] = [];
    for (;;) {
      const step = nextStep(machine, 'boots', node, fresh, NOW);
      if (step.kind === 'none') break;
      taken.push(step.kind);
      if (step.kind === 'switchOff') node = { ...node, off: true };
      if (step.kind === 'loseReady') node = { ...node, ready: false };
      if (step.kind === 'boot') node = { ...node, boot: step.boot, pluginReady: false };
      if (step.kind === 'wake') node = { ...node, off: false, ready: true };
      if (step.kind === 'restartPods') node = { ...node, restarted: step.boot, pluginReady: true };
      if (step.kind === 'settle') node = { ...node, settled: step.boot };
    }
    expect(taken).toEqual(['switchOff', 'loseReady', 'boot', 'wake', 'restartPods', 'settle']);
  });

  it('waits for the boot to be through', () => {
    const off = { ...settled, off: true, ready: false };
    const machine = { power: 'on' as const, boot: 2, upAt: NOW + 500 };
    expect(nextStep(machine, 'boots', off, fresh, NOW)).toEqual({ kind: 'wait', until: NOW + 500 });
  });

  it('never brings back a machine that is off, or an image that does not rejoin', () => {
    const off = { ...settled, off: true, ready: false };
    expect(nextStep({ ...running, power: 'off' }, 'boots', off, fresh, NOW)).toEqual({ kind: 'none' });
    const booting = { power: 'on' as const, boot: 2, upAt: 0 };
    expect(nextStep(booting, 'neverRejoins', off, fresh, NOW)).toEqual({ kind: 'none' });
  });

  it('waits for the device plugin of the new boot before labels change, and not when it crashes', () => {
    const restarted = { ...settled, boot: 2, restarted: 2, pluginReady: false };
    const machine = { ...running, boot: 2 };
    expect(nextStep(machine, 'boots', restarted, fresh, NOW)).toEqual({ kind: 'none' });
    expect(nextStep(machine, 'failsChecks', restarted, fresh, NOW)).toEqual({ kind: 'settle', boot: 2 });
  });

  it('lets Ready and labels linger for as long as a fault says so', () => {
    const machine = { ...running, boot: 2 };
    const stale = { readyUntil: Infinity, labels: true };
    const off = { ...settled, off: true };
    expect(nextStep({ ...machine, power: 'off' }, 'boots', off, stale, NOW)).toEqual({ kind: 'none' });
    expect(nextStep(machine, 'boots', off, stale, NOW)).toEqual({ kind: 'boot', boot: 2 });
    expect(nextStep(machine, 'boots', { ...off, boot: 2 }, stale, NOW)).toEqual({ kind: 'none' });
    expect(nextStep(machine, 'boots', { ...off, boot: 2 }, fresh, NOW)).toEqual({ kind: 'wake' });
    const restarted = { ...settled, boot: 2, restarted: 2 };
    expect(nextStep(machine, 'boots', restarted, stale, NOW)).toEqual({ kind: 'none' });
    expect(nextStep(machine, 'boots', restarted, fresh, NOW)).toEqual({ kind: 'settle', boot: 2 });
  });

  it('lets the old Ready last over a boot that is through before it ends, and no longer', () => {
    const until = NOW + 900;
    const stale = { ...fresh, readyUntil: until };
    const machine = { ...running, boot: 2, upAt: NOW + 500 };
    const off = { ...settled, off: true };
    expect(nextStep(machine, 'boots', off, stale, NOW)).toEqual({ kind: 'wait', until: NOW + 500 });
    expect(nextStep(machine, 'boots', off, stale, NOW + 500)).toEqual({ kind: 'boot', boot: 2 });
    const booted = { ...off, boot: 2 };
    expect(nextStep(machine, 'boots', booted, stale, NOW + 500)).toEqual({ kind: 'wait', until });
    expect(nextStep(machine, 'boots', booted, stale, until)).toEqual({ kind: 'wake' });
  });

  it('loses Ready before a boot that takes longer', () => {
    const stale = { ...fresh, readyUntil: NOW + 100 };
    const machine = { ...running, boot: 2, upAt: NOW + 500 };
    const off = { ...settled, off: true };
    expect(nextStep(machine, 'boots', off, stale, NOW)).toEqual({ kind: 'wait', until: NOW + 100 });
    expect(nextStep(machine, 'boots', off, stale, NOW + 100)).toEqual({ kind: 'loseReady' });
    expect(nextStep({ ...machine, power: 'off' }, 'boots', off, stale, NOW)).toEqual({
      kind: 'wait',
      until: NOW + 100,
    });
  });
});

describe('a pod after the boot of its machine', () => {
  const o = { bootedAt: '2026-11-21T12:00:00.500Z', now: '2026-11-21T12:00:02Z', crashes: false };
  const pod = (startedAt: string, restartPolicy = 'Always'): KubePod => ({
    metadata: { name: 'p', namespace: 'n' },
    spec: { restartPolicy },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'main', image: 'i', restartCount: 0, state: { running: { startedAt } } }],
    },
  });

  it('starts again when it may', () => {
    const status = statusAfterBoot(pod('2026-11-21T11:00:00Z'), o);
    expect(status).toMatchObject({
      phase: 'Pending',
      containerStatuses: [{ restartCount: 1, ready: false }],
    });
  });

  it('has failed when it may not start again', () => {
    const status = statusAfterBoot(pod('2026-11-21T11:00:00Z', 'Never'), o);
    expect(status).toMatchObject({ phase: 'Failed' });
  });

  it('is left alone when the new boot has started it, when it ended before, and when it was deleted', () => {
    expect(statusAfterBoot(pod('2026-11-21T12:00:01Z'), o)).toBeUndefined();
    const ended = pod('2026-11-21T11:00:00Z');
    expect(statusAfterBoot({ ...ended, status: { ...ended.status, phase: 'Succeeded' } }, o)).toBeUndefined();
    const deleted = { ...ended, metadata: { ...ended.metadata, deletionTimestamp: o.now } };
    expect(statusAfterBoot(deleted, o)).toBeUndefined();
  });

  it('crashes where the image says so, and is not Ready', () => {
    const status = statusAfterBoot(pod('2026-11-21T11:00:00Z'), { ...o, crashes: true });
    expect(status).toMatchObject({ phase: 'Running', containerStatuses: [{ state: { waiting: {} } }] });
  });
});
