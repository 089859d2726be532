// The EC2 adapter on the wire: what it asks, how often, and how it reads answers and refusals.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createInstances } from '../../../adapters/ec2/instances.ts';
import type { Instances } from '../../../adapters/ports/instances.ts';
import { answer, listed, refusal, startEc2Endpoint } from './ec2-endpoint.ts';
import type { Ec2Endpoint } from './ec2-endpoint.ts';

const provider = { kind: 'ec2', region: 'us-east-1' } as const;
const NOW = new Date('2026-11-21T12:00:00Z');
const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_EC2_METADATA_DISABLED: 'true',
};

let endpoint: Ec2Endpoint;
let instances: Instances;
let before: NodeJS.ProcessEnv;
beforeEach(async () => {
  endpoint = await startEc2Endpoint();
  before = { ...process.env };
  Object.assign(process.env, ENVIRONMENT, { AWS_ENDPOINT_URL_EC2: endpoint.url });
  instances = createInstances({ version: '0.1.0', batchWindowMs: 5, now: () => NOW });
});
afterEach(async () => {
  process.env = before;
  await endpoint.close();
});

const instanceXml = (id: string) => `<item><instancesSet><item><instanceId>${id}</instanceId>
  <imageId>ami-old</imageId><instanceState><code>16</code><name>running</name></instanceState>
  <architecture>x86_64</architecture><virtualizationType>hvm</virtualizationType><instanceType>p5.48xlarge</instanceType>
  <platformDetails>Linux/UNIX</platformDetails><currentInstanceBootMode>uefi</currentInstanceBootMode>
  <rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/sda1</rootDeviceName>
  <productCodes><item><productCode>abc</productCode><type>marketplace</type></item></productCodes>
  <blockDeviceMapping><item><deviceName>/dev/sdb</deviceName><ebs><volumeId>vol-data</volumeId></ebs></item>
  <item><deviceName>/dev/sda1</deviceName><ebs><volumeId>vol-${id}</volumeId></ebs></item></blockDeviceMapping>
  <tagSet><item><key>eks:nodegroup-name</key><value>gpu</value></item></tagSet></item></instancesSet></item>`;
const volumeXml = (id: string, more = '') =>
  `<item><volumeId>${id}</volumeId><size>100</size><createTime>2026-01-01T00:00:00.000Z</createTime>${more}</item>`;
const taskXml = (id: string, state: string, more = '') =>
  `<item><replaceRootVolumeTaskId>${id}</replaceRootVolumeTaskId><instanceId>i-1</instanceId><taskState>${state}</taskState>
  <startTime>2026-11-21T11:00:00Z</startTime><imageId>ami-new</imageId>${more}</item>`;
const known = (values: string[], ids: string[]) => values.filter((value) => ids.includes(value));

describe('reading instances', () => {
  beforeEach(() => {
    endpoint.answers['DescribeInstances'] = (call) => {
      const ids = known(listed(call, 'Filter.1.Value'), ['i-1', 'i-2']);
      return answer('DescribeInstances', `<reservationSet>${ids.map(instanceXml).join('')}</reservationSet>`);
    };
    endpoint.answers['DescribeVolumes'] = (call) => {
      const ids = listed(call, 'Filter.1.Value');
      return answer('DescribeVolumes', `<volumeSet>${ids.map((id) => volumeXml(id)).join('')}</volumeSet>`);
    };
  });

  it('asks once for all callers, and an instance that is gone is absent without failing the others', async () => {
    const [one, both] = await Promise.all([
      instances.collectInstances(provider, ['i-1']),
      instances.collectInstances(provider, ['i-1', 'i-2', 'i-gone']),
    ]);
    expect(Object.keys(one)).toEqual(['i-1']);
    expect(Object.keys(both)).toEqual(['i-1', 'i-2']);
    expect(both['i-2']).toEqual({
      instanceId: 'i-2',
      state: 'running',
      imageId: 'ami-old',
      architecture: 'x86_64',
      virtualizationType: 'hvm',
      bootMode: 'uefi',
      platform: 'Linux/UNIX',
      productCodes: ['abc'],
      instanceType: 'p5.48xlarge',
      rootDeviceType: 'ebs',
      rootVolumeId: 'vol-i-2',
      rootVolumeSizeGib: 100,
      rootVolumeCreatedAt: '2026-01-01T00:00:00.000Z',
      subnetId: null,
      tags: { 'eks:nodegroup-name': 'gpu' },
    });
    expect(endpoint.calls.map((call) => call.action)).toEqual(['DescribeInstances', 'DescribeVolumes']);
  });

  it('splits a thousand ids into calls that EC2 takes', async () => {
    const ids = Array.from({ length: 1000 }, (_, n) => `i-none-${n}`);
    expect(await instances.collectInstances(provider, ids)).toEqual({});
    const asked = endpoint.calls.map((call) => listed(call, 'Filter.1.Value').length);
    expect(asked).toEqual([200, 200, 200, 200, 200]);
  });

  it('follows pages to the end', async () => {
    endpoint.answers['DescribeInstances'] = (call) =>
      call.parameters.get('NextToken') === null
        ? answer(
            'DescribeInstances',
            `<reservationSet>${instanceXml('i-1')}</reservationSet><nextToken>2</nextToken>`,
          )
        : answer('DescribeInstances', `<reservationSet>${instanceXml('i-2')}</reservationSet>`);
    expect(Object.keys(await instances.collectInstances(provider, ['i-1', 'i-2']))).toEqual(['i-1', 'i-2']);
  });

  it('begins the user agent of every request with its own name and version', async () => {
    await instances.collectInstances(provider, ['i-1']);
    for (const call of endpoint.calls) expect(call.userAgent).toMatch(/^refit\/0\.1\.0 aws-sdk-js\//);
  });
});

describe('reading images and tasks', () => {
  it('finds the known images among unknown ones', async () => {
    endpoint.answers['DescribeImages'] = (call) => {
      const ids = listed(call, 'ImageId');
      if (ids.includes('ami-gone')) return refusal('InvalidAMIID.NotFound', 'ami-gone does not exist');
      if (ids.includes('ami-typo')) return refusal('InvalidAMIID.Malformed', 'ami-typo is malformed');
      const images = ids.map(
        (id) => `<item><imageId>${id}</imageId><imageState>available</imageState></item>`,
      );
      return answer('DescribeImages', `<imagesSet>${images.join('')}</imagesSet>`);
    };
    const found = await instances.collectImages(provider, ['ami-1', 'ami-gone', 'ami-typo', 'ami-2']);
    expect(Object.keys(found)).toEqual(['ami-1', 'ami-2']);
  });

  it('polls the tasks of all waiting nodes with one call', async () => {
    endpoint.answers['DescribeReplaceRootVolumeTasks'] = (call) => {
      const ids = listed(call, 'ReplaceRootVolumeTaskId');
      if (ids.includes('task-gone')) return refusal('InvalidReplaceRootVolumeTaskID.NotFound', 'task-gone');
      const tasks = ids.map((id) => taskXml(id, 'in-progress')).join('');
      return answer(
        'DescribeReplaceRootVolumeTasks',
        `<replaceRootVolumeTaskSet>${tasks}</replaceRootVolumeTaskSet>`,
      );
    };
    const ids = Array.from({ length: 40 }, (_, n) => `task-${n}`);
    const tasks = await Promise.all(ids.map((id) => instances.collectTask(provider, id)));
    expect(tasks.map((task) => task?.taskId)).toEqual(ids);
    expect(endpoint.calls).toHaveLength(1);
    expect(await instances.collectTask(provider, 'task-gone')).toBeUndefined();
  });

  it('tells of open tasks and of those younger than a day, with their tags', async () => {
    const old = '2026-11-19T11:00:00Z';
    endpoint.answers['DescribeReplaceRootVolumeTasks'] = () =>
      answer(
        'DescribeReplaceRootVolumeTasks',
        `<replaceRootVolumeTaskSet>${taskXml('new', 'failed')}
        ${taskXml('old', 'succeeded').replace('2026-11-21T11:00:00Z', old)}
        ${taskXml('open', 'failing-detached', '<tagSet><item><key>a</key><value>b</value></item></tagSet>').replace('2026-11-21T11:00:00Z', old)}
        </replaceRootVolumeTaskSet>`,
      );
    const tasks = await instances.collectTasks(provider, 'i-1');
    expect(tasks.map(({ taskId, state, tags }) => ({ taskId, state, tags }))).toEqual([
      { taskId: 'new', state: 'failed', tags: {} },
      { taskId: 'open', state: 'failing', tags: { a: 'b' } },
    ]);
  });

  it('stops for a person at a task state that it does not know', async () => {
    endpoint.answers['DescribeReplaceRootVolumeTasks'] = () =>
      answer(
        'DescribeReplaceRootVolumeTasks',
        `<replaceRootVolumeTaskSet>${taskXml('t', 'melting')}</replaceRootVolumeTaskSet>`,
      );
    await expect(instances.collectTask(provider, 't')).rejects.toMatchObject({ kind: 'unsafe' });
  });
});

const request = {
  instanceId: 'i-1',
  imageId: 'ami-new',
  clientToken: 'c'.repeat(64),
  deleteReplaced: false,
  tags: { 'refit.dev/node': 'n' },
};

describe('changing the world', () => {
  it('carries one token through every try of a root-volume task [I41]', async () => {
    endpoint.answers['CreateReplaceRootVolumeTask'] = () =>
      endpoint.calls.length < 3
        ? refusal('InternalError', 'try again', 500)
        : answer(
            'CreateReplaceRootVolumeTask',
            taskXml('t', 'pending').replaceAll(/(?<=<\/?)item/g, 'replaceRootVolumeTask'),
          );
    const task = await instances.ensureRootVolumeTask(provider, request);
    expect(task).toMatchObject({ taskId: 't', state: 'pending', imageId: 'ami-new' });
    expect(endpoint.calls.map((call) => call.parameters.get('ClientToken'))).toEqual(
      Array.from({ length: 3 }, () => request.clientToken),
    );
    expect(endpoint.calls[0]?.parameters.get('TagSpecification.1.ResourceType')).toBe(
      'replace-root-volume-task',
    );
    expect(endpoint.calls[0]?.parameters.get('DeleteReplacedRootVolume')).toBe('false');
  });

  it.each([
    ['RequestLimitExceeded', 503, 'throttled'],
    ['InsufficientInstanceCapacity', 500, 'throttled'],
    ['UnauthorizedOperation', 403, 'forbidden'],
    ['IdempotentParameterMismatch', 400, 'unsafe'],
    ['IncorrectInstanceState', 400, 'conflict'],
    ['InvalidInstanceID.NotFound', 400, 'notFound'],
    ['InvalidParameterCombination', 400, 'invalid'],
    ['InternalError', 500, 'unreachable'],
  ])('reads %s as %s %s, naming the action', async (code, status, kind) => {
    endpoint.answers['CreateReplaceRootVolumeTask'] = () => refusal(code, 'because', status);
    await expect(instances.ensureRootVolumeTask(provider, request)).rejects.toMatchObject({
      name: 'PortError',
      kind,
      message: expect.stringMatching(
        new RegExp(`ec2:CreateReplaceRootVolumeTask in us-east-1: ${code}`),
      ) as unknown,
    });
  });

  it('says that an endpoint which does not answer is unreachable', async () => {
    await endpoint.close();
    await expect(instances.collectInstances(provider, ['i-1'])).rejects.toMatchObject({
      kind: 'unreachable',
    });
  });

  it('asks again for a reboot that was throttled, never for one whose answer was lost [I42]', async () => {
    endpoint.answers['RebootInstances'] = () =>
      endpoint.calls.length === 1
        ? refusal('RequestLimitExceeded', 'slow down', 503)
        : refusal('InternalError', 'who knows', 500);
    await expect(instances.reboot(provider, 'i-1')).rejects.toMatchObject({ kind: 'unreachable' });
    expect(endpoint.calls).toHaveLength(2);
  });

  it('deletes only free volumes that carry our tags and whose time has come [I43]', async () => {
    const tags = (deleteAfter: string | null, owner: string | null) =>
      `<tagSet>${deleteAfter === null ? '' : `<item><key>refit.dev/delete-after</key><value>${deleteAfter}</value></item>`}
      ${owner === null ? '' : `<item><key>refit.dev/owner</key><value>${owner}</value></item>`}</tagSet>`;
    const free = '<status>available</status>';
    const [past, future] = ['2026-11-20T00:00:00Z', '2026-11-22T00:00:00Z'];
    endpoint.answers['DescribeVolumes'] = () =>
      answer(
        'DescribeVolumes',
        `<volumeSet>${volumeXml('vol-due', free + tags(past, 'o'))}${volumeXml('vol-early', free + tags(future, 'o'))}
        ${volumeXml('vol-used', `<status>in-use</status>${tags(past, 'o')}`)}${volumeXml('vol-theirs', free + tags(past, null))}
        ${volumeXml('vol-odd', free + tags('soon', 'o'))}${volumeXml('vol-bare', free + tags(null, 'o'))}
        ${volumeXml('vol-gone', free + tags(past, 'o'))}</volumeSet>`,
      );
    endpoint.answers['DeleteVolume'] = (call) =>
      call.parameters.get('VolumeId') === 'vol-gone'
        ? refusal('InvalidVolume.NotFound', 'gone')
        : answer('DeleteVolume', '<return>true</return>');
    expect(await instances.reapOldRootVolumes(provider, NOW.toISOString())).toEqual(['vol-due']);
    const deleted = endpoint.calls.filter((call) => call.action === 'DeleteVolume');
    expect(deleted.map((call) => call.parameters.get('VolumeId'))).toEqual(['vol-due', 'vol-gone']);
  });
});
