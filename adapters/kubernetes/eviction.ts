// One request to the eviction API, and what its answer means. Always with the UID of the pod that was
// chosen: a new pod of the same name is never evicted by mistake. Never deletes, never shortens a
// grace period.
import { PATHS } from './watches.ts';
import { PortError } from '../ports/errors.ts';
import { isBudgetRefusal } from './api.ts';
import { toPod } from './objects.ts';
import type { Refusal } from '../../domain/drain/blockers.ts';
import type { PodFacts } from '../../domain/drain/pod.ts';
import type { Answer, Api, Call, Status } from './api.ts';
import type { RawObject } from './object-cache.ts';

export type EvictionOutcome =
  /** Taken: the pod will end, or has ended. */
  | { kind: 'evicted' }
  /** Not there any more, or another pod of the same name. */
  | { kind: 'gone' }
  | { kind: 'refused'; refusal: Refusal; retryAfterMs: number | null };

const TWO_PDBS = 'more than one PodDisruptionBudget';

export async function evict(api: Api, pod: PodFacts, signal: AbortSignal): Promise<EvictionOutcome> {
  const call: Call = {
    subject: { verb: 'create', resource: 'pods/eviction', name: pod.name, namespace: pod.namespace },
    path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}/eviction`,
    body: {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: pod.name, namespace: pod.namespace },
      deleteOptions: { preconditions: { uid: pod.uid } },
    },
    signal,
  };
  let answer: Answer;
  try {
    answer = await api.call(call);
  } catch (error) {
    // No answer: it may have been taken. The watch will show; until then it is tried again with the same UID.
    if (error instanceof PortError && (error.kind === 'unreachable' || error.kind === 'throttled')) {
      return refused('other', error.message, null);
    }
    throw error;
  }
  if (answer.status >= 200 && answer.status < 300) return { kind: 'evicted' };
  return readRefusal({ api, pod, call, answer, signal });
}

async function readRefusal(o: {
  api: Api;
  pod: PodFacts;
  call: Call;
  answer: Answer;
  signal: AbortSignal;
}): Promise<EvictionOutcome> {
  const { api, answer, call } = o;
  const status = (answer.body ?? {}) as Status;
  const message = status.message ?? `HTTP ${answer.status}`;
  const causes = status.details?.causes ?? [];
  if (answer.status === 404) return { kind: 'gone' };
  if (isBudgetRefusal(answer)) {
    const said = causes.find((cause) => cause.reason === 'DisruptionBudget')?.message;
    const text = said === undefined || said === '' ? message : said;
    // "still being processed" comes with a Retry-After; a budget that is used up comes without.
    return refused(answer.retryAfterMs === null ? 'pdb' : 'pdbStale', text, answer.retryAfterMs);
  }
  if (answer.status === 409) return lookCloser(o, message);
  if (answer.status === 500 && message.includes(TWO_PDBS)) return refused('twoPdbs', message, null);
  if (answer.status >= 500) return refused('other', message, answer.retryAfterMs);
  // The namespace is being deleted, and the pod with it.
  if (answer.status === 403 && causes.some((cause) => cause.reason === 'NamespaceTerminating')) {
    return refused('other', message, null);
  }
  // A right that is missing, or the no of a webhook or policy: people must read it, and the drain goes on when
  // it is lifted.
  if (answer.status >= 400) return refused('other', api.refusal(call, answer).message, null);
  throw api.refusal(call, answer);
}

/** A 409 is another UID, or too many conflicts on the PDB's status: only the pod itself can tell which. */
async function lookCloser(
  o: { api: Api; pod: PodFacts; signal: AbortSignal },
  message: string,
): Promise<EvictionOutcome> {
  const { api, pod, signal } = o;
  const call: Call = {
    subject: { verb: 'get', resource: 'pods', name: pod.name, namespace: pod.namespace },
    path: `/api/v1/namespaces/${pod.namespace}/pods/${pod.name}`,
    signal,
  };
  const answer = await api.call(call);
  if (answer.status === 404) return { kind: 'gone' };
  if (answer.status !== 200) throw api.refusal(call, answer);
  const found = toPod(answer.body as RawObject);
  if (found.uid !== pod.uid) return { kind: 'gone' };
  if (found.deletionTimestamp !== null) return { kind: 'evicted' };
  return refused('conflict', `the API server met conflicts on evicting it: ${message}`, null);
}

/** All pods of one node, consistently, by as many pages as it takes. */
export async function listPods(api: Api, node: string, signal?: AbortSignal): Promise<readonly PodFacts[]> {
  const pods: PodFacts[] = [];
  let next: string | undefined = '';
  while (next !== undefined) {
    const page = (await api.ask({
      subject: { verb: 'list', resource: 'pods' },
      path: PATHS.pods,
      query: {
        fieldSelector: `spec.nodeName=${node}`,
        limit: '500',
        ...(next === '' ? {} : { continue: next }),
      },
      ...(signal === undefined ? {} : { signal }),
    })) as { metadata: { continue?: string }; items?: RawObject[] };
    pods.push(...(page.items ?? []).map(toPod));
    next = page.metadata.continue || undefined;
  }
  return pods;
}

function refused(kind: Refusal['kind'], text: string, retryAfterMs: number | null): EvictionOutcome {
  return { kind: 'refused', refusal: { kind, text }, retryAfterMs };
}
