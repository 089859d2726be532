// Does a capacity reservation of EC2 show room for another instance, before the one at hand is given up? Fails
// closed: what is not known, or would not be launched into it, is no room. Must never count the same room twice.
//
// An instance that runs inside of a reservation gives its own place in it back when it is terminated; one that
// runs outside of it gives back nothing that is kept for anybody.
import type { InstanceFacts, LaunchTemplateFacts, ReservationFacts } from '../inventory.ts';

/** Where there is room: what a person is asked about, and what is looked at again before the termination. */
export type Room = {
  reservationId: string;
  instanceType: string;
  zone: string;
  /** Instances that the reservation shows room for now. */
  free: number;
  total: number;
  /** The instance runs inside of it: its own place comes back. */
  own: boolean;
};

export type RoomJudgement = { kind: 'room'; room: Room } | { kind: 'noRoom'; why: string };

export type RoomQuestion = {
  reservations: readonly ReservationFacts[];
  template: LaunchTemplateFacts;
  instance: InstanceFacts;
  /** Of the release's image: what is launched from it is billed as this. */
  platform: string;
  /** It must last until then: another one is to be launched into it. */
  until: string;
  /** By reservation, what others of the same plan were counted on already. */
  taken?: ReadonlyMap<string, number>;
};

export function judgeRoom(question: RoomQuestion): RoomJudgement {
  const { instance, template, reservations } = question;
  const unfit = whyNotInto(template, instance);
  if (unfit !== undefined) return { kind: 'noRoom', why: unfit };
  const { id } = template.reservation ?? { id: null };
  const meant = id === null ? reservations : reservations.filter((one) => one.reservationId === id);
  const reasons: string[] = [];
  // Its own place first: it takes nothing from anybody else.
  const ordered = [...meant].sort((a, b) => rank(instance, a) - rank(instance, b));
  for (const reservation of ordered) {
    const why = whyNoRoomIn(reservation, question);
    if (why === undefined) return { kind: 'room', room: roomOf(reservation, instance) };
    reasons.push(`${reservation.reservationId}: ${why}`);
  }
  const where = `${instance.instanceType} in ${instance.zone ?? ''}`;
  if (reasons.length > 0) {
    return { kind: 'noRoom', why: `no capacity reservation shows room for ${where}: ${nameSome(reasons)}` };
  }
  const missing = id === null ? 'there is none' : `${id}, which the launch template names, is not there`;
  return { kind: 'noRoom', why: `no capacity reservation shows room for ${where}: ${missing}` };
}

/** How many reservations are told one by one. */
const TOLD_MAX = 3;

function nameSome(reasons: readonly string[]): string {
  const left = reasons.length - TOLD_MAX;
  return [...reasons.slice(0, TOLD_MAX), ...(left > 0 ? [`and ${String(left)} more`] : [])].join('; ');
}

function rank({ reservationId }: InstanceFacts, one: ReservationFacts): number {
  return one.reservationId === reservationId ? 0 : 1;
}

/** Why what the template launches would be in no reservation, or in one that cannot be told. */
function whyNotInto(template: LaunchTemplateFacts, instance: InstanceFacts): string | undefined {
  const { reservation, placement, market } = template;
  if (instance.zone === undefined || instance.zone === '') return 'the zone of the instance is not known';
  if (instance.tenancy === undefined) return 'the tenancy of the instance is not known';
  if (market !== undefined) {
    return `the launch template asks for ${market} instances, which are in no capacity reservation that is judged here`;
  }
  if (placement !== undefined) {
    return `the launch template names ${placement}: whether a reservation serves it is not known`;
  }
  if (reservation?.preference === 'none') {
    return 'the launch template says that no capacity reservation is used (preference none)';
  }
  const groupArn = reservation?.groupArn ?? null;
  if (groupArn !== null) {
    return `the launch template names a group of reservations (${groupArn}): which of them would serve is not known`;
  }
  return undefined;
}

function whyNoRoomIn(
  reservation: ReservationFacts,
  { template, instance, platform, until, taken }: RoomQuestion,
): string | undefined {
  const { state, endsAt, match, special } = reservation;
  const tenancy = template.tenancy ?? instance.tenancy ?? '';
  const differs = [
    ['instance type', instance.instanceType, reservation.instanceType],
    ['zone', instance.zone ?? '', reservation.zone],
    ['platform', platform, reservation.platform],
    ['tenancy', tenancy, reservation.tenancy],
  ].find(([, wanted, found]) => wanted !== found || found === '');
  if (differs !== undefined) {
    const [what = '', wanted = '', found = ''] = differs;
    return `is for ${what} ${found || '(unknown)'}, not ${wanted || '(unknown)'}`;
  }
  if (state !== 'active') return `is ${state || 'in an unknown state'}, not active`;
  if (special !== null) return `is ${special}, which is not judged here`;
  if (endsAt !== null && !(Date.parse(endsAt) > Date.parse(until))) {
    return `ends at ${endsAt}, before another instance would be there for sure (${until})`;
  }
  const isNamed = template.reservation?.id === reservation.reservationId;
  if (match !== 'open' && !(match === 'targeted' && isNamed)) {
    return `takes only instances that name it (${match || 'unknown criteria'}), and the launch template does not`;
  }
  if (instance.reservationId === reservation.reservationId) return undefined;
  const { available } = reservation;
  if (available === null) return 'does not say how much of it is free';
  const counted = taken?.get(reservation.reservationId) ?? 0;
  if (available - counted >= 1) return undefined;
  const others = counted === 0 ? '' : `, ${String(counted)} of them counted on by other nodes of this plan`;
  return (
    `has ${String(available)} of ${String(reservation.total ?? '?')} free${others}, and the instance runs outside of it: ` +
    'its termination would free nothing there'
  );
}

function roomOf(reservation: ReservationFacts, instance: InstanceFacts): Room {
  const { reservationId, instanceType, zone, available, total } = reservation;
  const own = instance.reservationId === reservationId;
  return { reservationId, instanceType, zone, free: available ?? 0, total: total ?? 0, own };
}

/** `cr-1 (p5.48xlarge in us-east-1a): 0 of 8 free, and the place of its own instance comes back` */
export function renderRoom({ reservationId, instanceType, zone, free, total, own }: Room): string {
  const comes = own ? ', and the place of its own instance comes back' : '';
  return `${reservationId} (${instanceType} in ${zone}): ${String(free)} of ${String(total)} free${comes}`;
}
