// What a run and its nodes' children tell each other, as signals: plain JSON between workflows of this
// program. Never what people type; that is parsed by domain/parse.
import type { DrainProgress, ForcePod, NodeOutcome } from '../node-state.ts';
import type { Room } from '../reimage/reservation.ts';

/** How a child ended; what it answers, and what it signals to a run that has continued as new. */
export type NodeEnd = {
  node: string;
  attempt: number;
  /** How often this attempt had been deferred before; absent: never. */
  deferrals?: number;
  outcome: NodeOutcome;
  /** Digest of its node history. */
  history: string | null;
};

/** From the run to a child. */
export type NodeControl =
  /** A person's wish; the child answers by `nodeAnswer`, since its state decides. */
  | { kind: 'skip'; askId: string; by: string; reason: string }
  /** The run tripped: back as it was, when reimage has not begun. */
  | { kind: 'putBack'; why: string }
  | { kind: 'abort'; why: string }
  /** What a person said to question `ask`. */
  | { kind: 'force'; ask: number; by: string }
  | { kind: 'noForce'; ask: number; by: string; reason: string }
  /** What a person said to question `ask`: may its capacity be lost? */
  | { kind: 'mayLose'; ask: number; by: string }
  | { kind: 'mayNotLose'; ask: number; by: string; reason: string }
  /** A person's retry of a node that has given its capacity up. */
  | { kind: 'relaunch'; attempt: number; by: string }
  /** The run goes on: ask for the grant again. */
  | { kind: 'nudge' }
  /** The run continues as new: its next self will not see the child's result, so signal it. */
  | { kind: 'reportEnd' };

/** The child's word on a `skip`. */
export type NodeAnswer = { node: string; askId: string; accepted: boolean; why: string };

/** From a child: may these pods go, although nothing would bring them back? At most FORCE_PODS_MAX. */
export type NodeForceAsk = {
  node: string;
  attempt: number;
  deferrals?: number;
  /** Counts this child's questions: an answer is for one of them. */
  ask: number;
  pods: readonly ForcePod[];
  why: string;
  /** What a no leads to. */
  otherwise: 'deferred' | 'failed';
};

/** From a child: may its instance go before there is another one in its place? */
export type NodeCapacityAsk = { node: string; attempt: number; deferrals?: number; ask: number; room: Room };

/** From a child: its capacity is given up, nothing is in its place, and it waits for a person. */
export type NodeStrandedReport = { node: string; attempt: number; deferrals?: number; why: string };

/** From an activity: a state that people wait for was reached. */
export type NodeStateReport = { node: string; state: string };

/** From an activity: the set of reasons for which a drain waits has changed. */
export type NodeProgressReport = { node: string; progress: DrainProgress };

/** `parentFirstRunId` tells the run that started the child from a later one of the same id. */
export type NodeEndReport = { parentFirstRunId: string; end: NodeEnd };
