// What activities ask of Temporal about other workflows. Implemented in workers/ (the one place
// that composes a Temporal client with the rest); faked in unit tests.
import type { MessageName } from '../../domain/messages.ts';
import type { DrainProgress } from '../../domain/node-state.ts';
import type { RunStatus } from '../../domain/status.ts';

/** May this child still act? Asked before cordon, before the first eviction and right before reimage. */
export type Grant =
  | { kind: 'granted' }
  | { kind: 'paused'; why: string }
  | { kind: 'aborted'; why: string }
  | { kind: 'parentGone'; why: string };

export type RunState = { kind: 'open' } | { kind: 'closed'; status: string } | { kind: 'unknown' };

/** One workflow by its id, the newest of its runs; `result` is what it answered, not yet checked. */
export type ChildRun =
  { kind: 'open' } | { kind: 'closed'; status: string; result: unknown } | { kind: 'unknown' };

export interface Runs {
  /** `firstExecutionRunId` tells a later run of the same id from the one that gave the grant. */
  checkGrant(o: { workflowId: string; firstExecutionRunId: string; node: string }): Promise<Grant>;
  /** By owner mark; unknown when Temporal has forgotten it. */
  collectState(o: { workflowId: string; firstExecutionRunId: string }): Promise<RunState>;
  /** A child by its workflow id; unknown when Temporal has forgotten it or never had it. */
  collectChild(o: { childId: string }): Promise<ChildRun>;
  /** What the open run answers to the query `status`. */
  collectStatus(o: { workflowId: string }): Promise<RunStatus>;
  /** An Update of a person, passed on; a run that says no, or is closed, is an answer. */
  tellRun(o: {
    workflowId: string;
    name: MessageName;
    content: unknown;
    updateId: string;
  }): Promise<{ kind: 'accepted'; effect: string } | { kind: 'refused'; why: string }>;
  /** Signals the child and its parent that a node's reasons have changed. */
  reportProgress(o: {
    childId: string;
    parentId: string;
    node: string;
    progress: DrainProgress;
  }): Promise<void>;
  /** Signals the parent that the node has reached a state that people wait for. */
  reportState(o: { parentId: string; node: string; state: string }): Promise<void>;
}
