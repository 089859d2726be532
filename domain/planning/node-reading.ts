// What one Node shows, in words that decisions use: its zone, its instance, whether it takes pods,
// whose cordon it carries. Must never guess: what the Node does not show is null or its own kind.
//
// A Node is as old as the inventory that it stands in; a cordon seen here may be gone, or new, by now.
import { OWNER } from '../drain/cordon.ts';
import type { NodeFacts } from '../inventory.ts';
import type { OwnerMark } from '../run.ts';

export const RELEASE_ANNOTATION = 'refit.dev/release';
export const QUARANTINE_ANNOTATION = 'refit.dev/quarantine';

const PROVIDER_ID = /^aws:\/\/\/([^/]+)\/(i-[0-9a-z-]+)$/;

/** The label's zone, else the provider id's, else ''. */
export function zoneOf(node: NodeFacts): string {
  return node.labels['topology.kubernetes.io/zone'] ?? PROVIDER_ID.exec(node.providerId)?.[1] ?? '';
}

/** `i-…`, or null when the provider id is absent or not one of EC2's. */
export function instanceIdOf(node: NodeFacts): string | null {
  return PROVIDER_ID.exec(node.providerId)?.[2] ?? null;
}

export function instanceTypeOf(node: NodeFacts): string {
  return node.labels['node.kubernetes.io/instance-type'] ?? '';
}

export type Cordon =
  | { kind: 'none' }
  /** Carries the mark of the run that asks. */
  | { kind: 'ours' }
  /** Carries the mark of another run of Refit, open or long closed. */
  | { kind: 'otherRun'; mark: OwnerMark }
  /** Cordoned without any mark: a person, an autoscaler, another controller. */
  | { kind: 'other' };

/** Whose cordon the node carries; `owner` is null for one who asks without being a run. */
export function cordonOf(node: NodeFacts, owner: OwnerMark | null): Cordon {
  if (!node.unschedulable) return { kind: 'none' };
  const mark = node.annotations[OWNER];
  if (mark === undefined || mark === '') return { kind: 'other' };
  return mark === owner ? { kind: 'ours' } : { kind: 'otherRun', mark };
}

export function isReady(node: NodeFacts): boolean {
  return node.ready === 'True';
}
