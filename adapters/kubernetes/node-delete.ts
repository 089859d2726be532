// Deletes the Node object of an instance that is gone. The UID goes along as a precondition: must never delete
// a node that was made anew under the same name.
import { PATHS } from './watches.ts';
import type { Api, Call } from './api.ts';

export async function ensureNodeDeleted(
  { api }: { api: Api },
  { node, uid }: { node: string; uid: string },
): Promise<void> {
  const call: Call = {
    subject: { verb: 'delete', resource: 'nodes', name: node },
    path: `${PATHS.nodes}/${node}`,
    body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } },
  };
  const answer = await api.call(call);
  // Gone already, by us or by the cloud's controller; or another node by now.
  if (answer.status === 404 || answer.status === 409) return;
  if (answer.status < 200 || answer.status >= 300) throw api.refusal(call, answer);
}
