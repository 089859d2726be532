// Which pods a drain evicts, leaves where they are, or is blocked by: what
// `kubectl drain --ignore-daemonsets --delete-emptydir-data` of 1.36 does, rule by rule, plus the
// annotation refit.dev/drain, which can only make it stricter. Must never evict where kubectl would not.
//
// The rules are tried in order; the first that has an opinion ends it. kube-system, priority,
// hostNetwork, emptyDir volumes and PodDisruptionBudgets play no part in the choice.
import { isFinished } from './pod.ts';
import type { PodFacts } from './pod.ts';

export type Choice =
  { kind: 'evict' } | { kind: 'skip'; why: string } | { kind: 'blocked'; reason: BlockReason; why: string };

type BlockReason = 'bare' | 'daemonSetMissing' | 'daemonSetUnknown' | 'annotation';

/** What looking for a DaemonSet found; `error` is any answer but "there" and "not there". */
export type DaemonSetLookup = { kind: 'present' } | { kind: 'missing' } | { kind: 'error'; text: string };

export type ChooseContext = {
  /** By the pod's namespace and the reference's name; the UID is not compared. */
  lookUpDaemonSet: (namespace: string, name: string) => DaemonSetLookup;
  /** kubectl's --force: bare pods and pods of a missing DaemonSet go too. */
  force: boolean;
};

type Rule = { name: string; judge: (pod: PodFacts, context: ChooseContext) => Choice | undefined };

/** kubectl knows DaemonSets of this group version alone; others are ordinary controllers. */
const DAEMON_SET_API_VERSION = 'apps/v1';

/** kubectl's filters in kubectl's order. Terminating pods have none: they are selected like others. */
const KUBECTL_RULES: readonly Rule[] = [
  {
    name: 'a pod of a DaemonSet stays, for its controller would put it back at once',
    judge(pod, { lookUpDaemonSet, force }) {
      const controller = pod.controller;
      if (controller === null) return undefined;
      if (controller.kind !== 'DaemonSet' || controller.apiVersion !== DAEMON_SET_API_VERSION) {
        return undefined;
      }
      // A finished one does nothing any more, and the eviction removes it; mirror pods come next.
      if (isFinished(pod)) return undefined;
      const found = lookUpDaemonSet(pod.namespace, controller.name);
      if (found.kind === 'present') return { kind: 'skip', why: `pod of DaemonSet ${controller.name}` };
      if (found.kind === 'error') {
        return {
          kind: 'blocked',
          reason: 'daemonSetUnknown',
          why: `its DaemonSet ${controller.name} could not be looked up: ${found.text}`,
        };
      }
      // With --force kubectl goes on to the next filter, which still skips a mirror pod.
      if (force) return undefined;
      return {
        kind: 'blocked',
        reason: 'daemonSetMissing',
        why: `its DaemonSet ${controller.name} is missing: nothing would bring the pod back`,
      };
    },
  },
  {
    name: 'a mirror pod belongs to its kubelet and cannot be evicted',
    judge: (pod) => (pod.mirror ? { kind: 'skip', why: 'mirror pod of a static pod' } : undefined),
  },
  {
    name: 'a bare pod that has not finished would be lost for good',
    judge(pod, { force }) {
      if (pod.controller !== null || isFinished(pod) || force) return undefined;
      return { kind: 'blocked', reason: 'bare', why: 'no controller would bring it back' };
    },
  },
];

/** Our annotation; only pods that kubectl would evict come here, so that it can never lift a block. */
const ANNOTATION_RULES: readonly Rule[] = [
  {
    name: 'refit.dev/drain: evict changes nothing',
    judge: (pod) => (pod.drainWish === null || pod.drainWish === 'evict' ? { kind: 'evict' } : undefined),
  },
  {
    name: 'a pod that has ended needs no more waiting',
    judge: (pod) => (pod.drainWish === 'wait' && isFinished(pod) ? { kind: 'evict' } : undefined),
  },
  {
    name: 'refit.dev/drain: wait holds the node until the pod has ended',
    judge: (pod) =>
      pod.drainWish === 'wait'
        ? annotated('refit.dev/drain: wait holds the node until the pod has ended by itself')
        : undefined,
  },
  {
    name: 'refit.dev/drain: skip would lose the pod at the reimage',
    judge: (pod) =>
      pod.drainWish === 'skip'
        ? annotated('refit.dev/drain: skip would leave it here, and it would die with the reimage')
        : undefined,
  },
  {
    name: 'an unknown wish is asked about, never guessed',
    judge: (pod) =>
      annotated(
        `refit.dev/drain: found ${JSON.stringify((pod.drainWish ?? '').slice(0, 60))}, expected wait, evict or skip`,
      ),
  },
];

function annotated(why: string): Choice {
  return { kind: 'blocked', reason: 'annotation', why };
}

const RULES: readonly Rule[] = [...KUBECTL_RULES, ...ANNOTATION_RULES];

/** Blocked, and evicted by kubectl's --force: what a person may let go, pod by pod. */
export function isForceable(pod: PodFacts, context: Omit<ChooseContext, 'force'>): boolean {
  const choose = (force: boolean) => chooseForDrain(pod, { ...context, force }).kind;
  return choose(false) === 'blocked' && choose(true) === 'evict';
}

export function chooseForDrain(pod: PodFacts, context: ChooseContext): Choice {
  for (const rule of RULES) {
    const choice = rule.judge(pod, context);
    if (choice !== undefined) return choice;
  }
  return { kind: 'evict' };
}
