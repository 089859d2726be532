// Terminates an instance before there is another one in its place, and launches that one afterwards, for pools
// that may lose capacity. Must never terminate where no capacity reservation shows room in that very moment, or
// the node was not seen empty, or the grant does not hold; nor launch a second instance while a first one lives.
import { Context } from '@temporalio/activity';
import type { InstanceFacts, LaunchTemplateFacts } from '../domain/inventory.ts';
import type { InstancePlace } from '../domain/machines/node-types.ts';
import { whyNotInPlace, whyNotTemplate } from '../domain/reimage/replacement.ts';
import { judgeRoom } from '../domain/reimage/reservation.ts';
import type { RoomJudgement } from '../domain/reimage/reservation.ts';
import { CLIENT_TOKEN_TAG } from '../domain/reimage/root-volume-tasks.ts';
import type {
  GiveUpResult,
  LaunchResult,
  NodeActivities,
  NodeActivityInput,
  RoomResult,
  Withheld,
} from './api.ts';
import { clientTokenOf } from './attempt-token.ts';
import { look, promptly } from './attempt.ts';
import type { Waiting } from './attempt.ts';
import type { ActivityDeps } from './deps.ts';
import { whyWithheld } from './grant.ts';
import { launchAs, launched } from './replace-launch.ts';
import { tellState } from './tell-state.ts';

type GiveUpActivities = Pick<
  NodeActivities,
  'checkRoom' | 'giveUpInstance' | 'awaitTerminated' | 'launchInPlace'
>;

/** Why nothing is terminated. */
type Kept = Extract<GiveUpResult, { kind: 'noRoom' | 'occupied' | 'unsafe' | 'withheld' }>;

type Terminated = Awaited<ReturnType<NodeActivities['awaitTerminated']>>;

export function createGiveUpActivities(deps: ActivityDeps): GiveUpActivities {
  const late = (why: string) => ({ kind: 'timedOut' as const, why });
  const timing = (deadline: string) => ({ now: deps.now, deadline, late });
  return {
    checkRoom: (o) => look<RoomResult>(timing(o.deadline), () => checkRoom(deps, o)),
    giveUpInstance: (o) => look<GiveUpResult>(timing(o.deadline), () => giveUp(deps, o)),
    awaitTerminated: (o) => look<Terminated>(timing(o.deadline), () => seeTerminated(deps, o)),
    launchInPlace: (o) =>
      look<Exclude<LaunchResult, Withheld>>(timing(o.deadline), () => launchInPlace(deps, o)),
  };
}

const GOING: readonly string[] = ['shutting-down', 'terminated'];

async function instanceOf(
  deps: ActivityDeps,
  { cluster, step }: NodeActivityInput,
): Promise<InstanceFacts | undefined> {
  const { instanceId } = step;
  return (await promptly(deps.instances.collectInstances(cluster.provider, [instanceId])))[instanceId];
}

async function checkRoom(deps: ActivityDeps, o: NodeActivityInput): Promise<RoomResult | Waiting> {
  const instance = await instanceOf(deps, o);
  const { instanceId } = o.step;
  // EC2 shows a terminated one for an hour: one that it does not show may be there all the same.
  if (instance === undefined) return { kind: 'waiting', why: `EC2 does not show ${instanceId}` };
  if (GOING.includes(instance.state)) {
    return { kind: 'instanceGone', why: `${instanceId} is ${instance.state}` };
  }
  if (instance.state !== 'running') return { kind: 'noRoom', why: `${instanceId} is ${instance.state}` };
  const judged = await findRoom(deps, o, instance);
  if (judged.kind === 'noRoom') return judged;
  const { instanceType, subnetId = null } = instance;
  return { kind: 'roomSeen', room: judged.room, was: { instanceType, subnetId } };
}

/** By what EC2 says now of the template, the image and the reservations. */
async function findRoom(
  deps: ActivityDeps,
  { cluster: { provider }, step }: NodeActivityInput,
  instance: InstanceFacts,
): Promise<RoomJudgement> {
  const { instanceType, zone = '' } = instance;
  const { imageId } = step.release;
  const [template, images, reservations] = await Promise.all([
    findTemplate(deps, { cluster: { provider }, step }, instance),
    promptly(deps.instances.collectImages(provider, [imageId])),
    promptly(deps.instances.collectReservations(provider, { instanceTypes: [instanceType], zones: [zone] })),
  ]);
  if ('why' in template) return { kind: 'noRoom', why: template.why };
  const image = images[imageId];
  if (image?.state !== 'available') {
    return {
      kind: 'noRoom',
      why: `image ${imageId} is ${image?.state ?? 'not there'}: nothing could be launched`,
    };
  }
  const until = new Date(deps.now().getTime() + step.reimage.timeoutMs).toISOString();
  return judgeRoom({ reservations, template, instance, platform: image.platform, until });
}

/** The template as it is now, or why nothing may be launched from it in this place. */
async function findTemplate(
  deps: ActivityDeps,
  {
    cluster,
    step,
  }: { cluster: Pick<NodeActivityInput['cluster'], 'provider'>; step: NodeActivityInput['step'] },
  place: { instanceType: string; subnetId?: string | null },
): Promise<LaunchTemplateFacts | { why: string }> {
  if (step.launch === undefined) return { why: 'no launch template was planned for it' };
  const ref = step.launch.template;
  const facts = await promptly(deps.instances.collectTemplate(cluster.provider, ref));
  const unfit = whyNotTemplate(ref, facts, step.release);
  if (facts === undefined || unfit.length > 0) return { why: unfit.map(({ text }) => text).join('; ') };
  const misplaced = whyNotInPlace(ref, facts, place);
  return misplaced.length === 0 ? facts : { why: misplaced.map(({ text }) => text).join('; ') };
}

async function giveUp(deps: ActivityDeps, o: NodeActivityInput): Promise<GiveUpResult> {
  const { instanceId } = o.step;
  const instance = await instanceOf(deps, o);
  if (instance === undefined) return { kind: 'unsafe', why: `EC2 does not show ${instanceId}` };
  if (GOING.includes(instance.state)) return { kind: 'terminationOrdered' };
  const kept = (await whyNotNow(deps, o, instance)) ?? (await whyNotEmptyOrNoRoom(deps, o, instance));
  if (kept === undefined) {
    // A cancellation that came during the reads ends here.
    if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
    await deps.instances.ensureTerminated(o.cluster.provider, instanceId);
    await tellState(deps.runs, o, 'reimaging');
    return { kind: 'terminationOrdered' };
  }
  if (Context.current().info.attempt === 1) return kept;
  // An earlier try may have told it to go without hearing of it, and EC2 shows that only after some seconds.
  const why = kept.kind === 'occupied' ? 'its node is not empty' : kept.why;
  return { kind: 'unsafe', why: `${instanceId} may have been told to terminate, and now ${why}` };
}

/** The last of all, and both at once: whatever is awaited after them makes them old. */
async function whyNotEmptyOrNoRoom(
  deps: ActivityDeps,
  o: NodeActivityInput,
  instance: InstanceFacts,
): Promise<Kept | undefined> {
  const { node, uid } = o.step;
  const [empty, judged] = await Promise.all([
    promptly(deps.kubernetes.cluster(o.cluster).checkEmpty({ node, uid, owner: o.run.owner })),
    findRoom(deps, o, instance),
  ]);
  if (empty.kind !== 'empty') return empty;
  return judged.kind === 'noRoom' ? judged : undefined;
}

async function whyNotNow(
  deps: ActivityDeps,
  o: NodeActivityInput,
  instance: InstanceFacts,
): Promise<Kept | undefined> {
  const { instanceId, before } = o.step;
  if (instance.state !== 'running') return { kind: 'unsafe', why: `${instanceId} is ${instance.state}` };
  if (instance.imageId !== before.imageId || instance.rootVolumeId !== before.rootVolumeId) {
    const why = `${instanceId} is not as it was planned: image ${instance.imageId}, root ${String(instance.rootVolumeId)}`;
    return { kind: 'unsafe', why };
  }
  return await promptly(whyWithheld(deps.runs, o));
}

async function seeTerminated(deps: ActivityDeps, o: NodeActivityInput): Promise<Terminated | Waiting> {
  const { node, uid, instanceId } = o.step;
  const instance = await instanceOf(deps, o);
  if (instance !== undefined && instance.state !== 'terminated') {
    return { kind: 'waiting', why: `${instanceId} is ${instance.state}` };
  }
  await deps.kubernetes.cluster(o.cluster).ensureNodeDeleted({ node, uid });
  return { kind: 'terminated' };
}

const LIVE: readonly string[] = ['pending', 'running'];

async function launchInPlace(
  deps: ActivityDeps,
  o: NodeActivityInput & { was: InstancePlace },
): Promise<Exclude<LaunchResult, Withheld>> {
  const { provider } = o.cluster;
  const found = await promptly(deps.instances.collectReplacements(provider, o.step.instanceId));
  const live = found.filter(({ state }) => LIVE.includes(state));
  const [first] = live;
  if (live.length > 1) {
    const ids = live.map(({ instanceId }) => instanceId).join(', ');
    return {
      kind: 'unsafe',
      why: `${ids} were all launched in its place: terminate all but one, then retry the node`,
    };
  }
  // Whichever attempt it was of: whoever wants another one terminates it first.
  if (first !== undefined) return launched(deps, first);
  const token = clientTokenOf(deps.namespace, o);
  const ours = found.find(({ tags }) => tags[CLIENT_TOKEN_TAG] === token);
  if (ours !== undefined) {
    const why = `${ours.instanceId}, launched in its place, is ${ours.state}: look why, then retry the node`;
    return { kind: 'unsafe', why };
  }
  const template = await findTemplate(deps, o, o.was);
  if ('why' in template) return { kind: 'unsafe', why: template.why };
  return await launchAs(deps, o, {
    templateId: template.templateId,
    version: template.version,
    instanceType: template.instanceType === null ? o.was.instanceType : null,
    subnetId: template.subnetId === null ? o.was.subnetId : null,
  });
}
