// Reimage by reboot alone: the note on the node first, then the request, then the new boot shows.
// Must never ask for a second reboot in one attempt: if the note stands and no new boot comes, a
// person decides.
import { PortError } from '../adapters/ports/errors.ts';
import {
  REBOOT_ANNOTATION,
  isSameReboot,
  judgeReboot,
  parseRebootNote,
} from '../domain/reimage/reboot-note.ts';
import type { NodeActivityInput, ReimageResult } from './api.ts';
import { promptly } from './attempt.ts';
import type { Waiting } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyNotBegin } from './reimage-begin.ts';

type RebootInput = NodeActivityInput & { deadline: string };

export async function rebootNode(deps: ActivityDeps, o: RebootInput): Promise<ReimageResult | Waiting> {
  const { step, run } = o;
  const cluster = deps.kubernetes.cluster(o.cluster);
  const ours = { owner: run.owner, attempt: step.attempt, bootId: step.before.bootId };
  const seen = (await promptly(cluster.collectRejoin(step.node)))?.node;
  const standing = parseRebootNote(seen?.annotations[REBOOT_ANNOTATION]);
  if (standing !== undefined && isSameReboot(standing, ours)) {
    return followReboot(deps, o, standing.at, seen?.bootId);
  }
  const obstacle = await whyNotBegin(deps, o);
  if (obstacle !== undefined) return obstacle;
  const at = deps.now().toISOString();
  const noted = await cluster.ensureRebootNoted({ node: step.node, uid: step.uid, ...ours, at });
  if (noted.kind === 'unsafe') return noted;
  // The watch had not shown the note yet, or another worker was faster.
  if (noted.kind === 'notedBefore') return followReboot(deps, o, noted.at, seen?.bootId);
  try {
    await deps.instances.reboot(o.cluster.provider, step.instanceId);
  } catch (error) {
    // An answer that was lost may stand for a reboot that happened; a refusal does not.
    if (!(error instanceof PortError) || error.kind === 'unreachable') throw error;
    return { kind: 'unsafe', why: `EC2 refused the reboot: ${error.message}` };
  }
  return rebooted(at);
}

function followReboot(
  deps: ActivityDeps,
  o: RebootInput,
  at: string,
  bootIdNow: string | undefined,
): ReimageResult | Waiting {
  const note = { owner: o.run.owner, attempt: o.step.attempt, bootId: o.step.before.bootId, at };
  const judged = judgeReboot(note, { bootIdNow, now: deps.now().toISOString() });
  switch (judged.kind) {
    case 'rebooted':
      return rebooted(at);
    case 'notYet':
      return { kind: 'waiting', why: judged.why };
    case 'unsafe':
      return judged;
  }
}

function rebooted(at: string): ReimageResult {
  return { kind: 'reimaged', taskId: null, oldRootVolumeId: null, startedAt: at };
}
