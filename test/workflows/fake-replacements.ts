// The steps of a node that another instance replaces, over the nodes of a fake world.
import type { NodeActivities, NodeActivityInput, Withheld } from '../../activities/api.ts';

export type ReplaceStepName =
  | 'launchReplacement'
  | 'awaitJoined'
  | 'terminateNode'
  | 'checkRoom'
  | 'giveUpInstance'
  | 'awaitTerminated'
  | 'launchInPlace';

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
    ...fakeGoingFirst(hands),
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

const room = {
  ...{ reservationId: 'cr-1', instanceType: 'p5.48xlarge', zone: 'us-east-1a' },
  ...{ free: 1, total: 8, own: true },
};

/** Of nodes whose instance goes before there is another one. */
function fakeGoingFirst({
  launched,
  cordoned,
  wait,
  fails,
  note,
  withheld,
}: Hands): Pick<NodeActivities, 'checkRoom' | 'giveUpInstance' | 'awaitTerminated' | 'launchInPlace'> {
  return {
    checkRoom: (o) => {
      wait('checkRoom', o.step.node);
      note('checkRoom', o);
      if (fails('checkRoom', o.step.node))
        return Promise.resolve({ kind: 'noRoom', why: 'cr-1 has 0 of 8 free' });
      const was = { instanceType: 'p5.48xlarge', subnetId: 'subnet-1' };
      return Promise.resolve({ kind: 'roomSeen', room, was });
    },
    giveUpInstance: async (o) => {
      const refused = await withheld(o);
      if (refused !== undefined) return refused;
      wait('giveUpInstance', o.step.node);
      if (fails('giveUpInstance', o.step.node)) return { kind: 'noRoom', why: 'cr-1 has 0 of 8 free now' };
      note('giveUpInstance', o);
      return { kind: 'terminationOrdered' };
    },
    awaitTerminated: (o) => {
      wait('awaitTerminated', o.step.node);
      note('awaitTerminated', o);
      cordoned.delete(o.step.node);
      return Promise.resolve({ kind: 'terminated' });
    },
    launchInPlace: (o) => {
      wait('launchInPlace', o.step.node);
      note('launchInPlace', o);
      if (fails('launchInPlace', o.step.node)) {
        return Promise.resolve({ kind: 'noCapacity', why: 'InsufficientInstanceCapacity' });
      }
      launched.add(`${o.step.node}/${String(o.step.attempt)}`);
      const launchedAt = new Date().toISOString();
      return Promise.resolve({ kind: 'launched', instanceId: `i-new-${o.step.node}`, launchedAt });
    },
  };
}
