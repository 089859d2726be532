// Every activity that a promotion calls, with its input and answer. Types only; plain JSON, bounded.
import type { ClusterEnd, ClusterSeen, PromotionDefinition, PromotionInput } from '../domain/promotion.ts';
import type { MessageName } from '../domain/messages.ts';
import type { Soak } from '../domain/planning/soaked.ts';

export type ClusterLook = { kind: 'seen'; seen: ClusterSeen } | { kind: 'ended'; end: ClusterEnd };

/** What the run of a cluster answered to a message. */
export type Told = { kind: 'accepted'; effect: string } | { kind: 'refused'; why: string };

export interface PromotionActivities {
  /** First of all: fleet file → clusters by tier, each of which may be given the release. Throws InvalidInput. */
  resolvePromotion(input: PromotionInput): Promise<PromotionDefinition>;
  /** What the records say now of clusters whose runs have ended. */
  judgeClusters(o: {
    definition: PromotionDefinition;
    clusters: readonly string[];
  }): Promise<readonly { cluster: string; soak: Soak }[]>;
  /** Until there is news of a cluster's run or it has ended; looks by benign retries. */
  lookAtCluster(o: { childId: string; told: ClusterSeen | null }): Promise<ClusterLook>;
  /** As an Update of the same name; the same `updateId` is the same wish. */
  tellCluster(o: { childId: string; name: MessageName; content: unknown; updateId: string }): Promise<Told>;
}
