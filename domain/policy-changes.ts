// In which fields two policies differ, each value as a fleet file writes it: for people and for the record
// of a change. Must never miss a field: what is not here could be changed without anybody's being told.
import { formatAmount, formatZoneMax } from './amount.ts';
import { formatDuration } from './duration.ts';
import type { Pool } from './fleet.ts';
import type { Policy } from './policy.ts';
import type { PolicyChange } from './report.ts';

/** The fields of a policy by their names in a fleet file. */
const FIELDS: Readonly<Record<string, (policy: Policy) => string>> = {
  'disruption.unavailableMax': ({ disruption }) => String(formatAmount(disruption.unavailableMax)),
  'disruption.unavailableMaxPerZone': ({ disruption: { unavailableMaxPerZone } }) =>
    unavailableMaxPerZone === null ? 'null' : String(formatZoneMax(unavailableMaxPerZone)),
  'disruption.surge': ({ disruption }) => String(disruption.surge),
  'canary.nodes': ({ canary }) => String(formatAmount(canary.nodes)),
  'canary.soak': ({ canary }) => formatDuration(canary.soakMs),
  'approval.before': ({ approval }) => approval.before,
  'approval.firstNodes': ({ approval }) => orNull(approval.firstNodes),
  'approval.approvers': ({ approval }) => String(approval.approvers),
  'approval.expiresAfter': ({ approval }) =>
    approval.expiresAfterMs === null ? 'null' : formatDuration(approval.expiresAfterMs),
  'approval.selfApproval': ({ approval }) => String(approval.selfApproval),
  windows: ({ windows }) =>
    JSON.stringify(
      windows.map(({ durationMs, ...rest }) => ({ ...rest, duration: formatDuration(durationMs) })),
    ),
  exclusions: ({ exclusions }) => JSON.stringify(exclusions),
  'drain.timeout': ({ drain }) => formatDuration(drain.timeoutMs),
  'drain.onTimeout': ({ drain }) => drain.onTimeout,
  'drain.rules': ({ drain }) => JSON.stringify(drain.rules),
  'drain.deferralsMax': ({ drain }) => String(drain.deferralsMax),
  'drain.deferFor': ({ drain }) => formatDuration(drain.deferForMs),
  'reimage.method': ({ reimage }) => reimage.method,
  'reimage.timeout': ({ reimage }) => formatDuration(reimage.timeoutMs),
  'reimage.oldRootVolume': ({ reimage: { oldRootVolume } }) =>
    oldRootVolume.kind === 'keep' ? `keep ${formatDuration(oldRootVolume.forMs)}` : 'delete',
  'reimage.mayLoseCapacity': ({ reimage }) => String(reimage.mayLoseCapacity === true),
  'verify.checks': ({ verify }) => JSON.stringify(verify.checks),
  'verify.soak': ({ verify }) => formatDuration(verify.soakMs),
  'failure.failuresMax': ({ failure }) => String(failure.failuresMax),
  'failure.successMin': ({ failure }) =>
    failure.successMinPercent === null ? 'null' : `${failure.successMinPercent}%`,
  'failure.consecutiveMax': ({ failure }) => orNull(failure.consecutiveMax),
  'failure.onExceeded': ({ failure }) => failure.onExceeded,
};

export const POLICY_FIELDS: readonly string[] = Object.keys(FIELDS);

/** Each field of a policy with its value as a fleet file writes it, whole. */
export function listPolicyFields(policy: Policy): readonly { field: string; value: string }[] {
  return Object.entries(FIELDS).map(([field, read]) => ({ field, value: read(policy) }));
}

/** A list of windows may be long; its beginning tells which one it was. */
const VALUE_CHARS_MAX = 300;
/** Of a hundred; mostly a change is for all of them. */
const POOLS_NAMED_MAX = 20;

/** Each field that differs in a pool, with all pools in which it differs alike. */
export function listPolicyChanges(before: readonly Pool[], after: readonly Pool[]): readonly PolicyChange[] {
  const changes = new Map<string, { field: string; from: string; to: string; pools: string[] }>();
  for (const pool of before) {
    const changed = after.find(({ name }) => name === pool.name);
    if (changed === undefined) continue;
    for (const [field, read] of Object.entries(FIELDS)) {
      const from = read(pool.policy);
      const to = read(changed.policy);
      if (from === to) continue;
      const key = JSON.stringify([field, from, to]);
      const known = changes.get(key);
      if (known === undefined) changes.set(key, { field, from: cut(from), to: cut(to), pools: [pool.name] });
      else known.pools.push(pool.name);
    }
  }
  return [...changes.values()].map((change) => ({ ...change, pools: cutPools(change.pools) }));
}

function cutPools(pools: readonly string[]): readonly string[] {
  if (pools.length <= POOLS_NAMED_MAX) return pools;
  return [...pools.slice(0, POOLS_NAMED_MAX), `and ${pools.length - POOLS_NAMED_MAX} more`];
}

function cut(text: string): string {
  return text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX - 1)}…`;
}

function orNull(value: number | null): string {
  return value === null ? 'null' : String(value);
}
