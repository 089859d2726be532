// How a promotion calls activities: timeouts and retries, each with its reason.
import { proxyActivities } from '@temporalio/workflow';
import type { PromotionActivities } from '../activities/promotion-api.ts';

const RETRY = { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '30s' } as const;

/** Before any cluster is touched; of 200 clusters each is resolved. */
export const resolving = proxyActivities<PromotionActivities>({
  startToCloseTimeout: '2m',
  scheduleToCloseTimeout: '5m',
  heartbeatTimeout: '30s',
  retry: RETRY,
});

/** Four tries are 7 s: then the status says what is wrong, and it is asked again after a while. */
export const judging = proxyActivities<PromotionActivities>({
  startToCloseTimeout: '1m',
  retry: { ...RETRY, maximumAttempts: 4 },
});

/** Somebody waits for the answer. */
export const checking = proxyActivities<PromotionActivities>({
  startToCloseTimeout: '20s',
  scheduleToCloseTimeout: '30s',
  heartbeatTimeout: '30s',
  retry: RETRY,
});

/** A run may take 30 s for its answer, where a node must decide on a skip. */
export const telling = proxyActivities<PromotionActivities>({
  startToCloseTimeout: '45s',
  scheduleToCloseTimeout: '90s',
  retry: RETRY,
});

/** The server's retries write no history; after an hour without news the look begins anew. */
export function looking(cluster: string) {
  return proxyActivities<PromotionActivities>({
    summary: cluster,
    startToCloseTimeout: '30s',
    scheduleToCloseTimeout: '1h',
    retry: { initialInterval: '2s', backoffCoefficient: 1.5, maximumInterval: '15s' },
  });
}
