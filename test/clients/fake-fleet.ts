// A fleet side in memory: one cluster of four nodes, of which a test changes what it needs.
import type { Fleet } from '../../domain/fleet.ts';
import type { Inventory, NodeFacts } from '../../domain/inventory.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import type { FleetSide, PlanAnswer } from '../../clients/cli/fleet-side.ts';
import type { DrainChoice } from '../../adapters/ports/kubernetes.ts';

export function makeFleet(o: { name?: string; clusters?: readonly string[] } = {}): Fleet {
  return {
    name: o.name ?? 'training',
    clusters: (o.clusters ?? ['prod-east']).map((name) => ({
      name,
      tier: 'prod',
      connection: { kind: 'context', context: name },
      provider: { kind: 'ec2', region: 'us-east-1' },
      unavailableMax: null,
      pools: ['h100', 'batch'].map((pool) => ({
        name: pool,
        matchLabels: { 'refit.dev/pool': pool },
        sla: pool === 'h100',
        release: '2026.11',
        policy: defaultPolicy,
        owner: null,
      })),
    })),
    promotion: { soakMs: 0, successMinPercent: 100 },
    policyOrigins: {},
    releases: [
      {
        name: '2026.09',
        image: { kind: 'everywhere', id: 'ami-09' },
        expects: { kubeletVersion: 'v1.35.4', osImage: null, labels: {} },
      },
      {
        name: '2026.11',
        image: { kind: 'everywhere', id: 'ami-11' },
        expects: { kubeletVersion: 'v1.36.1', osImage: null, labels: {} },
      },
    ],
  };
}

export function makeNode(name: string, o: Partial<NodeFacts> = {}): NodeFacts {
  return {
    name,
    uid: `uid-${name}`,
    resourceVersion: '1',
    labels: {
      'refit.dev/pool': 'h100',
      'topology.kubernetes.io/zone': 'us-east-1a',
      'node.kubernetes.io/instance-type': 'p5.48xlarge',
    },
    annotations: {},
    taints: [],
    unschedulable: false,
    ready: 'True',
    readyHeartbeatAt: '2026-11-21T11:59:55Z',
    kubeletVersion: 'v1.35.4',
    osImage: 'Ubuntu 24.04',
    bootId: `boot-${name}`,
    architecture: 'amd64',
    gpusAllocatable: 8,
    internalIp: '10.0.0.1',
    providerId: `aws:///us-east-1a/i-${name.replace(/[^0-9a-z]/g, '')}`,
    createdAt: '2026-10-11T12:00:00Z',
    podsToMove: 9,
    ...o,
  };
}

function makeInventory(nodes: readonly NodeFacts[], instances: Inventory['instances']): Inventory {
  return {
    cluster: 'prod-east',
    observedAt: '2026-11-21T12:00:00Z',
    apiServerVersion: 'v1.36.1',
    nodes,
    instances,
    images: {},
  };
}

export class FakeFleet implements FleetSide {
  fleets: readonly Fleet[] = [makeFleet()];
  nodes: readonly NodeFacts[] = [makeNode('ip-10-0-0-1'), makeNode('ip-10-0-0-2')];
  instances: Inventory['instances'] = {};
  answer: PlanAnswer = { kind: 'refused', refusals: [] };
  choice: DrainChoice = { evict: [], skip: [], blocked: [] };
  inputError: Error | undefined;
  readonly inputs: FleetUpgradeInput[] = [];
  readonly drains: { node: string; force: boolean }[] = [];

  collectFleets(): Promise<readonly Fleet[]> {
    return Promise.resolve(this.fleets);
  }

  checkInput(input: FleetUpgradeInput): Promise<void> {
    this.inputs.push(input);
    return this.inputError === undefined ? Promise.resolve() : Promise.reject(this.inputError);
  }

  collectInventory(): Promise<Inventory> {
    return Promise.resolve(makeInventory(this.nodes, this.instances));
  }

  plan(input: FleetUpgradeInput): Promise<PlanAnswer> {
    this.inputs.push(input);
    return Promise.resolve(this.answer);
  }

  planDrain(_cluster: unknown, o: { node: string; force: boolean }): Promise<DrainChoice> {
    this.drains.push(o);
    return Promise.resolve(this.choice);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
