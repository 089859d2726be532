// What a run does to its cluster as a whole: resolve what was asked, hold the cluster alone, read its
// plan, find its children again, clear away old volumes.
// Must never take the cluster from a run that may still be at work: what Temporal does not know of is
// not closed, it is unknown, and a person decides.
import { PortError } from '../adapters/ports/errors.ts';
import type { KubernetesCluster, LeaseHolder } from '../adapters/ports/kubernetes.ts';
import type { RunState } from '../adapters/ports/runs.ts';
import { InvalidFleet } from '../domain/invalid-fleet.ts';
import { parseOwnerMark } from '../domain/owner-mark.ts';
import type { PlanRow } from '../domain/plan.ts';
import type { MeetsRow } from '../domain/preflight.ts';
import type { OwnerMark } from '../domain/run.ts';
import { ApplicationFailure } from '@temporalio/common';
import type { ChildState, ClusterHold, FleetActivities, NodeUpgradeResult } from './api.ts';
import { mapped } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { resolveWithTiers } from './rollouts.ts';

/** Enough to name in a gate; all of them carry the mark, which is what a person looks for. */
const ADOPTED_NODES_NAMED_MAX = 500;

type ClusterActivities = Pick<
  FleetActivities,
  | 'resolveRun'
  | 'resolvePolicyChange'
  | 'holdCluster'
  | 'releaseCluster'
  | 'readPlanPage'
  | 'readMeetsPage'
  | 'collectChildren'
  | 'reapOldRootVolumes'
>;

export function createClusterActivities(deps: ActivityDeps): ClusterActivities {
  return {
    resolveRun: (input) =>
      mapped(async () => {
        try {
          return await resolveWithTiers(deps, input);
        } catch (error) {
          if (error instanceof InvalidFleet) {
            throw ApplicationFailure.nonRetryable(error.message, 'InvalidInput');
          }
          throw error;
        }
      }),
    resolvePolicyChange: ({ definition, policy }) =>
      mapped(async () => {
        try {
          return { kind: 'resolved', definition: await deps.fleetFiles.changePolicy(definition, policy) };
        } catch (error) {
          if (error instanceof InvalidFleet) return { kind: 'refused', why: error.message };
          throw error;
        }
      }),
    holdCluster: (o) => mapped(() => holdCluster(deps, o)),
    releaseCluster: (o) =>
      mapped(() => deps.kubernetes.cluster(o.cluster).releaseLease({ owner: o.run.owner })),
    // Safe to take as these: the records check the content against its digest, which the plan named.
    readPlanPage: ({ digest }) => mapped(async () => (await readPage(deps, digest)) as readonly PlanRow[]),
    readMeetsPage: ({ digest }) => mapped(async () => (await readPage(deps, digest)) as readonly MeetsRow[]),
    collectChildren: ({ children }) =>
      mapped(() => Promise.all(children.map((childId) => collectChild(deps, childId)))),
    reapOldRootVolumes: ({ cluster }) =>
      mapped(() => deps.instances.reapOldRootVolumes(cluster.provider, deps.now().toISOString())),
  };
}

async function holdCluster(
  deps: ActivityDeps,
  o: Parameters<FleetActivities['holdCluster']>[0],
): Promise<ClusterHold> {
  const cluster = deps.kubernetes.cluster(o.cluster);
  const { owner } = o.run;
  const first = await cluster.acquireLease({ owner, takeOverFrom: null });
  if (first.kind === 'held') return held(cluster, o);
  const { by, nodesMarked } = first;
  const state = await collectHolderState(deps, by.holder);
  if (state.kind === 'open') return heldBy(by);
  const adopted = o.adoptFrom === by.holder;
  const leftNothing = state.kind === 'closed' && nodesMarked.length === 0;
  if (!adopted && !leftNothing) {
    const nodes = nodesMarked.slice(0, ADOPTED_NODES_NAMED_MAX);
    return { kind: 'needsAdoption', holder: by.holder, nodes };
  }
  const second = await cluster.acquireLease({ owner, takeOverFrom: by.holder });
  return second.kind === 'held' ? held(cluster, o) : heldBy(second.by);
}

/** Also what an attempt that died after the Lease goes on with: the nodes of an adopted run become ours. */
async function held(
  cluster: KubernetesCluster,
  o: Parameters<FleetActivities['holdCluster']>[0],
): Promise<ClusterHold> {
  if (o.adoptFrom !== null) await cluster.adoptNodes({ from: o.adoptFrom, to: o.run.owner });
  return { kind: 'held' };
}

function heldBy(by: LeaseHolder): ClusterHold {
  return { kind: 'heldByOther', holder: by.holder, since: by.since };
}

/** A run of another namespace, or a mark that is none of ours, is one that this worker cannot ask about. */
async function collectHolderState(deps: ActivityDeps, holder: OwnerMark): Promise<RunState> {
  const mark = parseOwnerMark(holder);
  if (mark === undefined || mark.namespace !== deps.namespace) return { kind: 'unknown' };
  const { workflowId, firstExecutionRunId } = mark;
  return deps.runs.collectState({ workflowId, firstExecutionRunId });
}

async function readPage(deps: ActivityDeps, digest: string): Promise<unknown> {
  const page = await deps.records.get(digest);
  if (page !== undefined) return page;
  throw new PortError(
    'unsafe',
    `records: page ${digest} of the run's plan is not there; the run needs the records (REFIT_RECORDS) ` +
      'that it was planned with',
  );
}

async function collectChild(deps: ActivityDeps, childId: string): Promise<ChildState> {
  const child = await deps.runs.collectChild({ childId });
  switch (child.kind) {
    case 'open':
      return { childId, kind: 'open' };
    case 'closed':
      return { childId, kind: 'closed', status: child.status, result: parseResult(child.result) };
    case 'unknown':
      return { childId, kind: 'closed', status: 'UNKNOWN', result: null };
  }
}

/** A child of another version may have answered anything; what cannot be read counts as no answer. */
function parseResult(result: unknown): NodeUpgradeResult | null {
  if (typeof result !== 'object' || result === null) return null;
  const { node, attempt, outcome, history } = result as Partial<Record<keyof NodeUpgradeResult, unknown>>;
  const kinds: readonly unknown[] = ['done', 'putBack', 'deferred', 'failed'];
  const readable =
    typeof node === 'string' &&
    typeof attempt === 'number' &&
    (typeof history === 'string' || history === null) &&
    typeof outcome === 'object' &&
    outcome !== null &&
    'kind' in outcome &&
    kinds.includes(outcome.kind);
  return readable ? (result as NodeUpgradeResult) : null;
}
