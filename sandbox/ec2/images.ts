// The machine images of the sandbox: what is in each, and how a machine behaves that boots it. Refit must
// never read this file: it judges by what EC2 and the node show.
import type { SandboxImages } from '../state.ts';

export type ImageName = keyof SandboxImages;

export const imageNames: readonly ImageName[] = [
  'good',
  'next',
  'neverRejoins',
  'wrongVersion',
  'failsChecks',
];

/** How a machine comes up on it: the kubelet never registers; or it does, but the device plugin crashes. */
export type ImageBehaviour = 'boots' | 'neverRejoins' | 'failsChecks';

/** What a node shows that runs it. */
export interface ImageContent {
  /** As the kubelet reports it, with its `v`. */
  kubeletVersion: string;
  osImage: string;
  kernelVersion: string;
  containerRuntimeVersion: string;
  driverVersion: string;
  cudaVersion: string;
}

export interface SandboxImage {
  name: ImageName;
  imageId: string;
  content: ImageContent;
  behaviour: ImageBehaviour;
  /** What its release promises; differs from its content in the image of the wrong version alone. */
  promised: { kubeletVersion: string; driverVersion: string };
}

export const sandboxImages: SandboxImages = {
  good: 'ami-0c0ffee0000000001',
  next: 'ami-0c0ffee0000000002',
  neverRejoins: 'ami-0c0ffee0000000003',
  wrongVersion: 'ami-0c0ffee0000000004',
  failsChecks: 'ami-0c0ffee0000000005',
};

/** In the account as well, and never right for a node of the fleet: it is made for another architecture. */
export const arm64ImageId = 'ami-0c0ffee0000000006';

const KUBELET_OLD = 'v1.35.4';
const KUBELET_NEW = 'v1.36.1';

const ubuntu2204 = {
  osImage: 'Ubuntu 22.04.5 LTS',
  kernelVersion: '6.8.0-1031-aws',
  containerRuntimeVersion: 'containerd://1.7.28',
};
const ubuntu2404 = {
  osImage: 'Ubuntu 24.04.3 LTS',
  kernelVersion: '6.14.0-1015-aws',
  containerRuntimeVersion: 'containerd://2.1.4',
};

function image(
  name: ImageName,
  content: ImageContent,
  behaviour: ImageBehaviour = 'boots',
  promised = { kubeletVersion: content.kubeletVersion, driverVersion: content.driverVersion },
): SandboxImage {
  return { name, imageId: sandboxImages[name], content, behaviour, promised };
}

function newContent(driverVersion: string): ImageContent {
  return { kubeletVersion: KUBELET_NEW, ...ubuntu2404, driverVersion, cudaVersion: '13.0' };
}

// Each promises another driver version, so that a node's release can be told from what it shows.
const images: readonly SandboxImage[] = [
  image('good', {
    kubeletVersion: KUBELET_OLD,
    ...ubuntu2204,
    driverVersion: '570.86.15',
    cudaVersion: '12.8',
  }),
  image('next', newContent('580.95.05')),
  image('neverRejoins', newContent('580.95.06'), 'neverRejoins'),
  image(
    'wrongVersion',
    { ...newContent('575.57.08'), kubeletVersion: 'v1.36.0', cudaVersion: '12.9' },
    'boots',
    {
      kubeletVersion: KUBELET_NEW,
      driverVersion: '580.95.07',
    },
  ),
  image('failsChecks', newContent('580.95.08'), 'failsChecks'),
];

export function imageById(imageId: string): SandboxImage | undefined {
  return images.find((candidate) => candidate.imageId === imageId);
}

export function imageByName(name: ImageName): SandboxImage {
  const found = images.find((candidate) => candidate.name === name);
  if (found === undefined)
    throw new Error(`the sandbox has no image ${name}; it has ${imageNames.join(', ')}`);
  return found;
}

/** Every instance boots from this device. */
export const ROOT_DEVICE = '/dev/xvda';
export const ROOT_VOLUME_GIB = 100;
export const ROOT_VOLUME_TYPE = 'gp3';

const OWNER_ID = '123456789012';

function motoImage(imageId: string, name: string, architecture: string): unknown {
  return {
    ami_id: imageId,
    name: `refit-sandbox-${name}`,
    description: `Refit sandbox image ${name}`,
    architecture,
    state: 'available',
    public: false,
    owner_id: OWNER_ID,
    image_location: `${OWNER_ID}/refit-sandbox-${name}`,
    image_type: 'machine',
    root_device_type: 'ebs',
    root_device_name: ROOT_DEVICE,
    virtualization_type: 'hvm',
    hypervisor: 'xen',
    creation_date: '2026-09-01T00:00:00.000Z',
    platform: null,
    boot_mode: 'uefi-preferred',
    tags: { Name: `refit-sandbox-${name}` },
  };
}

/** In the form that moto loads at its start (MOTO_AMIS_PATH). */
export function motoImages(): unknown[] {
  return [
    ...images.map(({ imageId, name }) => motoImage(imageId, name, 'x86_64')),
    motoImage(arm64ImageId, 'arm64', 'arm64'),
  ];
}
