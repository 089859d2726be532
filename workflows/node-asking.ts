// A node that waits for a person: its run is told what is asked, or what has happened, and the answer comes as a
// control to the child. Must never end by itself while the run is there and lets the node be.
import { CancellationScope, condition, sleep } from '@temporalio/workflow';
import type { ExternalWorkflowHandle } from '@temporalio/workflow';
import type { NodeActivityInput } from '../activities/api.ts';
import { asking } from './activity-calls.ts';
import { nodeCapacitySignal, nodeForceSignal, nodeStrandedSignal } from './messages.ts';
import type { NextNodeStep, NodeEvent, NodeState } from '../domain/machines/node-types.ts';
import type { NodeStep } from '../domain/plan.ts';

type Question = NextNodeStep & { kind: 'awaitForce' | 'awaitCapacity' | 'awaitRelaunch' };
type Withheld = Omit<NodeEvent & { kind: 'withheld' }, 'at'>;

type Asker = {
  /** As its run has begun it: by its attempt the run knows the child. */
  step: NodeStep;
  input: NodeActivityInput;
  state: () => NodeState;
  tell: (send: (parent: ExternalWorkflowHandle) => Promise<void>) => Promise<void>;
};

/** When its grant can be asked for by nobody for a day, it is asked again after this. */
export const GRANT_FAILED_WAIT_MS = 60_000;

/** Asks the run; ends by the answer, by a wish, or when the run wants the node back or is gone. */
export async function awaitPerson(next: Question, asker: Asker): Promise<Withheld | undefined> {
  const { step, input } = asker;
  const state = asker.state();
  await asker.tell((parent) => signal(parent, next, step));
  const moved = () => asker.state() !== state;
  const watching = new CancellationScope();
  let lost: Withheld | undefined;
  let ended = false;
  const watch = async () => {
    try {
      lost = await asking(step.node).awaitGrantLost(input);
    } catch {
      await sleep(GRANT_FAILED_WAIT_MS, { summary: 'its grant could not be asked for' });
    }
    ended = true;
  };
  // Cancelled once it is not needed any more; when nobody has answered for a day, the run is asked again.
  watching.run(watch).catch(() => undefined);
  await condition(() => moved() || ended);
  watching.cancel();
  return moved() ? undefined : lost;
}

async function signal(parent: ExternalWorkflowHandle, next: Question, step: NodeStep): Promise<void> {
  const { node, attempt, drain } = step;
  const goes = drain.deferrals === undefined ? {} : { deferrals: drain.deferrals };
  switch (next.kind) {
    case 'awaitForce': {
      const { ask, pods, why } = next;
      const otherwise = (drain.deferralsLeft ?? 0) > 0 ? ('deferred' as const) : ('failed' as const);
      await parent.signal(nodeForceSignal, { node, attempt, ...goes, ask, pods, why, otherwise });
      return;
    }
    case 'awaitCapacity':
      await parent.signal(nodeCapacitySignal, { node, attempt, ...goes, ask: next.ask, room: next.room });
      return;
    case 'awaitRelaunch':
      await parent.signal(nodeStrandedSignal, { node, attempt, ...goes, why: next.why });
  }
}
