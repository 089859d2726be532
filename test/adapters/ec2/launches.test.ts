// Launching and terminating on the wire: what EC2 is asked, and how its refusals are read.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createInstances } from '../../../adapters/ec2/instances.ts';
import type { Instances, LaunchRequest } from '../../../adapters/ports/instances.ts';
import { answer, listed, refusal, startEc2Endpoint } from './ec2-endpoint.ts';
import type { Ec2Endpoint } from './ec2-endpoint.ts';

const provider = { kind: 'ec2', region: 'us-east-1' } as const;
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
  instances = createInstances({ version: '0.1.0', batchWindowMs: 5 });
});
afterEach(async () => {
  process.env = before;
  await endpoint.close();
});

const request: LaunchRequest = {
  templateId: 'lt-1',
  version: '3',
  instanceType: null,
  subnetId: 'subnet-1',
  clientToken: 'token-1',
  tags: { 'refit.dev/replaces': 'i-1' },
};
const asked = (action: string) => endpoint.calls.filter((call) => call.action === action);

describe('a launch', () => {
  it('names template, number, subnet and token, and nothing that the template says [I206] [I210]', async () => {
    const instance = '<item><instanceId>i-2</instanceId><launchTime>2026-11-21T12:00:00Z</launchTime></item>';
    endpoint.answers['RunInstances'] = () =>
      answer('RunInstances', `<instancesSet>${instance}</instancesSet>`);
    expect(await instances.ensureInstance(provider, request)).toMatchObject({
      kind: 'launched',
      instance: { instanceId: 'i-2', launchedAt: '2026-11-21T12:00:00.000Z' },
    });
    const [call] = asked('RunInstances');
    const sent = Object.fromEntries(call?.parameters ?? []);
    expect(sent).toMatchObject({
      'LaunchTemplate.LaunchTemplateId': 'lt-1',
      'LaunchTemplate.Version': '3',
      SubnetId: 'subnet-1',
      ClientToken: 'token-1',
      MinCount: '1',
      MaxCount: '1',
      'TagSpecification.1.ResourceType': 'instance',
    });
    expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(['ImageId']));
    expect(Object.keys(sent)).not.toEqual(expect.arrayContaining(['InstanceType']));
  });

  it.each(['InsufficientInstanceCapacity', 'VcpuLimitExceeded', 'InstanceLimitExceeded'])(
    'finds no room when EC2 says %s, and carries the same token in each try [I207]',
    async (code) => {
      endpoint.answers['RunInstances'] = () => refusal(code, 'none left', 500);
      expect(await instances.ensureInstance(provider, request)).toEqual({
        kind: 'noCapacity',
        why: expect.stringContaining(code),
      });
      expect(new Set(asked('RunInstances').map(({ parameters }) => parameters.get('ClientToken')))).toEqual(
        new Set(['token-1']),
      );
    },
  );

  it('that can never succeed is no lack of room', async () => {
    endpoint.answers['RunInstances'] = () => refusal('InvalidParameterValue', 'no');
    await expect(instances.ensureInstance(provider, request)).rejects.toMatchObject({ kind: 'invalid' });
  });
});

describe('a launch template', () => {
  const template = (data: string) =>
    answer(
      'DescribeLaunchTemplateVersions',
      `<launchTemplateVersionSet><item><launchTemplateId>lt-1</launchTemplateId><versionNumber>3</versionNumber>
       <launchTemplateData>${data}</launchTemplateData></item></launchTemplateVersionSet>`,
    );
  const named = { id: null, name: 'gpu', version: '$Latest' };

  it('is read by name, its alias as a number, and what it leaves open as null [I210]', async () => {
    endpoint.answers['DescribeLaunchTemplateVersions'] = () => template('<imageId>ami-new</imageId>');
    expect(await instances.collectTemplate(provider, named)).toEqual({
      templateId: 'lt-1',
      version: '3',
      imageId: 'ami-new',
      instanceType: null,
      subnetId: null,
      namesInterfaces: false,
    });
    const [call] = endpoint.calls;
    expect(call?.parameters.get('LaunchTemplateName')).toBe('gpu');
    expect(call === undefined ? [] : listed(call, 'LaunchTemplateVersion')).toEqual(['$Latest']);
  });

  it('shows the subnet of its network interfaces', async () => {
    endpoint.answers['DescribeLaunchTemplateVersions'] = () =>
      template('<networkInterfaceSet><item><subnetId>subnet-9</subnetId></item></networkInterfaceSet>');
    expect(await instances.collectTemplate(provider, named)).toMatchObject({
      subnetId: 'subnet-9',
      namesInterfaces: true,
    });
  });

  it.each(['InvalidLaunchTemplateName.NotFoundException', 'InvalidLaunchTemplateId.VersionNotFound'])(
    'is absent when EC2 says %s',
    async (code) => {
      endpoint.answers['DescribeLaunchTemplateVersions'] = () => refusal(code, 'no');
      expect(await instances.collectTemplate(provider, named)).toBeUndefined();
    },
  );
});

describe('a termination', () => {
  it('of an instance that EC2 does not know any more has happened', async () => {
    endpoint.answers['TerminateInstances'] = () => refusal('InvalidInstanceID.NotFound', 'gone');
    await instances.ensureTerminated(provider, 'i-1');
    expect(asked('TerminateInstances')).toHaveLength(1);
  });
});
