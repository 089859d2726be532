// Is this what a run and its children tell each other? Their signals have names that anybody may use, and
// one that only looks alike must not fail a workflow task, again and again, nor stay in a run's state.
// Lenient about what is added: a child of a newer version may say more. Never throws.
import type {
  NodeCapacityAsk,
  NodeControl,
  NodeForceAsk,
  NodeStrandedReport,
} from '../machines/child-messages.ts';
import { FORCE_PODS_MAX, MAX_BLOCKERS } from '../node-state.ts';
import type { DrainBlocker, DrainProgress, NodeOutcome, NodeStateName } from '../node-state.ts';

/** Twenty reasons of at most this stay far below what a signal may hold; ours are a fifth of it. */
const TEXT_CHARS_MAX = 4_096;

/** A record, so that the compiler misses none. */
const STATE_NAMES: Readonly<Record<NodeStateName, true>> = {
  normal: true,
  waiting: true,
  cordoned: true,
  draining: true,
  deferred: true,
  reimaging: true,
  rejoining: true,
  'burning-in': true,
  verifying: true,
  soaking: true,
  failed: true,
  quarantined: true,
  'cordoned-by-other': true,
};

const BLOCKER_KINDS: Readonly<Record<DrainBlocker['kind'], true>> = {
  pdb: true,
  pdbNever: true,
  twoPdbs: true,
  pdbStale: true,
  bare: true,
  daemonSetMissing: true,
  annotation: true,
  rule: true,
  terminating: true,
  conflict: true,
  other: true,
};

export function isNodeStateName(value: unknown): value is NodeStateName {
  return typeof value === 'string' && Object.hasOwn(STATE_NAMES, value);
}

export function isDrainProgress(value: unknown): value is DrainProgress {
  if (!isRecord(value)) return false;
  const { podsTotal, podsLeft, blockers, blockersTotal } = value;
  return (
    [podsTotal, podsLeft, blockersTotal].every((count) => typeof count === 'number') &&
    Array.isArray(blockers) &&
    blockers.length <= MAX_BLOCKERS &&
    blockers.every(isDrainBlocker)
  );
}

function isDrainBlocker(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { kind, namespace, pod, podUid, pdbs, disruptionsAllowed, since, text } = value;
  return (
    typeof kind === 'string' &&
    Object.hasOwn(BLOCKER_KINDS, kind) &&
    [namespace, pod, podUid, since, text].every(isText) &&
    Array.isArray(pdbs) &&
    pdbs.every(isText) &&
    (disruptionsAllowed === null || typeof disruptionsAllowed === 'number')
  );
}

export function isNodeOutcome(value: unknown): value is NodeOutcome {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'done':
      return (
        isText(value['release']) &&
        isText(value['bootId']) &&
        (value['note'] === undefined || typeof value['note'] === 'string') &&
        (value['replacedBy'] === undefined || isText(value['replacedBy']))
      );
    case 'putBack':
      return (
        typeof value['why'] === 'string' &&
        typeof value['uncordoned'] === 'boolean' &&
        (value['again'] === undefined || value['again'] === true)
      );
    case 'deferred':
      return (
        typeof value['why'] === 'string' &&
        typeof value['uncordoned'] === 'boolean' &&
        (value['lacks'] === undefined || value['lacks'] === 'capacity')
      );
    case 'failed':
      return (
        isNodeStateName(value['at']) &&
        typeof value['why'] === 'string' &&
        (value['untouched'] === undefined || value['untouched'] === true)
      );
    default:
      return false;
  }
}

export function isNodeControl(value: unknown): value is NodeControl {
  if (!isRecord(value)) return false;
  switch (value['kind']) {
    case 'skip':
      return isText(value['askId']) && isText(value['by']) && isText(value['reason']);
    case 'putBack':
    case 'abort':
      return typeof value['why'] === 'string';
    case 'force':
      return typeof value['ask'] === 'number' && isText(value['by']);
    case 'mayLose':
      return typeof value['ask'] === 'number' && isText(value['by']);
    case 'relaunch':
      return typeof value['attempt'] === 'number' && isText(value['by']);
    case 'mayNotLose':
    case 'noForce':
      return typeof value['ask'] === 'number' && isText(value['by']) && isText(value['reason']);
    case 'nudge':
    case 'reportEnd':
      return true;
    default:
      return false;
  }
}

export function isNodeForceAsk(value: unknown): value is NodeForceAsk {
  if (!isRecord(value)) return false;
  const { node, attempt, deferrals, ask, pods, why, otherwise } = value;
  return (
    [node, why].every(isText) &&
    [attempt, ask].every((count) => typeof count === 'number') &&
    (deferrals === undefined || typeof deferrals === 'number') &&
    Array.isArray(pods) &&
    pods.length <= FORCE_PODS_MAX &&
    pods.every(isForcePod) &&
    (otherwise === 'deferred' || otherwise === 'failed')
  );
}

export function isNodeCapacityAsk(value: unknown): value is NodeCapacityAsk {
  return isOfAttempt(value) && typeof value['ask'] === 'number' && isRoom(value['room']);
}

export function isNodeStrandedReport(value: unknown): value is NodeStrandedReport {
  return isOfAttempt(value) && isText(value['why']);
}

function isOfAttempt(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const { node, attempt, deferrals } = value;
  const goes = deferrals === undefined || typeof deferrals === 'number';
  return isText(node) && typeof attempt === 'number' && goes;
}

function isRoom(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { reservationId, instanceType, zone, free, total, own } = value;
  return (
    [reservationId, instanceType, zone].every(isText) &&
    [free, total].every((count) => typeof count === 'number') &&
    typeof own === 'boolean'
  );
}

function isForcePod(value: unknown): boolean {
  return isRecord(value) && [value['namespace'], value['name'], value['uid']].every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_CHARS_MAX;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
