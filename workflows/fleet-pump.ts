// Runs beside a run's loop: sends what the machine wants sent, and shows what has changed, at once, also
// while the loop waits for a slow planner.
import { defineSearchAttributeKey } from '@temporalio/common';
import {
  condition,
  getExternalWorkflowHandle,
  setCurrentDetails,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { closing, failureText, firstLocally, recordingLocally } from './activity-calls.ts';
import { renderRunDetails } from './details.ts';
import { apply } from './fleet-run.ts';
import type { FleetRun } from './fleet-run.ts';
import { nodeControlSignal } from './messages.ts';
import type { FleetCommand } from '../domain/machines/fleet-events.ts';
import { phaseOf, waitingOnOf } from '../domain/machines/fleet-phase.ts';
import { countCodes } from '../domain/row-codes.ts';

const KEYS = {
  fleet: defineSearchAttributeKey('RefitFleet', 'KEYWORD'),
  cluster: defineSearchAttributeKey('RefitCluster', 'KEYWORD'),
  phase: defineSearchAttributeKey('RefitPhase', 'KEYWORD'),
  waitingOn: defineSearchAttributeKey('RefitWaitingOn', 'KEYWORD'),
  done: defineSearchAttributeKey('RefitNodesDone', 'INT'),
  total: defineSearchAttributeKey('RefitNodesTotal', 'INT'),
} as const;

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

/** One event in history for each change that people can search by, none otherwise. */
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
  const now = JSON.stringify(values);
  if (now === shown) return shown;
  upsertSearchAttributes([
    { key: KEYS.fleet, value: values.fleet },
    { key: KEYS.cluster, value: values.cluster },
    { key: KEYS.phase, value: values.phase },
    { key: KEYS.waitingOn, value: values.waitingOn },
    { key: KEYS.done, value: values.done },
    { key: KEYS.total, value: values.total },
  ]);
  return now;
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
