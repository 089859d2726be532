// Capacity reservations, which moto does not know: made, cancelled and described here as EC2 does. Instances that
// fit run in an open one by themselves, the oldest first, as far as it has places; a targeted one has none inside,
// for the sandbox launches nothing into it. Must never hold a launch back: the fault for that is another one.
import { randomBytes } from 'node:crypto';
import type { Instance } from '@aws-sdk/client-ec2';
import type { FrontState } from './front-state.ts';
import { Ec2Refusal, filtersOf, listOf } from './query-protocol.ts';
import type { Parameters } from './query-protocol.ts';

export interface Reservation {
  reservationId: string;
  instanceType: string;
  platform: string;
  zone: string;
  tenancy: string;
  total: number;
  match: string;
  state: 'active' | 'cancelled';
  createdAt: string;
  endsAt: string | null;
}

export interface Reservations {
  create(parameters: Parameters): Record<string, unknown>;
  cancel(parameters: Parameters): Record<string, unknown>;
  /** `full`: somebody else has taken every place. */
  describe(parameters: Parameters, full: boolean): Promise<Record<string, unknown>>;
  /** By instance, the reservation that it runs in. */
  places(full: boolean): Promise<ReadonlyMap<string, string>>;
}

export function createReservations(o: {
  state: Pick<FrontState, 'reservations' | 'setReservation'>;
  /** Those that run, or are about to. */
  instances: () => Promise<readonly Instance[]>;
}): Reservations {
  const { state } = o;
  const places: Reservations['places'] = async (full) => {
    const open = state.reservations.filter((one) => one.state === 'active' && one.match === 'open');
    if (open.length === 0 || full) return new Map();
    return placesOf(open, await o.instances());
  };
  return {
    places,
    create: (parameters) => {
      const made = newReservation(parameters);
      state.setReservation(made);
      return { capacityReservation: shown(made, 0) };
    },
    cancel: (parameters) => {
      const id = parameters['CapacityReservationId'] ?? '';
      const known = state.reservations.find((one) => one.reservationId === id);
      if (known === undefined) throw unknown(id);
      state.setReservation({ ...known, state: 'cancelled' });
      return { return: true };
    },
    describe: async (parameters, full) => {
      const inside = [...(await places(full)).values()];
      const found = chosen(state.reservations, parameters);
      const item = found.map((one) => {
        const used = inside.filter((id) => id === one.reservationId).length;
        return shown(one, full ? one.total : used);
      });
      return { capacityReservationSet: item.length === 0 ? '' : { item } };
    },
  };
}

function unknown(id: string): Ec2Refusal {
  return new Ec2Refusal('InvalidCapacityReservationId.NotFound', `The reservation ID '${id}' does not exist`);
}

function newReservation(parameters: Parameters): Reservation {
  const needed = (name: string): string => {
    const value = parameters[name];
    if (value !== undefined && value !== '') return value;
    throw new Ec2Refusal('MissingParameter', `The request must contain the parameter ${name}`);
  };
  const total = Number(needed('InstanceCount'));
  if (!Number.isInteger(total) || total < 1) {
    throw new Ec2Refusal('InvalidParameterValue', 'InstanceCount must be a positive number');
  }
  return {
    reservationId: `cr-${randomBytes(9).toString('hex').slice(0, 17)}`,
    instanceType: needed('InstanceType'),
    platform: needed('InstancePlatform'),
    zone: needed('AvailabilityZone'),
    tenancy: parameters['Tenancy'] ?? 'default',
    total,
    match: parameters['InstanceMatchCriteria'] ?? 'open',
    state: 'active',
    createdAt: new Date().toISOString(),
    endsAt: parameters['EndDate'] ?? null,
  };
}

function placesOf(open: readonly Reservation[], instances: readonly Instance[]): ReadonlyMap<string, string> {
  const oldest = [...instances].sort(
    (a, b) =>
      (a.LaunchTime?.getTime() ?? 0) - (b.LaunchTime?.getTime() ?? 0) ||
      (a.InstanceId ?? '').localeCompare(b.InstanceId ?? ''),
  );
  const places = new Map<string, string>();
  for (const { reservationId, instanceType, zone, total } of open) {
    const fitting = oldest.filter(
      ({ InstanceId: id = '', InstanceType: type, Placement: placement }) =>
        type === instanceType && placement?.AvailabilityZone === zone && !places.has(id),
    );
    for (const { InstanceId: id = '' } of fitting.slice(0, total)) places.set(id, reservationId);
  }
  return places;
}

const FIELD_OF_FILTER: Readonly<Record<string, (one: Reservation) => string>> = {
  'instance-type': ({ instanceType }) => instanceType,
  'availability-zone': ({ zone }) => zone,
  state: ({ state }) => state,
  'instance-match-criteria': ({ match }) => match,
};

function chosen(all: readonly Reservation[], parameters: Parameters): readonly Reservation[] {
  const ids = listOf(parameters, 'CapacityReservationId');
  const missing = ids.find((id) => !all.some(({ reservationId }) => reservationId === id));
  if (missing !== undefined) throw unknown(missing);
  const named = ids.length === 0 ? all : all.filter(({ reservationId }) => ids.includes(reservationId));
  return filtersOf(parameters).reduce((left, { name, values }) => {
    const read = FIELD_OF_FILTER[name];
    if (read === undefined) {
      throw new Ec2Refusal('InvalidParameterValue', `The filter '${name}' is invalid`);
    }
    return left.filter((one) => values.includes(read(one)));
  }, named);
}

function shown(one: Reservation, used: number): Record<string, unknown> {
  const { reservationId, instanceType, platform, zone, tenancy, total, match, state, createdAt, endsAt } =
    one;
  return {
    capacityReservationId: reservationId,
    instanceType,
    instancePlatform: platform,
    availabilityZone: zone,
    tenancy,
    totalInstanceCount: total,
    availableInstanceCount: state === 'active' ? total - used : 0,
    ebsOptimized: false,
    ephemeralStorage: false,
    state,
    startDate: createdAt,
    createDate: createdAt,
    endDateType: endsAt === null ? 'unlimited' : 'limited',
    ...(endsAt === null ? {} : { endDate: endsAt }),
    instanceMatchCriteria: match,
    reservationType: 'default',
  };
}
