// One promotion by chance, by its seed: the machine as it is, driven as workflows/promotion-driver.ts drives it over
// simulated time; clusters that end well, badly or not at all for a while, records that cannot be read, later runs
// that undo what was good, people who pause, resume and abort. A ledger of its own judges each beginning.
import { newPromotionState } from '../../domain/machines/promotion-state.ts';
import type { PromotionState } from '../../domain/machines/promotion-state.ts';
import { nextPromotionStep, promote } from '../../domain/machines/promotion.ts';
import type { PromotionEvent, PromotionStep } from '../../domain/machines/promotion.ts';
import { listPromotionWaiting } from '../../domain/machines/promotion-views.ts';
import type { Soak } from '../../domain/planning/soaked.ts';
import type { RunOutcome } from '../../domain/report.ts';
import type { RunStatus } from '../../domain/status.ts';
import { require } from '../checker/rollout-ledger.ts';
import { OBSERVED_AT } from '../domain/planning/sample-fleet.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';

const MINUTE_MS = 60_000;
const STEPS_MAX = 2_000;
/** After so many steps nothing goes wrong any more, and nobody holds it. */
const ROUGH_STEPS = 120;

/** What truly happened to a cluster. */
type Truth = { tier: string; begun: boolean; open: boolean; goodSince: number | null; done: number };

type World = {
  random: Random;
  nowMs: number;
  soakMs: number;
  state: PromotionState;
  clusters: Map<string, Truth>;
  /** What the records said when they were asked last. */
  known: Map<string, Soak>;
  paused: boolean;
  over: boolean;
  rough: boolean;
};

type Happened = PromotionEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

export function simulatePromotion(seed: number): { outcome: string; begun: number } {
  const world = begin(createRandom(seed));
  for (let step = 0; world.state.outcome === null; step += 1) {
    require(step < STEPS_MAX, 'every promotion ends [I243]');
    world.rough = step < ROUGH_STEPS;
    if (world.random.oneIn(30)) world.state = JSON.parse(JSON.stringify(world.state)) as PromotionState;
    if (!world.rough && world.paused) somebodySays(world, 'resumed');
    else if (world.rough && world.random.oneIn(8)) somebodySays(world);
    take(world, nextPromotionStep(world.state));
    checkReasons(world);
  }
  const begun = [...world.clusters.values()].filter((one) => one.begun).length;
  checkOutcome(world);
  return { outcome: world.state.outcome, begun };
}

function begin(random: Random): World {
  const tiers = (['dev', 'qa', 'prod'] as const).map((tier) => ({
    tier,
    clusters: Array.from({ length: 1 + random.below(3) }, (_, index) => `${tier}-${String(index)}`),
  }));
  const names = tiers.flatMap(({ tier, clusters }) => clusters.map((cluster) => [cluster, tier] as const));
  const soakMs = random.below(120) * MINUTE_MS;
  const world: World = {
    random,
    nowMs: Date.parse(OBSERVED_AT),
    soakMs,
    state: newPromotionState(OBSERVED_AT),
    clusters: new Map(
      names.map(([name, tier]) => [name, { tier, begun: false, open: false, goodSince: null, done: 0 }]),
    ),
    known: new Map(),
    paused: false,
    over: false,
    rough: true,
  };
  const definition = {
    fleet: 'training',
    release: '2026.11',
    releaseDigest: 'sha256:release',
    requestedBy: null,
    promotion: { soakMs, successMinPercent: 90 },
    tiers,
  };
  apply(world, { kind: 'resolved', definition, workflowId: 'promotion' });
  return world;
}

function apply(world: World, happened: Happened): boolean {
  const at = new Date(world.nowMs).toISOString();
  const move = promote(world.state, { ...happened, at } as PromotionEvent);
  if (move.kind === 'moved') world.state = move.state;
  return move.kind === 'moved';
}

function somebodySays(world: World, kind?: 'resumed'): void {
  const { random } = world;
  const by = 'sam';
  const said = kind ?? (random.oneIn(25) ? 'aborted' : random.oneIn(2) ? 'paused' : 'resumed');
  if (!apply(world, said === 'resumed' ? { kind: said, by } : { kind: said, by, reason: 'by chance' }))
    return;
  if (said === 'aborted') world.over = true;
  else world.paused = said === 'paused';
}

function take(world: World, step: PromotionStep): void {
  const { random, rough } = world;
  switch (step.kind) {
    case 'start':
      return start(world, step.cluster.cluster);
    case 'watch':
      return watch(world, step.cluster.cluster);
    case 'judge':
      return judge(world, step.clusters);
    case 'soak':
      // The worker that reads the records may be a little behind.
      world.nowMs = Math.max(world.nowMs, Date.parse(step.until) - (rough ? random.below(2_000) : 0));
      apply(world, { kind: 'lookedAgain' });
      return;
    case 'retry':
      world.nowMs += MINUTE_MS / 2;
      apply(world, { kind: 'lookedAgain' });
      return;
    case 'wait':
      require(world.paused, 'a promotion waits for a person only where one has paused it [I243]');
      world.nowMs += MINUTE_MS;
      return;
    case 'end':
      apply(world, { kind: 'ended', outcome: step.outcome });
  }
}

/** Of what truly is, and of what the records said last. */
function start(world: World, cluster: string): void {
  const { random, clusters, known } = world;
  if (world.rough && random.oneIn(8)) {
    apply(world, { kind: 'startRefused', cluster, why: 'one of an earlier promotion is open' });
    return;
  }
  const truth = clusters.get(cluster);
  require(truth?.begun === false, `${cluster} is begun once [I243]`);
  require(!world.paused && !world.over, `${cluster} is not begun in a promotion that is held [I199]`);
  for (const [name, other] of clusters) {
    require(!other.open, `${cluster} is not begun beside ${name} [I199]`);
    const said = known.get(name)?.kind;
    require(!other.begun || said !== 'unproven', `${cluster} is not begun after ${name} was not good [I200]`);
    const isBelow = TIERS.indexOf(other.tier) < TIERS.indexOf(truth.tier);
    require(!isBelow || said === 'soaked', `${cluster} is begun once ${name} has soaked [I199]`);
  }
  truth.begun = true;
  truth.open = true;
  apply(world, { kind: 'clusterStarted', cluster });
}

const TIERS = ['dev', 'qa', 'prod'];

const COUNTS: RunStatus['counts'] = {
  total: 4,
  waiting: 0,
  active: 0,
  done: 0,
  failed: 0,
  skipped: 0,
  upToDate: 0,
  leftAlone: 0,
};

function watch(world: World, cluster: string): void {
  const { random } = world;
  world.nowMs += (1 + random.below(60)) * MINUTE_MS;
  const truth = world.clusters.get(cluster);
  if (truth === undefined || (world.rough && random.oneIn(3))) return;
  truth.open = false;
  truth.done = random.below(3);
  const isGood = !random.oneIn(10);
  truth.goodSince = isGood ? world.nowMs : null;
  const good = truth.done > 0 ? ('succeeded' as const) : ('nothingToDo' as const);
  const outcome = isGood ? good : (random.pick(BAD) ?? null);
  const end = { outcome, why: outcome ?? 'terminated', counts: { ...COUNTS, done: truth.done } };
  apply(world, { kind: 'clusterEnded', cluster, end });
}

const BAD: readonly (RunOutcome | null)[] = ['failed', 'aborted', 'rolledBack', null];

function judge(world: World, clusters: readonly string[]): void {
  const { random, nowMs } = world;
  if (world.rough && random.oneIn(10)) {
    apply(world, { kind: 'judgeFailed', why: 'the records cannot be read' });
    return;
  }
  const soaks = clusters.map((cluster) => ({ cluster, soak: soakOf(world, cluster) }));
  world.known = new Map(soaks.map(({ cluster, soak }) => [cluster, soak]));
  if (soaks.some(({ soak }) => soak.kind === 'unproven')) world.over = true;
  world.nowMs = nowMs + 1_000;
  apply(world, { kind: 'judged', soaks });
}

/** A later run may have undone what was good. */
function soakOf({ random, rough, clusters, nowMs, soakMs }: World, cluster: string): Soak {
  const { goodSince = null } = clusters.get(cluster) ?? {};
  if (goodSince === null || (rough && random.oneIn(60))) return { kind: 'unproven', why: 'by chance' };
  const since = new Date(goodSince).toISOString();
  if (goodSince + soakMs <= nowMs) return { kind: 'soaked', since };
  return { kind: 'soaking', since, until: new Date(goodSince + soakMs).toISOString() };
}

function checkReasons({ state, clusters }: World): void {
  if (state.outcome !== null || state.failed !== null || state.aborting !== null) return;
  const told = new Set(listPromotionWaiting(state).map(({ subject }) => subject));
  for (const [name, { begun }] of clusters)
    require(begun || told.has(`cluster/${name}`), `${name} waits for a reason [I243]`);
}

function checkOutcome({ state, clusters, known }: World): void {
  const all = [...clusters.values()];
  const { outcome } = state;
  require(!all.some(({ open }) => open), 'a promotion ends when no cluster is at work [I243]');
  if (outcome !== 'succeeded' && outcome !== 'nothingToDo') return;
  const isGood =
    all.every(({ begun }) => begun) && [...known.values()].every(({ kind }) => kind !== 'unproven');
  require(isGood, `${outcome} is a promotion of which all clusters ended well [I243]`);
  const done = all.reduce((sum, one) => sum + one.done, 0);
  require((outcome === 'succeeded') === done > 0, `${outcome} with ${String(done)} nodes done [I243]`);
}
