// Observe, then plan: the two looks at the world that everything begins with. `refit plan` and the
// workflow call the same `observeAndPlan`, so that what a person was shown is what a run would do.
// Must never change anything but records, and never send a whole fleet through one payload.
//
// `planRun` lists the cluster consistently, once a run. `planNext` runs about once for each node that
// ends: it reads the shared watch (no request) and describes only the instances about to be started.
import { createHash } from 'node:crypto';
import { PortError } from '../adapters/ports/errors.ts';
import type { Records } from '../adapters/ports/records.ts';
import type { PlanEstimate } from '../domain/estimate.ts';
import { estimatePlan } from '../domain/planning/estimate.ts';
import { instanceIdOf } from '../domain/planning/node-reading.ts';
import { matchPools } from '../domain/planning/match-pools.ts';
import { planBasis, renderBasis } from '../domain/planning/plan-digest.ts';
import type { PlanMove } from '../domain/plan-moves.ts';
import type { PlanBasis } from '../domain/planning/plan-digest.ts';
import { drainScope, tellPreflight } from '../domain/planning/preflight.ts';
import { planNext } from '../domain/planning/plan-next.ts';
import type { NodesSeen, PlanNextQuestion } from '../domain/planning/board.ts';
import type { Look } from '../domain/planning/answer.ts';
import { planRun } from '../domain/planning/plan-run.ts';
import { listFormerImages } from '../domain/planning/way-back.ts';
import type { ImageFacts, Inventory, LaunchTemplateFacts } from '../domain/inventory.ts';
import type { NextSteps, PlanRow, PlanSummary, Refusal } from '../domain/plan.ts';
import type { OwnerMark, RunDefinition } from '../domain/run.ts';
import type { Activities, PlanForPeople, PlanNextInput } from './api.ts';
import { createBoundedCache } from './bounded-cache.ts';
import { collectNotReady } from './canary-pods.ts';
import type { ActivityDeps } from './deps.ts';
import { toApplicationFailure } from './failures.ts';
import { collectPastTimes } from './past-nodes.ts';
import { createTierJudge } from './rollouts.ts';
import type { TierJudge } from './rollouts.ts';
import { collectMoves, storePlan } from './store-plan.ts';

type ObserveDeps = Pick<ActivityDeps, 'kubernetes' | 'instances' | 'now' | 'records'>;

/** What a look at the cluster leads to; `pages` is empty until somebody stores the rows. */
export type ObservedPlan =
  | { kind: 'refused'; refusals: readonly Refusal[]; inventory: Inventory }
  | {
      kind: 'planned';
      summary: PlanSummary;
      rows: readonly PlanRow[];
      estimate: PlanEstimate;
      inventory: Inventory;
      /** What the digest is made of; as a record it has the plan's digest for its name. */
      basis: PlanBasis;
    };

/** One consistent LIST of the nodes, then the instances of those in scope and the images of their releases. */
export async function collectInventory(deps: ObserveDeps, definition: RunDefinition): Promise<Inventory> {
  const cluster = deps.kubernetes.cluster(definition.cluster);
  const [apiServerVersion, nodes] = await Promise.all([cluster.collectVersion(), cluster.collectNodes()]);
  const { poolOf } = matchPools(nodes, definition.pools);
  const instanceIds = nodes
    .filter((node) => poolOf.has(node.name))
    .map(instanceIdOf)
    .filter((id) => id !== null);
  const { provider } = definition.cluster;
  const [instances, templates] = await Promise.all([
    deps.instances.collectInstances(provider, instanceIds),
    collectTemplates(deps, definition),
  ]);
  const reservations = await collectReservations(deps, definition, { nodes, instances });
  const former = listFormerImages({ nodes, instances }, definition);
  const images = await deps.instances.collectImages(provider, imageIdsOf(definition, former));
  return {
    cluster: definition.cluster.name,
    observedAt: deps.now().toISOString(),
    apiServerVersion,
    nodes,
    instances,
    images,
    ...(Object.keys(templates).length === 0 ? {} : { templates }),
    ...(reservations === undefined ? {} : { reservations }),
  };
}

/** By pool, of those that replace instances. */
async function collectTemplates(
  deps: ObserveDeps,
  { cluster, pools }: RunDefinition,
): Promise<Readonly<Record<string, LaunchTemplateFacts>>> {
  const found = await Promise.all(
    pools.map(async ({ name, launchTemplate, policy }) => {
      if (launchTemplate === undefined || policy.reimage.method !== 'replaceInstance') return [];
      const facts = await deps.instances.collectTemplate(cluster.provider, launchTemplate);
      return facts === undefined ? [] : [[name, facts] as const];
    }),
  );
  return Object.fromEntries(found.flat());
}

/** For nodes of pools that may lose capacity; undefined: there are no such pools. */
async function collectReservations(
  deps: ObserveDeps,
  { cluster, pools }: RunDefinition,
  { nodes, instances }: Pick<Inventory, 'nodes' | 'instances'>,
): Promise<Inventory['reservations']> {
  const giving = pools.filter(({ policy }) => policy.reimage.mayLoseCapacity === true);
  if (giving.length === 0) return undefined;
  const { poolOf } = matchPools(nodes, giving);
  const meant = nodes
    .filter((node) => poolOf.has(node.name))
    .map((node) => instances[instanceIdOf(node) ?? '']);
  const distinct = (values: readonly (string | undefined)[]) =>
    [...new Set(values)].filter((value) => value !== undefined);
  return await deps.instances.collectReservations(cluster.provider, {
    instanceTypes: distinct(meant.map((instance) => instance?.instanceType)),
    zones: distinct(meant.map((instance) => instance?.zone)),
  });
}

/** `owner` is the mark of the run that plans, or null for one who only looks. */
export async function observeAndPlan(
  deps: ObserveDeps,
  definition: RunDefinition,
  owner: OwnerMark | null,
): Promise<ObservedPlan> {
  const [inventory, past] = await Promise.all([
    collectInventory(deps, definition),
    collectPastTimes(deps.records, definition),
  ]);
  const plan = planRun(definition, inventory, owner);
  if (plan.kind === 'refused') return { kind: 'refused', refusals: plan.refusals, inventory };
  const { rows, ...preflight } = await collectPreflight(deps, definition, plan.rows, inventory);
  const basis = planBasis(definition, rows);
  const digest = digestOf(renderBasis(basis));
  const estimate = estimatePlan(definition, rows, inventory, past);
  const summary: PlanSummary = { ...plan.draft, ...preflight, digest, pages: [], expected: estimate.whole };
  return { kind: 'planned', summary, rows, estimate, inventory, basis };
}

/** What somebody is told who only looks. `notKept`: why a later start could not tell what has moved since. */
export type SeenPlan =
  | { kind: 'refused'; refusals: readonly Refusal[] }
  | (Pick<Extract<ObservedPlan, { kind: 'planned' }>, 'kind' | 'summary' | 'rows' | 'estimate'> & {
      moved?: readonly PlanMove[];
      notKept?: string;
    });

/** `keep`: there are records; nothing else is written. */
export async function lookAtPlan(
  deps: ObserveDeps,
  definition: RunDefinition,
  { keep }: { keep: boolean },
): Promise<SeenPlan> {
  const plan = await observeAndPlan(deps, definition, null);
  if (plan.kind === 'refused') return { kind: 'refused', refusals: plan.refusals };
  const { kind, summary, rows, estimate, basis } = plan;
  const moved = await collectMoves(deps.records, definition.planDigest, plan);
  const key = `plan.${definition.fleet}.${definition.cluster.name}`;
  const kept = keep ? deps.records.put({ kind: 'planBasis', key, body: basis }) : Promise.resolve();
  const notKept = await kept.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return {
    ...{ kind, summary, rows, estimate },
    ...(moved.length === 0 ? {} : { moved }),
    ...(notKept === undefined ? {} : { notKept }),
  };
}

/** A plan that drains nothing asks for no pods. */
async function collectPreflight(
  { kubernetes }: ObserveDeps,
  definition: RunDefinition,
  rows: readonly PlanRow[],
  inventory: Inventory,
): Promise<{ rows: readonly PlanRow[] } & Pick<PlanSummary, 'preflight'>> {
  const scope = drainScope(definition, rows);
  if (scope.size === 0) return { rows };
  const facts = await kubernetes.cluster(definition.cluster).collectDrainFacts({ scope });
  return tellPreflight(rows, inventory, facts);
}

/** The activities that look and plan. One set for each worker: it remembers the pages of running plans. */
export function createObserveActivities(
  deps: ActivityDeps,
): Pick<Activities, 'planRun' | 'planForPeople' | 'planNext'> {
  const readPage = createPageReader(deps.records);
  const collectImages = createImageReader(deps);
  const judgeTiers = createTierJudge(deps);
  return {
    planRun: (o) =>
      mapped(async () => {
        const plan = await planAndStore(deps, judgeTiers, o);
        if (plan.kind === 'refused') return plan;
        const { kind, summary, moved } = plan;
        return { kind, summary, ...(moved === undefined ? {} : { moved }) };
      }),
    planForPeople: (o) => mapped(() => planAndStore(deps, judgeTiers, o)),
    planNext: (input) =>
      mapped(async () => {
        const { back, gatesOpened = [] } = input;
        const [definition, ...pages] = await Promise.all([
          // Whoever goes back rolls nothing out.
          back === undefined ? judgeTiers(input.definition, gatesOpened) : input.definition,
          ...input.pages.map(readPage),
        ]);
        return await planWithLooks(deps, { ...input, definition }, { rows: pages.flat(), collectImages });
      }),
  };
}

async function planAndStore(
  deps: ActivityDeps,
  judgeTiers: TierJudge,
  { definition: resolved, run }: Parameters<Activities['planRun']>[0],
): Promise<PlanForPeople> {
  // Days may have passed since it was resolved: whoever held the cluster may have taken them.
  const definition = await judgeTiers(resolved, []);
  const plan = await observeAndPlan(deps, definition, run.owner);
  if (plan.kind === 'refused') return { kind: 'refused', refusals: plan.refusals };
  const summary = await storePlan(deps.records, run.workflowId, plan);
  const moved = await collectMoves(deps.records, definition.planDigest, plan);
  const { estimate } = plan;
  return { kind: 'planned', summary, estimate, ...(moved.length === 0 ? {} : { moved }) };
}

/** Each look costs one batched call; more rounds than this mean that instance after instance is gone. */
const LOOKS_MAX = 8;

async function planWithLooks(
  deps: ObserveDeps,
  input: PlanNextInput,
  o: { rows: readonly PlanRow[]; collectImages: ImageReader },
): Promise<NextSteps> {
  const { definition, run } = input;
  const question: PlanNextQuestion = { ...input, owner: run.owner, rows: o.rows };
  const cluster = deps.kubernetes.cluster(definition.cluster);
  const nodes = await cluster.collectNodesCached();
  const notReady = await collectNotReady(cluster, question, nodes);
  const nodesSeen: NodesSeen = { observedAt: deps.now().toISOString(), nodes, notReady };
  const asked = listAsked(definition, o.rows);
  const former = question.back === undefined ? [] : listRowsFormer(o.rows);
  const seen: Record<string, Look> = {};
  let images: Readonly<Record<string, ImageFacts>> = {};
  for (let look = 0; ; look += 1) {
    const plan = planNext(question, nodesSeen, { seen, images, final: look === LOOKS_MAX });
    if (plan.kind === 'steps') return plan.next;
    const ids = plan.nodes.map((one) => one.instanceId);
    const [instances, ofReleases] = await Promise.all([
      deps.instances.collectInstances(definition.cluster.provider, ids),
      o.collectImages(definition, former),
    ]);
    images = ofReleases;
    for (const { node, instanceId } of plan.nodes) {
      const daemonSets = await cluster.collectDaemonSets(node);
      // Only for people's eyes: a watch that cannot be read must not keep the planner from answering.
      const impact = asked.has(node) ? await cluster.collectImpact(node).catch(() => undefined) : undefined;
      const instance = instances[instanceId] ?? null;
      seen[node] = { instance, daemonSets, ...(impact === undefined ? {} : { impact }) };
    }
  }
}

/** Nodes that somebody is asked about one by one. */
function listAsked({ pools }: RunDefinition, rows: readonly PlanRow[]): ReadonlySet<string> {
  const asking = new Set(
    pools.filter(({ policy }) => policy.approval.before === 'node').map(({ name }) => name),
  );
  return new Set(rows.filter((row) => asking.has(row.pool)).map((row) => row.node));
}

/** Images that a run which is rolled back goes back to. */
function listRowsFormer(rows: readonly PlanRow[]): readonly string[] {
  return rows.flatMap(({ former }) => (former === undefined ? [] : [former.imageId]));
}

type ImageReader = (
  definition: RunDefinition,
  former: readonly string[],
) => Promise<Readonly<Record<string, ImageFacts>>>;

/** What is compared of an image never changes, but it may be deregistered: asked again after ten minutes. */
const IMAGES_KEPT_MS = 600_000;
/** One entry for each set of images in use; a worker serves a handful of runs. */
const IMAGE_SETS_MAX = 32;

function createImageReader(deps: ObserveDeps): ImageReader {
  const kept = createBoundedCache<{ until: number; images: Readonly<Record<string, ImageFacts>> }>(
    IMAGE_SETS_MAX,
  );
  return async (definition, former) => {
    const { provider } = definition.cluster;
    const ids = imageIdsOf(definition, former);
    const key = `${provider.kind}/${provider.region}/${ids.join(',')}`;
    const known = kept.get(key);
    const now = deps.now().getTime();
    if (known !== undefined && now < known.until) return known.images;
    const images = await deps.instances.collectImages(provider, ids);
    kept.set(key, { until: now + IMAGES_KEPT_MS, images });
    return images;
  };
}

/** `former`: what nodes may go back to. */
function imageIdsOf(definition: RunDefinition, former: readonly string[]): readonly string[] {
  const next = Object.values(definition.releases).map((release) => release.imageId);
  return [...new Set([...next, ...former])].sort();
}

/** 64 pages are the plans of six fleets of 5,000 nodes, about 20 MB. */
const PAGES_KEPT_MAX = 64;

function createPageReader(records: Records): (digest: string) => Promise<readonly PlanRow[]> {
  const kept = createBoundedCache<readonly PlanRow[]>(PAGES_KEPT_MAX);
  return async (digest) => {
    const known = kept.get(digest);
    if (known !== undefined) return known;
    // Safe to take as rows: the records check the content against its digest, which the plan named.
    const page = (await records.get(digest)) as readonly PlanRow[] | undefined;
    if (page === undefined) {
      throw new PortError(
        'unsafe',
        `records: page ${digest} of the run's plan is not there; the run needs the records (REFIT_RECORDS) ` +
          'that it was planned with',
      );
    }
    kept.set(digest, page);
    return page;
  };
}

async function mapped<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toApplicationFailure(error);
  }
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
