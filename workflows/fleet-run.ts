// What the parts of a run's driver share: its state, its scope, and the way in which anything changes them.
import { workflowInfo } from '@temporalio/workflow';
import type { RunIdentity } from '../activities/api.ts';
import { workflowNow } from './clock.ts';
import type { Carried } from './inputs.ts';
import { newTelling } from './telling.ts';
import type { Telling } from './telling.ts';
import { transition } from '../domain/machines/fleet.ts';
import type { FleetCommand, FleetEvent } from '../domain/machines/fleet-events.ts';
import { NO_SCOPE, completeRunState, newRunState } from '../domain/machines/fleet-state.ts';
import type { FleetMove, RunState, Scope } from '../domain/machines/fleet-state.ts';
import type { RunIds } from '../domain/machines/fleet-views.ts';
import { renderOwnerMark } from '../domain/owner-mark.ts';
import type { FleetUpgradeInput } from '../domain/run.ts';

export type FleetRun = {
  ids: RunIds;
  identity: RunIdentity;
  input: FleetUpgradeInput;
  state: RunState;
  scope: Scope;
  /** False while a continued run reads its plan again: messages wait for it. */
  loaded: boolean;
  /** To be sent and recorded; empty before the run continues as new. */
  commands: FleetCommand[];
  /** True while a command is on its way. */
  sending: boolean;
  /** Children that the machine counts as at work and the server has not started yet: nothing reaches them. */
  starting: Set<string>;
  /** Rises with every change, so that somebody may wait for one. */
  version: number;
  /** Answers of children to skips, by ask; only as long as a handler waits for them. */
  answers: Map<string, { accepted: boolean; why: string }>;
  outsideWaitMs: number;
  /** A change of policy is being checked: the next one is laid over its outcome. */
  policyChanging: boolean;
  /** What people are being told of, and in how many messages. */
  telling: Telling;
  /** Changes of policy that have not been answered. */
  policyChangesOpen: number;
  continueAsNew: (carried: Carried) => Promise<never>;
};

/** To a message of a person. */
export type Answer =
  { kind: 'accepted'; effect: string } | { kind: 'same'; effect: string } | { kind: 'refused'; why: string };

/** An event without its time, which `apply` adds. */
export type Happened = FleetEvent extends infer E
  ? E extends { at: string }
    ? Omit<E, 'at'>
    : never
  : never;

export function newFleetRun(o: {
  input: FleetUpgradeInput;
  carried: Carried | undefined;
  outsideWaitMs: number;
  continueAsNew: (carried: Carried) => Promise<never>;
}): FleetRun {
  const { workflowId, firstExecutionRunId, namespace } = workflowInfo();
  const owner = renderOwnerMark({ namespace, workflowId, firstExecutionRunId });
  return {
    ids: { workflowId, firstExecutionRunId },
    identity: { workflowId, firstExecutionRunId, owner },
    input: o.input,
    state: o.carried === undefined ? newRunState(workflowNow()) : completeRunState(o.carried.state),
    scope: NO_SCOPE,
    loaded: o.carried === undefined,
    commands: [],
    sending: false,
    starting: new Set(),
    version: 0,
    answers: new Map(),
    outsideWaitMs: o.outsideWaitMs,
    telling: newTelling(),
    policyChanging: false,
    policyChangesOpen: 0,
    continueAsNew: o.continueAsNew,
  };
}

export function apply(run: FleetRun, happened: Happened): FleetMove {
  const move = transition(run.state, run.scope, { ...happened, at: workflowNow() } as FleetEvent);
  if (move.kind === 'moved') {
    run.state = move.state;
    run.commands.push(...move.commands);
    run.version += 1;
  }
  return move;
}
