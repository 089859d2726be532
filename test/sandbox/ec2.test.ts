// The sandbox's EC2 as the real SDK sees it: root-volume tasks in front of moto, with EC2's own refusals.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateReplaceRootVolumeTaskCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeReplaceRootVolumeTasksCommand,
  DescribeStoreImageTasksCommand,
  DescribeVolumesCommand,
  RebootInstancesCommand,
  StopInstancesCommand,
} from '@aws-sdk/client-ec2';
import type {
  CreateReplaceRootVolumeTaskRequest,
  EC2Client,
  ReplaceRootVolumeTask,
} from '@aws-sdk/client-ec2';
import type { Ec2Call } from '../../sandbox/ec2/calls.ts';
import { arm64ImageId, sandboxImages } from '../../sandbox/ec2/images.ts';
import { restartEc2Front } from '../../sandbox/ec2/start.ts';
import { clearFaults, setFault } from '../../sandbox/faults/machine-faults.ts';
import { describeInstance as describeBedInstance, launchRunning, machineOf, openEc2Bed } from './ec2-bed.ts';
import type { Ec2Bed } from './ec2-bed.ts';

const START_TIMEOUT_MS = 1_800_000;
const TASK_TIMEOUT_MS = 900_000;
/** Longer than anything that a test asks while the task is open. */
const HELD_OPEN_S = 1_200;

let bed: Ec2Bed;
let dir: string;
let endpoint: string;
let ec2: EC2Client;

beforeAll(async () => {
  bed = await openEc2Bed();
  ({ dir, endpoint, ec2 } = bed);
}, START_TIMEOUT_MS);

afterAll(async () => bed?.close(), START_TIMEOUT_MS);

afterEach(() => clearFaults(dir));

const launch = (rootGib?: number) => launchRunning(bed, rootGib);
const describeInstance = (id: string) => describeBedInstance(bed, id);
const machine = (id: string) => machineOf(bed, id);

async function replace(request: CreateReplaceRootVolumeTaskRequest): Promise<ReplaceRootVolumeTask> {
  const { ReplaceRootVolumeTask: task } = await ec2.send(new CreateReplaceRootVolumeTaskCommand(request));
  if (task === undefined) throw new Error('the answer holds no task');
  return task;
}

async function taskOf(taskId: string | undefined): Promise<ReplaceRootVolumeTask | undefined> {
  const { ReplaceRootVolumeTasks } = await ec2.send(
    new DescribeReplaceRootVolumeTasksCommand({ ReplaceRootVolumeTaskIds: [taskId ?? ''] }),
  );
  return ReplaceRootVolumeTasks?.[0];
}

/** Every state that was seen, in order, until the last one. */
async function statesUntilEnd(taskId: string | undefined): Promise<string[]> {
  const seen: string[] = [];
  const deadline = Date.now() + TASK_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const state = (await taskOf(taskId))?.TaskState ?? 'none';
    if (seen.at(-1) !== state) seen.push(state);
    if (['succeeded', 'failed', 'failed-detached'].includes(state)) return seen;
    await pause(20);
  }
  throw new Error(`the task did not end; it went through ${seen.join(', ')}`);
}

/** On a busy machine a short state may pass between two looks; another order, or another state, may not. */
function expectWay(seen: readonly string[], way: readonly string[]): void {
  expect(seen).toEqual(way.filter((state) => seen.includes(state)));
  expect(seen.at(-1)).toBe(way.at(-1));
}

function holdOpen(id: string): void {
  setFault(dir, { kind: 'slow-reimage', instances: [id], seconds: HELD_OPEN_S });
}

async function refusal(request: Partial<CreateReplaceRootVolumeTaskRequest>): Promise<string> {
  const error = await replace(request as CreateReplaceRootVolumeTaskRequest).then(
    (task) => new Error(`accepted as ${String(task.ReplaceRootVolumeTaskId)}`),
    (e: Error) => e,
  );
  return `${error.name}: ${error.message}`;
}

describe('a root-volume task', () => {
  it('goes from pending over in-progress to succeeded, and leaves another root volume behind', async () => {
    const id = await launch();
    const before = (await describeInstance(id))?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId;
    const task = await replace({
      InstanceId: id,
      ImageId: sandboxImages.next,
      ClientToken: 'a'.repeat(64),
      TagSpecifications: [
        { ResourceType: 'replace-root-volume-task', Tags: [{ Key: 'refit.dev/owner', Value: 'x & y' }] },
      ],
    });
    expect(task).toMatchObject({ InstanceId: id, TaskState: 'pending', ImageId: sandboxImages.next });
    expect(task.Tags).toEqual([{ Key: 'refit.dev/owner', Value: 'x & y' }]);
    const seen = await statesUntilEnd(task.ReplaceRootVolumeTaskId);
    expectWay(seen, ['pending', 'in-progress', 'succeeded']);
    const ended = await taskOf(task.ReplaceRootVolumeTaskId);
    expect(Date.parse(ended?.CompleteTime ?? '')).toBeGreaterThan(Date.parse(task.StartTime ?? ''));

    const after = await describeInstance(id);
    const fresh = after?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId;
    expect(fresh).not.toBe(before);
    expect(after?.ImageId).toBe(sandboxImages.good);
    const { Volumes } = await ec2.send(
      new DescribeVolumesCommand({ VolumeIds: [before ?? '', fresh ?? ''] }),
    );
    expect(Volumes?.find((v) => v.VolumeId === before)?.State).toBe('available');
    const root = Volumes?.find((v) => v.VolumeId === fresh);
    expect(root).toMatchObject({ State: 'in-use', Size: 100, AvailabilityZone: 'us-east-1b' });
    expect(await machine(id)).toMatchObject({ imageId: sandboxImages.next, boot: 2, power: 'on' });
  });

  it('is the same task for the same token, and another request with that token is refused', async () => {
    const id = await launch();
    const request = { InstanceId: id, ImageId: sandboxImages.next, ClientToken: 'token-1' };
    const [first, second] = await Promise.all([replace(request), replace(request)]);
    expect(second.ReplaceRootVolumeTaskId).toBe(first.ReplaceRootVolumeTaskId);
    expect(await refusal({ ...request, ImageId: sandboxImages.failsChecks })).toMatch(
      /^IdempotentParameterMismatch/,
    );
    await statesUntilEnd(first.ReplaceRootVolumeTaskId);
    expect((await replace(request)).ReplaceRootVolumeTaskId).toBe(first.ReplaceRootVolumeTaskId);
  });

  it('is refused while another of the instance is open, also when both come at once', async () => {
    const id = await launch();
    holdOpen(id);
    const answers = await Promise.allSettled(
      ['b1', 'b2'].map((token) =>
        replace({ InstanceId: id, ImageId: sandboxImages.next, ClientToken: token }),
      ),
    );
    expect(answers.filter((a) => a.status === 'fulfilled')).toHaveLength(1);
    expect(await refusal({ InstanceId: id, ImageId: sandboxImages.next })).toMatch(
      /^IncorrectState: .*replacevol-/,
    );
  });

  it('deletes the old root volume when told so', async () => {
    const id = await launch();
    const before = (await describeInstance(id))?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId ?? '';
    const task = await replace({
      InstanceId: id,
      ImageId: sandboxImages.next,
      DeleteReplacedRootVolume: true,
    });
    await statesUntilEnd(task.ReplaceRootVolumeTaskId);
    await expect(ec2.send(new DescribeVolumesCommand({ VolumeIds: [before] }))).rejects.toThrow(
      /does not exist/,
    );
  });

  it('is found by instance and by tag, page by page', async () => {
    const ids = await Promise.all([launch(), launch(), launch()]);
    for (const id of ids) {
      await replace({
        InstanceId: id,
        ImageId: sandboxImages.next,
        TagSpecifications: [
          { ResourceType: 'replace-root-volume-task', Tags: [{ Key: 'run', Value: 'paged' }] },
        ],
      });
    }
    const found: string[] = [];
    let next: string | undefined;
    do {
      const page = await ec2.send(
        new DescribeReplaceRootVolumeTasksCommand({
          Filters: [
            { Name: 'tag:run', Values: ['paged'] },
            { Name: 'instance-id', Values: ids },
          ],
          MaxResults: 2,
          NextToken: next,
        }),
      );
      found.push(...(page.ReplaceRootVolumeTasks ?? []).map((t) => t.InstanceId ?? ''));
      next = page.NextToken;
    } while (next !== undefined);
    expect(found.sort()).toEqual([...ids].sort());
  });

  it('goes on, with its token, after the front was restarted in the middle of it', async () => {
    const id = await launch();
    const request = { InstanceId: id, ImageId: sandboxImages.next, ClientToken: 'over-a-restart' };
    const task = await replace(request);
    await restartEc2Front(dir);
    expect((await replace(request)).ReplaceRootVolumeTaskId).toBe(task.ReplaceRootVolumeTaskId);
    expect((await statesUntilEnd(task.ReplaceRootVolumeTaskId)).at(-1)).toBe('succeeded');
    expect((await machine(id))?.boot).toBe(2);
  });
});

describe('the refusals of EC2', () => {
  it('names what is wrong with the instance', async () => {
    const image = { ImageId: sandboxImages.next };
    expect(await refusal({ InstanceId: 'i-00000000000000000', ...image })).toMatch(
      /^InvalidInstanceID.NotFound/,
    );
    expect(await refusal({ InstanceId: 'node-1', ...image })).toMatch(/^InvalidInstanceID.Malformed/);
    expect(await refusal(image)).toMatch(/^MissingParameter/);
    const id = await launch();
    const { StoppingInstances } = await ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    expect(StoppingInstances?.[0]?.CurrentState?.Name).toBe('stopping');
    expect((await describeInstance(id))?.State?.Name).toMatch(/^stop(ping|ped)$/);
    expect(await refusal({ InstanceId: id, ...image })).toMatch(/^IncorrectInstanceState/);
  });

  it('names what is wrong with the image', async () => {
    const id = await launch();
    expect(await refusal({ InstanceId: id, ImageId: 'ami-00000000000000000' })).toMatch(
      /^InvalidAMIID.NotFound/,
    );
    expect(await refusal({ InstanceId: id, ImageId: arm64ImageId })).toMatch(/architecture 'arm64'/);
    const small = await launch(8);
    expect(await refusal({ InstanceId: small, ImageId: sandboxImages.next })).toMatch(
      /15 GiB, more than the 8 GiB/,
    );
  });

  it('refuses a token of more than 64 characters', async () => {
    const id = await launch();
    expect(
      await refusal({ InstanceId: id, ImageId: sandboxImages.next, ClientToken: 'x'.repeat(65) }),
    ).toMatch(/^InvalidParameterValue/);
  });
});

describe('faults', () => {
  it('fails a task, and the instance boots its old root again', async () => {
    setFault(dir, { kind: 'task-fails', instances: null });
    const id = await launch();
    const before = (await describeInstance(id))?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId;
    const task = await replace({ InstanceId: id, ImageId: sandboxImages.next });
    const seen = await statesUntilEnd(task.ReplaceRootVolumeTaskId);
    expectWay(seen, ['pending', 'in-progress', 'failing', 'failed']);
    expect((await describeInstance(id))?.BlockDeviceMappings?.[0]?.Ebs?.VolumeId).toBe(before);
    expect(await machine(id)).toMatchObject({ imageId: sandboxImages.good, boot: 2, power: 'on' });
  });

  it('fails a task so that the instance has no root, and nothing brings it up again', async () => {
    setFault(dir, { kind: 'task-fails-detached', instances: null });
    const id = await launch();
    const task = await replace({ InstanceId: id, ImageId: sandboxImages.next });
    expect((await statesUntilEnd(task.ReplaceRootVolumeTaskId)).at(-1)).toBe('failed-detached');
    expect((await describeInstance(id))?.BlockDeviceMappings ?? []).toEqual([]);
    clearFaults(dir);
    expect(await refusal({ InstanceId: id, ImageId: sandboxImages.next })).toMatch(/^UnsupportedOperation/);
    await ec2.send(new RebootInstancesCommand({ InstanceIds: [id] }));
    expect(await machine(id)).toMatchObject({ power: 'off', boot: 1 });
  });

  it('throttles the actions named, and no others', async () => {
    setFault(dir, { kind: 'throttle', share: 1, actions: ['DescribeImages'] });
    const error = await ec2.send(new DescribeImagesCommand({})).catch((e: unknown) => e);
    expect(error).toMatchObject({ name: 'RequestLimitExceeded', $metadata: { httpStatusCode: 503 } });
    await expect(launch()).resolves.toMatch(/^i-/);
  });

  it('has no capacity for new instances, while a root is replaced in place', async () => {
    const id = await launch();
    setFault(dir, { kind: 'insufficient-capacity' });
    await expect(launch()).rejects.toMatchObject({ name: 'InsufficientInstanceCapacity' });
    await expect(replace({ InstanceId: id, ImageId: sandboxImages.next })).resolves.toBeDefined();
  });

  it('makes the image of the instance follow its root', async () => {
    const id = await launch();
    const task = await replace({ InstanceId: id, ImageId: sandboxImages.next });
    await statesUntilEnd(task.ReplaceRootVolumeTaskId);
    setFault(dir, { kind: 'image-id-follows' });
    expect((await describeInstance(id))?.ImageId).toBe(sandboxImages.next);
  });

  it('hides an instance as if it were gone', async () => {
    const id = await launch();
    setFault(dir, { kind: 'instance-gone', instances: [id] });
    const { Reservations } = await ec2.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'instance-id', Values: [id] }] }),
    );
    expect(Reservations ?? []).toEqual([]);
    await expect(describeInstance(id)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
    clearFaults(dir);
    expect((await describeInstance(id))?.InstanceId).toBe(id);
  });
});

describe('a reboot', () => {
  it('is one more boot of the same image', async () => {
    const id = await launch();
    await ec2.send(new RebootInstancesCommand({ InstanceIds: [id] }));
    expect(await machine(id)).toMatchObject({ imageId: sandboxImages.good, boot: 2, power: 'on' });
    expect((await describeInstance(id))?.State?.Name).toBe('running');
  });
});

describe('the account of calls', () => {
  it('holds every call with its token, its caller and what became of it', async () => {
    const id = await launch();
    holdOpen(id);
    const task = await replace({
      InstanceId: id,
      ImageId: sandboxImages.next,
      ClientToken: 'in-the-account',
    });
    await refusal({ InstanceId: id, ImageId: sandboxImages.next, ClientToken: 'refused' });
    const text = await (await fetch(`${endpoint}/_sandbox/calls`)).text();
    const calls = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Ec2Call);
    const made = calls.filter((c) => c.parameters['InstanceId'] === id);
    expect(made.map((c) => [c.action, c.clientToken, c.result])).toEqual([
      [
        'CreateReplaceRootVolumeTask',
        'in-the-account',
        { status: 200, code: null, taskId: task.ReplaceRootVolumeTaskId },
      ],
      ['CreateReplaceRootVolumeTask', 'refused', { status: 400, code: 'IncorrectState', taskId: null }],
    ]);
    expect(made[0]?.userAgent).toContain('test-of-the-front');
    expect(Number.isNaN(Date.parse(made[0]?.time ?? ''))).toBe(false);
  });

  it('is followed, for an action that moto lacks, by a refusal that the SDK can read', async () => {
    const answer = ec2.send(new DescribeStoreImageTasksCommand({}));
    await expect(answer).rejects.toMatchObject({ name: 'InternalError', $metadata: { httpStatusCode: 500 } });
  });
});
