// What a drain knows of pods and PodDisruptionBudgets: the API's objects cut to what decisions need.
// Always possibly stale (they come from a watch): every eviction carries the pod's UID.
import type { Selector } from './selector.ts';

/** The one owner reference with `controller: true`. */
export type ControllerRef = { apiVersion: string; kind: string; name: string };

export type PodFacts = {
  namespace: string;
  name: string;
  uid: string;
  resourceVersion: string;
  /** Node that it is bound to. */
  node: string;
  /** Pending | Running | Succeeded | Failed | Unknown */
  phase: string;
  /** Status of the Ready condition is True. */
  ready: boolean;
  /** When it is to be gone, RFC 3339; null while nobody has asked it to end. */
  deletionTimestamp: string | null;
  labels: Readonly<Record<string, string>>;
  controller: ControllerRef | null;
  /** The annotation key kubernetes.io/config.mirror is there, whatever its value. */
  mirror: boolean;
  /** Value of refit.dev/drain; null without it. */
  drainWish: string | null;
  /** Values of refit.dev/checkpoint-requested and -done, as written; null without either. */
  checkpoint: { requestedAt: string | null; doneAt: string | null } | null;
  /** Latest start of its containers, RFC 3339; null when none runs. */
  containersStartedAt: string | null;
};

export type PdbFacts = {
  namespace: string;
  name: string;
  resourceVersion: string;
  /** policy/v1: null selects nothing, `{}` every pod of the namespace. */
  selector: Selector | null;
  /** As written: a number, or a percentage such as `10%`; null when absent. */
  minAvailable: number | string | null;
  maxUnavailable: number | string | null;
  /** unhealthyPodEvictionPolicy is AlwaysAllow. */
  alwaysAllowsUnhealthy: boolean;
  /** The controller has not yet seen the newest spec: status is behind, and the API server waits for it. */
  stale: boolean;
  disruptionsAllowed: number;
  currentHealthy: number;
  desiredHealthy: number;
  expectedPods: number;
};

export function podKey(pod: { namespace: string; name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}

/** Succeeded or Failed: its containers will never run again. */
export function isFinished(pod: PodFacts): boolean {
  return pod.phase === 'Succeeded' || pod.phase === 'Failed';
}
