// Capacity reservations of the sandbox's EC2 as the adapter sees them, and what is judged by that.
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CreateCapacityReservationCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { createInstances } from '../../adapters/ec2/instances.ts';
import { judgeRoom } from '../../domain/reimage/reservation.ts';
import { clearFaults, setFault } from '../../sandbox/faults/machine-faults.ts';
import { templateFacts } from '../fakes/fake-instances.ts';
import { launchRunning, openEc2Bed, statesUntil } from './ec2-bed.ts';
import type { Ec2Bed } from './ec2-bed.ts';

const TIMEOUT_MS = 1_800_000;
const provider = { kind: 'ec2', region: 'us-east-1' } as const;
const o = { instanceTypes: ['p5.48xlarge'], zones: ['us-east-1b'] };

let bed: Ec2Bed;
let before: NodeJS.ProcessEnv;
beforeAll(async () => {
  bed = await openEc2Bed();
  before = { ...process.env };
  const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  Object.assign(process.env, keys, { AWS_ENDPOINT_URL_EC2: bed.endpoint });
}, TIMEOUT_MS);
afterAll(async () => {
  process.env = before;
  await bed?.close();
}, TIMEOUT_MS);
afterEach(() => clearFaults(bed.dir));

describe('a capacity reservation of the sandbox', () => {
  it(
    'has the running instance inside, whose place comes back when it is terminated; full of others it shows no room [I232]',
    async () => {
      const instances = createInstances({ version: '0.1.0', batchWindowMs: 5 });
      const id = await launchRunning(bed);
      const judge = async () => {
        const [reservations, found] = await Promise.all([
          instances.collectReservations(provider, o),
          instances.collectInstances(provider, [id]),
        ]);
        const instance = found[id];
        if (instance === undefined) throw new Error(`${id} is not shown`);
        const until = new Date().toISOString();
        const template = templateFacts();
        const judged = judgeRoom({ reservations, template, instance, platform: instance.platform, until });
        return { judged, instance };
      };
      expect((await judge()).judged).toMatchObject({ kind: 'noRoom' });
      const made = await bed.ec2.send(
        new CreateCapacityReservationCommand({
          InstanceType: 'p5.48xlarge',
          InstancePlatform: 'Linux/UNIX',
          AvailabilityZone: 'us-east-1b',
          InstanceCount: 1,
        }),
      );
      const reservationId = made.CapacityReservation?.CapacityReservationId;
      const { judged, instance } = await judge();
      expect(instance).toMatchObject({ zone: 'us-east-1b', tenancy: 'default', reservationId });
      expect(judged).toMatchObject({ kind: 'room', room: { reservationId, free: 0, total: 1, own: true } });
      setFault(bed.dir, { kind: 'reservation-full' });
      expect((await judge()).judged).toMatchObject({
        kind: 'noRoom',
        why: expect.stringContaining('its termination would free nothing there') as unknown,
      });
      clearFaults(bed.dir);
      await bed.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      await statesUntil(bed, id, 'terminated');
      expect(await instances.collectReservations(provider, o)).toMatchObject([{ available: 1, total: 1 }]);
    },
    TIMEOUT_MS,
  );
});
