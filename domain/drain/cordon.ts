// What a cordon and its reverse are: which fields are set, which are remembered and put back, and when
// the cordon on a node is ours to lift. Pure; the adapter only sends the patch with its preconditions.
import { REBOOT_ANNOTATION } from '../reimage/reboot-note.ts';
import type { OwnerMark } from '../run.ts';

export const OWNER = 'refit.dev/owner';
const CORDONED_AT = 'refit.dev/cordoned-at';
const STATE = 'refit.dev/state';
const RELEASE = 'refit.dev/release';
/** On a node that was launched to take another one's place: the name of that one. Stays. */
export const REPLACES = 'refit.dev/replaces';
/** What the autoscalers' annotations were before us, as JSON; null stands for "absent". */
const BEFORE_CORDON = 'refit.dev/before-cordon';

/** A node as cordon and uncordon look at it; as stale as whoever read it. */
export type CordonView = {
  name: string;
  uid: string;
  resourceVersion: string;
  annotations: Readonly<Record<string, string>>;
  protections: Readonly<Record<string, string>>;
  unschedulable: boolean;
  /** Last to set spec.unschedulable; null when the API names nobody. */
  unschedulableBy: { manager: string; at: string } | null;
};

/** Merge patch: null removes. */
export type NodePatch = {
  metadata: { uid: string; resourceVersion: string; annotations: Record<string, string | null> };
  spec?: { unschedulable: true | null };
};

export type CordonStep =
  | { kind: 'patch'; patch: NodePatch }
  | { kind: 'alreadyOurs' }
  | { kind: 'cordonedByOther'; by: string }
  | { kind: 'notTheNode'; found: string };

export type UncordonStep =
  | { kind: 'patch'; patch: NodePatch; lifts: boolean }
  | { kind: 'alreadyUncordoned' }
  | { kind: 'notOurs'; found: string };

/** The field manager under which we write; by it a cordon that was set again by a person is told from ours. */
export const FIELD_MANAGER = 'refit';

export function planCordon(
  view: CordonView,
  o: { uid: string; owner: OwnerMark; protectionKeys: readonly string[]; now: string; replaces?: string },
): CordonStep {
  if (view.uid !== o.uid)
    return { kind: 'notTheNode', found: `a node of the same name with UID ${view.uid}` };
  const mark = view.annotations[OWNER];
  if (view.unschedulable) {
    if (mark === o.owner) return { kind: 'alreadyOurs' };
    return { kind: 'cordonedByOther', by: whoCordoned(view) };
  }
  // An earlier cordon that a person lifted left its note of the values before it: that note stays true.
  const before = view.annotations[BEFORE_CORDON] ?? JSON.stringify(valuesOf(view, o.protectionKeys));
  return {
    kind: 'patch',
    patch: {
      metadata: {
        uid: view.uid,
        resourceVersion: view.resourceVersion,
        annotations: {
          [OWNER]: o.owner,
          [CORDONED_AT]: o.now,
          [STATE]: 'cordoned',
          [BEFORE_CORDON]: before,
          ...(o.replaces === undefined ? {} : { [REPLACES]: o.replaces }),
          ...Object.fromEntries(o.protectionKeys.map((key) => [key, 'true'])),
        },
      },
      spec: { unschedulable: true },
    },
  };
}

export function planUncordon(
  view: CordonView,
  o: { uid: string; owner: OwnerMark; protectionKeys: readonly string[]; release: string | null },
): UncordonStep {
  if (view.uid !== o.uid) {
    return { kind: 'notOurs', found: `a node of the same name with UID ${view.uid}, expected ${o.uid}` };
  }
  const mark = view.annotations[OWNER];
  if (mark !== o.owner) {
    if (!view.unschedulable && mark === undefined) return { kind: 'alreadyUncordoned' };
    return { kind: 'notOurs', found: whoCordoned(view) };
  }
  if (view.unschedulable) {
    const by = view.unschedulableBy;
    if (by !== null && by.manager !== FIELD_MANAGER) {
      return { kind: 'notOurs', found: `cordoned again by ${by.manager} at ${by.at}, after our own cordon` };
    }
  }
  const annotations: Record<string, string | null> = {
    [OWNER]: null,
    [CORDONED_AT]: null,
    [STATE]: null,
    [BEFORE_CORDON]: null,
    [REBOOT_ANNOTATION]: null,
    ...remembered(view, o.protectionKeys),
  };
  if (o.release !== null) annotations[RELEASE] = o.release;
  const metadata = { uid: view.uid, resourceVersion: view.resourceVersion, annotations };
  return view.unschedulable
    ? { kind: 'patch', lifts: true, patch: { metadata, spec: { unschedulable: null } } }
    : { kind: 'patch', lifts: false, patch: { metadata } };
}

/**
 * Hands a dead run's node to the one that a person let take over: its mark alone changes. undefined when
 * the node does not carry that mark, or not any more.
 */
export function planAdoption(view: CordonView, o: { from: OwnerMark; to: OwnerMark }): NodePatch | undefined {
  if (view.annotations[OWNER] !== o.from) return undefined;
  const { uid, resourceVersion } = view;
  return { metadata: { uid, resourceVersion, annotations: { [OWNER]: o.to } } };
}

/** Why this node is not one that we may empty or reimage; undefined when it is. */
export function whyNotOurs(
  view: CordonView | undefined,
  o: { node: string; uid: string; owner: OwnerMark },
): string | undefined {
  if (view === undefined) return `node ${o.node} is gone`;
  if (view.uid !== o.uid) return `node ${o.node} is another one now: UID ${view.uid}, expected ${o.uid}`;
  const mark = view.annotations[OWNER];
  if (mark !== o.owner) {
    return `node ${o.node} carries ${mark === undefined ? 'no owner mark' : `the mark of ${mark}`}, expected ${o.owner}`;
  }
  if (!view.unschedulable) return `node ${o.node} was uncordoned by somebody: new pods may land on it`;
  return undefined;
}

function whoCordoned(view: CordonView): string {
  const mark = view.annotations[OWNER];
  if (mark !== undefined) return `the run ${mark}`;
  const by = view.unschedulableBy;
  if (by === null) return 'somebody whom the API does not name';
  return by.at === '' ? by.manager : `${by.manager} at ${by.at}`;
}

function valuesOf(view: CordonView, keys: readonly string[]): Record<string, string | null> {
  return Object.fromEntries(keys.map((key) => [key, view.protections[key] ?? null]));
}

/** Only values that are still as we set them are put back: what somebody changed since is his. */
function remembered(view: CordonView, keys: readonly string[]): Record<string, string | null> {
  const before = parseBefore(view.annotations[BEFORE_CORDON]);
  const still = keys.filter((key) => view.protections[key] === 'true');
  return Object.fromEntries(still.map((key) => [key, before[key] ?? null]));
}

function parseBefore(text: string | undefined): Readonly<Record<string, string | null>> {
  if (text === undefined) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return {};
    return Object.fromEntries(Object.entries(parsed).filter(([, value]) => typeof value === 'string'));
  } catch {
    // Somebody wrote into our note: without it, no value but "absent" can be put back.
    return {};
  }
}
