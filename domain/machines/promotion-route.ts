// Whom a message to a promotion is for: the promotion itself, the run of the cluster at work, or both. Gates
// and nodes are named `<cluster>/…`; the short form is enough, since one cluster is at work at a time.
// Must never send to one cluster what names another.
import type { MessageByName, MessageName } from '../messages.ts';
import { clusterAtWork } from './promotion-state.ts';
import type { ClusterWay, PromotionState } from './promotion-state.ts';

export type PersonSays = { [K in MessageName]: { name: K; message: MessageByName[K] } }[MessageName];

export type Route =
  | { kind: 'cluster'; way: ClusterWay; content: Readonly<Record<string, unknown>> }
  /** The promotion takes it, and tells the cluster at work, if one is. */
  | { kind: 'both'; way: ClusterWay | undefined }
  | { kind: 'refused'; why: string };

export function routeMessage(state: PromotionState, says: PersonSays): Route {
  if (state.outcome !== null) return { kind: 'refused', why: `the promotion has ended: ${state.outcome}` };
  switch (says.name) {
    case 'approve':
    case 'reject':
      return toCluster(state, says.message.gate, (gate) => ({ ...says.message, gate }));
    case 'skipNode':
    case 'retryNode':
    case 'nextNode':
      return toCluster(state, says.message.node, (node) => ({ ...says.message, node }));
    case 'rollback':
      return toCluster(state, '', () => says.message);
    case 'pause':
    case 'resume':
    case 'abort':
    case 'changePolicy':
      return { kind: 'both', way: clusterAtWork(state) };
  }
}

function toCluster(
  state: PromotionState,
  named: string,
  contentOf: (short: string) => Readonly<Record<string, unknown>>,
): Route {
  const atWork = clusterAtWork(state);
  const meant = state.clusters.find(({ cluster }) => named.startsWith(`${cluster}/`));
  const way = meant ?? atWork;
  if (way === undefined || way !== atWork) {
    const what = meant === undefined ? 'no cluster is at work' : `cluster ${meant.cluster} is not at work`;
    return {
      kind: 'refused',
      why: `${what}: ${atWork === undefined ? 'see the status' : `${atWork.cluster} is`}`,
    };
  }
  const short = meant === undefined ? named : named.slice(meant.cluster.length + 1);
  return { kind: 'cluster', way, content: contentOf(short) };
}

/** Overrides laid over overrides, section by section; lists are replaced whole, as in a fleet file. */
export function mergeOverrides(
  before: Readonly<Record<string, unknown>> | null,
  after: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (before === null) return after;
  const merged = new Map(Object.entries(before));
  for (const [key, value] of Object.entries(after)) {
    const known = merged.get(key);
    merged.set(key, isSection(known) && isSection(value) ? mergeOverrides(known, value) : value);
  }
  return Object.fromEntries(merged);
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
