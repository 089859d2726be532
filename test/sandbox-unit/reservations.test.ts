// What the sandbox makes of capacity reservations: as EC2 describes them, with those inside that fit.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Instance } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { overlayInstances } from '../../sandbox/ec2/describe-overlay.ts';
import { openFrontState } from '../../sandbox/ec2/front-state.ts';
import { createReservations } from '../../sandbox/ec2/reservations.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'refit-reservations-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const instance = (id: string, zone = 'us-east-1a', second = 0): Instance => ({
  InstanceId: id,
  InstanceType: 'p5.48xlarge',
  Placement: { AvailabilityZone: zone },
  LaunchTime: new Date(second * 1000),
});
const asked = {
  InstanceType: 'p5.48xlarge',
  InstancePlatform: 'Linux/UNIX',
  AvailabilityZone: 'us-east-1a',
  InstanceCount: '2',
};
const filter = (name: string, value: string) => ({ 'Filter.1.Name': name, 'Filter.1.Value.1': value });

function open(instances: readonly Instance[]) {
  const state = openFrontState(dir, { seed: 7, speed: 1 });
  return createReservations({ state, instances: () => Promise.resolve(instances) });
}

describe('a capacity reservation of the sandbox', () => {
  it('has those inside that fit, the oldest first, and outlives its front', async () => {
    const there = [
      instance('i-3', 'us-east-1a', 3),
      instance('i-1', 'us-east-1a', 1),
      instance('i-b', 'us-east-1b'),
    ];
    open(there).create(asked);
    const again = open(there);
    expect((await again.places(false)).size).toBe(2);
    expect(await again.describe(filter('instance-type', 'p5.48xlarge'), false)).toMatchObject({
      capacityReservationSet: {
        item: [
          {
            totalInstanceCount: 2,
            availableInstanceCount: 0,
            state: 'active',
            instanceMatchCriteria: 'open',
          },
        ],
      },
    });
    const fewer = open(there.slice(1));
    expect(await fewer.describe({}, false)).toMatchObject({
      capacityReservationSet: { item: [{ availableInstanceCount: 1 }] },
    });
    expect(await fewer.describe(filter('availability-zone', 'us-east-1b'), false)).toEqual({
      capacityReservationSet: '',
    });
  });

  it('is full of others under its fault, and empty for good once it is cancelled', async () => {
    const reservations = open([instance('i-1')]);
    const made = reservations.create(asked) as { capacityReservation: { capacityReservationId: string } };
    expect((await reservations.places(true)).size).toBe(0);
    expect(await reservations.describe({}, true)).toMatchObject({
      capacityReservationSet: { item: [{ availableInstanceCount: 0 }] },
    });
    reservations.cancel({ CapacityReservationId: made.capacityReservation.capacityReservationId });
    expect(await reservations.describe({}, false)).toMatchObject({
      capacityReservationSet: { item: [{ state: 'cancelled', availableInstanceCount: 0 }] },
    });
    expect((await reservations.places(false)).size).toBe(0);
  });

  it('is refused in the words of EC2 when something is missing, or it is not there', async () => {
    const reservations = open([]);
    expect(() => reservations.create({ ...asked, InstanceCount: '0' })).toThrow('InstanceCount');
    expect(() => reservations.create({ ...asked, InstanceType: '' })).toThrow('InstanceType');
    await expect(reservations.describe({ 'CapacityReservationId.1': 'cr-0' }, false)).rejects.toThrow(
      "'cr-0' does not exist",
    );
  });

  it('is told by the instances that run in it, as their tenancy is', () => {
    const xml =
      '<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-1</instanceId>' +
      '<placement><availabilityZone>us-east-1a</availabilityZone></placement></item>' +
      '</instancesSet></item></reservationSet></DescribeInstancesResponse>';
    const over = overlayInstances(xml, () => ({ reservationId: 'cr-1' }));
    expect(over).toContain('<capacityReservationId>cr-1</capacityReservationId>');
    expect(over).toContain('<tenancy>default</tenancy>');
  });
});
