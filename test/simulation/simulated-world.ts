// The nodes as they truly are, and what becomes of them by themselves and by others. A watch may show an older
// picture; an act meets what is true.
import type { InstanceFacts, NodeFacts } from '../../domain/inventory.ts';
import { instanceOf, OWNER } from '../domain/planning/sample-fleet.ts';
import type { Picture } from '../checker/rollout-ledger.ts';
import type { Random } from './random.ts';

export type World = {
  nodes: Map<string, NodeFacts>;
  instances: Map<string, InstanceFacts>;
  /** The last few, oldest first. */
  pictures: (readonly NodeFacts[])[];
  /** Nodes with a child: nobody else lifts their cordon. */
  inUse: ReadonlySet<string>;
};

const PICTURES_KEPT = 4;
export const RELEASED_KUBELET = 'v1.36.1';

export function createWorld(nodes: readonly NodeFacts[], inUse: ReadonlySet<string>): World {
  const instances = new Map(nodes.map(instanceOf).map((one) => [one.instanceId, one]));
  return { nodes: new Map(nodes.map((node) => [node.name, node])), instances, pictures: [nodes], inUse };
}

export function change(world: World, name: string, changes: Partial<NodeFacts>): void {
  const node = world.nodes.get(name);
  if (node === undefined) return;
  world.nodes.set(name, { ...node, ...changes });
}

/** `lag`: so many pictures ago. */
export function lookAtNodes(world: World, lag: number): readonly NodeFacts[] {
  world.pictures.push([...world.nodes.values()]);
  if (world.pictures.length > PICTURES_KEPT) world.pictures.shift();
  return world.pictures.at(-1 - Math.min(lag, world.pictures.length - 1)) ?? [];
}

export function isOurs(node: NodeFacts): boolean {
  return node.annotations['refit.dev/owner'] === OWNER;
}

const INSTANCE = /\/(i-[^/]+)$/;

/** As the checker sees it. */
export function pictureOf(world: World, nodes: readonly NodeFacts[]): Picture {
  return new Map(
    nodes.map((node) => {
      const instance = world.instances.get(INSTANCE.exec(node.providerId)?.[1] ?? '');
      const seen = {
        uid: node.uid,
        pool: node.labels['refit.dev/pool'],
        zone: node.labels['topology.kubernetes.io/zone'] ?? '',
        ready: node.ready === 'True',
        cordon: isOurs(node)
          ? ('ours' as const)
          : node.unschedulable
            ? ('other' as const)
            : ('none' as const),
        updated: node.kubeletVersion === RELEASED_KUBELET,
        runs: instance?.state === 'running',
      };
      return [node.name, seen];
    }),
  );
}

/** One thing at most, to one node. */
export function disturb(world: World, random: Random): void {
  const node = random.pick([...world.nodes.values()]);
  if (node === undefined) return;
  const { name } = node;
  const ours = isOurs(node);
  const happenings: (() => unknown)[] = [
    () => change(world, name, { ready: 'Unknown' }),
    () => change(world, name, { ready: 'True' }),
    () => world.nodes.forEach((one) => random.oneIn(3) && change(world, one.name, { ready: 'True' })),
    () => !ours && random.oneIn(3) && change(world, name, { unschedulable: true }),
    () => !ours && change(world, name, { unschedulable: false }),
    () => ours && !world.inUse.has(name) && change(world, name, { unschedulable: false, annotations: {} }),
    () => random.oneIn(6) && world.nodes.delete(name),
    () => random.oneIn(6) && change(world, name, { uid: `${node.uid}'` }),
    () => random.oneIn(6) && change(world, name, { labels: {} }),
    () => !ours && random.oneIn(6) && change(world, name, { kubeletVersion: RELEASED_KUBELET }),
    () => random.oneIn(3) && stopInstance(world, node),
  ];
  random.pick(happenings)?.();
}

function stopInstance(world: World, { providerId }: NodeFacts): void {
  const id = INSTANCE.exec(providerId)?.[1] ?? '';
  const instance = world.instances.get(id);
  if (instance !== undefined) world.instances.set(id, { ...instance, state: 'stopped' });
}

/** The ill get well, whoever has cordoned uncordons, what was given up with our mark on it is put right. */
export function heal(world: World, mayLift: (node: string) => boolean): void {
  for (const node of world.nodes.values()) {
    const ours = isOurs(node);
    if (world.inUse.has(node.name)) continue;
    const lifted = !ours || mayLift(node.name);
    const cordon = lifted ? { unschedulable: false, ...(ours ? { annotations: {} } : {}) } : {};
    change(world, node.name, { ready: 'True', ...cordon });
  }
}
