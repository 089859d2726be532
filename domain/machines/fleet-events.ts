// What can happen to a run, and what a run asks of its driver. Events carry their time; nothing here
// asks for it.
import type { NodeCapacityAsk, NodeControl, NodeForceAsk, NodeStrandedReport } from './child-messages.ts';
import type { MessageByName, MessageName } from '../messages.ts';
import type { DrainProgress, NodeOutcome } from '../node-state.ts';
import type { NextSteps, NodeStep, PlanSummary } from '../plan.ts';
import type { Decision, RunOutcome } from '../report.ts';
import type { OwnerMark, RunDefinition } from '../run.ts';

export type DecisionName = 'approve' | 'reject';

/** A message of a person after parsing. `askId` names a skip whose answer comes from the child. */
export type PersonMessage = {
  [K in MessageName]: { kind: K; at: string; askId: string; message: MessageByName[K] };
}[MessageName];

export type Happening = { at: string } & (
  | { kind: 'resolved'; definition: RunDefinition }
  | { kind: 'clusterHeld' }
  | { kind: 'clusterHeldByOther'; holder: OwnerMark; since: string }
  | { kind: 'adoptionNeeded'; holder: OwnerMark; nodes: readonly string[] }
  /** Whether it is still held could not be asked. */
  | { kind: 'clusterSilent'; why: string }
  | { kind: 'planned'; summary: PlanSummary }
  /** The planner was asked with what is known now; whatever happens from here on wants it asked again. */
  | { kind: 'planAsked' }
  /** `policyChanges`: as it was when the planner was asked; absent in what older versions say. */
  | { kind: 'stepsOffered'; next: NextSteps; policyChanges?: number }
  /** What a person asked for, checked and laid over the policies that the run has. */
  | { kind: 'policyChanged'; by: string; reason: string; definition: RunDefinition }
  | { kind: 'planFailed'; why: string }
  | { kind: 'nodeStarted'; step: NodeStep; childId: string }
  | { kind: 'startRefused'; node: string; why: string }
  | { kind: 'nodeStateReported'; node: string; state: string }
  | { kind: 'progressReported'; node: string; progress: DrainProgress }
  /** `deferrals` tells the goes of one attempt apart; absent: it had not been deferred before. */
  | { kind: 'nodeEnded'; node: string; attempt: number; deferrals?: number; outcome: NodeOutcome }
  | { kind: 'forceAsked'; ask: NodeForceAsk }
  | { kind: 'capacityAsked'; ask: NodeCapacityAsk }
  | { kind: 'stranded'; report: NodeStrandedReport }
  | { kind: 'skipAnswered'; node: string; askId: string; accepted: boolean; why: string }
  | { kind: 'cancelled' }
  | { kind: 'handedOver' }
  /** The moment has come at which a yes or an approval is void. */
  | { kind: 'yesesDue' }
  /** Time has passed while something outside of the run had to change. */
  | { kind: 'lookedAgain' }
  | { kind: 'ended'; outcome: RunOutcome }
  | { kind: 'reportRecorded'; digest: string }
  /** A decision or the report could not be kept as a record. */
  | { kind: 'recordLost'; what: string; why: string }
  /** People were told of these, or it was given up: `lost` says where and why. */
  | { kind: 'told'; keys: readonly string[]; lost: readonly string[] }
);

export type FleetEvent = PersonMessage | Happening;

export type FleetCommand =
  { kind: 'tell'; childId: string; control: NodeControl } | { kind: 'record'; decision: Decision };
