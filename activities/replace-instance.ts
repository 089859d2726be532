// Replaces a node's instance by another: launch, join, and the end of the one that is replaced.
// Must never terminate an instance whose node was not seen empty, by consistent reads, in this very attempt, nor
// before its replacement takes pods; nor one that was not launched by this program or planned to be replaced.
import { Context } from '@temporalio/activity';
import type { KubernetesCluster } from '../adapters/ports/kubernetes.ts';
import { instanceIdOf, isReady } from '../domain/planning/node-reading.ts';
import { CLIENT_TOKEN_TAG } from '../domain/reimage/root-volume-tasks.ts';
import type { JoinResult, LaunchResult, NodeActivities, NodeActivityInput, TerminateResult } from './api.ts';
import { clientTokenOf } from './attempt-token.ts';
import { look, promptly } from './attempt.ts';
import type { Waiting } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyWithheld } from './grant.ts';
import { isInService, join, launch } from './replace-launch.ts';
import { tellState } from './tell-state.ts';

type ReplaceActivities = Pick<
  NodeActivities,
  'launchReplacement' | 'awaitJoined' | 'terminateNode' | 'removeReplacement'
>;

/** A boot takes longer than three looks: it is told of once. */
const TOLD_AT_LOOK = 3;

export function createReplaceActivities(deps: ActivityDeps): ReplaceActivities {
  const late = (why: string) => ({ kind: 'timedOut' as const, why });
  const timing = (deadline: string) => ({ now: deps.now, deadline, late });
  return {
    launchReplacement: (o) => look<LaunchResult>(timing(o.deadline), () => launch(deps, o)),
    awaitJoined: (o) =>
      look<JoinResult>(timing(o.deadline), async () => {
        if (Context.current().info.attempt === TOLD_AT_LOOK) await tellState(deps.runs, o, 'rejoining');
        return join(deps, o);
      }),
    terminateNode: (o) => look<TerminateResult>(timing(o.deadline), () => terminate(deps, o)),
    removeReplacement: (o) =>
      look<{ why: string }>(
        { now: deps.now, deadline: o.deadline, late: (why) => ({ why: `${why}: look at it by hand` }) },
        () => remove(deps, o),
      ),
  };
}

async function terminate(
  deps: ActivityDeps,
  o: NodeActivityInput & { replacement: { node: string; uid: string } },
): Promise<TerminateResult | Waiting> {
  const { node, uid, instanceId, before } = o.step;
  const { provider } = o.cluster;
  const cluster = deps.kubernetes.cluster(o.cluster);
  const instance = (await promptly(deps.instances.collectInstances(provider, [instanceId])))[instanceId];
  if (instance === undefined || instance.state === 'terminated') {
    await cluster.ensureNodeDeleted({ node, uid });
    return { kind: 'terminated' };
  }
  if (instance.state === 'shutting-down') return { kind: 'waiting', why: `${instanceId} is shutting down` };
  if (instance.imageId !== before.imageId || instance.rootVolumeId !== before.rootVolumeId) {
    const why = `${instanceId} is not as it was planned: image ${instance.imageId}, root ${String(instance.rootVolumeId)}`;
    return { kind: 'unsafe', why };
  }
  const withheld = await promptly(whyWithheld(deps.runs, o));
  if (withheld !== undefined) {
    if (withheld.grant === 'paused') await tellState(deps.runs, o, 'cordoned');
    return withheld;
  }
  const missing = await promptly(whyNotServing(cluster, o.replacement));
  if (missing !== undefined) return { kind: 'waiting', why: missing };
  const empty = await promptly(cluster.checkEmpty({ node, uid, owner: o.run.owner }));
  if (empty.kind !== 'empty') return empty;
  // A cancellation that came during the reads ends here.
  if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
  await deps.instances.ensureTerminated(provider, instanceId);
  return { kind: 'waiting', why: `${instanceId} was told to terminate` };
}

/** Capacity must stand there before the old one goes: why it does not, or undefined when it does. */
async function whyNotServing(
  cluster: KubernetesCluster,
  { node, uid }: { node: string; uid: string },
): Promise<string | undefined> {
  const seen = (await cluster.collectRejoin(node))?.node;
  if (seen === undefined) return `${node}, launched to replace it, is not in the cluster any more`;
  if (seen.uid !== uid) return `${node}, launched to replace it, was made anew`;
  if (!isReady(seen)) return `${node}, launched to replace it, is not Ready`;
  if (seen.unschedulable) return `${node}, launched to replace it, is cordoned`;
  return undefined;
}

/** So long EC2 may need to show an instance that was launched right before. */
const SHOWN_WITHIN_MS = 15_000;

async function remove(deps: ActivityDeps, o: NodeActivityInput): Promise<{ why: string } | Waiting> {
  const { provider } = o.cluster;
  const token = clientTokenOf(deps.namespace, o);
  const found = await promptly(deps.instances.collectReplacements(provider, o.step.instanceId));
  // By its token alone: what others have launched, or an earlier attempt, is not ours to take away.
  const instance = found.find(({ tags }) => tags[CLIENT_TOKEN_TAG] === token);
  if (instance === undefined) {
    const waitedMs = deps.now().getTime() - Context.current().info.scheduledTimestampMs;
    if (waitedMs < SHOWN_WITHIN_MS) {
      return { kind: 'waiting', why: 'EC2 shows no instance that was launched to replace it' };
    }
    return { why: 'nothing was launched to replace it' };
  }
  const { instanceId, state } = instance;
  const cluster = deps.kubernetes.cluster(o.cluster);
  const node = (await promptly(cluster.collectNodesCached())).find((one) => instanceIdOf(one) === instanceId);
  if (state === 'terminated') {
    if (node !== undefined) await cluster.ensureNodeDeleted({ node: node.name, uid: node.uid });
    return { why: `${instanceId}, launched to replace it, is terminated` };
  }
  if (state === 'shutting-down') return { kind: 'waiting', why: `${instanceId} is shutting down` };
  if (node !== undefined && isInService(node, o.step.release.name)) {
    return { why: `${node.name} (${instanceId}), launched to replace it, stays: it takes pods` };
  }
  if (node !== undefined) {
    const { name, uid } = node;
    const { owner } = o.run;
    const cordon = await cluster.ensureCordoned({ node: name, uid, owner, replaces: o.step.node });
    const ours = cordon.kind === 'cordoned' || cordon.kind === 'alreadyOurs';
    const empty = ours ? await promptly(cluster.checkEmpty({ node: name, uid, owner })) : undefined;
    if (empty?.kind !== 'empty') {
      const why = ours ? 'it has pods already' : 'it was cordoned by somebody else';
      return { why: `${name} (${instanceId}), launched to replace it, stays: ${why}` };
    }
  }
  await deps.instances.ensureTerminated(provider, instanceId);
  return { kind: 'waiting', why: `${instanceId} was told to terminate` };
}
