// What a promotion asks of the fleet file, the records and the runs of its clusters. Must never vouch for a
// cluster itself: whether a release has soaked is read from the records, each time anew.
import { ApplicationFailure } from '@temporalio/common';
import type { FleetFiles } from '../adapters/ports/fleet-files.ts';
import { InvalidFleet } from '../domain/invalid-fleet.ts';
import { isNews, seenOf } from '../domain/machines/promotion-seen.ts';
import type { NotificationTarget } from '../domain/notification.ts';
import { orderTiers } from '../domain/planning/tier-order.ts';
import { judgeSoak } from '../domain/planning/soaked.ts';
import type { Soak } from '../domain/planning/soaked.ts';
import type { ClusterEnd, PromotionDefinition, PromotionInput } from '../domain/promotion.ts';
import type { RunOutcome } from '../domain/report.ts';
import type { FleetTiers } from '../domain/rollout.ts';
import type { RunStatus } from '../domain/status.ts';
import { beating, mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { notYet } from './failures.ts';
import type { ClusterLook, PromotionActivities } from './promotion-api.ts';
import { collectRollouts } from './rollouts.ts';

/** People look at a status every second; a gate that opened is shown this much later at worst. */
const LOOK_AGAIN_MS = 2_000;

export function createPromotionActivities(deps: ActivityDeps): PromotionActivities {
  return {
    resolvePromotion: (input) => mapped(() => beating(() => resolve(deps.fleetFiles, input))),
    judgeClusters: ({ definition, clusters }) =>
      mapped(async () => {
        const tiers = await deps.fleetFiles.collectTiers({ fleet: definition.fleet });
        const judge = async (cluster: string) => ({
          cluster,
          soak: await judgeCluster(deps, { tiers, definition, cluster }),
        });
        return await Promise.all(clusters.map(judge));
      }),
    lookAtCluster: ({ childId, told }) =>
      mapped(async () => {
        const child = await deps.runs.collectChild({ childId });
        if (child.kind !== 'open') return endOf(child);
        const seen = seenOf(await deps.runs.collectStatus({ workflowId: childId }), deps.now().toISOString());
        if (isNews(seen, told)) return { kind: 'seen', seen };
        throw notYet({ type: 'NotYet', message: 'nothing new', retryDelayMs: LOOK_AGAIN_MS });
      }),
    tellCluster: ({ childId, name, content, updateId }) =>
      mapped(() => deps.runs.tellRun({ workflowId: childId, name, content, updateId })),
  };
}

async function resolve(files: FleetFiles, input: PromotionInput): Promise<PromotionDefinition> {
  const { fleet, policy, requestedBy } = input;
  try {
    const tiers = await files.collectTiers({ fleet });
    const release = input.release ?? onlyRelease(tiers);
    const ordered = orderTiers(tiers.clusters);
    // Each as its run will be resolved: what is wrong with the last is told before the first is touched.
    let notifications: readonly NotificationTarget[] | undefined;
    for (const cluster of ordered.flatMap(({ clusters }) => clusters)) {
      const resolved = await files.resolveRun({
        fleet,
        cluster,
        release,
        ...(policy === undefined ? {} : { policy }),
        ...(requestedBy === undefined ? {} : { requestedBy }),
      });
      // The fleet's own: the same for all of its clusters.
      notifications = resolved.notifications;
    }
    const releaseDigest = tiers.releases.find(({ name }) => name === release)?.digest;
    if (releaseDigest === undefined) throw new Error(`release ${release} of a fleet that was just resolved`);
    const { promotion } = tiers;
    return {
      fleet,
      release,
      releaseDigest,
      requestedBy: requestedBy ?? null,
      promotion,
      tiers: ordered,
      ...(notifications === undefined ? {} : { notifications }),
    };
  } catch (error) {
    if (error instanceof InvalidFleet) throw ApplicationFailure.nonRetryable(error.message, 'InvalidInput');
    throw error;
  }
}

function onlyRelease({ clusters, releases }: FleetTiers): string {
  const wanted = new Set(clusters.flatMap(({ pools }) => pools.map(({ releaseDigest }) => releaseDigest)));
  const names = releases.filter(({ digest }) => wanted.has(digest)).map(({ name }) => name);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw ApplicationFailure.nonRetryable(
    `release: found nothing, expected the release to promote: the pools of the fleet should run ${names.join(', ')}`,
    'InvalidInput',
  );
}

async function judgeCluster(
  deps: ActivityDeps,
  o: { tiers: FleetTiers; definition: PromotionDefinition; cluster: string },
): Promise<Soak> {
  const { fleet, releaseDigest, promotion } = o.definition;
  const cluster = o.tiers.clusters.find(({ name }) => name === o.cluster);
  if (cluster === undefined)
    return { kind: 'unproven', why: 'the fleet file holds no such cluster any more' };
  const rollouts = await collectRollouts(deps.records, { fleet, cluster: o.cluster });
  return judgeSoak(cluster, rollouts, { releaseDigest, promotion, now: deps.now().toISOString() });
}

type Closed = { kind: 'closed'; status: string; result: unknown } | { kind: 'unknown' };

const OUTCOMES: readonly unknown[] = [
  'succeeded',
  'nothingToDo',
  'failed',
  'rolledBack',
  'aborted',
  'cancelled',
] satisfies RunOutcome[];

/** What a run of another version answered may be anything: what cannot be read is no outcome. */
function endOf(child: Closed): ClusterLook {
  const result = child.kind === 'closed' ? child.result : null;
  const { outcome, counts } =
    typeof result === 'object' && result !== null
      ? (result as { outcome?: unknown; counts?: unknown })
      : { outcome: undefined, counts: undefined };
  const status = child.kind === 'closed' ? child.status.toLowerCase() : 'not known to Temporal any more';
  const known = OUTCOMES.includes(outcome) && typeof counts === 'object' && counts !== null;
  const end: ClusterEnd = known
    ? { outcome: outcome as RunOutcome, why: outcome as RunOutcome, counts: counts as RunStatus['counts'] }
    : { outcome: null, why: `its run is ${status}, without a result`, counts: null };
  return { kind: 'ended', end };
}
