// Reads: the node table, the version, what runs on a node, what it looks like after its boot, the last
// look before reimage, and the choice of a drain that is not done. Changes nothing.
import { whyNotOurs } from '../../domain/drain/cordon.ts';
import { chooseForDrain, isForceable } from '../../domain/drain/choose.ts';
import { readImpact } from '../../domain/drain/impact.ts';
import { isFinished, podKey } from '../../domain/drain/pod.ts';
import { PortError } from '../ports/errors.ts';
import { lookUpIn } from './drain.ts';
import { listPods } from './eviction.ts';
import { readNode } from './cordon.ts';
import { toAllocatable, toNode } from './objects.ts';
import { PATHS } from './watches.ts';
import type { DaemonSetLookup } from '../../domain/drain/choose.ts';
import type { PodFacts } from '../../domain/drain/pod.ts';
import type { NodeFacts } from '../../domain/inventory.ts';
import { FORCE_PODS_MAX } from '../../domain/node-state.ts';
import type { ForcePods } from '../../domain/node-state.ts';
import type { DrainImpact } from '../../domain/plan.ts';
import type { OwnerMark } from '../../domain/run.ts';
import type { DrainChoice, EmptyCheck, RejoinFacts } from '../ports/kubernetes.ts';
import type { Api, Call } from './api.ts';
import type { RawObject } from './object-cache.ts';
import type { CachedNode } from './objects.ts';
import type { Watches } from './watches.ts';

type Bed = { api: Api; watches: Watches };
type NamedSet = { namespace: string; name: string };

const PAGE_SIZE = '500';

export async function collectVersion(api: Api): Promise<string> {
  const body = await api.ask({ subject: { verb: 'get', resource: '/version' }, path: '/version' });
  return (body as { gitVersion: string }).gitVersion;
}

/** Consistent; only `podsToMove` comes from the shared watch, for it decides nothing. */
export async function collectNodes({ api, watches }: Bed): Promise<readonly NodeFacts[]> {
  await watches.pods.synced();
  const nodes: NodeFacts[] = [];
  let next: string | undefined = '';
  while (next !== undefined) {
    const page = (await api.ask({
      subject: { verb: 'list', resource: 'nodes' },
      path: PATHS.nodes,
      query: { limit: PAGE_SIZE, ...(next === '' ? {} : { continue: next }) },
    })) as { metadata: { continue?: string }; items?: RawObject[] };
    nodes.push(
      ...(page.items ?? []).map((raw) => ({
        ...toFacts(toNode(raw), watches),
        allocatable: toAllocatable(raw),
      })),
    );
    next = page.metadata.continue || undefined;
  }
  return nodes;
}

export async function collectNodesCached({ watches }: Bed): Promise<readonly NodeFacts[]> {
  await Promise.all([watches.nodes.synced(), watches.pods.synced()]);
  watches.nodes.checkAlive();
  watches.pods.checkAlive();
  return Array.from(watches.nodes.values(), (node) => toFacts(node, watches));
}

function toFacts(node: CachedNode, watches: Watches): NodeFacts {
  let podsToMove = 0;
  for (const pod of watches.pods.group(node.name).values()) {
    if (!isFinished(pod) && !pod.mirror && daemonSetOf(pod) === undefined) podsToMove += 1;
  }
  return { ...node.facts, podsToMove };
}

function daemonSetOf(pod: PodFacts): NamedSet | undefined {
  const { controller } = pod;
  if (controller?.kind !== 'DaemonSet' || controller.apiVersion !== 'apps/v1') return undefined;
  return { namespace: pod.namespace, name: controller.name };
}

export async function collectDaemonSets({ watches }: Bed, node: string): Promise<readonly NamedSet[]> {
  await watches.pods.synced();
  const found = new Map<string, NamedSet>();
  for (const pod of watches.pods.group(node).values()) {
    const set = daemonSetOf(pod);
    if (set !== undefined && pod.deletionTimestamp === null) found.set(podKey(set), set);
  }
  return [...found.values()].sort((a, b) => (podKey(a) < podKey(b) ? -1 : 1));
}

export async function collectImpact({ watches }: Bed, node: string): Promise<DrainImpact> {
  const { pods, pdbs, daemonSets } = watches;
  await Promise.all([pods.synced(), pdbs.synced(), daemonSets.synced()]);
  const here = [...pods.group(node).values()];
  const namespaces = [...new Set(here.map(({ namespace }) => namespace))];
  const guards = namespaces.flatMap((namespace) => [...pdbs.group(namespace).values()]);
  return readImpact(here, guards, lookUpIn(watches));
}

export async function collectRejoin({ watches }: Bed, node: string): Promise<RejoinFacts | undefined> {
  await Promise.all([watches.nodes.synced(), watches.pods.synced()]);
  const view = watches.nodes.get(node);
  if (view === undefined) return undefined;
  const daemonSets: RejoinFacts['daemonSets'][number][] = [];
  for (const pod of watches.pods.group(node).values()) {
    const set = daemonSetOf(pod);
    // An ending pod, or one that has ended, is not what should run here.
    if (set === undefined || pod.deletionTimestamp !== null || isFinished(pod)) continue;
    daemonSets.push({ ...set, ready: pod.ready, startedAt: pod.containersStartedAt });
  }
  return { node: toFacts(view, watches), daemonSets };
}

export async function checkEmpty(
  { api, watches }: Bed,
  o: { node: string; uid: string; owner: OwnerMark },
): Promise<EmptyCheck> {
  await watches.daemonSets.synced();
  const why = whyNotOurs(await readNode(api, o.node), o);
  if (why !== undefined) return { kind: 'unsafe', why };
  const context = lookUpIn(watches);
  const pods = (await listPods(api, o.node)).flatMap((pod) => {
    const choice = chooseForDrain(pod, context);
    if (choice.kind === 'skip') return [];
    const { namespace, name } = pod;
    return { namespace, name, why: choice.kind === 'blocked' ? choice.why : 'a drain would evict it' };
  });
  return pods.length === 0 ? { kind: 'empty' } : { kind: 'occupied', pods };
}

export async function collectForcePods({ api, watches }: Bed, o: { node: string }): Promise<ForcePods> {
  await watches.daemonSets.synced();
  const context = lookUpIn(watches);
  const pods = (await listPods(api, o.node)).filter((pod) => isForceable(pod, context));
  const named = pods.map(({ namespace, name, uid }) => ({ namespace, name, uid }));
  return { pods: named.slice(0, FORCE_PODS_MAX), total: named.length };
}

/** As kubectl does it: one LIST of the node's pods, and a GET of each DaemonSet that they name. */
export async function planDrain(api: Api, o: { node: string; force: boolean }): Promise<DrainChoice> {
  if ((await readNode(api, o.node)) === undefined) {
    throw new PortError('notFound', `no node ${o.node} in the cluster at ${api.server}`);
  }
  const pods = await listPods(api, o.node);
  const sets = new Map<string, DaemonSetLookup>();
  for (const set of pods.map(daemonSetOf)) {
    if (set !== undefined && !sets.has(podKey(set))) sets.set(podKey(set), await lookUpDaemonSet(api, set));
  }
  const choice = { evict: [] as NamedSet[], skip: [] as Named[], blocked: [] as Named[] };
  for (const pod of pods) {
    const { namespace, name } = pod;
    const chosen = chooseForDrain(pod, {
      force: o.force,
      lookUpDaemonSet: (...key) => sets.get(key.join('/')) ?? { kind: 'missing' },
    });
    if (chosen.kind === 'evict') choice.evict.push({ namespace, name });
    else choice[chosen.kind].push({ namespace, name, why: chosen.why });
  }
  return choice;
}

type Named = NamedSet & { why: string };

async function lookUpDaemonSet(api: Api, { namespace, name }: NamedSet): Promise<DaemonSetLookup> {
  const call: Call = {
    subject: { verb: 'get', resource: 'daemonsets.apps', name, namespace },
    path: `/apis/apps/v1/namespaces/${namespace}/daemonsets/${name}`,
  };
  const answer = await api.call(call);
  if (answer.status === 200) return { kind: 'present' };
  if (answer.status === 404) return { kind: 'missing' };
  return { kind: 'error', text: api.refusal(call, answer).message };
}
