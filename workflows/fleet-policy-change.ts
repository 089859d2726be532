// A change of policy, from the message to its answer: may it be now, are its fields right (an activity
// knows), what becomes of it. One after another, each laid over the one before.
// Must never let a message wait for ever, nor half of a change take effect.
import { condition } from '@temporalio/workflow';
import { answering, failureText } from './activity-calls.ts';
import { apply } from './fleet-run.ts';
import type { Answer, FleetRun, Happened } from './fleet-run.ts';

/** A run does not continue as new before each has its answer: a script in a loop must not hold it for ever. */
const OPEN_MAX = 10;

export async function takePolicyChange(
  run: FleetRun,
  event: Happened & { kind: 'changePolicy' },
): Promise<Answer> {
  if (run.policyChangesOpen >= OPEN_MAX) {
    return {
      kind: 'refused',
      why: `${String(OPEN_MAX)} changes of policy are being checked: say it again later`,
    };
  }
  run.policyChangesOpen += 1;
  // Looked at again after the wait: of two that wait, the other may have been first.
  while (run.policyChanging) await condition(() => !run.policyChanging);
  run.policyChanging = true;
  try {
    return await change(run, event);
  } finally {
    run.policyChanging = false;
    run.policyChangesOpen -= 1;
  }
}

async function change(run: FleetRun, event: Happened & { kind: 'changePolicy' }): Promise<Answer> {
  const asked = apply(run, event);
  if (asked.kind === 'rejected') return { kind: 'refused', why: asked.why };
  const { definition } = run.state;
  if (definition === null) return { kind: 'refused', why: 'the run has not read its fleet file yet' };
  const { by, reason, policy } = event.message;
  const resolved = await answering
    .resolvePolicyChange({ definition, policy })
    .catch((error: unknown) => ({ kind: 'refused' as const, why: `not checked: ${failureText(error)}` }));
  if (resolved.kind === 'refused') return resolved;
  const move = apply(run, { kind: 'policyChanged', by, reason, definition: resolved.definition });
  switch (move.kind) {
    case 'moved':
      return { kind: 'accepted', effect: move.effect };
    case 'same':
      return move;
    case 'rejected':
      return { kind: 'refused', why: move.why };
  }
}
