// Which instance may take which image: each mismatch is named, and nothing unseen fits.
import { describe, expect, it } from '@jest/globals';
import { whyNotReimage } from '../../../domain/reimage/reimage-fit.ts';
import type { ReimageTarget } from '../../../domain/reimage/reimage-fit.ts';
import { imageFacts, instanceFacts } from '../../fakes/fake-instances.ts';

const target: ReimageTarget = {
  node: 'n1',
  instanceId: 'i-1',
  release: { name: '2026.11', imageId: 'ami-1' },
  reimage: { method: 'rootVolume' },
};
const reboot: ReimageTarget = { ...target, reimage: { method: 'reboot' } };
const instance = instanceFacts({ instanceId: 'i-1' });
const image = imageFacts({ imageId: 'ami-1' });
const kinds = (...args: Parameters<typeof whyNotReimage>) => whyNotReimage(...args).map(({ kind }) => kind);

describe('whyNotReimage', () => {
  it('lets an image through that matches in everything [I45]', () => {
    expect(whyNotReimage(instance, image, target)).toEqual([]);
  });

  it.each([
    ['instanceNotRunning', { state: 'stopping' }, {}],
    ['noEbsRoot', { rootDeviceType: 'instance-store' }, {}],
    ['noEbsRoot', { rootVolumeId: null }, {}],
    ['architecture', {}, { architecture: 'arm64' }],
    ['virtualizationType', {}, { virtualizationType: 'paravirtual' }],
    ['platform', {}, { platform: 'Windows' }],
    ['productCodes', {}, { productCodes: ['abc'] }],
    ['bootMode', { bootMode: 'legacy-bios' }, { bootMode: 'uefi' }],
    ['rootVolumeTooSmall', {}, { rootVolumeSizeGib: 101 }],
    ['imageState', {}, { state: 'disabled' }],
    ['imageNoEbsRoot', {}, { rootDeviceType: 'instance-store' }],
  ])('names %s alone when that alone is wrong [I45]', (kind, ofInstance, ofImage) => {
    expect(kinds({ ...instance, ...ofInstance }, { ...image, ...ofImage }, target)).toEqual([kind]);
  });

  it('names every mismatch at once, with node, image and what was expected', () => {
    const refusals = whyNotReimage(
      { ...instance, state: 'stopped' },
      { ...image, architecture: 'arm64', state: 'failed' },
      target,
    );
    expect(refusals.map(({ kind }) => kind)).toEqual(['instanceNotRunning', 'imageState', 'architecture']);
    expect(refusals[2]).toEqual({
      kind: 'architecture',
      where: 'n1',
      text: 'architecture of ami-1 is arm64, the instance needs x86_64',
    });
  });

  it('refuses what it was not shown', () => {
    expect(kinds(undefined, image, target)).toEqual(['instanceGone']);
    expect(kinds(instance, undefined, target)).toEqual(['imageMissing']);
  });

  it('takes unknown and preferred boot modes as fitting, since EC2 has the last word', () => {
    expect(kinds({ ...instance, bootMode: 'uefi' }, image, target)).toEqual([]);
    expect(
      kinds({ ...instance, bootMode: 'uefi' }, { ...image, bootMode: 'uefi-preferred' }, target),
    ).toEqual([]);
  });

  it('asks of a reboot only that the instance runs and has its root', () => {
    expect(kinds(instance, undefined, reboot)).toEqual([]);
    expect(
      kinds({ ...instance, rootDeviceType: 'instance-store', rootVolumeId: null }, undefined, reboot),
    ).toEqual([]);
    expect(kinds({ ...instance, state: 'pending' }, undefined, reboot)).toEqual(['instanceNotRunning']);
  });

  it('never reboots an instance that a failed-detached task has left without its root [I44]', () => {
    expect(kinds({ ...instance, rootVolumeId: null }, undefined, reboot)).toEqual(['noEbsRoot']);
  });
});
