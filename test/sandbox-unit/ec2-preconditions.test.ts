// The refusals of the sandbox's EC2 that no instance of moto can be brought to show on the wire.
import { describe, expect, it } from '@jest/globals';
import type { Image, Instance } from '@aws-sdk/client-ec2';
import { checkPreconditions } from '../../sandbox/ec2/preconditions.ts';

const instance: Instance = { Architecture: 'x86_64', VirtualizationType: 'hvm', RootDeviceType: 'ebs' };
const image: Image = {
  ImageId: 'ami-1',
  State: 'available',
  Architecture: 'x86_64',
  VirtualizationType: 'hvm',
};

function check(onInstance: Instance, onImage: Image) {
  const request = { instanceId: 'i-1', imageId: 'ami-1' } as Parameters<typeof checkPreconditions>[0];
  const facts = {
    instance: { ...instance, ...onInstance },
    image: { ...image, ...onImage },
    rootVolume: { volumeId: 'vol-1', sizeGib: 100 },
  };
  return () => checkPreconditions(request, facts, { state: 'running', openTaskId: undefined });
}

describe('an image that would not boot, or would be billed otherwise', () => {
  it('is refused for its boot mode', () => {
    expect(check({ CurrentInstanceBootMode: 'legacy-bios' }, { BootMode: 'uefi' })).toThrow(
      /boot mode 'uefi' of the image 'ami-1' does not match the boot mode 'legacy-bios' of the instance 'i-1'/,
    );
  });

  it('is refused for its billing and its product codes', () => {
    expect(check({ UsageOperation: 'RunInstances' }, { UsageOperation: 'RunInstances:0010' })).toThrow(
      /billing 'RunInstances:0010'/,
    );
    expect(check({}, { ProductCodes: [{ ProductCodeId: 'market' }] })).toThrow(/product codes 'market'/);
  });

  it('is taken when it boots either way, and when one of the two does not say', () => {
    expect(check({ CurrentInstanceBootMode: 'legacy-bios' }, { BootMode: 'uefi-preferred' })).not.toThrow();
    expect(check({}, { BootMode: 'uefi', UsageOperation: 'RunInstances' })).not.toThrow();
    expect(check({ CurrentInstanceBootMode: 'uefi' }, {})).not.toThrow();
  });
});
