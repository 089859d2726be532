// A fleet by chance: its pools with all that a policy may say, its nodes as they may be found. Most are small,
// so that many can be tried; one in ten is as large as asked for.
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Pool } from '../../domain/fleet.ts';
import type { ImageFacts, NodeFacts } from '../../domain/inventory.ts';
import type { Policy, ZoneMax } from '../../domain/policy.ts';
import type { RunDefinition } from '../../domain/run.ts';
import {
  OBSERVED_AT,
  OLD,
  sampleDefinition,
  sampleImages,
  sampleNode,
  samplePool,
} from '../domain/planning/sample-fleet.ts';
import { imageFacts } from '../fakes/fake-instances.ts';
import type { Random } from './random.ts';

const ALL_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const SMALL_MAX = 24;

export type RandomFleet = {
  definition: RunDefinition;
  nodes: NodeFacts[];
  images: Record<string, ImageFacts>;
};

/** Shown by nodes that no release of the catalog promises: they go back to the images of their instances. */
const UNKNOWN_KUBELET = 'v1.34.9';

export function randomFleet(random: Random, nodesMax: number): RandomFleet {
  const names = ['batch', 'h100', 'spare'].slice(0, 1 + random.below(3));
  const large = random.oneIn(10);
  const sizeMax = Math.max(1, Math.floor((large ? nodesMax : Math.min(nodesMax, SMALL_MAX)) / names.length));
  const sizes = names.map(() =>
    large ? sizeMax - random.below(Math.ceil(sizeMax / 4)) : 1 + random.below(sizeMax),
  );
  const pools = names.map((name, at) => randomPool(random, name, { nodes: sizes[at] ?? 1, large }));
  const clusterUnavailableMax = random.oneIn(3) ? randomAmount(random, large ? 40 : 6) : null;
  const nodes = pools.flatMap((pool, at) =>
    Array.from({ length: sizes[at] ?? 1 }, (_, index) => randomNode(random, pool, index)),
  );
  const requestedBy = random.pick(REQUESTERS) ?? null;
  const definition = sampleDefinition({ pools, clusterUnavailableMax, requestedBy });
  const lowerTiers = random.oneIn(8) ? { lowerTiers: randomTiers(random) } : {};
  return { definition: { ...definition, ...lowerTiers }, nodes, images: randomImages(random) };
}

/** Nobody, seldom: then no yes counts where the requester's own does not. */
const REQUESTERS = ['sam', 'Sam ', 'ana', 'kim', 'sam', 'ana', 'kim', null] as const;

/** Some are gone that nodes would go back to. */
function randomImages(random: Random): Record<string, ImageFacts> {
  const { [OLD.imageId]: old, ...others } = sampleImages();
  return {
    ...others,
    ...(old === undefined || random.oneIn(8) ? {} : { [OLD.imageId]: old }),
    ...(random.oneIn(2) ? { 'ami-old': imageFacts({ imageId: 'ami-old' }) } : {}),
  };
}

/** Until a moment in the next hours, or until somebody says yes. */
function randomTiers(random: Random): NonNullable<RunDefinition['lowerTiers']> {
  const untilMs = Date.parse(OBSERVED_AT) + random.below(180) * 60_000;
  return { until: random.oneIn(2) ? new Date(untilMs).toISOString() : null, found: ['qa-1 has not soaked'] };
}

function randomPool(random: Random, name: string, { nodes, large }: { nodes: number; large: boolean }): Pool {
  const policy = randomPolicy(random, nodes, large);
  if (!random.oneIn(5)) return samplePool(name, { policy });
  const onExceeded = policy.failure.onExceeded === 'rollback' ? 'pause' : policy.failure.onExceeded;
  const replacing: Policy = {
    ...policy,
    disruption: { ...policy.disruption, surge: random.below(4) },
    reimage: { ...policy.reimage, method: 'replaceInstance' },
    failure: { ...policy.failure, onExceeded },
  };
  const launchTemplate = { id: `lt-${name}`, name: null, version: '3' };
  return samplePool(name, { policy: replacing, launchTemplate });
}

function randomNode(random: Random, pool: Pool, index: number): NodeFacts {
  return sampleNode(pool.name, index, {
    podsToMove: random.below(9),
    unschedulable: random.oneIn(20),
    ready: random.oneIn(15) ? 'Unknown' : 'True',
    ...(random.oneIn(12) ? { kubeletVersion: 'v1.36.1' } : {}),
    ...(random.oneIn(30) ? { kubeletVersion: UNKNOWN_KUBELET } : {}),
    ...(random.oneIn(40) ? { providerId: '' } : {}),
  });
}

export function randomAmount(random: Random, countMax: number): Policy['disruption']['unavailableMax'] {
  if (random.oneIn(2)) return { kind: 'count', count: 1 + random.below(countMax) };
  return { kind: 'percent', percent: 1 + random.below(60) };
}

const EXCEEDED = [...Array<'pause'>(12).fill('pause'), 'stop', 'rollback', 'rollback', 'rollback'] as const;

function randomPolicy(random: Random, nodes: number, large: boolean): Policy {
  const { drain, reimage, verify } = defaultPolicy;
  const befores = ['never', 'never', 'canary', 'pool', 'node'] as const;
  const canaries = random.oneIn(2) ? random.below(4) : 0;
  return {
    ...defaultPolicy,
    disruption: {
      unavailableMax: randomAmount(random, large ? Math.ceil(nodes / 4) : 5),
      unavailableMaxPerZone: random.oneIn(3) ? zoneMaxOf(1 + random.below(large ? 20 : 3)) : null,
      surge: 0,
    },
    canary: { nodes: { kind: 'count', count: canaries }, soakMs: random.below(5) * 60_000 },
    approval: {
      ...defaultPolicy.approval,
      before: random.pick(befores) ?? 'never',
      firstNodes: large || random.oneIn(2) ? random.below(4) : null,
      approvers: random.oneIn(3) ? 2 + random.below(2) : 1,
      selfApproval: !random.oneIn(3),
      expiresAfterMs: random.oneIn(4) ? 1_200_000 : null,
    },
    drain: {
      ...drain,
      timeoutMs: 120_000,
      onTimeout: random.pick(['defer', 'fail', 'force'] as const) ?? 'fail',
      deferralsMax: random.below(3),
      deferForMs: (1 + random.below(10)) * 60_000,
    },
    reimage: { ...reimage, timeoutMs: 300_000 },
    verify: { ...verify, soakMs: random.oneIn(3) ? 60_000 : 0 },
    failure: {
      failuresMax: random.below(large ? 20 : 5),
      successMinPercent: random.oneIn(4) ? 50 + random.below(45) : null,
      consecutiveMax: random.oneIn(3) ? 2 + random.below(3) : null,
      onExceeded: random.pick(EXCEEDED) ?? 'pause',
    },
    ...randomHours(random, large),
  };
}

/** Every third of them as a percentage, which allows more in a larger zone. */
function zoneMaxOf(max: number): ZoneMax {
  return max % 3 === 2 ? { kind: 'percent', percent: 20 + 4 * max } : max;
}

/** Freezes in the next hours for some pools, windows for a few small ones: to lay them out takes long. */
function randomHours(random: Random, large: boolean): Pick<Policy, 'windows' | 'exclusions'> {
  if (!random.oneIn(5)) return { windows: [], exclusions: [] };
  const windows = [
    { start: `09:${String(10 + random.below(50))}`, durationMs: (30 + random.below(90)) * 60_000 },
    { start: '14:00', durationMs: 28_800_000 },
  ].map((one) => ({ days: ALL_DAYS, timezone: 'UTC', ...one }));
  return { exclusions: [randomFreeze(random)], windows: !large && random.oneIn(3) ? windows : [] };
}

export function randomFreeze(
  random: Random,
  startMs = Date.parse(OBSERVED_AT),
): Policy['exclusions'][number] {
  const fromMs = startMs + random.below(180) * 60_000;
  const untilMs = fromMs + (1 + random.below(60)) * 60_000;
  return { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString(), why: 'freeze' };
}
