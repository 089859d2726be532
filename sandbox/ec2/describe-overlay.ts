// moto's DescribeInstances, with what the front knows better laid over it: states that take time, instances
// that a fault hides, and images that follow a replacement.
import { XMLBuilder, XMLParser } from 'fast-xml-parser';

export interface InstanceOverlay {
  /** Instead of moto's state. */
  state?: string | undefined;
  imageId?: string | undefined;
  /** The capacity reservation that it runs in. */
  reservationId?: string | undefined;
  hidden?: boolean;
}

const STATE_CODES: Readonly<Record<string, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

function stateCode(state: string): number {
  return STATE_CODES[state] ?? 0;
}

interface XmlInstance {
  instanceId: string;
  imageId?: string;
  instanceState?: { code: string; name: string };
  capacityReservationId?: string;
  placement?: { availabilityZone?: string; tenancy?: string } | '';
}

interface XmlAnswer {
  DescribeInstancesResponse?: {
    reservationSet?: { item?: { instancesSet?: { item?: XmlInstance[] } }[] } | '';
  };
}

const options = { ignoreAttributes: false, parseTagValue: false, suppressEmptyNode: false };
const parser = new XMLParser({ ...options, isArray: (name) => name === 'item' });
const builder = new XMLBuilder(options);

/** The answer as it came when nothing lies over it: it is large, and seldom changed. */
export function overlayInstances(xml: string, overlay: (instanceId: string) => InstanceOverlay): string {
  const answer = parser.parse(xml) as XmlAnswer;
  const reservations = answer.DescribeInstancesResponse?.reservationSet;
  if (typeof reservations !== 'object' || reservations.item === undefined) return xml;
  for (const reservation of reservations.item) {
    const instances = reservation.instancesSet;
    if (instances?.item === undefined) continue;
    instances.item = instances.item.filter((instance) => {
      const over = overlay(instance.instanceId);
      if (over.state !== undefined) {
        instance.instanceState = { code: String(stateCode(over.state)), name: over.state };
      }
      if (over.imageId !== undefined) instance.imageId = over.imageId;
      // EC2 tells it of each instance, and moto of none.
      if (typeof instance.placement === 'object') instance.placement.tenancy ??= 'default';
      if (over.reservationId !== undefined) instance.capacityReservationId = over.reservationId;
      return over.hidden !== true;
    });
  }
  reservations.item = reservations.item.filter((r) => (r.instancesSet?.item?.length ?? 0) > 0);
  return String(builder.build(answer));
}

/** The instances that an answer names, with their images where it tells them. */
export function instancesIn(xml: string): { instanceId: string; imageId: string }[] {
  const found: { instanceId: string; imageId: string }[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { instanceId, imageId } = value as { instanceId?: unknown; imageId?: unknown };
    if (typeof instanceId === 'string') {
      found.push({ instanceId, imageId: typeof imageId === 'string' ? imageId : '' });
    }
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(parser.parse(xml));
  return found;
}

interface XmlLaunched {
  instanceId: string;
  imageId: string;
  instanceType?: string;
  privateIpAddress?: string;
  placement?: { availabilityZone?: string };
  tagSet?: { item?: { key: string; value: string }[] } | '';
}

export interface Launched {
  instanceId: string;
  imageId: string;
  instanceType: string;
  zone: string;
  privateIp: string;
  tags: Readonly<Record<string, string>>;
}

/** The instances of a RunInstances answer, with what their machines need. */
export function launchedIn(xml: string): readonly Launched[] {
  const answer = parser.parse(xml) as {
    RunInstancesResponse?: { instancesSet?: { item?: XmlLaunched[] } };
  };
  return (answer.RunInstancesResponse?.instancesSet?.item ?? []).map((instance) => {
    const { instanceId, imageId, instanceType = '', privateIpAddress = '', placement, tagSet } = instance;
    const tags = typeof tagSet === 'object' ? (tagSet.item ?? []) : [];
    return {
      instanceId,
      imageId,
      instanceType,
      zone: placement?.availabilityZone ?? '',
      privateIp: privateIpAddress,
      tags: Object.fromEntries(tags.map(({ key, value }) => [key, value])),
    };
  });
}
