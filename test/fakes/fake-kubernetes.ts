// One cluster in memory: nodes that the test sets, cordons that follow the owner mark, a Lease, and
// answers for drain and the last look that the test chooses.
import {
  REBOOT_ANNOTATION,
  isSameReboot,
  parseRebootNote,
  renderRebootNote,
} from '../../domain/reimage/reboot-note.ts';
import type { ClusterRef } from '../../domain/fleet.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import type { ForcePods } from '../../domain/node-state.ts';
import type { DrainImpact } from '../../domain/plan.ts';
import type { DrainFacts } from '../../domain/planning/drain-tally.ts';
import type {
  DrainChoice,
  DrainOutcome,
  DrainRequest,
  EmptyCheck,
  Kubernetes,
  KubernetesCluster,
  LeaseHolder,
  RejoinFacts,
} from '../../adapters/ports/kubernetes.ts';
import type { PortError } from '../../adapters/ports/errors.ts';

export const OWNER_ANNOTATION = 'refit.dev/owner';

type Call = { method: keyof KubernetesCluster; argument: unknown };

export type FakeCluster = KubernetesCluster & {
  version: string;
  /** Of every node. */
  impact: DrainImpact;
  /** What the pods of the cluster would mean for a plan. */
  drainFacts: DrainFacts;
  nodes: Map<string, NodeFacts>;
  /** By node; what the watch shows after the boot. */
  daemonSets: Map<string, RejoinFacts['daemonSets']>;
  empty: EmptyCheck;
  /** What kubectl's --force would add. */
  force: ForcePods;
  choice: DrainChoice;
  /** What a drain does; by default it is done at once. */
  drainWith: (request: DrainRequest) => Promise<DrainOutcome>;
  lease: LeaseHolder | null;
  calls: Call[];
  /** Thrown by every method while set. */
  failure: PortError | null;
};

export type FakeKubernetes = Kubernetes & { fakeCluster(name: string): FakeCluster };

export function nodeFacts(changes: Partial<NodeFacts> & { name: string }): NodeFacts {
  return {
    uid: `uid-${changes.name}`,
    resourceVersion: '1',
    labels: {},
    annotations: {},
    taints: [],
    unschedulable: false,
    ready: 'True',
    readyHeartbeatAt: '2026-01-01T00:00:00.000Z',
    kubeletVersion: 'v1.36.0',
    osImage: 'Ubuntu 24.04',
    bootId: 'boot-1',
    architecture: 'amd64',
    gpusAllocatable: 8,
    internalIp: '10.0.0.1',
    providerId: `aws:///us-east-1a/i-${changes.name}`,
    createdAt: '2026-01-01T00:00:00.000Z',
    podsToMove: 0,
    ...changes,
  };
}

export function createFakeKubernetes(): FakeKubernetes {
  const clusters = new Map<string, FakeCluster>();
  const fakeCluster = (name: string): FakeCluster => {
    const known = clusters.get(name);
    if (known !== undefined) return known;
    const cluster = createFakeCluster();
    clusters.set(name, cluster);
    return cluster;
  };
  return {
    fakeCluster,
    cluster: (ref: ClusterRef) => fakeCluster(ref.name),
    close: () => Promise.resolve(),
  };
}

function createFakeCluster(): FakeCluster {
  const answer = async <T>(
    method: Call['method'],
    argument: unknown,
    work: () => T | Promise<T>,
  ): Promise<T> => {
    fake.calls.push({ method, argument });
    if (fake.failure !== null) throw fake.failure;
    return await work();
  };
  const change = (name: string, changes: Partial<NodeFacts>) => {
    const node = fake.nodes.get(name);
    if (node === undefined) return;
    const resourceVersion = String(Number(node.resourceVersion) + 1);
    fake.nodes.set(name, { ...node, ...changes, resourceVersion });
  };
  /** The node when it is still the one meant, else what stands there. */
  const meant = (o: { node: string; uid: string }) => {
    const node = fake.nodes.get(o.node);
    return node?.uid === o.uid ? node : undefined;
  };
  const found = (name: string) => fake.nodes.get(name)?.uid ?? 'no node of this name';
  const fake: FakeCluster = {
    version: 'v1.36.1',
    nodes: new Map(),
    daemonSets: new Map(),
    empty: { kind: 'empty' },
    impact: { podsTotal: 0, pods: [], kindsLeft: 0, pdbs: [], pdbsLeft: 0, blocked: [] },
    drainFacts: { used: new Map(), drains: new Map(), volumes: { kind: 'known', places: new Map() } },
    force: { pods: [], total: 0 },
    choice: { evict: [], skip: [], blocked: [] },
    drainWith: () => Promise.resolve({ kind: 'drained', evicted: 0 }),
    lease: null,
    calls: [],
    failure: null,
    collectVersion: () => answer('collectVersion', null, () => fake.version),
    collectNodes: () => answer('collectNodes', null, () => [...fake.nodes.values()]),
    collectNodesCached: () => answer('collectNodesCached', null, () => [...fake.nodes.values()]),
    collectDaemonSets: (node) =>
      answer('collectDaemonSets', node, () =>
        (fake.daemonSets.get(node) ?? []).map(({ namespace, name }) => ({ namespace, name })),
      ),
    collectImpact: (node) => answer('collectImpact', node, () => fake.impact),
    collectDrainFacts: (o) => answer('collectDrainFacts', o, () => fake.drainFacts),
    collectRejoin: (name) =>
      answer('collectRejoin', name, () => {
        const node = fake.nodes.get(name);
        return node === undefined ? undefined : { node, daemonSets: fake.daemonSets.get(name) ?? [] };
      }),
    ensureCordoned: (o) =>
      answer('ensureCordoned', o, () => {
        const node = meant(o);
        if (node === undefined) return { kind: 'notTheNode', found: found(o.node) };
        const by = node.annotations[OWNER_ANNOTATION];
        if (node.unschedulable && by === o.owner) return { kind: 'alreadyOurs' };
        if (node.unschedulable) return { kind: 'cordonedByOther', by: by ?? 'unknown' };
        change(o.node, {
          unschedulable: true,
          annotations: {
            ...node.annotations,
            [OWNER_ANNOTATION]: o.owner,
            ...(o.replaces === undefined ? {} : { 'refit.dev/replaces': o.replaces }),
          },
        });
        return { kind: 'cordoned' };
      }),
    ensureNodeDeleted: (o) =>
      answer('ensureNodeDeleted', o, () => {
        if (meant(o) !== undefined) fake.nodes.delete(o.node);
      }),
    ensureUncordoned: (o) =>
      answer('ensureUncordoned', o, () => {
        const node = meant(o);
        if (node === undefined) return { kind: 'notOurs', found: found(o.node) };
        const by = node.annotations[OWNER_ANNOTATION];
        if (!node.unschedulable) return { kind: 'alreadyUncordoned' };
        if (by !== o.owner) return { kind: 'notOurs', found: by ?? 'no owner mark' };
        const annotations = Object.fromEntries(
          Object.entries(node.annotations).filter(([key]) => key !== OWNER_ANNOTATION),
        );
        change(o.node, {
          unschedulable: false,
          annotations: o.release === null ? annotations : { ...annotations, 'refit.dev/release': o.release },
        });
        return { kind: 'uncordoned' };
      }),
    drain: (request) => answer('drain', request, () => fake.drainWith(request)),
    planDrain: (o) => answer('planDrain', o, () => fake.choice),
    collectForcePods: (o) => answer('collectForcePods', o, () => fake.force),
    checkEmpty: (o) => answer('checkEmpty', o, () => fake.empty),
    ensureRebootNoted: (o) =>
      answer('ensureRebootNoted', o, () => {
        const node = meant(o);
        if (node === undefined) return { kind: 'unsafe', why: `${o.node} is ${found(o.node)}` };
        const note = parseRebootNote(node.annotations[REBOOT_ANNOTATION]);
        if (note !== undefined && isSameReboot(note, o)) return { kind: 'notedBefore', at: note.at };
        change(o.node, {
          annotations: { ...node.annotations, [REBOOT_ANNOTATION]: renderRebootNote(o) },
        });
        return { kind: 'noted' };
      }),
    acquireLease: (o) =>
      answer('acquireLease', o, () => {
        const held = fake.lease;
        if (held !== null && held.holder !== o.owner && held.holder !== o.takeOverFrom) {
          const nodesMarked = [...fake.nodes.values()]
            .filter((node) => node.annotations[OWNER_ANNOTATION] === held.holder)
            .map((node) => node.name);
          return { kind: 'heldByOther', by: held, nodesMarked };
        }
        if (held?.holder !== o.owner) {
          fake.lease = { holder: o.owner, since: '2026-01-01T00:00:00.000Z', resourceVersion: '1' };
        }
        return { kind: 'held' };
      }),
    adoptNodes: (o) =>
      answer('adoptNodes', o, () => {
        const marked = [...fake.nodes.values()].filter(
          ({ annotations }) => annotations[OWNER_ANNOTATION] === o.from,
        );
        for (const node of marked) {
          const annotations = { ...node.annotations, [OWNER_ANNOTATION]: o.to };
          fake.nodes.set(node.name, { ...node, annotations });
        }
        return marked.map(({ name }) => name);
      }),
    releaseLease: (o) =>
      answer('releaseLease', o, () => {
        if (fake.lease?.holder === o.owner) fake.lease = null;
      }),
  };
  return fake;
}
