// Has a release soaked in a cluster, as the records show? Pure; the clock is handed in.
// Must never take for good what no record shows: a run that is not there, one over some nodes or pools, one
// of another release under the same name.
import { formatDuration } from '../duration.ts';
import type { Promotion, Tier } from '../fleet.ts';
import { TIERS } from '../rollout.ts';
import type { FleetTiers, LowerTiers, Rollout, TierCluster, TiersBelow } from '../rollout.ts';

export type Soak =
  | { kind: 'soaked'; since: string }
  /** Only time is missing. */
  | { kind: 'soaking'; since: string; until: string }
  | { kind: 'unproven'; why: string };

type Asked = { releaseDigest: string; promotion: Promotion; now: string };

/** `rollouts`: of this cluster, in any order. */
export function judgeSoak(cluster: TierCluster, rollouts: readonly Rollout[], asked: Asked): Soak {
  const newestFirst = [...rollouts].sort((a, b) => Date.parse(b.endedAt) - Date.parse(a.endedAt));
  let since: string | null = null;
  for (const rollout of newestFirst) {
    const reading = readRollout(cluster, rollout, asked);
    if (reading.kind === 'good') since = rollout.endedAt;
    if (reading.kind !== 'bad') continue;
    // What was good since then stands; without any, this is why.
    if (since === null) return { kind: 'unproven', why: reading.why };
    break;
  }
  if (since === null) return { kind: 'unproven', why: 'no run over the whole cluster is recorded for it' };
  const until = new Date(Date.parse(since) + asked.promotion.soakMs).toISOString();
  const passed = Date.parse(until) <= Date.parse(asked.now);
  return passed ? { kind: 'soaked', since } : { kind: 'soaking', since, until };
}

type Reading = { kind: 'good' } | { kind: 'nothing' } | { kind: 'bad'; why: string };

function readRollout(cluster: TierCluster, rollout: Rollout, asked: Asked): Reading {
  const { releaseDigest } = asked;
  const others = rollout.pools.filter((pool) => pool.releaseDigest !== releaseDigest);
  const has = others.length < rollout.pools.length;
  // A pool that the file gives another release says nothing; one that left this release says much.
  const isMeant = (pool: { name: string; releaseDigest: string }) =>
    cluster.pools.some((own) => own.name === pool.name && own.releaseDigest === pool.releaseDigest);
  const strayed = others.find((pool) => !isMeant(pool));
  if (strayed !== undefined) {
    const what = `run ${rollout.workflowId} gave pool ${strayed.name} release ${strayed.release}`;
    return { kind: 'bad', why: `${what}, another one or another version of it, at ${rollout.endedAt}` };
  }
  if (!has) return { kind: 'nothing' };
  const why = whyNotGood(rollout, asked.promotion);
  if (why !== undefined) return { kind: 'bad', why: `run ${rollout.workflowId} ${why}` };
  const whole =
    !rollout.nodesNamed && cluster.pools.every(({ name }) => rollout.pools.some((p) => p.name === name));
  return whole ? { kind: 'good' } : { kind: 'nothing' };
}

/** With failures a run has still come to its end: they are judged by their share. */
const ENDED_BY_ITSELF: readonly Rollout['outcome'][] = ['succeeded', 'nothingToDo', 'failed'];

/** What a run must not have ended as, whatever part of the cluster it was over. */
function whyNotGood({ outcome, outcomeWhy, counts }: Rollout, promotion: Promotion): string | undefined {
  if (!ENDED_BY_ITSELF.includes(outcome) || outcomeWhy !== null) {
    return `ended before its work was done: ${outcomeWhy ?? outcome}`;
  }
  if (counts.waiting > 0) return `left ${String(counts.waiting)} nodes waiting`;
  const ended = counts.done + counts.failed;
  const nodes = `${String(counts.done)} of ${String(ended)} nodes`;
  if (counts.done * 100 < promotion.successMinPercent * ended) {
    return `succeeded on ${nodes}, below successMin ${String(promotion.successMinPercent)}%`;
  }
  return counts.done + counts.upToDate === 0 ? 'ended without a node that runs it' : undefined;
}

/** A status shows these lines, and a run carries them. */
const FOUND_TOLD_MAX = 10;
const FOUND_CHARS_MAX = 200;

/** What the clusters of lower tiers have not soaked of what a run would roll out; undefined: nothing is missing. */
export function judgeLowerTiers(
  below: TiersBelow,
  o: {
    /** That the run would roll out. */
    releases: readonly { name: string; digest: string }[];
    rolloutsOf: (cluster: string) => readonly Rollout[];
    now: string;
  },
): LowerTiers | undefined {
  const { promotion } = below;
  const soaks = below.clusters.flatMap((cluster) =>
    o.releases.map(({ name, digest }) => {
      const asked = { releaseDigest: digest, promotion, now: o.now };
      return { cluster, name, soak: judgeSoak(cluster, o.rolloutsOf(cluster.name), asked) };
    }),
  );
  const missing = soaks.flatMap(({ cluster, name, soak }) =>
    soak.kind === 'soaked' ? [] : [{ soak, text: renderSoak(cluster, name, soak, promotion) }],
  );
  if (missing.length === 0) return undefined;
  const times = missing.map(({ soak }) => (soak.kind === 'soaking' ? soak.until : null));
  const known = times.filter((until) => until !== null);
  const left = missing.length - FOUND_TOLD_MAX;
  return {
    until:
      known.length < times.length ? null : known.reduce((a, b) => (Date.parse(a) > Date.parse(b) ? a : b)),
    found: [
      ...missing.slice(0, FOUND_TOLD_MAX).map(({ text }) => text.slice(0, FOUND_CHARS_MAX)),
      ...(left > 0 ? [`and ${String(left)} more`] : []),
    ],
  };
}

/** In the order of tiers, then the file's. */
export function listLower(clusters: FleetTiers['clusters'], tier: Tier): readonly TierCluster[] {
  return TIERS.slice(0, TIERS.indexOf(tier)).flatMap((lower) =>
    clusters.filter((cluster) => cluster.tier === lower),
  );
}

function renderSoak({ tier, name }: TierCluster, release: string, soak: Soak, promotion: Promotion): string {
  const where = `${tier} ${name} has not soaked ${release}:`;
  if (soak.kind === 'unproven') return `${where} ${soak.why}`;
  if (soak.kind === 'soaked') return `${tier} ${name} has soaked ${release}`;
  return `${where} since ${soak.since}, ${formatDuration(promotion.soakMs)} will have passed at ${soak.until}`;
}
