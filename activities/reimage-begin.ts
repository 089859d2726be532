// Everything that must hold in the moment before a node is laid anew, for every method.
// Must be the last that is asked: whatever is awaited after it makes it old.
import { Context } from '@temporalio/activity';
import { whyNotReimage } from '../domain/reimage/reimage-fit.ts';
import type { NodeActivityInput, ReimageResult } from './api.ts';
import { isPast, promptly } from './attempt.ts';
import type { Waiting } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyWithheld } from './grant.ts';
import { tellState } from './tell-state.ts';

type BeginInput = NodeActivityInput & { deadline: string };

/** Why nothing may begin, or undefined when all of it holds right now. */
export async function whyNotBegin(
  deps: ActivityDeps,
  o: BeginInput,
): Promise<ReimageResult | Waiting | undefined> {
  if (isPast({ now: deps.now, deadline: o.deadline })) {
    return { kind: 'timedOut', why: `the deadline ${o.deadline} passed before the reimage could begin` };
  }
  const unfit = await promptly(whyNotAsPlanned(deps, o));
  if (unfit !== undefined) return { kind: 'unsafe', why: unfit };
  const withheld = await promptly(whyWithheld(deps.runs, o));
  if (withheld !== undefined) {
    // Nothing else tells the run that the drain is over and the node stands there, empty.
    if (withheld.grant === 'paused') await tellState(deps.runs, o, 'cordoned');
    return withheld;
  }
  const { node, uid } = o.step;
  const cluster = deps.kubernetes.cluster(o.cluster);
  const empty = await promptly(cluster.checkEmpty({ node, uid, owner: o.run.owner }));
  if (empty.kind !== 'empty') return empty;
  // A cancellation that came during the reads ends here; one that comes later finds a task under way.
  if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
  return undefined;
}

/** The instance must be the one that was planned, in every respect that the plan knew. */
async function whyNotAsPlanned(deps: ActivityDeps, o: NodeActivityInput): Promise<string | undefined> {
  const { provider } = o.cluster;
  const { step } = o;
  // A reboot lays no image, so that none is asked for.
  const imageIds = step.reimage.method === 'reboot' ? [] : [step.release.imageId];
  const [instances, images] = await Promise.all([
    deps.instances.collectInstances(provider, [step.instanceId]),
    deps.instances.collectImages(provider, imageIds),
  ]);
  const instance = instances[step.instanceId];
  const refusals = whyNotReimage(instance, images[step.release.imageId], step).map(({ text }) => text);
  if (instance !== undefined) {
    const compare = (what: string, planned: string | null, found: string | null) => {
      if (found !== planned)
        refusals.push(`${what} is ${found ?? 'none'}, ${planned ?? 'none'} when it was planned`);
    };
    compare(`the image of ${step.instanceId}`, step.before.imageId, instance.imageId);
    compare(`the root volume of ${step.instanceId}`, step.before.rootVolumeId, instance.rootVolumeId);
  }
  return refusals.length === 0 ? undefined : refusals.join('; ');
}
