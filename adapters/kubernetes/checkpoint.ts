// Asks a pod for a checkpoint: one annotation on the pod that was meant, by its UID. Must never write to
// another pod of the same name, nor ask a pod twice for the same drain.
import { CHECKPOINT_REQUESTED } from '../../domain/drain/rules.ts';
import type { PodFacts } from '../../domain/drain/pod.ts';
import { FIELD_MANAGER } from '../../domain/drain/cordon.ts';
import type { Api, Call } from './api.ts';
import type { RawObject } from './object-cache.ts';

/** The pod as it is now; undefined when it is gone or another one. */
export async function requestCheckpoint(
  api: Api,
  pod: PodFacts,
  o: { requestedAt: string; signal: AbortSignal },
): Promise<RawObject | undefined> {
  const { namespace, name, uid } = pod;
  const call: Call = {
    subject: { verb: 'patch', resource: 'pods', name, namespace },
    path: `/api/v1/namespaces/${namespace}/pods/${name}`,
    query: { fieldManager: FIELD_MANAGER },
    body: { metadata: { uid, annotations: { [CHECKPOINT_REQUESTED]: o.requestedAt } } },
    signal: o.signal,
  };
  const answer = await api.call(call);
  if (answer.status === 200) return answer.body as RawObject;
  // 409 and 422 are how an API server refuses another UID, by its version.
  if (answer.status === 404 || answer.status === 409 || answer.status === 422) return undefined;
  throw api.refusal(call, answer);
}
