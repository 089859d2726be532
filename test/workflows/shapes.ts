// Small, whole values of the nouns for tests of machines and workflows.
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { PlanOutcome } from '../../activities/api.ts';
import { PLAN_PAGE_ROWS } from '../../domain/plan.ts';
import type { NodeStep, PlanRow } from '../../domain/plan.ts';
import type { Policy } from '../../domain/policy.ts';
import type { Release } from '../../domain/fleet.ts';
import type { FleetUpgradeInput, RunDefinition } from '../../domain/run.ts';

const release: Release = {
  name: '2026.11',
  imageId: 'ami-2',
  expects: { kubeletVersion: 'v1.36.1', osImage: null, labels: {} },
};

/** What the nodes of the fake worlds ran before. */
const former: Release = {
  name: '2026.09',
  imageId: 'ami-1',
  expects: { kubeletVersion: 'v1.35.2', osImage: null, labels: {} },
};

export function policyOf(
  o: {
    unavailableMax?: number;
    approval?: Partial<Policy['approval']>;
    failuresMax?: number;
    verifySoakMs?: number;
    policy?: Partial<Policy>;
  } = {},
): Policy {
  return {
    ...defaultPolicy,
    name: 'test',
    disruption: {
      ...defaultPolicy.disruption,
      unavailableMax: { kind: 'count', count: o.unavailableMax ?? 1 },
    },
    approval: { ...defaultPolicy.approval, before: 'never', ...o.approval },
    drain: { ...defaultPolicy.drain, timeoutMs: 600_000 },
    reimage: { method: 'rootVolume', timeoutMs: 600_000, oldRootVolume: { kind: 'delete' } },
    verify: { checks: [], soakMs: o.verifySoakMs ?? 0 },
    failure: { ...defaultPolicy.failure, failuresMax: o.failuresMax ?? 0 },
    ...o.policy,
  };
}

export function definitionOf(policy: Policy, input: FleetUpgradeInput): RunDefinition {
  const pool = {
    name: 'h100',
    matchLabels: { pool: 'h100' },
    sla: true,
    release: release.name,
    policy,
    owner: null,
  };
  return {
    fleet: input.fleet,
    cluster: {
      name: input.cluster,
      connection: { kind: 'context', context: 'prod-east' },
      provider: { kind: 'ec2', region: 'us-east-1' },
    },
    tier: 'prod',
    clusterUnavailableMax: null,
    pools: [pool],
    releases: { h100: release },
    catalog: [former, release],
    nodes: input.nodes ?? null,
    planDigest: input.planDigest ?? null,
    requestedBy: input.requestedBy ?? null,
  };
}

export function rowOf(node: string, pool = 'h100'): PlanRow {
  return {
    node,
    uid: `uid-${node}`,
    pool,
    zone: 'us-east-1a',
    instanceId: `i-${node}`,
    instanceType: 'p5.48xlarge',
    from: '2026.09',
    to: release.name,
    disposition: { kind: 'upgrade' },
  };
}

const launch = { template: { id: 'lt-1', name: null, version: '3' }, matchLabels: {}, deferralsLeft: 1 };

function launchOf({ reimage: { mayLoseCapacity } }: Policy) {
  return mayLoseCapacity === true ? { ...launch, mayLoseCapacity } : launch;
}

export function stepOf(node: string, policy: Policy, attempt: number, pool = 'h100'): NodeStep {
  return {
    node,
    uid: `uid-${node}`,
    pool,
    zone: 'us-east-1a',
    instanceId: `i-${node}`,
    attempt,
    from: '2026.09',
    release,
    before: { bootId: 'boot-0', gpusAllocatable: 8, rootVolumeId: 'vol-0', imageId: 'ami-1', daemonSets: [] },
    drain: { timeoutMs: policy.drain.timeoutMs },
    reimage: {
      method: policy.reimage.method,
      timeoutMs: policy.reimage.timeoutMs,
      oldRootVolume: policy.reimage.oldRootVolume,
    },
    ...(policy.reimage.method === 'replaceInstance' ? { launch: launchOf(policy) } : {}),
    rejoinTimeoutMs: policy.reimage.timeoutMs,
    verifySoakMs: policy.verify.soakMs,
  };
}

/** The plan's head over these rows, as a world with one pool answers it. */
export function plannedOf(rows: readonly PlanRow[]): PlanOutcome {
  return {
    kind: 'planned',
    summary: {
      digest: 'sha256:plan',
      observedAt: new Date().toISOString(),
      pages: Array.from({ length: Math.ceil(rows.length / PLAN_PAGE_ROWS) }, (_, page) =>
        page === 0 ? 'sha256:page' : `sha256:page-${String(page)}`,
      ),
      rows: rows.length,
      counts: { upgrade: rows.length, upToDate: 0, leftAlone: 0 },
      pools: [],
      oldRootVolumes: null,
      warnings: [],
    },
  };
}
