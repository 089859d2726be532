// What becomes of the pods that a machine had when it went down. Pure: the status that each shows once the
// kubelet is back. Its containers died; those that may start again do so by KWOK's own stages from here on.
import { startedSince } from './kube-shapes.ts';
import type { ContainerStatus, KubePod } from './kube-shapes.ts';

const LOST_EXIT_CODE = 137;

function notReady(reason: string, now: string): Record<string, string>[] {
  return ['Ready', 'ContainersReady'].map((type) => ({
    type,
    status: 'False',
    reason,
    lastTransitionTime: now,
  }));
}

function withState(statuses: readonly ContainerStatus[], state: unknown): unknown[] {
  return statuses.map((status) => ({
    ...status,
    restartCount: status.restartCount + 1,
    ready: false,
    started: false,
    state,
  }));
}

/** Undefined when nothing happens to it: ended before, deleted, or started by the new boot already. */
export function statusAfterBoot(
  pod: KubePod,
  o: { bootedAt: string; now: string; crashes: boolean },
): Record<string, unknown> | undefined {
  const statuses = pod.status?.containerStatuses ?? [];
  const ended = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  if (ended || pod.metadata.deletionTimestamp !== undefined || statuses.length === 0) return undefined;
  if (o.crashes) {
    const waiting = { reason: 'CrashLoopBackOff', message: 'back-off restarting failed container' };
    return {
      phase: 'Running',
      conditions: notReady('ContainersNotReady', o.now),
      containerStatuses: withState(statuses, { waiting }),
    };
  }
  if (startedSince(pod, o.bootedAt)) return undefined;
  if (pod.spec?.restartPolicy === 'Never') {
    const terminated = { exitCode: LOST_EXIT_CODE, reason: 'Error', startedAt: null, finishedAt: o.now };
    return {
      phase: 'Failed',
      reason: 'NodeRebooted',
      conditions: notReady('PodFailed', o.now),
      containerStatuses: withState(statuses, { terminated }),
    };
  }
  return {
    phase: 'Pending',
    conditions: notReady('ContainersNotReady', o.now),
    containerStatuses: withState(statuses, { waiting: { reason: 'ContainerCreating' } }),
  };
}
