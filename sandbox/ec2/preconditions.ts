// When EC2 refuses to replace a root volume, and with which code. AWS documents the conditions but not the
// code of each; where it is silent, the code is the one that EC2 gives for the same fault elsewhere.
import type { Image, Instance } from '@aws-sdk/client-ec2';
import { Ec2Refusal } from './query-protocol.ts';
import type { TaskRequest } from './root-volume-task.ts';

const TOKEN_CHARS_MAX = 64;

export interface RootVolume {
  volumeId: string;
  sizeGib: number;
}

/** What moto shows; it may be older than a task that was accepted meanwhile. */
export interface RootFacts {
  /** Undefined when there is no such instance. */
  instance: Instance | undefined;
  rootVolume: RootVolume | undefined;
  /** The image to be laid. */
  image: Image | undefined;
}

export interface FrontFacts {
  /** The instance's state as the front shows it: transitions take time there. */
  state: string;
  /** A task of this instance that has not ended. */
  openTaskId: string | undefined;
}

/** What can be told from the request alone. */
export function checkRequest(
  request: TaskRequest,
  o: { clientToken: string | null; snapshotId: string | null },
): void {
  if (request.instanceId === '') {
    throw new Ec2Refusal('MissingParameter', 'The request must contain the parameter InstanceId');
  }
  if (!/^i-[0-9a-f]{8}([0-9a-f]{9})?$/.test(request.instanceId)) {
    throw new Ec2Refusal('InvalidInstanceID.Malformed', `Invalid id: "${request.instanceId}"`);
  }
  if (o.clientToken !== null && o.clientToken.length > TOKEN_CHARS_MAX) {
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `Invalid value for ClientToken: it has ${String(o.clientToken.length)} characters, the maximum is ${String(TOKEN_CHARS_MAX)}`,
    );
  }
  if (o.snapshotId !== null && request.imageId !== null) {
    throw new Ec2Refusal(
      'InvalidParameterCombination',
      'ImageId and SnapshotId cannot be specified together',
    );
  }
  if (o.snapshotId !== null) {
    throw new Ec2Refusal('UnsupportedOperation', 'The sandbox replaces root volumes from images only');
  }
  if (request.imageId !== null && !/^ami-[0-9a-z]+$/.test(request.imageId)) {
    throw new Ec2Refusal('InvalidAMIID.Malformed', `Invalid id: "${request.imageId}"`);
  }
}

/** What depends on the instance and the image as they are now. */
export function checkPreconditions(
  request: TaskRequest,
  { instance, rootVolume, image }: RootFacts,
  facts: FrontFacts,
): { image: Image; rootVolume: RootVolume } {
  const id = request.instanceId;
  if (instance === undefined || facts.state === 'terminated') {
    throw new Ec2Refusal('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
  }
  if (facts.state !== 'running') {
    throw new Ec2Refusal(
      'IncorrectInstanceState',
      `The instance '${id}' is not in the 'running' state; it is '${facts.state}'`,
    );
  }
  if (facts.openTaskId !== undefined) {
    throw new Ec2Refusal(
      'IncorrectState',
      `The instance '${id}' already has a root volume replacement task in progress: ${facts.openTaskId}`,
    );
  }
  if (instance.RootDeviceType !== 'ebs' || rootVolume === undefined) {
    throw new Ec2Refusal(
      'UnsupportedOperation',
      `The instance '${id}' does not have an Amazon EBS root volume`,
    );
  }
  if (image === undefined) {
    throw new Ec2Refusal(
      'InvalidAMIID.NotFound',
      `The image id '[${String(request.imageId)}]' does not exist`,
    );
  }
  checkImage(id, instance, image, rootVolume.sizeGib);
  return { image, rootVolume };
}

function checkImage(id: string, instance: Instance, image: Image, sizeGib: number): void {
  const imageId = image.ImageId ?? '';
  if (image.State !== 'available') {
    throw new Ec2Refusal('InvalidAMIID.Unavailable', `The image ID '${imageId}' is not available`);
  }
  const same = (what: string, have: string, given: string): void => {
    if (have === given) return;
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `The ${what} '${given}' of the image '${imageId}' does not match the ${what} '${have}' of the instance '${id}'`,
    );
  };
  same('architecture', instance.Architecture ?? '', image.Architecture ?? '');
  same('virtualization type', instance.VirtualizationType ?? '', image.VirtualizationType ?? '');
  same('platform', instance.Platform ?? '', image.Platform ?? '');
  // moto tells neither of an instance; where a description lacks one, EC2 has nothing to compare either.
  same(
    'billing',
    instance.UsageOperation ?? image.UsageOperation ?? '',
    image.UsageOperation ?? instance.UsageOperation ?? '',
  );
  const bootMode = instance.CurrentInstanceBootMode ?? instance.BootMode ?? image.BootMode ?? '';
  if (image.BootMode !== 'uefi-preferred') same('boot mode', bootMode, image.BootMode ?? bootMode);
  same('product codes', productCodes(instance), productCodes(image));
  const root = image.BlockDeviceMappings?.find((device) => device.DeviceName === image.RootDeviceName);
  const needed = root?.Ebs?.VolumeSize ?? 0;
  if (needed > sizeGib) {
    throw new Ec2Refusal(
      'InvalidParameterValue',
      `The root volume of the image '${imageId}' has ${String(needed)} GiB, more than the ${String(sizeGib)} GiB ` +
        `of the root volume of the instance '${id}'`,
    );
  }
}

function productCodes(of: Instance | Image): string {
  return (of.ProductCodes ?? [])
    .map((code) => code.ProductCodeId ?? '')
    .sort()
    .join(',');
}
