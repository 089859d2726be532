// What was observed of a cluster. Always possibly stale: whoever acts on it sends the UID and the
// resourceVersion seen here as a precondition.

/** One Node of the Kubernetes API, cut to what decisions need. */
export type NodeFacts = {
  name: string;
  uid: string;
  resourceVersion: string;
  labels: Readonly<Record<string, string>>;
  /** Only annotations under refit.dev/. */
  annotations: Readonly<Record<string, string>>;
  taints: readonly { key: string; value: string; effect: string }[];
  unschedulable: boolean;
  /** Status of the Ready condition: True, False or Unknown. */
  ready: 'True' | 'False' | 'Unknown';
  /** Ready condition's lastHeartbeatTime, RFC 3339; '' when absent. */
  readyHeartbeatAt: string;
  kubeletVersion: string;
  osImage: string;
  bootId: string;
  architecture: string;
  /** Allocatable nvidia.com/gpu; 0 when the resource is absent. */
  gpusAllocatable: number;
  internalIp: string;
  /** `aws:///<zone>/i-…`; '' when absent. */
  providerId: string;
  createdAt: string;
  /** Pods bound here that are neither finished nor of a DaemonSet. */
  podsToMove: number;
  /** As the node states it, by resource (`64Gi`); only where a plan is made, absent from a watch. */
  allocatable?: Readonly<Record<string, string>>;
};

/** One EC2 instance behind a node. */
export type InstanceFacts = {
  instanceId: string;
  /** pending | running | stopping | stopped | shutting-down | terminated */
  state: string;
  imageId: string;
  architecture: string;
  virtualizationType: string;
  bootMode: string | null;
  /** EC2's PlatformDetails: what is billed, e.g. `Linux/UNIX`. */
  platform: string;
  /** Marketplace product codes. */
  productCodes: readonly string[];
  instanceType: string;
  rootDeviceType: string;
  rootVolumeId: string | null;
  rootVolumeSizeGib: number | null;
  /** CreateTime of the root volume, RFC 3339. */
  rootVolumeCreatedAt: string | null;
  tags: Readonly<Record<string, string>>;
  /** Absent: not told. */
  subnetId?: string | null;
  /** When it was launched, RFC 3339; absent: not told. */
  launchedAt?: string;
  /** `us-east-1a`; absent: not known. */
  zone?: string;
  /** `default`, `dedicated` or `host`; absent: not known. */
  tenancy?: string;
  /** The capacity reservation that it runs in; absent: none. */
  reservationId?: string;
};

/** One version of a launch template, as far as it decides what an instance becomes; null: left open. */
export type LaunchTemplateFacts = {
  templateId: string;
  /** The number, whatever alias it was asked for by. */
  version: string;
  imageId: string | null;
  instanceType: string | null;
  subnetId: string | null;
  /** It has network interfaces of its own: a subnet can then only be named there. */
  namesInterfaces: boolean;
  /** What it says of capacity reservations; absent: nothing. */
  reservation?: { preference: string | null; id: string | null; groupArn: string | null };
  /** Absent: the network's. */
  tenancy?: string;
  /** A placement group or a host that it names, in words; absent: none. */
  placement?: string;
  /** `spot`, `capacity-block`; absent: on demand. */
  market?: string;
};

/** One capacity reservation of EC2; null: not said. */
export type ReservationFacts = {
  reservationId: string;
  instanceType: string;
  zone: string;
  platform: string;
  tenancy: string;
  state: string;
  /** `open`: any instance that fits; `targeted`: those that name it. */
  match: string;
  total: number | null;
  available: number | null;
  /** RFC 3339; null: it has no end. */
  endsAt: string | null;
  /** What makes it other than a plain reservation on demand; null: nothing. */
  special: string | null;
};

/** One machine image of the catalog. */
export type ImageFacts = {
  imageId: string;
  architecture: string;
  virtualizationType: string;
  bootMode: string | null;
  platform: string;
  productCodes: readonly string[];
  rootDeviceType: string;
  rootVolumeSizeGib: number | null;
  state: string;
};

export type Inventory = {
  cluster: string;
  /** When the observation ended, RFC 3339. */
  observedAt: string;
  /** `v1.36.1` */
  apiServerVersion: string;
  nodes: readonly NodeFacts[];
  /** By instance id; an instance that is gone is absent. */
  instances: Readonly<Record<string, InstanceFacts>>;
  images: Readonly<Record<string, ImageFacts>>;
  /** By pool, of those that replace instances; one that does not exist is absent. */
  templates?: Readonly<Record<string, LaunchTemplateFacts>>;
  /** For the nodes of pools that may lose capacity; absent: there are no such pools. */
  reservations?: readonly ReservationFacts[];
};
