// The port `instances` on EC2. Reads are batched across all callers of a worker; the three changes are
// made one by one, each so that doing it again does nothing more.
import {
  CreateReplaceRootVolumeTaskCommand,
  CreateTagsCommand,
  DeleteVolumeCommand,
  RebootInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { EC2Client, Volume } from '@aws-sdk/client-ec2';
import type { Provider } from '../../domain/fleet.ts';
import { PortError } from '../ports/errors.ts';
import type { Instances, RootVolumeTask } from '../ports/instances.ts';
import { createClient } from './client.ts';
import { asked, createDescriptions, findVolumes } from './descriptions.ts';
import { collectTemplate, ensureInstance, ensureTerminated } from './launches.ts';
import { collectReservations } from './reservations.ts';
import type { Descriptions, Region } from './descriptions.ts';
import { tagsOf, toRootVolumeTask, toTags } from './facts.ts';

const DELETE_AFTER_TAG = 'refit.dev/delete-after';
const OWNER_TAG = 'refit.dev/owner';
/** Callers within this time share one call. Longer would be felt between the steps of a node. */
const BATCH_WINDOW_MS = 250;
/** One reaping takes seconds, not minutes; what is left goes at the next one. */
const VOLUMES_REAPED_MAX = 100;
/** A throttled reboot was not carried out, so it alone may be asked for again: 1 + 2 + 4 s. */
const REBOOT_ATTEMPTS_MAX = 4;
const REBOOT_BACKOFF_MS = 1_000;

export type InstancesOptions = {
  /** Refit's version, for the user agent. */
  version: string;
  batchWindowMs?: number;
  now?: () => Date;
};

type RegionAccess = Region & { describe: Descriptions; rebootClient: EC2Client };

export function createInstances(options: InstancesOptions): Instances {
  const regions = new Map<string, RegionAccess>();
  const at = (provider: Provider): RegionAccess => {
    const known = regions.get(provider.region);
    if (known !== undefined) return known;
    const region = createRegion(provider.region, options);
    regions.set(provider.region, region);
    return region;
  };
  return {
    collectInstances: (provider, ids) => collectEach(ids, at(provider).describe.instance),
    collectImages: (provider, ids) => collectEach(ids, at(provider).describe.image),
    collectTasks: async (provider, instanceId) =>
      (await at(provider).describe.tasksOfInstance(instanceId)) ?? [],
    collectTask: (provider, taskId) => at(provider).describe.task(taskId),
    ensureRootVolumeTask: (provider, o) => ensureRootVolumeTask(at(provider), o),
    collectTemplate: (provider, template) => collectTemplate(at(provider), template),
    collectReservations: (provider, o) => collectReservations(at(provider), o),
    collectReplacements: (provider, instanceId) => at(provider).describe.replacements(instanceId),
    ensureInstance: (provider, o) => ensureInstance(at(provider), o),
    ensureTerminated: (provider, instanceId) => ensureTerminated(at(provider), instanceId),
    reboot: (provider, instanceId) => reboot(at(provider), instanceId),
    tagOldRootVolume: (provider, o) => tagOldRootVolume(at(provider), o),
    reapOldRootVolumes: (provider, now) => reapOldRootVolumes(at(provider), now),
  };
}

function createRegion(name: string, options: InstancesOptions): RegionAccess {
  const client = createClient({ region: name, version: options.version });
  const now = options.now ?? (() => new Date());
  return {
    name,
    client,
    describe: createDescriptions({ name, client }, options.batchWindowMs ?? BATCH_WINDOW_MS, now),
    // An answer that was lost may stand for a reboot that happened: the SDK must not ask again.
    rebootClient: createClient({ region: name, version: options.version, attemptsMax: 1 }),
  };
}

async function collectEach<T>(
  ids: readonly string[],
  load: (id: string) => Promise<T | undefined>,
): Promise<Readonly<Record<string, T>>> {
  const found = await Promise.all([...new Set(ids)].map(async (id) => ({ id, facts: await load(id) })));
  return Object.fromEntries(found.flatMap(({ id, facts }) => (facts === undefined ? [] : [[id, facts]])));
}

async function ensureRootVolumeTask(
  region: RegionAccess,
  o: Parameters<Instances['ensureRootVolumeTask']>[1],
): Promise<RootVolumeTask> {
  const answer = await asked(region, 'CreateReplaceRootVolumeTask', () =>
    region.client.send(
      new CreateReplaceRootVolumeTaskCommand({
        InstanceId: o.instanceId,
        ImageId: o.imageId,
        // The SDK's own retries carry the same token: at most one task comes of them.
        ClientToken: o.clientToken,
        DeleteReplacedRootVolume: o.deleteReplaced,
        TagSpecifications: [{ ResourceType: 'replace-root-volume-task', Tags: toTags(o.tags) }],
      }),
    ),
  );
  if (answer.ReplaceRootVolumeTask === undefined) {
    throw new PortError(
      'unreachable',
      `ec2:CreateReplaceRootVolumeTask in ${region.name}: the answer is empty`,
    );
  }
  return toRootVolumeTask(answer.ReplaceRootVolumeTask);
}

async function reboot(region: RegionAccess, instanceId: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await asked(region, 'RebootInstances', () =>
        region.rebootClient.send(new RebootInstancesCommand({ InstanceIds: [instanceId] })),
      );
      return;
    } catch (error) {
      const throttled = error instanceof PortError && error.kind === 'throttled';
      if (!throttled || attempt === REBOOT_ATTEMPTS_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, REBOOT_BACKOFF_MS * 2 ** (attempt - 1)));
    }
  }
}

async function tagOldRootVolume(
  region: RegionAccess,
  o: { volumeId: string; deleteAfter: string; owner: string },
): Promise<void> {
  const tags = { [DELETE_AFTER_TAG]: o.deleteAfter, [OWNER_TAG]: o.owner };
  await asked(region, 'CreateTags', () =>
    region.client.send(new CreateTagsCommand({ Resources: [o.volumeId], Tags: toTags(tags) })),
  );
}

async function reapOldRootVolumes(region: RegionAccess, now: string): Promise<readonly string[]> {
  const volumes = await findVolumes(region, [
    { Name: 'tag-key', Values: [DELETE_AFTER_TAG] },
    { Name: 'status', Values: ['available'] },
  ]);
  const due = volumes.filter((volume) => isDue(volume, Date.parse(now))).slice(0, VOLUMES_REAPED_MAX);
  const reaped: string[] = [];
  for (const { VolumeId } of due) {
    if (VolumeId !== undefined && (await deleteVolume(region, VolumeId))) reaped.push(VolumeId);
  }
  return reaped;
}

/** Asked again of each answer: a filter that was ignored must not cost a volume. */
function isDue(volume: Volume, nowMs: number): boolean {
  const tags = tagsOf(volume.Tags);
  const deleteAfter = Date.parse(tags[DELETE_AFTER_TAG] ?? '');
  return (
    volume.State === 'available' &&
    (volume.Attachments ?? []).length === 0 &&
    tags[OWNER_TAG] !== undefined &&
    // NaN, a time that nobody can read, is never due.
    deleteAfter <= nowMs
  );
}

/** False when somebody else was faster, or has attached the volume since. */
async function deleteVolume(region: RegionAccess, volumeId: string): Promise<boolean> {
  try {
    await asked(region, 'DeleteVolume', () =>
      region.client.send(new DeleteVolumeCommand({ VolumeId: volumeId })),
    );
    return true;
  } catch (error) {
    if (error instanceof PortError && (error.kind === 'notFound' || error.kind === 'conflict')) return false;
    throw error;
  }
}
