// Everything that Refit reads from EC2: always many at once, never a call for each node.
// What is read here may be seconds old (EC2 is eventually consistent); whoever changes something on
// the strength of it must be refused by EC2 itself when it no longer holds.
import {
  DescribeImagesCommand,
  paginateDescribeInstances,
  paginateDescribeReplaceRootVolumeTasks,
  paginateDescribeVolumes,
} from '@aws-sdk/client-ec2';
import type { EC2Client, Instance, ReplaceRootVolumeTask, Volume } from '@aws-sdk/client-ec2';
import type { ImageFacts, InstanceFacts } from '../../domain/inventory.ts';
import { PortError } from '../ports/errors.ts';
import type { RootVolumeTask } from '../ports/instances.ts';
import { REPLACES_TAG } from '../../domain/reimage/replacement.ts';
import { batched, collectDespiteUnknown } from './batching.ts';
import { rootVolumeIdOf, toImageFacts, toInstanceFacts, toRootVolumeTask } from './facts.ts';
import { toPortError } from './port-errors.ts';

export type Region = { name: string; client: EC2Client };

/** A closed task older than this no longer says anything about what happens now. */
const TASK_AGE_MAX_MS = 24 * 60 * 60 * 1000;
/** The most that EC2 gives to a page of tasks. */
const TASKS_A_PAGE = 50;
const OPEN_STATES: readonly string[] = ['pending', 'in-progress', 'failing'];

export type Descriptions = {
  replacements: (instanceId: string) => Promise<readonly InstanceFacts[]>;
  instance: (id: string) => Promise<InstanceFacts | undefined>;
  image: (id: string) => Promise<ImageFacts | undefined>;
  task: (taskId: string) => Promise<RootVolumeTask | undefined>;
  tasksOfInstance: (instanceId: string) => Promise<readonly RootVolumeTask[] | undefined>;
};

/** A free slot waits for these; those who ask for many ask for them at once. Only polls are worth a longer window. */
const SOON_MS = 20;

export function createDescriptions(region: Region, windowMs: number, now: () => Date): Descriptions {
  return {
    // Seldom asked, and by few: not worth a batch.
    replacements: async (instanceId) => {
      const filter = { Name: `tag:${REPLACES_TAG}`, Values: [instanceId] };
      return [...(await findInstances(region, filter)).values()];
    },
    instance: batched((ids) => collectInstances(region, ids), Math.min(windowMs, SOON_MS)),
    image: batched((ids) => collectImages(region, ids), Math.min(windowMs, SOON_MS)),
    task: batched((ids) => collectTasks(region, ids), windowMs),
    tasksOfInstance: batched((ids) => collectTasksOfInstances(region, ids, now()), windowMs),
  };
}

/** By filter, not by id: an unknown id then is absent, where as an id it would fail the others. */
function collectInstances(
  region: Region,
  ids: readonly string[],
): Promise<ReadonlyMap<string, InstanceFacts>> {
  return findInstances(region, { Name: 'instance-id', Values: [...ids] });
}

async function findInstances(
  region: Region,
  filter: { Name: string; Values: string[] },
): Promise<ReadonlyMap<string, InstanceFacts>> {
  const instances = await asked(region, 'DescribeInstances', async () => {
    const found: Instance[] = [];
    const pages = paginateDescribeInstances({ client: region.client, pageSize: 1000 }, { Filters: [filter] });
    for await (const page of pages) {
      for (const reservation of page.Reservations ?? []) found.push(...(reservation.Instances ?? []));
    }
    return found;
  });
  const volumeIds = instances.map(rootVolumeIdOf).filter((id) => id !== null);
  const volumes = new Map(
    (await collectVolumes(region, volumeIds)).map((volume) => [volume.VolumeId, volume]),
  );
  return new Map(
    instances.map((instance) => {
      const facts = toInstanceFacts(instance, volumes.get(rootVolumeIdOf(instance) ?? ''));
      return [facts.instanceId, facts];
    }),
  );
}

async function collectVolumes(region: Region, ids: readonly string[]): Promise<readonly Volume[]> {
  if (ids.length === 0) return [];
  return findVolumes(region, [{ Name: 'volume-id', Values: [...ids] }]);
}

export async function findVolumes(
  region: Region,
  filters: { Name: string; Values: string[] }[],
): Promise<readonly Volume[]> {
  return asked(region, 'DescribeVolumes', async () => {
    const found: Volume[] = [];
    const pages = paginateDescribeVolumes({ client: region.client, pageSize: 500 }, { Filters: filters });
    for await (const page of pages) found.push(...(page.Volumes ?? []));
    return found;
  });
}

/** By id: a filter would search all public images of the region. Withdrawn images show with their state. */
async function collectImages(
  region: Region,
  ids: readonly string[],
): Promise<ReadonlyMap<string, ImageFacts>> {
  return collectDespiteUnknown(
    ids,
    async (some) => {
      const answer = await asked(region, 'DescribeImages', () =>
        region.client.send(
          new DescribeImagesCommand({ ImageIds: [...some], IncludeDeprecated: true, IncludeDisabled: true }),
        ),
      );
      return new Map((answer.Images ?? []).map((image) => [image.ImageId ?? '', toImageFacts(image)]));
    },
    // A malformed id (`ami-typo`) is unknown as well.
    (error) => error instanceof PortError && (error.kind === 'notFound' || /Malformed/.test(error.message)),
  );
}

async function collectTasks(
  region: Region,
  taskIds: readonly string[],
): Promise<ReadonlyMap<string, RootVolumeTask>> {
  return collectDespiteUnknown(
    taskIds,
    async (some) => {
      const tasks = await findTasks(region, { ReplaceRootVolumeTaskIds: [...some] });
      return new Map(tasks.map((task) => [task.taskId, task]));
    },
    (error) => error instanceof PortError && error.kind === 'notFound',
  );
}

async function collectTasksOfInstances(
  region: Region,
  instanceIds: readonly string[],
  now: Date,
): Promise<ReadonlyMap<string, readonly RootVolumeTask[]>> {
  const tasks = await findTasks(region, { Filters: [{ Name: 'instance-id', Values: [...instanceIds] }] });
  const telling = tasks.filter(
    (task) =>
      OPEN_STATES.includes(task.state) || !(now.getTime() - Date.parse(task.startedAt) > TASK_AGE_MAX_MS),
  );
  return new Map(instanceIds.map((id) => [id, telling.filter((task) => task.instanceId === id)]));
}

async function findTasks(
  region: Region,
  by: { ReplaceRootVolumeTaskIds: string[] } | { Filters: { Name: string; Values: string[] }[] },
): Promise<readonly RootVolumeTask[]> {
  return asked(region, 'DescribeReplaceRootVolumeTasks', async () => {
    const found: ReplaceRootVolumeTask[] = [];
    const paging =
      'Filters' in by ? { client: region.client, pageSize: TASKS_A_PAGE } : { client: region.client };
    for await (const page of paginateDescribeReplaceRootVolumeTasks(paging, by)) {
      found.push(...(page.ReplaceRootVolumeTasks ?? []));
    }
    return found.map(toRootVolumeTask);
  });
}

/** Runs one call and says its refusal in the port's words. */
export async function asked<T>(region: Region, action: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw toPortError(error, action, region.name);
  }
}
