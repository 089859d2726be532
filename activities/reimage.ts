// Lays one node anew: the one root-volume task of this attempt, or its one reboot.
// Must never begin anything on a node that was not seen empty, by consistent reads, in this very
// attempt; nor begin a second task or a second reboot for the same attempt.
//
// Order, where no task of this attempt exists: tasks and instance (batched reads, which take their
// time) → grant → consistent look → task. Nothing stands between the look and the task. A task that
// exists is followed, whatever the grant says: what has begun is brought to its end.
import type { NodeActivities, ReimageResult } from './api.ts';
import { look } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { rebootNode } from './reimage-reboot.ts';
import { replaceRootVolume } from './reimage-root-volume.ts';

export function createReimageActivities(deps: ActivityDeps): Pick<NodeActivities, 'reimageNode'> {
  return {
    reimageNode: (o) =>
      look<ReimageResult>(
        { now: deps.now, deadline: o.deadline, late: (why) => ({ kind: 'timedOut', why }) },
        async (beat) => {
          const { method } = o.step.reimage;
          switch (method) {
            case 'rootVolume':
              return replaceRootVolume(deps, o, beat);
            case 'reboot':
              return rebootNode(deps, o);
            case 'replaceInstance':
              // Its way leads elsewhere: nothing of its own instance is ever laid anew.
              return { kind: 'unsafe', why: 'a node that is replaced is not reimaged' };
          }
        },
      ),
  };
}
