// Which capacity reservation shows room for each node of a plan whose instance would go first. Each node is counted
// once: two that run outside of a reservation are not both counted on its one free place.
import type { Inventory } from '../inventory.ts';
import { own } from '../own.ts';
import type { Why } from '../plan.ts';
import { judgeRoom, renderRoom } from '../reimage/reservation.ts';
import type { RoomJudgement } from '../reimage/reservation.ts';
import type { RunDefinition } from '../run.ts';
import type { ScopeEntry } from './scope.ts';

type PlannedRoom = { node: string; pool: string; judged: RoomJudgement };

/** In the order in which the nodes would be taken; those whose template would refuse them anyway are left out. */
export function listRooms(
  { reservations = [], templates = {}, images, observedAt }: Inventory,
  upgrades: readonly ScopeEntry[],
): readonly PlannedRoom[] {
  const taken = new Map<string, number>();
  return upgrades.flatMap(({ node, pool, release, instance }): readonly PlannedRoom[] => {
    const { method, mayLoseCapacity, timeoutMs } = pool.policy.reimage;
    const template = own(templates, pool.name);
    if (method !== 'replaceInstance' || mayLoseCapacity !== true) return [];
    if (template === undefined || instance === undefined) return [];
    const until = new Date(Date.parse(observedAt) + timeoutMs).toISOString();
    const platform = own(images, release.imageId)?.platform ?? '';
    const judged = judgeRoom({ reservations, template, instance, platform, until, taken });
    if (judged.kind === 'room' && !judged.room.own) {
      const { reservationId } = judged.room;
      taken.set(reservationId, (taken.get(reservationId) ?? 0) + 1);
    }
    return [{ node: node.name, pool: pool.name, judged }];
  });
}

/** What a plan says of a pool that may lose capacity: that it may, and where there is room. */
export function warnOfCapacity(
  pool: string,
  inventory: Inventory,
  upgrades: readonly ScopeEntry[],
): readonly string[] {
  const rooms = listRooms(inventory, upgrades).filter((one) => one.pool === pool);
  if (rooms.length === 0) return [];
  const named = new Map(
    rooms.flatMap(({ judged }) => (judged.kind === 'room' ? [[judged.room.reservationId, judged.room]] : [])),
  );
  const within = rooms.filter(({ judged }) => judged.kind === 'room' && judged.room.own).length;
  return [
    `pool ${pool} may lose capacity: the instances of ${rooms.length} nodes go before others are launched, one at a ` +
      `time, each after gate capacity/NODE; ${within} of them run in a reservation to which their place comes back; ` +
      `room is in ${[...named.values()].map((room) => renderRoom({ ...room, own: false })).join('; ')}`,
  ];
}

/** Why no further node of such a pool is begun: one that has given its capacity up is one too many. */
export function whyNotAlone(
  { pools }: RunDefinition,
  pool: string,
  atWork: readonly { node: string; pool: string }[],
): Why | undefined {
  const giving = new Set(
    pools.filter(({ policy }) => policy.reimage.mayLoseCapacity === true).map(({ name }) => name),
  );
  const other = giving.has(pool) ? atWork.find((one) => giving.has(one.pool)) : undefined;
  if (other === undefined) return undefined;
  return {
    kind: 'capacity',
    text:
      `of nodes whose instances go before others are launched, one is taken at a time: ${other.node} is at work, ` +
      'or at its gate; freed when it has ended',
  };
}
