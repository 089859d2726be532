// The nodes as they truly are, and what becomes of them by themselves and by others. A watch may show an older
// picture; an act meets what is true.
import type { ImageFacts, InstanceFacts, NodeFacts } from '../../domain/inventory.ts';
import { OLD, instanceOf, OWNER } from '../domain/planning/sample-fleet.ts';
import type { Picture } from '../checker/rollout-ledger.ts';
import type { Random } from './random.ts';

export type World = {
  nodes: Map<string, NodeFacts>;
  instances: Map<string, InstanceFacts>;
  images: Record<string, ImageFacts>;
  /** The last few, oldest first. */
  pictures: { at: number; nodes: readonly NodeFacts[] }[];
  /** Nodes with a child: nobody else lifts their cordon. */
  inUse: ReadonlySet<string>;
};

const PICTURES_KEPT = 4;
export const RELEASED_KUBELET = 'v1.36.1';
const QUARANTINE = 'refit.dev/quarantine';
/** On a node that was launched to take the place of another. */
export const REPLACES = 'refit.dev/replaces';
/** Ours alone: it has taken pods. */
export const SERVES = 'simulated/serves';

export function createWorld(
  nodes: readonly NodeFacts[],
  images: Record<string, ImageFacts>,
  inUse: ReadonlySet<string>,
): World {
  const instances = new Map(nodes.map(instanceOf).map((one) => [one.instanceId, one]));
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return { nodes: byName, instances, images: { ...images }, pictures: [], inUse };
}

export function cordonOurs(world: World, name: string): void {
  const annotations = { ...world.nodes.get(name)?.annotations, 'refit.dev/owner': OWNER };
  change(world, name, { unschedulable: true, annotations });
}

/** A quarantine stays, and so does whose place it took. */
export function uncordon(world: World, name: string, more: Record<string, string> = {}): void {
  const { annotations = {} } = world.nodes.get(name) ?? {};
  const others = Object.entries(annotations).filter(([key]) => key !== 'refit.dev/owner');
  change(world, name, { unschedulable: false, annotations: { ...Object.fromEntries(others), ...more } });
}

export function isQuarantined({ annotations }: NodeFacts): boolean {
  return annotations[QUARANTINE] !== undefined;
}

/** Launched to take a place, and has taken no pods yet. */
function isJoining({ annotations }: NodeFacts): boolean {
  return annotations[REPLACES] !== undefined && annotations[SERVES] === undefined;
}

export function change(world: World, name: string, changes: Partial<NodeFacts>): void {
  const node = world.nodes.get(name);
  if (node === undefined) return;
  world.nodes.set(name, { ...node, ...changes });
}

/** So long a watch may be silent before its connection is given up. */
const PICTURE_AGE_MAX_MS = 60_000;

/** `lag`: so many pictures ago, as far as a watch may be behind. */
export function lookAtNodes(world: World, lag: number, nowMs: number): readonly NodeFacts[] {
  world.pictures.push({ at: nowMs, nodes: [...world.nodes.values()] });
  world.pictures = world.pictures.filter(({ at }) => nowMs - at <= PICTURE_AGE_MAX_MS).slice(-PICTURES_KEPT);
  const { pictures } = world;
  return pictures.at(-1 - Math.min(lag, pictures.length - 1))?.nodes ?? [];
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
        quarantined: isQuarantined(node),
        replaces: node.annotations[REPLACES],
        joins: isJoining(node),
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
    () => ours && !isJoining(node) && !world.inUse.has(name) && uncordon(world, name),
    () => random.oneIn(4) && quarantine(world, node),
    () => random.oneIn(12) && Reflect.deleteProperty(world.images, OLD.imageId),
    () => random.oneIn(6) && world.nodes.delete(name),
    () => random.oneIn(6) && change(world, name, { uid: `${node.uid}'` }),
    () => random.oneIn(6) && change(world, name, { labels: {} }),
    () => !ours && random.oneIn(6) && change(world, name, { kubeletVersion: RELEASED_KUBELET }),
    () => random.oneIn(3) && stopInstance(world, node),
  ];
  random.pick(happenings)?.();
}

function quarantine(world: World, { name, annotations }: NodeFacts): void {
  change(world, name, { annotations: { ...annotations, [QUARANTINE]: 'ill' } });
}

function stopInstance(world: World, { providerId }: NodeFacts): void {
  const id = INSTANCE.exec(providerId)?.[1] ?? '';
  const instance = world.instances.get(id);
  if (instance !== undefined) world.instances.set(id, { ...instance, state: 'stopped' });
}

/** The ill get well, whoever has cordoned uncordons, what was given up with our mark on it is put right. */
export function heal(world: World, mayLift: (node: string) => boolean): void {
  for (const node of world.nodes.values()) {
    const { name, annotations } = node;
    const isUsed = world.inUse.has(name) || world.inUse.has(annotations[REPLACES] ?? '');
    if (isUsed) continue;
    if (isJoining(node)) {
      world.nodes.delete(name);
      continue;
    }
    change(world, name, { ready: 'True' });
    if (!isOurs(node) || mayLift(name)) uncordon(world, name);
  }
}
