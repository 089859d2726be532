// Runs beside a run's loop: sends what the machine wants sent, and shows what has changed, at once, also
// while the loop waits for a slow planner.
import { condition, getExternalWorkflowHandle, setCurrentDetails } from '@temporalio/workflow';
import { closing, failureText, firstLocally, recordingLocally } from './activity-calls.ts';
import { renderRunDetails } from './details.ts';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { nodeControlSignal } from './messages.ts';
import { showRunAttributes } from './run-attributes.ts';
import type { FleetCommand } from '../domain/machines/fleet-events.ts';
import { phaseOf, waitingOnOf } from '../domain/machines/fleet-phase.ts';
import { countCodes } from '../domain/row-codes.ts';

export async function runPump(run: FleetRun): Promise<void> {
  let shown = '';
  for (;;) {
    const { version } = run;
    setCurrentDetails(renderRunDetails(run.state, run.ids));
    shown = showAttributes(run, shown);
    await sendAll(run);
    await condition(() => run.version !== version);
  }
}

function showAttributes(run: FleetRun, shown: string): string {
  const { state } = run;
  if (state.definition === null) return shown;
  const values = {
    fleet: state.definition.fleet,
    cluster: state.definition.cluster.name,
    phase: phaseOf(state),
    waitingOn: waitingOnOf(state),
    done: countCodes(state.codes).done,
    total: state.codes.length,
  };
  return showRunAttributes(shown, values);
}

async function sendAll(run: FleetRun): Promise<void> {
  run.sending = true;
  for (let command = run.commands.shift(); command !== undefined; command = run.commands.shift()) {
    await send(run, command).catch((error: unknown) => noteLost(run, command, error));
  }
  run.sending = false;
}

/** A child that has ended says so by its result; a decision that is in no record must be told of. */
function noteLost(run: FleetRun, command: FleetCommand, error: unknown): void {
  if (command.kind !== 'record') return;
  const { kind, subject, by } = command.decision;
  const what = `${kind}${subject === null ? '' : ` ${subject}`} by ${by}`;
  apply(run, { kind: 'recordLost', what, why: failureText(error) });
}

/** Fails only when the other side is gone: a child that has ended says so by its result. */
async function send(run: FleetRun, command: FleetCommand): Promise<void> {
  if (command.kind === 'tell') {
    const { childId } = command;
    // Told before it exists, a child would never hear of a skip or an abort.
    if (run.starting.has(childId)) await condition(() => !run.starting.has(childId));
    await getExternalWorkflowHandle(childId).signal(nodeControlSignal, command.control);
    return;
  }
  const input = { run: run.identity, decision: command.decision };
  await firstLocally(
    () => recordingLocally.recordDecision(input),
    () => closing.recordDecision(input),
  );
}
