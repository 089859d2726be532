// All activities of a worker, from the ports that it was composed with.
import type { Activities } from './api.ts';
import { createClusterActivities } from './cluster.ts';
import { createCordonActivities } from './cordon.ts';
import type { ActivityDeps } from './deps.ts';
import { createDrainActivities } from './drain.ts';
import { createGrantActivities } from './grant.ts';
import { createObserveActivities } from './observe.ts';
import { createRecordActivities } from './records.ts';
import { createReimageActivities } from './reimage.ts';
import { createRejoinActivities } from './rejoin.ts';
import { createVerifyActivities } from './verify.ts';

export function createActivities(deps: ActivityDeps): Activities {
  return {
    ...createClusterActivities(deps),
    ...createObserveActivities(deps),
    ...createCordonActivities(deps),
    ...createGrantActivities(deps),
    ...createDrainActivities(deps),
    ...createReimageActivities(deps),
    ...createRejoinActivities(deps),
    ...createVerifyActivities(deps),
    ...createRecordActivities(deps),
  };
}
