// Launches the one instance that replaces a node in this attempt, and waits until its Node has joined.
// Must never launch without a token, nor while another instance stands ready in the node's place; must never
// touch the node that is replaced.
import { PortError } from '../adapters/ports/errors.ts';
import type { InstanceFacts } from '../domain/inventory.ts';
import { CLIENT_TOKEN_TAG } from '../domain/reimage/root-volume-tasks.ts';
import {
  REPLACES_TAG,
  judgeReplacements,
  renderTemplate,
  whyNotInPlace,
  whyNotTemplate,
} from '../domain/reimage/replacement.ts';
import { RELEASE_ANNOTATION, instanceIdOf, isReady } from '../domain/planning/node-reading.ts';
import { whyReadyStale } from '../domain/verify/rejoin.ts';
import type { NodeFacts } from '../domain/inventory.ts';
import type { JoinResult, LaunchResult, NodeActivityInput, Withheld } from './api.ts';
import { clientTokenOf, toTagValue } from './attempt-token.ts';
import { promptly } from './attempt.ts';
import type { Waiting } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyWithheld } from './grant.ts';
import { tellState } from './tell-state.ts';

export async function launch(deps: ActivityDeps, o: NodeActivityInput): Promise<LaunchResult | Waiting> {
  const { step } = o;
  const { provider } = o.cluster;
  const clientToken = clientTokenOf(deps.namespace, o);
  const found = await promptly(deps.instances.collectReplacements(provider, step.instanceId));
  const inService = found.length === 0 ? new Set<string>() : await listInService(deps, o);
  const judged = judgeReplacements(found, { clientToken, tokenTag: CLIENT_TOKEN_TAG, inService });
  if (judged.kind === 'unsafe') return judged;
  if (judged.kind === 'launched') return launched(deps, judged.instance);
  const fit = await promptly(whyNotAsPlanned(deps, o));
  if ('why' in fit) return { kind: 'unsafe', why: fit.why };
  const withheld = await promptly(whyWithheld(deps.runs, o));
  if (withheld !== undefined) return withheld;
  return await launchAs(deps, o, fit);
}

/** The one instance of this attempt, by its token. */
export async function launchAs(
  deps: ActivityDeps,
  o: NodeActivityInput,
  fit: Fit,
): Promise<Exclude<LaunchResult, Withheld>> {
  const { step } = o;
  const clientToken = clientTokenOf(deps.namespace, o);
  try {
    const outcome = await deps.instances.ensureInstance(o.cluster.provider, {
      ...fit,
      clientToken,
      // The same on every try: EC2 refuses a token that comes with other parameters.
      tags: {
        [CLIENT_TOKEN_TAG]: clientToken,
        [REPLACES_TAG]: step.instanceId,
        'refit.dev/owner': toTagValue(o.run.owner),
        'refit.dev/node': toTagValue(step.node),
        'refit.dev/attempt': String(step.attempt),
      },
    });
    if (outcome.kind === 'noCapacity') return outcome;
    await tellState(deps.runs, o, 'reimaging');
    return launched(deps, outcome.instance);
  } catch (error) {
    if (error instanceof PortError && (error.kind === 'invalid' || error.kind === 'notFound')) {
      return { kind: 'unsafe', why: `EC2 refused the launch: ${error.message}` };
    }
    throw error;
  }
}

export function launched(
  deps: ActivityDeps,
  { instanceId, launchedAt }: InstanceFacts,
): LaunchResult & { kind: 'launched' } {
  return { kind: 'launched', instanceId, launchedAt: launchedAt ?? deps.now().toISOString() };
}

/** Nodes that show the release, are Ready and take pods: left by an earlier attempt, or by an earlier run. */
async function listInService(deps: ActivityDeps, o: NodeActivityInput): Promise<ReadonlySet<string>> {
  const nodes = await promptly(deps.kubernetes.cluster(o.cluster).collectNodesCached());
  const serving = nodes.filter((node) => isInService(node, o.step.release.name));
  return new Set(serving.map(instanceIdOf).filter((id) => id !== null));
}

export function isInService(node: NodeFacts, release: string): boolean {
  return isReady(node) && !node.unschedulable && node.annotations[RELEASE_ANNOTATION] === release;
}

type Fit = { templateId: string; version: string; instanceType: string | null; subnetId: string | null };

/** What to launch, or why nothing may be. */
async function whyNotAsPlanned(deps: ActivityDeps, o: NodeActivityInput): Promise<Fit | { why: string }> {
  const { step } = o;
  const { provider } = o.cluster;
  if (step.launch === undefined) return { why: 'no launch template was planned for it' };
  const ref = step.launch.template;
  const [instances, facts] = await Promise.all([
    deps.instances.collectInstances(provider, [step.instanceId]),
    deps.instances.collectTemplate(provider, ref),
  ]);
  const instance = instances[step.instanceId];
  if (instance === undefined) return { why: `instance ${step.instanceId} does not exist any more` };
  const unfit = whyNotTemplate(ref, facts, step.release);
  if (unfit.length > 0 || facts === undefined) {
    return { why: unfit.map(({ text }) => text).join('; ') || `${renderTemplate(ref)} does not exist` };
  }
  const misplaced = whyNotInPlace(ref, facts, instance);
  if (misplaced.length > 0) return { why: misplaced.map(({ text }) => text).join('; ') };
  return {
    templateId: facts.templateId,
    version: facts.version,
    instanceType: facts.instanceType === null ? instance.instanceType : null,
    subnetId: facts.subnetId === null ? (instance.subnetId ?? null) : null,
  };
}

export async function join(
  deps: ActivityDeps,
  o: NodeActivityInput & { since: string; instanceId: string },
): Promise<JoinResult | Waiting> {
  const { step, instanceId } = o;
  const cluster = deps.kubernetes.cluster(o.cluster);
  const nodes = await promptly(cluster.collectNodesCached());
  const node = nodes.find((one) => instanceIdOf(one) === instanceId);
  if (node === undefined) return whyNotJoined(deps, o);
  const { name, uid, bootId } = node;
  // It may have been in service before: an attempt that was deferred takes it up again as it is.
  if (!isInService(node, step.release.name)) {
    const cordon = await cluster.ensureCordoned({ node: name, uid, owner: o.run.owner, replaces: step.node });
    if (cordon.kind === 'cordonedByOther') {
      return { kind: 'unsafe', why: `${name} was cordoned by ${cordon.by} before it was verified` };
    }
    if (cordon.kind === 'notTheNode') return { kind: 'waiting', why: `${name} is ${cordon.found}` };
  }
  if (bootId === '') return { kind: 'waiting', why: `${name} shows no bootID` };
  const stale = whyReadyStale(node, o.since);
  if (stale !== undefined) return { kind: 'waiting', why: `${name}: ${stale}` };
  if (!isReady(node)) return { kind: 'waiting', why: `${name} has joined, Ready is ${node.ready}` };
  return { kind: 'joined', node: name, uid, bootId };
}

async function whyNotJoined(
  deps: ActivityDeps,
  o: NodeActivityInput & { instanceId: string },
): Promise<JoinResult | Waiting> {
  const { instanceId } = o;
  const found = await promptly(deps.instances.collectInstances(o.cluster.provider, [instanceId]));
  const state = found[instanceId]?.state;
  // EC2 may not show a new instance for some seconds.
  if (state === undefined || state === 'pending' || state === 'running') {
    return { kind: 'waiting', why: `${instanceId} is ${state ?? 'not shown'}; no node names it yet` };
  }
  return { kind: 'unsafe', why: `${instanceId}, launched to replace it, is ${state}` };
}
