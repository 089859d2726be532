// May this instance be laid anew with this image? Asked by the preflight, before anything is
// cordoned, and once more right before the root-volume task. Names every mismatch, not the first.
// Must never say "fits" of what it was not shown: an absent instance or image is a refusal.
//
// The facts come from EC2 descriptions, which may be seconds old; EC2 itself refuses what changed since.
import type { ImageFacts, InstanceFacts } from '../inventory.ts';
import type { Refusal } from '../plan.ts';
import type { ReimageMethod } from '../policy.ts';

/** The part of a `NodeStep` that this question is about. */
export type ReimageTarget = {
  node: string;
  instanceId: string;
  release: { name: string; imageId: string };
  reimage: { method: ReimageMethod };
};

/** Every reason why the target cannot be reimaged; empty when it can. */
export function whyNotReimage(
  instance: InstanceFacts | undefined,
  image: ImageFacts | undefined,
  target: ReimageTarget,
): readonly Refusal[] {
  if (instance === undefined) return [refuse(target, 'instanceGone', whyGone(target))];
  const refusals = whyInstanceUnfit(instance, target);
  if (target.reimage.method === 'reboot') return refusals;
  if (image === undefined) return [...refusals, refuse(target, 'imageMissing', whyImageMissing(target))];
  // Of a launch, EC2 compares the image with nothing: the instance becomes what template and image say.
  if (target.reimage.method === 'replaceInstance') return [...refusals, ...whyImageUnready(image, target)];
  return [...refusals, ...whyImageUnready(image, target), ...whyImageUnfit(instance, image, target)];
}

function whyInstanceUnfit(instance: InstanceFacts, target: ReimageTarget): readonly Refusal[] {
  const refusals: Refusal[] = [];
  if (instance.state !== 'running') {
    refusals.push(
      refuse(
        target,
        'instanceNotRunning',
        `${instance.instanceId} is ${instance.state}; only a running instance can be reimaged`,
      ),
    );
  }
  if (target.reimage.method === 'reboot') {
    // What a failed-detached task leaves behind: after a reboot nothing of it would come back.
    if (instance.rootDeviceType === 'ebs' && instance.rootVolumeId === null) {
      const text = `${instance.instanceId} has no root volume attached; it would not come back from a reboot`;
      refusals.push(refuse(target, 'noEbsRoot', `${text}. Attach one by hand, or replace the instance`));
    }
    return refusals;
  }
  if (target.reimage.method === 'replaceInstance') return refusals;
  if (instance.rootDeviceType !== 'ebs' || instance.rootVolumeId === null) {
    refusals.push(
      refuse(
        target,
        'noEbsRoot',
        `the instance has a root of type ${instance.rootDeviceType || 'unknown'}` +
          `${instance.rootVolumeId === null ? ' and no root volume attached' : ''}; ` +
          'a root-volume task needs an EBS root',
      ),
    );
  }
  return refusals;
}

function whyImageUnready(image: ImageFacts, target: ReimageTarget): readonly Refusal[] {
  if (image.state === 'available') return [];
  const text = `${image.imageId} is ${image.state}; an image must be available`;
  return [refuse(target, 'imageState', text)];
}

function whyImageUnfit(
  instance: InstanceFacts,
  image: ImageFacts,
  target: ReimageTarget,
): readonly Refusal[] {
  const refusals: Refusal[] = [];
  const compare = (kind: string, what: string, have: string, want: string) => {
    if (have !== want) {
      refusals.push(
        // Without the instance's id: the same trouble of many nodes is told once, with all of them.
        refuse(target, kind, `${what} of ${image.imageId} is ${want}, the instance needs ${have}`),
      );
    }
  };
  if (image.rootDeviceType !== 'ebs') {
    refusals.push(
      refuse(
        target,
        'imageNoEbsRoot',
        `${image.imageId} has a root of type ${image.rootDeviceType}, not ebs`,
      ),
    );
  }
  compare('architecture', 'architecture', instance.architecture, image.architecture);
  compare('virtualizationType', 'virtualization', instance.virtualizationType, image.virtualizationType);
  compare('platform', 'platform', instance.platform, image.platform);
  compare('productCodes', 'product codes', listed(instance.productCodes), listed(image.productCodes));
  if (!bootModesFit(instance.bootMode, image.bootMode)) {
    compare('bootMode', 'boot mode', instance.bootMode ?? 'unknown', image.bootMode ?? 'unknown');
  }
  if (
    image.rootVolumeSizeGib !== null &&
    instance.rootVolumeSizeGib !== null &&
    image.rootVolumeSizeGib > instance.rootVolumeSizeGib
  ) {
    refusals.push(
      refuse(
        target,
        'rootVolumeTooSmall',
        `root of ${image.imageId} is ${image.rootVolumeSizeGib} GiB, ` +
          `the root volume of the instance has ${instance.rootVolumeSizeGib} GiB`,
      ),
    );
  }
  return refusals;
}

/**
 * An unknown mode fits: EC2 leaves the field out for most images, and refuses a wrong one itself.
 * `uefi-preferred` boots either way.
 */
function bootModesFit(instance: string | null, image: string | null): boolean {
  if (instance === null || image === null) return true;
  if (instance === 'uefi-preferred' || image === 'uefi-preferred') return true;
  return instance === image;
}

function listed(codes: readonly string[]): string {
  return codes.length === 0 ? 'none' : [...codes].sort().join(', ');
}

function refuse(target: ReimageTarget, kind: string, text: string): Refusal {
  return { kind, where: target.node, text };
}

function whyGone(target: ReimageTarget): string {
  return `instance ${target.instanceId} does not exist; the node's providerID names it`;
}

function whyImageMissing(target: ReimageTarget): string {
  return (
    `image ${target.release.imageId} of release ${target.release.name} does not exist or is not shared ` +
    'with this account'
  );
}
