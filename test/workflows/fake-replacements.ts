// The steps of a node that another instance replaces, over the nodes of a fake world.
import type { NodeActivities, NodeActivityInput, Withheld } from '../../activities/api.ts';

export type ReplaceStepName = 'launchReplacement' | 'awaitJoined' | 'terminateNode';

type Hands = {
  launched: Set<string>;
  cordoned: Set<string>;
  wait: (step: ReplaceStepName, node: string) => void;
  fails: (step: ReplaceStepName, node: string) => boolean;
  note: (step: string, o: NodeActivityInput) => void;
  withheld: (o: NodeActivityInput) => Promise<Withheld | undefined>;
};

export function fakeReplacements(hands: Hands): Pick<NodeActivities, ReplaceStepName | 'removeReplacement'> {
  const { launched, cordoned, wait, fails, note, withheld } = hands;
  const attemptOf = ({ step }: NodeActivityInput) => `${step.node}/${String(step.attempt)}`;
  return {
    launchReplacement: async (o) => {
      const { node } = o.step;
      if (!launched.has(attemptOf(o))) {
        const refused = await withheld(o);
        if (refused !== undefined) return refused;
        if (fails('launchReplacement', node)) return { kind: 'noCapacity', why: 'no capacity' };
        note('launchReplacement', o);
        launched.add(attemptOf(o));
      }
      wait('launchReplacement', node);
      return { kind: 'launched', instanceId: `i-new-${node}`, launchedAt: new Date().toISOString() };
    },
    awaitJoined: async (o) => {
      const { node } = o.step;
      wait('awaitJoined', node);
      note('awaitJoined', o);
      if (fails('awaitJoined', node)) return { kind: 'timedOut', why: 'no node names it' };
      const joined = { node: `${node}-new`, uid: `uid-${node}-new`, bootId: 'boot-new' };
      return await Promise.resolve({ kind: 'joined', ...joined });
    },
    terminateNode: async (o) => {
      const refused = await withheld(o);
      if (refused !== undefined) return refused;
      wait('terminateNode', o.step.node);
      note('terminateNode', o);
      cordoned.delete(o.step.node);
      return { kind: 'terminated' };
    },
    removeReplacement: (o) => {
      note('removeReplacement', o);
      launched.delete(attemptOf(o));
      return Promise.resolve({ why: 'what was launched is terminated' });
    },
  };
}
