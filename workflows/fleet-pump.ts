// Runs beside a run's loop: sends what the machine wants sent, and shows what has changed, at once, also
// while the loop waits for a slow planner.
import { condition, getExternalWorkflowHandle, patched, setCurrentDetails } from '@temporalio/workflow';
import { closing, failureText, firstLocally, recordingLocally } from './activity-calls.ts';
import { renderRunDetails } from './details.ts';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { nodeControlSignal } from './messages.ts';
import { showRunAttributes } from './run-attributes.ts';
import type { FleetCommand } from '../domain/machines/fleet-events.ts';
import type { RunIdentity } from '../activities/api.ts';
import { phaseOf, waitingOnOf } from '../domain/machines/fleet-phase.ts';
import type { Decision } from '../domain/report.ts';
import { countCodes } from '../domain/row-codes.ts';

/** Not known to runs that began when decisions were recorded by a local activity. */
const RECORDS_ORDINARILY = 'record-decisions-by-ordinary-activities';

type RecordDecision = (input: { run: RunIdentity; decision: Decision }) => Promise<string>;

export async function runPump(run: FleetRun): Promise<void> {
  const record = chooseRecord();
  let shown = '';
  for (;;) {
    const { version } = run;
    setCurrentDetails(renderRunDetails(run.state, run.ids));
    shown = showAttributes(run, shown);
    await sendAll(run, record);
    await condition(() => run.version !== version);
  }
}

/**
 * Never locally: a task that waits for a local activity, while more than a hundred events come for the run, is
 * closed by the server, and what the worker makes of the next one cannot be replayed.
 */
function chooseRecord(): RecordDecision {
  const ordinarily: RecordDecision = (input) => closing.recordDecision(input);
  if (patched(RECORDS_ORDINARILY)) return ordinarily;
  return (input) =>
    firstLocally(
      () => recordingLocally.recordDecision(input),
      () => ordinarily(input),
    );
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

async function sendAll(run: FleetRun, record: RecordDecision): Promise<void> {
  run.sending = true;
  for (let command = run.commands.shift(); command !== undefined; command = run.commands.shift()) {
    await send(run, command, record).catch((error: unknown) => noteLost(run, command, error));
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
async function send(run: FleetRun, command: FleetCommand, record: RecordDecision): Promise<void> {
  if (command.kind === 'tell') {
    const { childId } = command;
    // Told before it exists, a child would never hear of a skip or an abort.
    if (run.starting.has(childId)) await condition(() => !run.starting.has(childId));
    await getExternalWorkflowHandle(childId).signal(nodeControlSignal, command.control);
    return;
  }
  await record({ run: run.identity, decision: command.decision });
}
