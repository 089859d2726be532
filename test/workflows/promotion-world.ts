// Three clusters whose nodes exist only here, one of each tier, behind one worker: the activities of runs go to
// the world of their cluster, those of the promotion are the real ones over records in memory.
import type { Activities, PlanNextInput } from '../../activities/api.ts';
import { createPromotionActivities } from '../../activities/promotion.ts';
import type { PromotionActivities } from '../../activities/promotion-api.ts';
import { createRecordActivities } from '../../activities/records.ts';
import { createTierJudge, resolveWithTiers } from '../../activities/rollouts.ts';
import type { Tier } from '../../domain/fleet.ts';
import type { NextSteps } from '../../domain/plan.ts';
import { whyLowerTiers } from '../../domain/planning/tier-gate.ts';
import type { FleetTiers } from '../../domain/rollout.ts';
import type { FleetUpgradeInput } from '../../domain/run.ts';
import { createRuns } from '../../workers/runs.ts';
import { createFakeBed } from '../fakes/node-input.ts';
import type { FakeRecords } from '../fakes/fake-records.ts';
import type { Bed } from './bed.ts';
import { FakeWorld } from './fake-world.ts';
import type { WorldOptions } from './fake-world.ts';
import { definitionOf } from './shapes.ts';

const CLUSTERS: Readonly<Record<string, Tier>> = { 'dev-1': 'dev', 'qa-1': 'qa', 'prod-east': 'prod' };
export const RELEASE_DIGEST = 'sha256:2026.11';

export type ThreeClusters = {
  worlds: Readonly<Record<string, FakeWorld>>;
  records: FakeRecords;
  activities: Activities & PromotionActivities;
  /** In the order in which their first node was cordoned. */
  touched: () => readonly string[];
};

export function threeClusters(bed: Bed, o: WorldOptions & { soakMs: number }): ThreeClusters {
  const runs = createRuns(bed.client);
  const worlds = Object.fromEntries(Object.keys(CLUSTERS).map((name) => [name, new FakeWorld(o, runs)]));
  const begun: string[] = [];
  const { records, deps } = createFakeBed();
  const fleetFiles = {
    ...deps.fleetFiles,
    collectTiers: () => Promise.resolve(tiersOf(o.soakMs)),
    resolveRun: (input: FleetUpgradeInput) => {
      const world = worlds[input.cluster];
      if (world === undefined) return Promise.reject(new Error(`no cluster ${input.cluster}`));
      const tier = CLUSTERS[input.cluster] ?? 'prod';
      const definition = definitionOf(world.policy, input);
      const notifications = o.notifications === undefined ? {} : { notifications: o.notifications };
      return Promise.resolve({
        ...definition,
        tier,
        releaseDigests: { h100: RELEASE_DIGEST },
        ...notifications,
      });
    },
  };
  const real = { ...deps, fleetFiles, runs, now: () => new Date() };
  const routed = routeByCluster(worlds, (cluster) => {
    if (!begun.includes(cluster)) begun.push(cluster);
  });
  const judge = createTierJudge(real);
  const activities = {
    ...routed,
    ...createRecordActivities(real),
    ...createPromotionActivities(real),
    resolveRun: (input: FleetUpgradeInput) => resolveWithTiers(real, input),
    planNext: async (input: PlanNextInput) => {
      const definition = await judge(input.definition, input.gatesOpened ?? []);
      return belowTier({ ...input, definition }, await routed.planNext(input));
    },
  };
  return { worlds, records, activities, touched: () => [...begun] };
}

/** The gate of a tier as the real planner wishes it. */
function belowTier({ definition, gatesOpened = [] }: PlanNextInput, next: NextSteps): NextSteps {
  const held = whyLowerTiers(definition, gatesOpened);
  const [first] = next.steps;
  if (held === undefined || first === undefined) return next;
  const waiting = [{ why: held.why, nodes: next.steps.length, example: first.node }];
  return { ...next, steps: [], waiting, gates: [held.gate] };
}

function tiersOf(soakMs: number): FleetTiers {
  return {
    promotion: { soakMs, successMinPercent: 100 },
    // The file's order is not the order of tiers.
    clusters: Object.entries(CLUSTERS)
      .reverse()
      .map(([name, tier]) => ({
        name,
        tier,
        region: 'us-east-1',
        sla: tier === 'prod',
        pools: [{ name: 'h100', releaseDigest: RELEASE_DIGEST }],
      })),
    releases: [{ name: '2026.11', digest: RELEASE_DIGEST }],
  };
}

type AnyActivity = (input: never) => Promise<unknown>;

/** Each input names its cluster somewhere; a page of the plan is the same in all worlds. */
function routeByCluster(
  worlds: Readonly<Record<string, FakeWorld>>,
  onCordon: (cluster: string) => void,
): Activities {
  const all = Object.fromEntries(
    Object.entries(worlds).map(([name, world]) => [
      name,
      world.activities() as unknown as Readonly<Record<string, AnyActivity>>,
    ]),
  );
  const names = Object.keys(Object.values(all)[0] ?? {});
  const routed = names.map((activity) => [
    activity,
    (input: never) => {
      const text = JSON.stringify(input);
      const cluster = Object.keys(worlds).find(
        (name) => text.includes(`"${name}"`) || text.includes(`/${name}`),
      );
      if (activity === 'cordonNode') onCordon(cluster ?? '');
      const handler = all[cluster ?? 'dev-1']?.[activity];
      if (handler === undefined) throw new Error(`no activity ${activity}`);
      return handler(input);
    },
  ]);
  return Object.fromEntries(routed) as unknown as Activities;
}
