// What becomes of a node that another instance replaces, in simulated time: as activities/replace-*.ts do it to the
// cluster and the cloud. Chance decides how each step ends; every choice is the node machine's.
import { isTooLate } from '../../domain/machines/fleet-hours.ts';
import type { NextNodeStep, NodeWay } from '../../domain/machines/node-types.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import { instanceOf, NEW, OWNER } from '../domain/planning/sample-fleet.ts';
import type { Child, Happened, Surroundings } from './simulated-child.ts';
import { RELEASED_KUBELET, REPLACES, SERVES, isQuarantined, uncordon } from './simulated-world.ts';
import type { World } from './simulated-world.ts';

type ReplaceStep = NextNodeStep & { kind: 'launch' | 'awaitJoined' | 'terminate' | 'removeReplacement' };

const FAILED = { kind: 'stepFailed', why: 'by chance' } as Happened;

/** Whom verification and the uncordon are about. */
export function subjectOf({ step, facts }: NodeWay): { name: string; uid: string } {
  const { replacement } = facts;
  return replacement === undefined
    ? { name: step.node, uid: step.uid }
    : { name: replacement.node, uid: replacement.uid };
}

export function replaceNode(
  around: Surroundings,
  child: Child,
  next: ReplaceStep,
  withheld: () => Happened | undefined,
): Happened | undefined {
  switch (next.kind) {
    case 'launch':
      return launch(around, child, withheld);
    case 'awaitJoined':
      return join(around, child, next.instanceId);
    case 'terminate':
      return terminate(around, child, withheld);
    case 'removeReplacement':
      return remove(around, child);
  }
}

function launch(
  { time, random, world, parent, rough }: Surroundings,
  { step }: Child,
  withheld: () => Happened | undefined,
): Happened {
  const { node } = step;
  if (isTooLate(step, time.now()) || (rough() && random.oneIn(40))) {
    return { kind: 'cameTooLate', why: 'its window left it no time' };
  }
  const serving = [...world.nodes.values()].find((one) => one.annotations[REPLACES] === node && serves(one));
  if (serving === undefined) {
    const held = withheld();
    if (held !== undefined) return held;
    if (rough() && random.oneIn(10)) return { kind: 'noCapacity', why: 'InsufficientInstanceCapacity' };
    if (rough() && random.oneIn(25)) return FAILED;
  }
  parent.noteAct(node, 'launch');
  const instanceId = serving === undefined ? `i-${nameOfNext(world, node)}` : `i-${serving.name}`;
  return { kind: 'launched', instanceId, launchedAt: time.now() };
}

/** Left by an earlier attempt: it shows the release, is Ready and takes pods. */
function serves({ ready, unschedulable, annotations, kubeletVersion }: NodeFacts): boolean {
  const shows = kubeletVersion === RELEASED_KUBELET && annotations[SERVES] !== undefined;
  return ready === 'True' && !unschedulable && shows;
}

function nameOfNext({ instances }: World, node: string): string {
  let count = 1;
  while (instances.has(`i-${node}-r${String(count)}`)) count += 1;
  return `${node}-r${String(count)}`;
}

function join({ random, world, rough }: Surroundings, { step }: Child, instanceId: string): Happened {
  const name = instanceId.slice('i-'.length);
  const there = world.nodes.get(name);
  if (there !== undefined) return { kind: 'joined', node: name, uid: there.uid, bootId: 'boot-1' };
  const old = world.nodes.get(step.node);
  if (old === undefined || (rough() && random.oneIn(15))) return FAILED;
  const zone = old.labels['topology.kubernetes.io/zone'] ?? step.zone;
  const node: NodeFacts = {
    ...old,
    name,
    uid: `uid-${name}`,
    labels: { ...step.launch?.matchLabels, 'topology.kubernetes.io/zone': zone },
    annotations: { 'refit.dev/owner': OWNER, [REPLACES]: step.node },
    unschedulable: true,
    ready: 'True',
    kubeletVersion: RELEASED_KUBELET,
    providerId: `aws:///${zone}/${instanceId}`,
    podsToMove: 0,
  };
  world.nodes.set(name, node);
  world.instances.set(instanceId, { ...instanceOf(node), imageId: NEW.imageId });
  return { kind: 'joined', node: name, uid: node.uid, bootId: 'boot-1' };
}

/** Its cordon is lifted: from here on it takes pods. */
export function serve({ world, parent }: Surroundings, { step, way }: Child): Happened {
  const { name, uid } = subjectOf(way);
  const node = world.nodes.get(name);
  const mayLift = node?.annotations['refit.dev/owner'] === OWNER || node?.unschedulable === false;
  if (node?.uid !== uid || !mayLift || isQuarantined(node)) {
    return { kind: 'uncordoned', uncordoned: false, why: 'its cordon is not ours to lift' };
  }
  parent.noteAct(step.node, 'serve');
  uncordon(world, name, { [SERVES]: 'true', 'refit.dev/release': step.release.name });
  return { kind: 'uncordoned', uncordoned: true, why: '' };
}

function terminate(
  { random, world, parent, rough }: Surroundings,
  { step, way }: Child,
  withheld: () => Happened | undefined,
): Happened {
  const held = withheld();
  if (held !== undefined) return held;
  const { node } = step;
  const other = world.nodes.get(subjectOf(way).name);
  const isServed = other?.uid === subjectOf(way).uid && other.ready === 'True' && !other.unschedulable;
  // Waited for until its time is up.
  if (!isServed || world.nodes.get(node)?.uid !== step.uid || (rough() && random.oneIn(20))) return FAILED;
  if (rough() && random.oneIn(30)) return { kind: 'occupied', pods: [] };
  parent.noteAct(node, 'terminate');
  world.nodes.delete(node);
  const instance = world.instances.get(step.instanceId);
  if (instance !== undefined) world.instances.set(step.instanceId, { ...instance, state: 'terminated' });
  return { kind: 'terminated' };
}

/** One that takes pods is left where it is. */
function remove({ world, parent }: Surroundings, { step, way }: Child): Happened {
  const { replacement } = way.facts;
  const node = replacement === undefined ? undefined : world.nodes.get(replacement.node);
  if (node !== undefined && node.annotations[SERVES] === undefined) {
    parent.noteAct(step.node, 'remove');
    world.nodes.delete(node.name);
  }
  return { kind: 'replacementRemoved', why: 'it is gone' };
}
