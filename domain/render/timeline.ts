// One node's way through a run, as it was recorded: when it entered each state, how long it stayed,
// what was known, and by what evidence it was let go.
import type { NodeHistory } from '../report.ts';
import { indent, renderColumns } from './columns.ts';
import { printable } from './printable.ts';
import { renderBetween } from './span.ts';

export function renderTimeline(history: NodeHistory): string {
  const { transitions, evidence } = history;
  const rows = transitions.map((transition, index) => {
    const next = transitions[index + 1]?.at ?? history.endedAt;
    return [transition.at, transition.state, renderBetween(transition.at, next), printable(transition.text)];
  });
  const failed = evidence.filter((one) => !one.ok);
  return [
    renderNodeEnd(history),
    ...indent(renderColumns(['AT', 'STATE', 'FOR', 'WHAT WAS KNOWN'], rows)),
    ...(history.taskId === null ? [] : [`  root-volume task ${history.taskId}`]),
    ...(history.replacement === undefined
      ? []
      : [`  replaced by ${printable(history.replacement.node)}, instance ${history.replacement.instanceId}`]),
    ...(history.oldRootVolumeId === null ? [] : [`  old root volume ${history.oldRootVolumeId}`]),
    ...(evidence.length === 0
      ? []
      : [`  ${evidence.length - failed.length} of ${evidence.length} checks passed`]),
    ...indent(
      failed.map(
        (one) =>
          `failed: ${one.check} ${printable(one.subject)} is ${printable(one.found)}, expected ${printable(one.expected)}`,
      ),
    ),
  ].join('\n');
}

/** `ip-10-0-0-1 (h100, attempt 2): done in 14m3s, 2026.09 --> 2026.11` */
export function renderNodeEnd(history: NodeHistory): string {
  const { outcome } = history;
  const attempt = history.attempt > 1 ? `, attempt ${history.attempt}` : '';
  const head = `${history.node} (${history.pool}${attempt})`;
  const took = renderBetween(history.startedAt, history.endedAt);
  if (outcome.kind === 'done') {
    const by = outcome.replacedBy === undefined ? '' : `, replaced by ${printable(outcome.replacedBy)}`;
    const note = outcome.note === undefined ? '' : `; ${printable(outcome.note)}`;
    return `${head}: done in ${took}, ${history.from ?? 'unknown'} --> ${outcome.release}${by}${note}`;
  }
  if (outcome.kind === 'putBack' || outcome.kind === 'deferred') {
    const how = outcome.kind === 'deferred' ? 'deferred' : 'put back';
    const cordon = outcome.uncordoned ? 'uncordoned' : 'still cordoned';
    return `${head}: ${how} after ${took}, ${cordon}: ${printable(outcome.why)}`;
  }
  const pods = outcome.nodeEmpty ? 'empty' : 'not empty';
  const stays = outcome.serving === true ? 'was not touched' : `stays cordoned, ${pods}`;
  return `${head}: failed while ${outcome.at} after ${took}, ${stays}: ${printable(outcome.why)}`;
}
