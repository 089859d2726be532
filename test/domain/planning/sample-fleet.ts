// A small fleet as tests see it: two pools, two releases, nodes that show the old one.
import type { Pool, Release } from '../../../domain/fleet.ts';
import type { ImageFacts, InstanceFacts, Inventory, NodeFacts } from '../../../domain/inventory.ts';
import type { Policy } from '../../../domain/policy.ts';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { PlanNextQuestion } from '../../../domain/planning/board.ts';
import type { Look, Looks } from '../../../domain/planning/answer.ts';
import { instanceIdOf } from '../../../domain/planning/node-reading.ts';
import { planRun } from '../../../domain/planning/plan-run.ts';
import type { PlanRow } from '../../../domain/plan.ts';
import { ROW_CODES } from '../../../domain/row-codes.ts';
import type { RunDefinition } from '../../../domain/run.ts';
import { imageFacts, instanceFacts } from '../../fakes/fake-instances.ts';
import { nodeFacts } from '../../fakes/fake-kubernetes.ts';

export const OWNER = 'default/upgrade.training.prod-east/run-1';
export const OBSERVED_AT = '2026-11-20T10:00:00.000Z';

export function sampleRelease(name: string, changes: Partial<Release> = {}): Release {
  return {
    name,
    imageId: `ami-${name.replace('.', '')}`,
    expects: { kubeletVersion: name === '2026.09' ? 'v1.35.2' : 'v1.36.1', osImage: null, labels: {} },
    ...changes,
  };
}

export const OLD = sampleRelease('2026.09');
export const NEW = sampleRelease('2026.11');

export function samplePolicy(changes: Partial<Policy> = {}): Policy {
  return { ...defaultPolicy, ...changes };
}

export function withUnavailableMax(count: number): Policy {
  const unavailableMax = { kind: 'count', count } as const;
  return samplePolicy({ disruption: { ...defaultPolicy.disruption, unavailableMax } });
}

export function samplePool(name: string, changes: Partial<Pool> = {}): Pool {
  return {
    name,
    matchLabels: { 'refit.dev/pool': name },
    sla: name === 'h100',
    release: NEW.name,
    policy: defaultPolicy,
    owner: null,
    ...changes,
  };
}

export function sampleDefinition(changes: Partial<RunDefinition> = {}): RunDefinition {
  const pools = changes.pools ?? [samplePool('batch'), samplePool('h100')];
  return {
    fleet: 'training',
    cluster: {
      name: 'prod-east',
      connection: { kind: 'context', context: 'prod-east' },
      provider: { kind: 'ec2', region: 'us-east-1' },
    },
    tier: 'prod',
    clusterUnavailableMax: null,
    releases: Object.fromEntries(pools.map((pool) => [pool.name, NEW])),
    catalog: [OLD, NEW],
    nodes: null,
    planDigest: null,
    requestedBy: null,
    ...changes,
    pools,
  };
}

/** `batch-3` in zone us-east-1a, on the old release. */
export function sampleNode(pool: string, index: number, changes: Partial<NodeFacts> = {}): NodeFacts {
  const name = changes.name ?? `${pool}-${index}`;
  const zone = `us-east-1${'abc'[index % 3]}`;
  return nodeFacts({
    name,
    labels: {
      'refit.dev/pool': pool,
      'topology.kubernetes.io/zone': zone,
      'node.kubernetes.io/instance-type': 'p5.48xlarge',
    },
    kubeletVersion: 'v1.35.2',
    providerId: `aws:///${zone}/i-${name}`,
    podsToMove: index,
    ...changes,
  });
}

export function sampleNodes(pool: string, count: number): NodeFacts[] {
  return Array.from({ length: count }, (_, index) => sampleNode(pool, index));
}

export function sampleInventory(nodes: readonly NodeFacts[], changes: Partial<Inventory> = {}): Inventory {
  return {
    cluster: 'prod-east',
    observedAt: OBSERVED_AT,
    apiServerVersion: 'v1.36.1',
    nodes,
    instances: Object.fromEntries(nodes.map(instanceOf).map((one) => [one.instanceId, one])),
    images: sampleImages(),
    ...changes,
  };
}

export function sampleImages(): Record<string, ImageFacts> {
  return Object.fromEntries([OLD, NEW].map(({ imageId }) => [imageId, imageFacts({ imageId })]));
}

export function instanceOf(node: NodeFacts): InstanceFacts {
  return instanceFacts({ instanceId: instanceIdOf(node) ?? `i-${node.name}` });
}

/** Rows of a plan that is not refused; fails loudly otherwise. */
export function plannedRows(definition: RunDefinition, inventory: Inventory): readonly PlanRow[] {
  const plan = planRun(definition, inventory, OWNER);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  return plan.rows;
}

/** Every instance seen and well. */
export function sampleLooks(nodes: readonly NodeFacts[], changes: Record<string, Look> = {}): Looks {
  const seen: Record<string, Look> = {};
  for (const node of nodes) {
    seen[node.name] = {
      instance: instanceOf(node),
      daemonSets: [{ namespace: 'gpu-operator', name: 'nvidia-device-plugin' }],
    };
  }
  return { seen: { ...seen, ...changes }, images: sampleImages(), final: true };
}

const CODE_OF = { upgrade: 'waiting', upToDate: 'upToDate', leftAlone: 'leftAlone' } as const;

/** As the workflow asks right after it has planned. */
export function firstQuestion(definition: RunDefinition, rows: readonly PlanRow[]): PlanNextQuestion {
  const codes = rows.map((row) => ROW_CODES[CODE_OF[row.disposition.kind]]).join('');
  return { definition, owner: OWNER, rows, codes, occupied: [], retries: [] };
}
