// Whether a capacity reservation shows room: what is not known is no room.
import { describe, expect, it } from '@jest/globals';
import { judgeRoom, renderRoom } from '../../../domain/reimage/reservation.ts';
import type { RoomQuestion } from '../../../domain/reimage/reservation.ts';
import { instanceFacts, reservationFacts, templateFacts } from '../../fakes/fake-instances.ts';

const outside = instanceFacts({ instanceId: 'i-1', zone: 'us-east-1a', tenancy: 'default' });
const inside = { ...outside, reservationId: 'cr-1' };
const until = '2026-01-02T00:30:00.000Z';
const question = (changes: Partial<RoomQuestion> = {}): RoomQuestion => ({
  reservations: [reservationFacts()],
  template: templateFacts(),
  instance: outside,
  platform: 'Linux/UNIX',
  until,
  ...changes,
});
const judge = (changes: Partial<RoomQuestion> = {}) => judgeRoom(question(changes));
const noRoom = (told: string) => ({ kind: 'noRoom', why: expect.stringContaining(told) as unknown });

describe('a capacity reservation', () => {
  it('shows room to an instance outside of it by what is free in it, and by nothing else [I232]', () => {
    expect(judge()).toMatchObject({ kind: 'room', room: { reservationId: 'cr-1', free: 1, own: false } });
    expect(judge({ reservations: [reservationFacts({ available: 0 })] })).toEqual(
      noRoom('its termination would free nothing there'),
    );
    expect(judge({ reservations: [reservationFacts({ available: null })] })).toEqual(
      noRoom('does not say how much of it is free'),
    );
  });

  it('shows room to an instance inside of it though it is full: its own place comes back [I232]', () => {
    const judged = judge({ instance: inside, reservations: [reservationFacts({ available: 0 })] });
    expect(judged).toMatchObject({ kind: 'room', room: { free: 0, own: true } });
    if (judged.kind === 'room')
      expect(renderRoom(judged.room)).toContain('the place of its own instance comes back');
  });

  it('is no room to an instance of another reservation that is full itself [I232]', () => {
    const reservations = [reservationFacts({ reservationId: 'cr-2', available: 0 })];
    expect(judge({ instance: inside, reservations })).toEqual(noRoom('cr-2: has 0 of 8 free'));
  });

  it.each([
    ['instance type', { instanceType: 'p4d.24xlarge' }, 'is for instance type p4d.24xlarge'],
    ['zone', { zone: 'us-east-1b' }, 'is for zone us-east-1b'],
    ['platform', { platform: 'Windows' }, 'is for platform Windows'],
    ['tenancy', { tenancy: 'dedicated' }, 'is for tenancy dedicated'],
    ['an unknown tenancy', { tenancy: '' }, '(unknown)'],
    ['its state', { state: 'expired' }, 'is expired, not active'],
    ['no state', { state: '' }, 'unknown state'],
    ['its end', { endsAt: '2026-01-02T00:10:00.000Z' }, 'ends at 2026-01-02T00:10:00.000Z'],
    ['an end that nobody can read', { endsAt: 'soon' }, 'ends at soon'],
    ['its kind', { special: 'a capacity-block' }, 'a capacity-block, which is not judged here'],
    ['its criteria', { match: 'targeted' }, 'takes only instances that name it'],
    ['unknown criteria', { match: '' }, 'unknown criteria'],
  ])('is no room for what does not fit into it: %s, inside of it or not [I232]', (_what, changes, told) => {
    const reservations = [reservationFacts(changes)];
    expect(judge({ reservations })).toEqual(noRoom(told));
    expect(judge({ reservations, instance: inside })).toEqual(noRoom(told));
  });

  it('is meant alone when the launch template names it [I232]', () => {
    const template = templateFacts({ reservation: { preference: null, id: 'cr-2', groupArn: null } });
    expect(judge({ template })).toEqual(noRoom('cr-2, which the launch template names, is not there'));
    const reservations = [reservationFacts(), reservationFacts({ reservationId: 'cr-2', match: 'targeted' })];
    expect(judge({ template, reservations })).toMatchObject({ room: { reservationId: 'cr-2' } });
    // The place that comes back is in another one.
    const full = [
      reservationFacts(),
      reservationFacts({ reservationId: 'cr-2', match: 'targeted', available: 0 }),
    ];
    expect(judge({ template, reservations: full, instance: inside })).toEqual(noRoom('cr-2: has 0'));
  });

  it.each([
    ['none is there', { reservations: [] }, 'there is none'],
    ['the zone is unknown', { instance: { ...inside, zone: '' } }, 'zone of the instance is not known'],
    [
      'the tenancy is unknown',
      { instance: instanceFacts({ instanceId: 'i-1', zone: 'us-east-1a' }) },
      'tenancy of the instance is not known',
    ],
    [
      'the template uses none',
      { template: templateFacts({ reservation: { preference: 'none', id: null, groupArn: null } }) },
      'preference none',
    ],
    [
      'the template names a group of them',
      { template: templateFacts({ reservation: { preference: null, id: null, groupArn: 'arn:x' } }) },
      'a group of reservations (arn:x)',
    ],
    ['the template asks for spot', { template: templateFacts({ market: 'spot' }) }, 'spot instances'],
    [
      'the template names a placement group',
      { template: templateFacts({ placement: 'placement group g' }) },
      'placement group g',
    ],
    [
      'the template has another tenancy',
      { template: templateFacts({ tenancy: 'dedicated' }) },
      'tenancy default',
    ],
    ['the image is of another platform', { platform: 'Red Hat Enterprise Linux' }, 'platform Linux/UNIX'],
    ['the image is unknown', { platform: '' }, 'not (unknown)'],
  ] as const)('is no room when %s [I232]', (_what, changes, told) => {
    expect(judge(changes)).toEqual(noRoom(told));
  });

  it('is counted on once by each node of a plan that runs outside of it [I232]', () => {
    expect(judge({ taken: new Map([['cr-1', 1]]) })).toEqual(noRoom('1 of them counted on by other nodes'));
    expect(judge({ taken: new Map([['cr-1', 1]]), instance: inside })).toMatchObject({ kind: 'room' });
  });
});
