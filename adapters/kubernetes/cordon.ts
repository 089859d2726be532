// Cordon and uncordon, each one PATCH that carries the node's UID and resourceVersion. Decides on the
// shared watch's view; when that was stale the API server answers 409, and it is decided again on a
// consistent read. Never touches a cordon that is not ours.
import { PortError } from '../ports/errors.ts';
import { FIELD_MANAGER, OWNER, planAdoption, planCordon, planUncordon } from '../../domain/drain/cordon.ts';
import { PROTECTION_KEYS, toNode } from './objects.ts';
import { PATHS } from './watches.ts';
import type { NodePatch } from '../../domain/drain/cordon.ts';
import type { OwnerMark } from '../../domain/run.ts';
import type { CordonOutcome, UncordonOutcome } from '../ports/kubernetes.ts';
import type { Api, Call } from './api.ts';
import type { RawObject } from './object-cache.ts';
import type { CachedNode } from './objects.ts';
import type { Watches } from './watches.ts';

/** A node's status changes every few seconds at most; five conflicts in a row are somebody's fight over it. */
const CONFLICTS_MAX = 5;

type Bed = { api: Api; watches: Watches; now: () => Date };

export async function ensureCordoned(
  bed: Bed,
  o: { node: string; uid: string; owner: OwnerMark; replaces?: string },
): Promise<CordonOutcome> {
  return decideAndPatch<CordonOutcome>(bed, o.node, (view) => {
    if (view === undefined) return { kind: 'done', outcome: { kind: 'notTheNode', found: 'no such node' } };
    const now = bed.now().toISOString();
    const step = planCordon(view, { ...o, protectionKeys: PROTECTION_KEYS, now });
    return step.kind === 'patch'
      ? { kind: 'patch', patch: step.patch, outcome: { kind: 'cordoned' } }
      : { kind: 'done', outcome: step };
  });
}

export async function ensureUncordoned(
  bed: Bed,
  o: { node: string; uid: string; owner: OwnerMark; release: string | null },
): Promise<UncordonOutcome> {
  return decideAndPatch<UncordonOutcome>(bed, o.node, (view) => {
    if (view === undefined) return { kind: 'done', outcome: { kind: 'notOurs', found: 'no such node' } };
    const step = planUncordon(view, { ...o, protectionKeys: PROTECTION_KEYS });
    if (step.kind !== 'patch') return { kind: 'done', outcome: step };
    const kind = step.lifts ? 'uncordoned' : 'alreadyUncordoned';
    return { kind: 'patch', patch: step.patch, outcome: { kind } };
  });
}

/** Names of the nodes that carry the new mark now; asked again after a crash it finds the rest. */
export async function adoptNodes(
  bed: Bed,
  o: { from: OwnerMark; to: OwnerMark },
): Promise<readonly string[]> {
  await bed.watches.nodes.synced();
  const marked = [...bed.watches.nodes.values()].filter((node) => node.annotations[OWNER] === o.from);
  const adopted: string[] = [];
  for (const { name } of marked) {
    const isOurs = await decideAndPatch<{ kind: string }>(bed, name, (view) => {
      const patch = view === undefined ? undefined : planAdoption(view, o);
      return patch === undefined
        ? { kind: 'done', outcome: { kind: 'left' } }
        : { kind: 'patch', patch, outcome: { kind: 'adopted' } };
    });
    if (isOurs.kind === 'adopted') adopted.push(name);
  }
  return adopted.sort();
}

type Decision<T> = { kind: 'done'; outcome: T } | { kind: 'patch'; patch: NodePatch; outcome: T };

async function decideAndPatch<T>(
  { api, watches }: Bed,
  node: string,
  decide: (view: CachedNode | undefined) => Decision<T>,
): Promise<T> {
  await watches.nodes.synced();
  let view = watches.nodes.get(node);
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
    const decision = decide(view);
    if (decision.kind === 'done') {
      // The watch may be behind: what ends the matter must stand on a consistent read, unless it came from one.
      if (conflicts > 0 || isSettled(decision.outcome)) return decision.outcome;
      view = await readNode(api, node);
      continue;
    }
    const call: Call = {
      subject: { verb: 'patch', resource: 'nodes', name: node },
      path: `${PATHS.nodes}/${node}`,
      query: { fieldManager: FIELD_MANAGER },
      body: decision.patch,
    };
    const answer = await api.call(call);
    if (answer.status === 200) {
      watches.nodes.observe(answer.body as RawObject);
      return decision.outcome;
    }
    if (answer.status !== 409 && answer.status !== 404) throw api.refusal(call, answer);
    view = await readNode(api, node);
  }
  throw new PortError('conflict', `node ${node} was changed ${CONFLICTS_MAX} times while we wrote to it`);
}

/** Found to be so already by our own earlier attempt: nothing that a stale view could make dangerous. */
function isSettled(outcome: unknown): boolean {
  const { kind } = outcome as { kind: string };
  return kind === 'alreadyOurs';
}

export async function readNode(
  api: Api,
  node: string,
  signal?: AbortSignal,
): Promise<CachedNode | undefined> {
  const call: Call = {
    subject: { verb: 'get', resource: 'nodes', name: node },
    path: `${PATHS.nodes}/${node}`,
    ...(signal === undefined ? {} : { signal }),
  };
  const answer = await api.call(call);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw api.refusal(call, answer);
  return toNode(answer.body as RawObject);
}
