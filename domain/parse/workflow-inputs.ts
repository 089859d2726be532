// Inputs of workflows as people type them into `temporal workflow start`. Only their form is checked
// here; whether the fleet, the pools and the release exist is found when the run is resolved.
import type { DriftWatchInput } from '../drift.ts';
import { DIGEST_PATTERN, NAME_CHARS_MAX, NODES_NAMED_MAX, POOLS_NAMED_MAX } from '../messages.ts';
import type { PromotionInput } from '../promotion.ts';
import type { FleetUpgradeInput, NodeUpgradeInput } from '../run.ts';
import { isTrue, list, matching, object, record, text, type Parsed } from './parsed.ts';

const fleet = text('the name of a fleet', NAME_CHARS_MAX);
const cluster = text('the name of a cluster', NAME_CHARS_MAX);
const pool = text('the name of a pool', NAME_CHARS_MAX);
const node = text('the name of a node', NAME_CHARS_MAX);
const release = text('the name of a release', NAME_CHARS_MAX);
const requestedBy = text('who asks for it', NAME_CHARS_MAX);
const planDigest = matching('a digest as `refit plan` prints it (sha256:…)', DIGEST_PATTERN);

const fleetUpgrade = object(
  { fleet, cluster },
  {
    pools: list(pool, 'names of pools', POOLS_NAMED_MAX),
    release,
    nodes: list(node, 'names of nodes', NODES_NAMED_MAX),
    policy: record,
    planDigest,
    requestedBy,
  },
);

const promotion = object({ fleet, promote: isTrue }, { release, policy: record, requestedBy });

const nodeUpgrade = object({ fleet, cluster, node }, { release, requestedBy });

export function parseFleetUpgradeInput(value: unknown): Parsed<FleetUpgradeInput> {
  return fleetUpgrade(value, '');
}

/** Meant by whoever says `promote`; anything else is an upgrade of one cluster. */
export function saysPromote(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'promote');
}

export function parsePromotionInput(value: unknown): Parsed<PromotionInput> {
  return promotion(value, '');
}

const CLUSTERS_NAMED_MAX = 200;
const driftWatch = object({ fleet }, { clusters: list(cluster, 'names of clusters', CLUSTERS_NAMED_MAX) });

export function parseDriftWatchInput(value: unknown): Parsed<DriftWatchInput> {
  return driftWatch(value, '');
}

export function parseNodeUpgradeInput(value: unknown): Parsed<NodeUpgradeInput> {
  return nodeUpgrade(value, '');
}
