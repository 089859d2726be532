// The states that an instance of the sandbox passes through: each takes its time, as on EC2, where moto is there
// at once.
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CreateReplaceRootVolumeTaskCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { sandboxImages } from '../../sandbox/ec2/images.ts';
import { launch, launchRunning, machineOf, openEc2Bed, statesUntil } from './ec2-bed.ts';
import type { Ec2Bed } from './ec2-bed.ts';

let bed: Ec2Bed;

beforeAll(async () => {
  bed = await openEc2Bed();
});

afterAll(async () => bed?.close());

/** On a busy machine a short state may pass between two looks; another order, or another state, may not. */
function expectWay(seen: readonly string[], way: readonly string[]): void {
  expect(seen).toEqual(way.filter((state) => seen.includes(state)));
  expect(seen.at(-1)).toBe(way.at(-1));
}

const replaceRoot = (id: string) =>
  bed.ec2.send(
    new CreateReplaceRootVolumeTaskCommand({ InstanceId: id, ImageId: sandboxImages.next, ClientToken: id }),
  );

describe('an instance', () => {
  it('is pending after its launch, and its root volume cannot be replaced before it runs', async () => {
    const id = await launch(bed);
    const refused = await replaceRoot(id).then(
      () => undefined,
      (error: Error) => error,
    );
    const seen = await statesUntil(bed, id, 'running');
    expectWay(seen, ['pending', 'running']);
    // Unless this process slept over the whole of its launch.
    if (seen[0] === 'pending')
      expect(refused?.message).toMatch(/not in the 'running' state; it is 'pending'/);
    await expect(replaceRoot(id)).resolves.toBeDefined();
  });

  it('stops, starts as one more boot, and ends, each over the state between', async () => {
    const id = await launchRunning(bed);
    const { StoppingInstances } = await bed.ec2.send(new StopInstancesCommand({ InstanceIds: [id] }));
    expect(StoppingInstances?.[0]?.CurrentState?.Name).toBe('stopping');
    expect(await machineOf(bed, id)).toMatchObject({ power: 'off', boot: 1 });
    expectWay(await statesUntil(bed, id, 'stopped'), ['stopping', 'stopped']);

    const { StartingInstances } = await bed.ec2.send(new StartInstancesCommand({ InstanceIds: [id] }));
    expect(StartingInstances?.[0]?.CurrentState?.Name).toBe('pending');
    expectWay(await statesUntil(bed, id, 'running'), ['pending', 'running']);
    expect(await machineOf(bed, id)).toMatchObject({ power: 'on', boot: 2, imageId: sandboxImages.good });

    const { TerminatingInstances } = await bed.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    expect(TerminatingInstances?.[0]?.CurrentState?.Name).toBe('shutting-down');
    expectWay(await statesUntil(bed, id, 'terminated'), ['shutting-down', 'terminated']);
    expect(await machineOf(bed, id)).toMatchObject({ power: 'off', boot: 2 });
  });
});
