// All activities of a worker, from the ports that it was composed with.
import type { Activities } from './api.ts';
import { beating } from './attempt.ts';
import { createClusterActivities } from './cluster.ts';
import { createCordonActivities } from './cordon.ts';
import type { ActivityDeps } from './deps.ts';
import { createDrainActivities } from './drain.ts';
import { createGrantActivities } from './grant.ts';
import { createDriftActivities } from './drift.ts';
import { createNotifyActivities } from './notify.ts';
import { createObserveActivities } from './observe.ts';
import { createPromotionActivities } from './promotion.ts';
import type { PromotionActivities } from './promotion-api.ts';
import { createRecordActivities } from './records.ts';
import { createReimageActivities } from './reimage.ts';
import { createGiveUpActivities } from './give-up.ts';
import { createReplaceActivities } from './replace-instance.ts';
import { createRejoinActivities } from './rejoin.ts';
import { createVerifyActivities } from './verify.ts';

/** What a run asks before it goes on, and what may take longer than a few seconds: it beats. */
function createLongLooks(deps: ActivityDeps) {
  const cluster = createClusterActivities(deps);
  const observe = createObserveActivities(deps);
  return {
    ...cluster,
    resolveRun: (o) => beating(() => cluster.resolveRun(o)),
    holdCluster: (o) => beating(() => cluster.holdCluster(o)),
    collectChildren: (o) => beating(() => cluster.collectChildren(o)),
    planRun: (o) => beating(() => observe.planRun(o)),
    planForPeople: (o) => beating(() => observe.planForPeople(o)),
    planNext: (o) => beating(() => observe.planNext(o)),
  } satisfies Partial<Activities>;
}

export function createActivities(deps: ActivityDeps): Activities & PromotionActivities {
  return {
    ...createLongLooks(deps),
    ...createCordonActivities(deps),
    ...createGrantActivities(deps),
    ...createDrainActivities(deps),
    ...createReimageActivities(deps),
    ...createReplaceActivities(deps),
    ...createGiveUpActivities(deps),
    ...createRejoinActivities(deps),
    ...createVerifyActivities(deps),
    ...createRecordActivities(deps),
    ...createPromotionActivities(deps),
    ...createNotifyActivities(deps),
    ...createDriftActivities(deps),
  };
}
