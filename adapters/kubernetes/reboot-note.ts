// The durable note that stands before a reboot, since EC2 has no token for one: a consistent GET, then a
// PATCH with the resourceVersion, so that of two workers one alone is told to reboot.
import { FIELD_MANAGER, whyNotOurs } from '../../domain/drain/cordon.ts';
import {
  REBOOT_ANNOTATION,
  isSameReboot,
  parseRebootNote,
  renderRebootNote,
} from '../../domain/reimage/reboot-note.ts';
import { PortError } from '../ports/errors.ts';
import { readNode } from './cordon.ts';
import { PATHS } from './watches.ts';
import type { OwnerMark } from '../../domain/run.ts';
import type { RebootNote } from '../ports/kubernetes.ts';
import type { Api, Call } from './api.ts';
import type { RawObject } from './object-cache.ts';
import type { Watches } from './watches.ts';

/** As many as a cordon's: status updates of the kubelet get in between, once in a while. */
const CONFLICTS_MAX = 5;

export async function ensureRebootNoted(
  { api, watches }: { api: Api; watches: Watches },
  o: { node: string; uid: string; owner: OwnerMark; attempt: number; bootId: string; at: string },
): Promise<RebootNote> {
  for (let conflicts = 0; conflicts < CONFLICTS_MAX; conflicts += 1) {
    const view = await readNode(api, o.node);
    const why = whyNotOurs(view, o);
    if (why !== undefined || view === undefined) return { kind: 'unsafe', why: why ?? 'no such node' };
    const standing = parseRebootNote(view.annotations[REBOOT_ANNOTATION]);
    if (standing !== undefined && isSameReboot(standing, o)) return { kind: 'notedBefore', at: standing.at };
    const { owner, attempt, bootId, at } = o;
    const call: Call = {
      subject: { verb: 'patch', resource: 'nodes', name: o.node },
      path: `${PATHS.nodes}/${o.node}`,
      query: { fieldManager: FIELD_MANAGER },
      body: {
        metadata: {
          uid: view.uid,
          resourceVersion: view.resourceVersion,
          annotations: { [REBOOT_ANNOTATION]: renderRebootNote({ owner, attempt, bootId, at }) },
        },
      },
    };
    const answer = await api.call(call);
    if (answer.status === 200) {
      watches.nodes.observe(answer.body as RawObject);
      return { kind: 'noted' };
    }
    if (answer.status !== 409 && answer.status !== 404) throw api.refusal(call, answer);
  }
  throw new PortError(
    'conflict',
    `node ${o.node} was changed ${CONFLICTS_MAX} times while we noted its reboot`,
  );
}
