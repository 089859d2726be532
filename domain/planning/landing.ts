// Where the pods of a drained node could go: for each of them another node that fits it and has the room,
// all of them together by first fit, the largest first. Pure, made once for a plan; asks nothing of anybody.
//
// Not modelled, and LANDING_LIMITS says so to whoever reads the plan: what other pods want beside them or far
// from them, priorities, and what else happens at the same time. Must never call a pod homeless that this
// search has found a place for, nor promise that the scheduler takes that place.
import { own } from '../own.ts';
import { fitsVolumes, whyMisfit } from './placing.ts';
import type { Misfit, Place, PodShape, VolumePlaces } from './placing.ts';
import { formatAmounts } from './quantity.ts';
import type { Amounts } from './quantity.ts';

export const LANDING_LIMITS: readonly string[] = [
  'whether pods find a place elsewhere is tried node by node, as if no other node were drained at the same ' +
    'time, by first fit against the requests of the pods that stand now',
  'it leaves out topology spread, affinity between pods, priorities and preemption, host ports, volume limits, ' +
    'pods that wait for a node already, and nodes that an autoscaler would add',
];

/** A node, and what is left of it: allocatable less the requests of its pods. */
export type Room = Place & { free: Amounts };

/** Pods of one node that ask for the same. */
export type Demand = { shape: PodShape; volumes: VolumePlaces; pods: number };

export type Landing =
  { kind: 'lands' } | { kind: 'pinned'; text: string } | { kind: 'noRoom'; pods: number; text: string };

export type Landings = (node: string, demands: readonly Demand[]) => readonly Landing[];

/** Of one shape, whatever its volumes: how many nodes are not for it, and those that are. */
type Survey = {
  misfits: Readonly<Record<Misfit, number>>;
  fitting: readonly Room[];
  /** Of these, with the room for one such pod now. */
  roomy: readonly Room[];
};

/** More shapes than this are those of pods with names of their own; each is then looked at by itself. */
const SURVEYS_KEPT_MAX = 500;

export function createLandings(rooms: readonly Room[]): Landings {
  const kept = new Map<PodShape, Survey>();
  const byName = new Map(rooms.map((room) => [room.name, room]));
  const surveyOf = (shape: PodShape): Survey => {
    const known = kept.get(shape);
    if (known !== undefined) return known;
    const made = survey(shape, rooms);
    if (kept.size < SURVEYS_KEPT_MAX) kept.set(shape, made);
    return made;
  };
  return (node, demands) => {
    const taken = new Map<string, Record<string, number>>();
    const landings = new Map<Demand, Landing>();
    for (const demand of [...demands].sort(largestFirst)) {
      landings.set(demand, land(demand, { from: node, self: byName.get(node), taken, surveyOf }));
    }
    return demands.map((demand) => landings.get(demand) ?? { kind: 'lands' });
  };
}

function survey(shape: PodShape, rooms: readonly Room[]): Survey {
  const misfits = { closed: 0, selector: 0, affinity: 0, taint: 0 };
  const fitting: Room[] = [];
  for (const room of rooms) {
    const misfit = whyMisfit(shape, room);
    if (misfit === undefined) fitting.push(room);
    else misfits[misfit] += 1;
  }
  return { misfits, fitting, roomy: fitting.filter((room) => hasRoom(room, shape.requests, undefined)) };
}

type Drained = {
  from: string;
  self: Room | undefined;
  /** By the node's other pods, which were placed before. */
  taken: Map<string, Record<string, number>>;
  surveyOf: (shape: PodShape) => Survey;
};

function land(demand: Demand, drained: Drained): Landing {
  const { shape, volumes, pods } = demand;
  const { from, self, taken } = drained;
  const { fitting, roomy, misfits } = drained.surveyOf(shape);
  const isElsewhere = (room: Room) => room.name !== from && fitsVolumes(volumes, room);
  let placed = 0;
  for (const room of roomy) {
    if (!isElsewhere(room)) continue;
    while (placed < pods && hasRoom(room, shape.requests, taken.get(room.name))) {
      take(taken, room.name, shape.requests);
      placed += 1;
    }
    if (placed === pods) return { kind: 'lands' };
  }
  // The node that is drained is none of the others, whatever it was counted as.
  const misfit = self === undefined ? 'closed' : whyMisfit(shape, self);
  const inSight = fitting.length - Number(misfit === undefined);
  const others = volumes.length === 0 ? inSight : fitting.filter(isElsewhere).length;
  if (others > 0) {
    return { kind: 'noRoom', pods: pods - placed, text: tellNoRoom(shape.requests, others, placed, pods) };
  }
  const left =
    self === undefined || misfit === undefined ? misfits : { ...misfits, [misfit]: misfits[misfit] - 1 };
  return { kind: 'pinned', text: tellPinned(shape, left, inSight) };
}

function hasRoom({ free }: Room, requests: Amounts, taken: Amounts | undefined): boolean {
  for (const resource in requests) {
    const asked = requests[resource] ?? 0;
    if (asked > 0 && asked > (own(free, resource) ?? 0) - (own(taken, resource) ?? 0)) return false;
  }
  return true;
}

function take(taken: Map<string, Record<string, number>>, room: string, requests: Amounts): void {
  const sum = taken.get(room) ?? {};
  for (const [resource, asked] of Object.entries(requests)) sum[resource] = (own(sum, resource) ?? 0) + asked;
  taken.set(room, sum);
}

const GPU = 'nvidia.com/gpu';

/** GPUs are what is scarce; then cores. */
function largestFirst({ shape: { requests: a } }: Demand, { shape: { requests: b } }: Demand): number {
  return (b[GPU] ?? 0) - (a[GPU] ?? 0) || (b['cpu'] ?? 0) - (a['cpu'] ?? 0);
}

/** `inSight`: nodes that only its volumes keep it from. */
function tellPinned(shape: PodShape, misfits: Readonly<Record<Misfit, number>>, inSight: number): string {
  const reasons = [
    { nodes: inSight, text: 'are out of reach of its volumes' },
    { nodes: misfits.selector, text: `do not match its node selector ${tellLabels(shape.nodeSelector)}` },
    { nodes: misfits.affinity, text: 'do not match its node affinity' },
    { nodes: misfits.taint, text: 'carry a taint that it does not tolerate' },
    { nodes: misfits.closed, text: 'are cordoned or not Ready' },
  ].filter(({ nodes }) => nodes > 0);
  if (reasons.length === 0) return 'the cluster has no other node';
  return `no other node fits it: ${reasons.map(({ nodes, text }) => `${nodes} ${text}`).join(', ')}`;
}

function tellLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function tellNoRoom(requests: Amounts, others: number, placed: number, pods: number): string {
  const asked = formatAmounts(
    Object.fromEntries(Object.entries(requests).filter(([name]) => name !== 'pods')),
  );
  const what = asked === '' ? 'another pod' : asked;
  if (placed === 0) return `${others} other nodes fit it, none has room for ${what}`;
  return `${others} other nodes fit it, with room for ${placed} of the ${pods} pods that ask for ${what}`;
}
