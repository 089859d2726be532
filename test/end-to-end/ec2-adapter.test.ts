// The EC2 adapter and reimageNode against the sandbox's EC2, on the wire: real states, real refusals,
// throttling and faults. What was asked is read from the front's own account of its calls.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CreateReplaceRootVolumeTaskCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
} from '@aws-sdk/client-ec2';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ReimageResult } from '../../activities/api.ts';
import { createReimageActivities } from '../../activities/reimage.ts';
import { createInstances } from '../../adapters/ec2/instances.ts';
import type { Instances } from '../../adapters/ports/instances.ts';
import { whyNotReimage } from '../../domain/reimage/reimage-fit.ts';
import type { Ec2Call } from '../../sandbox/ec2/calls.ts';
import { ROOT_DEVICE, arm64ImageId, sandboxImages } from '../../sandbox/ec2/images.ts';
import { startEc2, stopEc2 } from '../../sandbox/ec2/start.ts';
import { clearFaults, setFault } from '../../sandbox/faults/machine-faults.ts';
import { ensureMoto } from '../../sandbox/python-environments.ts';
import { runActivity } from '../activities/activity-runner.ts';
import { createFakeBed, nodeInput, nodeStep } from '../fakes/node-input.ts';
import type { FakeBed } from '../fakes/node-input.ts';

const START_TIMEOUT_MS = 1_800_000;
/** Longer than anything that a test asks while somebody's task is open. */
const HELD_OPEN_S = 1_200;
const provider = { kind: 'ec2', region: 'us-east-1' } as const;
const { next, good } = sandboxImages;
const ENVIRONMENT = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

let dir: string;
let endpoint: string;
let ec2: EC2Client;
let instances: Instances;
let bed: FakeBed;
const environment = { ...process.env };

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'refit-ec2-adapter-'));
  const motoServer = await ensureMoto({ onProgress: () => undefined });
  ({ endpoint } = await startEc2({ dir, motoServer, seed: 2, speed: 0.2 }));
  Object.assign(process.env, ENVIRONMENT, { AWS_ENDPOINT_URL_EC2: endpoint });
  ec2 = new EC2Client({ region: provider.region, customUserAgent: 'the-operator' });
}, START_TIMEOUT_MS);

afterAll(async () => {
  ec2?.destroy();
  await stopEc2(dir);
  process.env = environment;
  await rm(dir, { recursive: true, force: true });
}, START_TIMEOUT_MS);

beforeEach(() => {
  instances = createInstances({ version: '0.1.0', batchWindowMs: 50 });
  bed = createFakeBed();
});
afterEach(() => clearFaults(dir));

async function launch(count: number): Promise<string[]> {
  const { Instances: launched } = await ec2.send(
    new RunInstancesCommand({
      ImageId: good,
      InstanceType: 'p5.48xlarge',
      MinCount: count,
      MaxCount: count,
      BlockDeviceMappings: [{ DeviceName: ROOT_DEVICE, Ebs: { VolumeSize: 100, VolumeType: 'gp3' } }],
    }),
  );
  const ids = (launched ?? []).map((instance) => instance.InstanceId ?? '');
  for (const id of ids) await stateReached(id, 'running');
  return ids;
}

async function stateReached(id: string, state: string): Promise<void> {
  while ((await instances.collectInstances(provider, [id]))[id]?.state !== state) await pause(50);
}

/** The calls that we made, in the order of their ends. */
async function ourCalls(action: string, containing: string): Promise<Ec2Call[]> {
  const text = await (await fetch(`${endpoint}/_sandbox/calls`)).text();
  const calls = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Ec2Call);
  return calls.filter(
    (call) =>
      call.action === action &&
      call.userAgent.startsWith('refit/0.1.0 ') &&
      JSON.stringify(call.parameters).includes(containing),
  );
}

/** That were begun on an instance, each once however often it was asked for. */
async function tasksOf(instanceId: string): Promise<number> {
  const calls = await ourCalls('CreateReplaceRootVolumeTask', instanceId);
  return new Set(calls.flatMap(({ result }) => result.taskId ?? [])).size;
}

/** As the server would: one attempt after the other, each by a worker that knows only its details. */
async function reimage(
  instanceId: string,
  changes: {
    keepDetails?: boolean;
    imageId?: string;
    oncePlanned?: () => void;
    beforeAttempt?: (attempt: number) => void;
  } = {},
) {
  const facts = (await instances.collectInstances(provider, [instanceId]))[instanceId];
  const step = nodeStep({
    instanceId,
    release: { ...nodeStep().release, imageId: changes.imageId ?? next },
    before: {
      ...nodeStep().before,
      imageId: facts?.imageId ?? '',
      rootVolumeId: facts?.rootVolumeId ?? null,
    },
    reimage: { method: 'rootVolume', timeoutMs: 240_000, oldRootVolume: { kind: 'keep', forMs: 0 } },
  });
  changes.oncePlanned?.();
  const deps = { ...bed.deps, instances, now: () => new Date() };
  const { reimageNode } = createReimageActivities(deps);
  const input = { ...nodeInput(step), deadline: new Date(Date.now() + 240_000).toISOString() };
  let heartbeatDetails: unknown;
  for (let attempt = 1; ; attempt += 1) {
    changes.beforeAttempt?.(attempt);
    const ending = await runActivity<typeof input, ReimageResult>(reimageNode, input, {
      attempt,
      heartbeatDetails,
    });
    if (ending.kind === 'answered') return { answer: ending.answer, step, attempts: attempt };
    if (ending.failure.nonRetryable === true) throw ending.failure;
    heartbeatDetails = changes.keepDetails === false ? undefined : ending.beats.at(-1);
    await pause(50);
  }
}

describe('reading EC2', () => {
  it('sees what a plan needs, and what is gone is absent', async () => {
    const [id = ''] = await launch(1);
    const found = await instances.collectInstances(provider, [id, 'i-0123456789abcdef0']);
    expect(Object.keys(found)).toEqual([id]);
    expect(found[id]).toMatchObject({
      state: 'running',
      imageId: good,
      architecture: 'x86_64',
      virtualizationType: 'hvm',
      rootDeviceType: 'ebs',
      rootVolumeSizeGib: 100,
      rootVolumeId: expect.stringMatching(/^vol-/) as unknown,
      rootVolumeCreatedAt: expect.stringMatching(/^20/) as unknown,
    });
    const images = await instances.collectImages(provider, [next, arm64ImageId, 'ami-0aaaaaaaaaaaaaaaa']);
    expect(Object.keys(images).sort()).toEqual([next, arm64ImageId].sort());
    const target = { ...nodeStep(), instanceId: id };
    expect(whyNotReimage(found[id], images[next], target)).toEqual([]);
    expect(whyNotReimage(found[id], images[arm64ImageId], target)).toMatchObject([{ kind: 'architecture' }]);
  });
});

describe('reimageNode on EC2', () => {
  it('lays the image by one task, marks the old volume, and the reaper takes it when its time has come', async () => {
    const [id = ''] = await launch(1);
    const { answer, step } = await reimage(id);
    expect(answer).toMatchObject({ kind: 'reimaged', oldRootVolumeId: step.before.rootVolumeId });
    expect(await tasksOf(id)).toBe(1);
    const after = (await instances.collectInstances(provider, [id]))[id];
    expect(after?.rootVolumeId).not.toBe(step.before.rootVolumeId);
    expect(await instances.reapOldRootVolumes(provider, '2020-01-01T00:00:00Z')).toEqual([]);
    const now = new Date(Date.now() + 1_000).toISOString();
    expect(await instances.reapOldRootVolumes(provider, now)).toEqual([step.before.rootVolumeId]);
    const { Volumes } = await ec2.send(
      new DescribeVolumesCommand({
        Filters: [{ Name: 'volume-id', Values: [step.before.rootVolumeId ?? '', after?.rootVolumeId ?? ''] }],
      }),
    );
    expect((Volumes ?? []).map((volume) => volume.VolumeId)).toEqual([after?.rootVolumeId]);
  });

  it('finds its task again by the tag alone, after a crash before each look [I41]', async () => {
    const [id = ''] = await launch(1);
    // Open until a second attempt looks for it.
    setFault(dir, { kind: 'slow-reimage', instances: [id], seconds: HELD_OPEN_S });
    const beforeAttempt = (attempt: number) => (attempt > 1 ? clearFaults(dir) : undefined);
    const { answer, attempts } = await reimage(id, { keepDetails: false, beforeAttempt });
    expect(answer.kind).toBe('reimaged');
    expect(attempts).toBeGreaterThan(1);
    expect(await tasksOf(id)).toBe(1);
    expect(bed.cluster.calls.filter(({ method }) => method === 'checkEmpty')).toHaveLength(1);
  });

  it('takes ten nodes through with shared calls', async () => {
    // What is asked within this is asked as one; the ten need less than that for a look, on any machine.
    instances = createInstances({ version: '0.1.0', batchWindowMs: 500 });
    const ids = await launch(10);
    const before = (await ourCalls('DescribeReplaceRootVolumeTasks', '')).length;
    const ends = await Promise.all(ids.map((id) => reimage(id)));
    expect(ends.map(({ answer }) => answer.kind)).toEqual(ids.map(() => 'reimaged'));
    const polls = (await ourCalls('DescribeReplaceRootVolumeTasks', '')).length - before;
    const looks = ends.reduce((sum, { attempts }) => sum + attempts, 0);
    expect(polls).toBeLessThan(looks / 2);
  });

  it('stops for a person at an open task of somebody else, and begins none [I44]', async () => {
    const [id = ''] = await launch(1);
    setFault(dir, { kind: 'slow-reimage', instances: [id], seconds: HELD_OPEN_S });
    await ec2.send(new CreateReplaceRootVolumeTaskCommand({ InstanceId: id, ImageId: next }));
    const { answer } = await reimage(id);
    expect(answer).toMatchObject({
      kind: 'unsafe',
      why: expect.stringContaining('somebody else') as unknown,
    });
    expect(await ourCalls('CreateReplaceRootVolumeTask', id)).toEqual([]);
  });

  it.each([
    ['task-fails', 'taskFailed'],
    ['task-fails-detached', 'unsafe'],
  ] as const)('ends a task that %s with %s, after one task', async (kind, result) => {
    const [id = ''] = await launch(1);
    setFault(dir, { kind, instances: [id] });
    expect((await reimage(id)).answer.kind).toBe(result);
    expect(await tasksOf(id)).toBe(1);
  });

  it('gets through throttling with one task [I41]', async () => {
    const [id = ''] = await launch(1);
    const oncePlanned = () => setFault(dir, { kind: 'throttle', share: 0.4, actions: null });
    expect((await reimage(id, { oncePlanned })).answer.kind).toBe('reimaged');
    clearFaults(dir);
    expect(await tasksOf(id)).toBe(1);
  });

  it('names an image of another architecture and begins nothing [I45]', async () => {
    const [id = ''] = await launch(1);
    const { answer } = await reimage(id, { imageId: arm64ImageId });
    expect(answer).toMatchObject({
      kind: 'unsafe',
      why: expect.stringContaining('architecture') as unknown,
    });
    expect(await ourCalls('CreateReplaceRootVolumeTask', id)).toEqual([]);
  });

  it('reboots by one call', async () => {
    const [id = ''] = await launch(1);
    await instances.reboot(provider, id);
    expect(await ourCalls('RebootInstances', id)).toHaveLength(1);
  });
});
