// The estimate of a plan against rollouts by chance: where each node takes what was assumed, the rollout ends
// inside of the range that was told, whatever the bounds, zones, canaries, soaks, windows and exclusions.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Pool } from '../../domain/fleet.ts';
import { estimatePlan } from '../../domain/planning/estimate.ts';
import type { PastTimes } from '../../domain/planning/node-span.ts';
import { planRun } from '../../domain/planning/plan-run.ts';
import {
  OBSERVED_AT,
  OWNER,
  sampleDefinition,
  sampleInventory,
  sampleNode,
  samplePolicy,
  samplePool,
} from '../domain/planning/sample-fleet.ts';
import { makespanOf } from './makespan.ts';

const MINUTE_MS = 60_000;
const ALL_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const hours = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ windows: [], exclusions: [] }) },
  {
    weight: 2,
    arbitrary: fc.record({
      windows: fc.array(
        fc.record({
          days: fc.constant(ALL_DAYS),
          start: fc.constantFrom('09:30', '11:00', '14:15', '22:00'),
          durationMs: fc.integer({ min: 130, max: 420 }).map((minutes) => minutes * MINUTE_MS),
          timezone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York'),
        }),
        { maxLength: 2 },
      ),
      exclusions: fc.array(
        fc
          .record({ afterMin: fc.integer({ max: 600, min: 0 }), minutes: fc.integer({ min: 1, max: 90 }) })
          .map(({ afterMin, minutes }) => {
            const fromMs = Date.parse(OBSERVED_AT) + afterMin * MINUTE_MS;
            const untilMs = fromMs + minutes * MINUTE_MS;
            return { from: new Date(fromMs).toISOString(), until: new Date(untilMs).toISOString(), why: '' };
          }),
        { maxLength: 1 },
      ),
    }),
  },
);

const poolOf = (name: string) =>
  fc
    .record({
      unavailableMax: fc.integer({ min: 1, max: 5 }),
      perZone: fc.option(fc.integer({ min: 1, max: 3 })),
      canaries: fc.integer({ min: 0, max: 3 }),
      soakMin: fc.integer({ min: 0, max: 30 }),
      hours,
    })
    .map(({ unavailableMax, perZone, canaries, soakMin, hours: { windows, exclusions } }): Pool =>
      samplePool(name, {
        policy: samplePolicy({
          disruption: {
            unavailableMax: { kind: 'count', count: unavailableMax },
            unavailableMaxPerZone: perZone === 3 ? { kind: 'percent', percent: 40 } : perZone,
            surge: 0,
          },
          canary: { nodes: { kind: 'count', count: canaries }, soakMs: soakMin * MINUTE_MS },
          approval: { ...defaultPolicy.approval, before: 'never' },
          windows,
          exclusions,
        }),
      }),
    );

const world = fc.record({
  batch: poolOf('batch'),
  h100: poolOf('h100'),
  clusterMax: fc.option(fc.integer({ min: 1, max: 6 })),
  nodes: fc.record({
    batch: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 14 }),
    h100: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 8 }),
  }),
  /** Measured before, or assumed. */
  past: fc.option(fc.array(fc.integer({ min: 4, max: 70 }), { minLength: 3, maxLength: 12 })),
  /** By their place in the fleet: not Ready, and cordoned by somebody else. */
  notReady: fc.array(fc.integer({ min: 0, max: 21 }), { maxLength: 2 }),
  cordoned: fc.array(fc.integer({ min: 0, max: 21 }), { maxLength: 2 }),
  /** Where in its range each node lies. */
  shares: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 22 }),
});

describe('the estimate of a plan', () => {
  it('holds the time that a rollout takes in which each node takes what was assumed [I180]', () => {
    fc.assert(
      fc.property(
        world,
        ({ batch, h100, clusterMax, nodes: counts, notReady, cordoned, past: minutes, shares }) => {
          const definition = sampleDefinition({
            pools: [batch, h100],
            clusterUnavailableMax: clusterMax === null ? null : { kind: 'count', count: clusterMax },
          });
          const zones = Object.entries(counts).flatMap(([pool, ofPool]) =>
            ofPool.map((zone, index) => ({ pool, zone, index })),
          );
          const nodes = zones.map(({ pool, zone, index }, place) =>
            sampleNode(pool, index, {
              podsToMove: zone,
              labels: { 'refit.dev/pool': pool, 'topology.kubernetes.io/zone': `z${zone % 4}` },
              ready: notReady.includes(place) ? 'Unknown' : 'True',
              unschedulable: cordoned.includes(place),
            }),
          );
          const inventory = sampleInventory(nodes);
          const past: PastTimes = minutes === null ? {} : { batch: minutes.map((one) => one * MINUTE_MS) };
          const plan = planRun(definition, inventory, OWNER);
          // Windows that leave no time for any node refuse the run.
          fc.pre(plan.kind === 'planned');
          const estimate = estimatePlan(definition, plan.rows, inventory, past);
          const { lowMs, highMs } = estimate.whole;
          const spans = new Map(estimate.pools.map(({ pool, node }) => [pool, node]));
          const took = makespanOf(definition, nodes, (name) => {
            const span = spans.get(name.split('-')[0] ?? '');
            const share = shares[nodes.findIndex((node) => node.name === name) % shares.length] ?? 0;
            if (span === undefined) throw new Error(`no span for ${name}`);
            return Math.round(span.lowMs + share * (span.highMs - span.lowMs));
          });
          // What stands as long as nodes are away may come to its end once they are back.
          if (took === undefined) expect(highMs).toBeNull();
          else
            expect({ took, isInside: took >= lowMs && took <= (highMs ?? Infinity) }).toEqual({
              took,
              isInside: true,
            });
        },
      ),
      { numRuns: 100 },
    );
  });
});
