// What is looked at of canaries while they are watched: their DaemonSets' pods, by the shared watches alone.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createObserveActivities } from '../../activities/observe.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { CanaryClock } from '../../domain/planning/canary-clock.ts';
import type { NextSteps } from '../../domain/plan.ts';
import {
  OBSERVED_AT,
  sampleDefinition,
  sampleNode,
  sampleNodes,
  samplePolicy,
  samplePool,
} from '../domain/planning/sample-fleet.ts';
import { RUN, createWorld, planned } from './observe-bed.ts';
import type { World } from './observe-bed.ts';

const policy = samplePolicy({
  approval: { ...defaultPolicy.approval, before: 'never' },
  canary: { nodes: { kind: 'count', count: 1 }, soakMs: 0 },
});
const definition = sampleDefinition({ pools: [samplePool('batch', { policy })] });
const clock: CanaryClock = { endedAt: OBSERVED_AT, unwellSince: null, unwellLast: null, passed: false };
const agent = { namespace: 'kube-system', name: 'device-plugin', startedAt: OBSERVED_AT };

let world: World;
let pages: readonly string[];
beforeEach(async () => {
  world = createWorld();
  world.addNodes(sampleNodes('batch', 4));
  ({ pages } = await planned(world, definition));
  world.addNodes([sampleNode('batch', 3, { kubeletVersion: 'v1.36.1' })]);
});

/** The canary, which is the fourth node, has ended. */
async function next(canaries: Record<string, CanaryClock>): Promise<NextSteps> {
  world.cluster.calls.length = 0;
  const { planNext } = createObserveActivities(world.deps);
  return await planNext({ definition, run: RUN, pages, codes: 'dwww', occupied: [], retries: [], canaries });
}
const rejoinsLookedAt = () =>
  world.cluster.calls.flatMap(({ method, argument }) => (method === 'collectRejoin' ? [argument] : []));

describe('canaries that are watched', () => {
  it('hold the others while a DaemonSet has a pod there that is not Ready [I251]', async () => {
    world.cluster.daemonSets.set('batch-3', [{ ...agent, ready: false }]);
    const held = await next({ batch: clock });
    expect(held.steps).toEqual([]);
    expect(held.waiting[0]?.why).toMatchObject({
      kind: 'canaryUnwell',
      text: expect.stringContaining('has a pod of DaemonSet kube-system/device-plugin that is not Ready'),
    });
    expect(rejoinsLookedAt()).toEqual(['batch-3']);
    world.cluster.daemonSets.set('batch-3', [{ ...agent, ready: true }]);
    expect((await next({ batch: clock })).steps).toHaveLength(1);
  });

  it('are looked at no longer once the others have begun, and never before they have ended [I251]', async () => {
    world.cluster.daemonSets.set('batch-3', [{ ...agent, ready: false }]);
    expect((await next({ batch: { ...clock, passed: true } })).steps).toHaveLength(1);
    expect(rejoinsLookedAt()).toEqual([]);
    await next({});
    expect(rejoinsLookedAt()).toEqual([]);
  });
});
