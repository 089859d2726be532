// Capacity reservations as EC2 describes them. What is absent stays unknown: whoever judges fails closed.
import { paginateDescribeCapacityReservations } from '@aws-sdk/client-ec2';
import type { CapacityReservation } from '@aws-sdk/client-ec2';
import type { ReservationFacts } from '../../domain/inventory.ts';
import { asked } from './descriptions.ts';
import type { Region } from './descriptions.ts';

export async function collectReservations(
  region: Region,
  { instanceTypes, zones }: { instanceTypes: readonly string[]; zones: readonly string[] },
): Promise<readonly ReservationFacts[]> {
  if (instanceTypes.length === 0 || zones.length === 0) return [];
  return asked(region, 'DescribeCapacityReservations', async () => {
    const found: CapacityReservation[] = [];
    const pages = paginateDescribeCapacityReservations(
      { client: region.client, pageSize: 500 },
      {
        Filters: [
          { Name: 'instance-type', Values: [...instanceTypes] },
          { Name: 'availability-zone', Values: [...zones] },
        ],
      },
    );
    for await (const page of pages) found.push(...(page.CapacityReservations ?? []));
    return found.map(toReservationFacts);
  });
}

function toReservationFacts(one: CapacityReservation): ReservationFacts {
  return {
    reservationId: one.CapacityReservationId ?? '',
    instanceType: one.InstanceType ?? '',
    zone: one.AvailabilityZone ?? '',
    platform: one.InstancePlatform ?? '',
    tenancy: one.Tenancy ?? '',
    state: one.State ?? '',
    match: one.InstanceMatchCriteria ?? '',
    total: one.TotalInstanceCount ?? null,
    available: one.AvailableInstanceCount ?? null,
    endsAt: one.EndDate?.toISOString() ?? null,
    special: specialOf(one),
  };
}

/** What is launched into these has to be asked for in ways of their own, or may be taken away again. */
function specialOf(one: CapacityReservation): string | null {
  if (one.ReservationType !== undefined && one.ReservationType !== 'default')
    return `a ${one.ReservationType}`;
  if (one.OutpostArn !== undefined) return 'on an Outpost';
  if (one.PlacementGroupArn !== undefined) return 'of a placement group';
  if (one.Interruptible === true) return 'interruptible';
  return null;
}
