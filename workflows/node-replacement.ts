// The steps of a node that another instance replaces, each one activity: what is called, and what its answer
// means to the machine. Decides nothing.
import type { NodeActivityInput } from '../activities/api.ts';
import { polling } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import { timeAfter } from '../domain/machines/clock-math.ts';
import type { NextNodeStep, NodeEvent, NodeFactsKnown } from '../domain/machines/node-types.ts';

type ReplaceStep = NextNodeStep & { kind: 'launch' | 'awaitJoined' | 'terminate' | 'removeReplacement' };

/** An event without what its reader adds: its time, and of a failed step which one it was. */
type Happened = NodeEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at' | 'of'> : never) : never;

export async function replaceNode(
  input: NodeActivityInput,
  next: ReplaceStep,
  { replacement }: NodeFactsKnown,
): Promise<Happened> {
  switch (next.kind) {
    case 'launch':
      return await launch(input);
    case 'awaitJoined': {
      const { until: deadline, instanceId, launchedAt: since } = next;
      const at = { deadline, since, instanceId };
      const joined = await calling(input, deadline).awaitJoined({ ...input, ...at });
      return joined.kind === 'joined' ? joined : { kind: 'stepFailed', why: joined.why };
    }
    case 'terminate': {
      if (replacement === undefined) return { kind: 'stepFailed', why: 'nothing has taken its place' };
      const { node, uid } = replacement;
      const at = { deadline: next.until, replacement: { node, uid } };
      const ended = await calling(input, next.until).terminateNode({ ...input, ...at });
      if (ended.kind === 'unsafe' || ended.kind === 'timedOut') return { kind: 'stepFailed', why: ended.why };
      return ended;
    }
    case 'removeReplacement': {
      const { until: deadline } = next;
      const { why } = await calling(input, deadline).removeReplacement({ ...input, deadline });
      return { kind: 'replacementRemoved', why };
    }
  }
}

async function launch(input: NodeActivityInput): Promise<Happened> {
  const deadline = timeAfter(workflowNow(), input.step.reimage.timeoutMs);
  const result = await calling(input, deadline).launchReplacement({ ...input, deadline });
  if (result.kind === 'unsafe' || result.kind === 'timedOut') return { kind: 'stepFailed', why: result.why };
  return result;
}

function calling({ step }: NodeActivityInput, deadline: string) {
  return polling({ node: step.node, deadline });
}
