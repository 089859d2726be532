// Capacity reservations on the wire: what EC2 is asked, and that what it leaves out stays unknown.
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createInstances } from '../../../adapters/ec2/instances.ts';
import type { Instances } from '../../../adapters/ports/instances.ts';
import { answer, refusal, startEc2Endpoint } from './ec2-endpoint.ts';
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

const o = { instanceTypes: ['p5.48xlarge'], zones: ['us-east-1a'] };
const told = (items: string) => () =>
  answer('DescribeCapacityReservations', `<capacityReservationSet>${items}</capacityReservationSet>`);

describe('capacity reservations', () => {
  it('are asked for by type and zone, whatever their state, and read as they are told [I232]', async () => {
    endpoint.answers['DescribeCapacityReservations'] = told(
      '<item><capacityReservationId>cr-1</capacityReservationId><instanceType>p5.48xlarge</instanceType>' +
        '<instancePlatform>Linux/UNIX</instancePlatform><availabilityZone>us-east-1a</availabilityZone>' +
        '<tenancy>default</tenancy><totalInstanceCount>8</totalInstanceCount>' +
        '<availableInstanceCount>0</availableInstanceCount><state>active</state>' +
        '<endDate>2026-12-01T00:00:00Z</endDate><instanceMatchCriteria>open</instanceMatchCriteria>' +
        '<reservationType>default</reservationType></item>',
    );
    expect(await instances.collectReservations(provider, o)).toEqual([
      {
        reservationId: 'cr-1',
        instanceType: 'p5.48xlarge',
        zone: 'us-east-1a',
        platform: 'Linux/UNIX',
        tenancy: 'default',
        state: 'active',
        match: 'open',
        total: 8,
        available: 0,
        endsAt: '2026-12-01T00:00:00.000Z',
        special: null,
      },
    ]);
    const sent = Object.fromEntries(endpoint.calls[0]?.parameters ?? []);
    expect(sent).toMatchObject({
      'Filter.1.Name': 'instance-type',
      'Filter.1.Value.1': 'p5.48xlarge',
      'Filter.2.Name': 'availability-zone',
      'Filter.2.Value.1': 'us-east-1a',
    });
  });

  it.each([
    ['<reservationType>capacity-block</reservationType>', 'a capacity-block'],
    ['<outpostArn>arn:o</outpostArn>', 'on an Outpost'],
    ['<placementGroupArn>arn:p</placementGroupArn>', 'of a placement group'],
    ['<interruptible>true</interruptible>', 'interruptible'],
  ])('of kinds of their own are told as such: %s [I232]', async (field, special) => {
    endpoint.answers['DescribeCapacityReservations'] = told(`<item>${field}</item>`);
    expect(await instances.collectReservations(provider, o)).toMatchObject([
      { special, available: null, total: null, state: '' },
    ]);
  });

  it('that may not be read are no empty list [I232]', async () => {
    endpoint.answers['DescribeCapacityReservations'] = () =>
      refusal('UnauthorizedOperation', 'You are not authorized', 403);
    await expect(instances.collectReservations(provider, o)).rejects.toMatchObject({ kind: 'forbidden' });
  });
});

describe('what decides into which capacity is launched', () => {
  it('is read from the launch template [I232]', async () => {
    endpoint.answers['DescribeLaunchTemplateVersions'] = () =>
      answer(
        'DescribeLaunchTemplateVersions',
        '<launchTemplateVersionSet><item><launchTemplateId>lt-1</launchTemplateId><versionNumber>3</versionNumber>' +
          '<launchTemplateData><imageId>ami-1</imageId><capacityReservationSpecification>' +
          '<capacityReservationPreference>none</capacityReservationPreference><capacityReservationTarget>' +
          '<capacityReservationId>cr-1</capacityReservationId></capacityReservationTarget>' +
          '</capacityReservationSpecification><placement><groupName>g</groupName><tenancy>dedicated</tenancy></placement>' +
          '<instanceMarketOptions><marketType>spot</marketType></instanceMarketOptions></launchTemplateData></item>' +
          '</launchTemplateVersionSet>',
      );
    const template = { id: 'lt-1', name: null, version: '3' };
    expect(await instances.collectTemplate(provider, template)).toMatchObject({
      reservation: { preference: 'none', id: 'cr-1', groupArn: null },
      placement: 'placement group g',
      tenancy: 'dedicated',
      market: 'spot',
    });
  });
});
