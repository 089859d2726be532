// The steps of a node that another instance replaces, each one activity: what is called, and what its answer
// means to the machine. Decides nothing.
import type { NodeActivityInput } from '../activities/api.ts';
import { polling } from './activity-calls.ts';
import { workflowNow } from './clock.ts';
import { timeAfter } from '../domain/machines/clock-math.ts';
import type { NextNodeStep, NodeEvent, NodeFactsKnown } from '../domain/machines/node-types.ts';

type ReplaceStep = NextNodeStep & {
  kind:
    | 'launch'
    | 'awaitJoined'
    | 'terminate'
    | 'removeReplacement'
    | 'checkRoom'
    | 'giveUp'
    | 'awaitTerminated'
    | 'launchInPlace';
};

/** An event without what its reader adds: its time, and of a failed step which one it was. */
type Happened = NodeEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at' | 'of'> : never) : never;

export async function replaceNode(
  input: NodeActivityInput,
  next: ReplaceStep,
  facts: NodeFactsKnown,
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
      const { replacement } = facts;
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
    case 'checkRoom': {
      const deadline = timeAfter(workflowNow(), input.step.reimage.timeoutMs);
      return failing(await calling(input, deadline).checkRoom({ ...input, deadline }));
    }
    case 'giveUp': {
      const { until: deadline } = next;
      return failing(await calling(input, deadline).giveUpInstance({ ...input, deadline }));
    }
    case 'awaitTerminated': {
      const { until: deadline } = next;
      return failing(await calling(input, deadline).awaitTerminated({ ...input, deadline }));
    }
    case 'launchInPlace': {
      const { until: deadline } = next;
      const { was } = facts;
      if (was === undefined) return { kind: 'stepFailed', why: 'what it was like is not known' };
      return failing(await calling(input, deadline).launchInPlace({ ...input, deadline, was }));
    }
  }
}

/** What an activity could not do is a step that has failed; all else is what has happened. */
function failing<T extends { kind: string }>(
  result: T | { kind: 'unsafe' | 'timedOut'; why: string },
): Exclude<T, { kind: 'unsafe' | 'timedOut' }> | { kind: 'stepFailed'; why: string } {
  if (isFailure(result)) return { kind: 'stepFailed', why: result.why };
  return result as Exclude<T, { kind: 'unsafe' | 'timedOut' }>;
}

function isFailure(result: { kind: string }): result is { kind: 'unsafe' | 'timedOut'; why: string } {
  return result.kind === 'unsafe' || result.kind === 'timedOut';
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
