// Observe and plan, against a cluster and a cloud in memory: what is asked of them, what is stored,
// and how large the answers are at 5,000 nodes.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { ApplicationFailure } from '@temporalio/common';
import { PortError } from '../../adapters/ports/errors.ts';
import { createObserveActivities, observeAndPlan } from '../../activities/observe.ts';
import type { PlanNextInput } from '../../activities/api.ts';
import type { PlanSummary } from '../../domain/plan.ts';
import type { RunDefinition } from '../../domain/run.ts';
import { PAYLOAD_BYTES_MAX, RUN, bytes, createWorld, planned } from './observe-bed.ts';
import type { World } from './observe-bed.ts';
import {
  OBSERVED_AT,
  OLD,
  sampleDefinition,
  sampleNode,
  sampleNodes,
  samplePool,
  withUnavailableMax,
} from '../domain/planning/sample-fleet.ts';

function nextInput(definition: RunDefinition, summary: PlanSummary, changes: Partial<PlanNextInput> = {}) {
  const codes = 'w'.repeat(summary.rows);
  return { definition, run: RUN, pages: summary.pages, codes, occupied: [], retries: [], ...changes };
}

describe('planning a run', () => {
  let world: World;
  beforeEach(() => {
    world = createWorld();
    world.addNodes([...sampleNodes('batch', 4), ...sampleNodes('h100', 4), sampleNode('stranger', 1)]);
  });

  it('stores rows and head as records, and answers the head alone', async () => {
    const summary = await planned(world, sampleDefinition());
    expect(world.records.puts.map(({ kind, key }) => `${kind} ${key}`)).toEqual(
      ['planPage', 'planMeets', 'planBasis', 'plan'].map((kind) => `${kind} ${RUN.workflowId}`),
    );
    expect(summary).toMatchObject({ rows: 8, counts: { upgrade: 8 }, observedAt: OBSERVED_AT });
    expect(summary.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(summary.pages).toEqual([world.records.puts[0]?.digest]);
    expect(summary.preflight?.pages).toEqual([world.records.puts[1]?.digest]);
    expect(world.records.puts[3]?.body).toEqual(summary);
  });

  it('is what somebody sees who only looks, by digest, and stores nothing for him [I109]', async () => {
    const seen = await observeAndPlan(world.deps, sampleDefinition({ requestedBy: 'ana' }), null);
    expect(world.records.puts).toEqual([]);
    const summary = await planned(world, sampleDefinition({ requestedBy: 'sam' }));
    expect(seen.kind === 'planned' && seen.summary.digest).toBe(summary.digest);
  });

  it('asks for the instances of the pools in scope in one call, and never for a stranger’s', async () => {
    await planned(world, sampleDefinition({ pools: [samplePool('h100')] }));
    expect(world.looked).toEqual([['i-h100-0', 'i-h100-1', 'i-h100-2', 'i-h100-3']]);
  });

  it('answers what refuses it, and stores nothing', async () => {
    world.instances.images.clear();
    const outcome = await createObserveActivities(world.deps).planRun({
      definition: sampleDefinition(),
      run: RUN,
    });
    expect(outcome).toMatchObject({ kind: 'refused', refusals: [{ kind: 'imageMissing' }] });
    expect(world.records.puts).toEqual([]);
  });

  it('fails by the table when the cluster cannot be read', async () => {
    world.cluster.failure = new PortError('forbidden', 'list nodes: 403');
    const failure = await createObserveActivities(world.deps)
      .planRun({ definition: sampleDefinition(), run: RUN })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ApplicationFailure);
    expect(failure).toMatchObject({ type: 'Forbidden', message: 'list nodes: 403' });
  });
});

describe('planning what comes next', () => {
  it('reads the shared watch, and looks only at what it starts [I103]', async () => {
    const world = createWorld();
    world.addNodes([...sampleNodes('batch', 6), ...sampleNodes('h100', 2)]);
    const definition = sampleDefinition({
      pools: [samplePool('batch', { policy: withUnavailableMax(2) }), samplePool('h100')],
    });
    const summary = await planned(world, definition);
    world.looked.length = 0;
    world.cluster.calls.length = 0;
    const { planNext } = createObserveActivities(world.deps);
    const next = await planNext(nextInput(definition, summary));
    expect(next.steps.map((step) => step.node)).toEqual(['batch-0', 'batch-3']);
    expect(world.looked).toEqual([['i-batch-0', 'i-batch-3']]);
    // Each of these reads the shared watches.
    expect(world.cluster.calls.map((call) => call.method)).toEqual([
      'collectNodesCached',
      'collectDaemonSets',
      'collectImpact',
      'collectDaemonSets',
      'collectImpact',
    ]);
    const occupied = next.steps.map(({ node, pool }) => ({ node, pool }));
    await planNext(nextInput(definition, summary, { codes: 'aawwwwww', occupied }));
    expect(world.looked).toHaveLength(1);
  });

  it('tells what a drain would meet of nodes that somebody is asked about, of others not [I142]', async () => {
    const world = createWorld();
    world.addNodes(sampleNodes('batch', 2));
    const impactOf = async (before: 'node' | 'pool') => {
      const { approval, ...policy } = withUnavailableMax(1);
      const pools = [samplePool('batch', { policy: { ...policy, approval: { ...approval, before } } })];
      const definition = sampleDefinition({ pools });
      const { planNext } = createObserveActivities(world.deps);
      const next = await planNext(nextInput(definition, await planned(world, definition)));
      return next.steps[0]?.impact;
    };
    expect(await impactOf('node')).toEqual(world.cluster.impact);
    expect(await impactOf('pool')).toBeUndefined();
    world.cluster.collectImpact = () => Promise.reject(new PortError('forbidden', 'watch pdbs: 403'));
    expect(await impactOf('node')).toBeUndefined();
  });

  it('looks at the former images too: for the plan, and when a run goes back [I191]', async () => {
    const world = createWorld();
    const node = sampleNode('batch', 0);
    world.addNodes([node]);
    const definition = sampleDefinition({ pools: [samplePool('batch')] });
    const summary = await planned(world, definition);
    expect(summary.pools[0]).not.toHaveProperty('noWayBack');
    world.cluster.nodes.set(node.name, { ...node, kubeletVersion: 'v1.36.1' });
    const back = { order: [0], failed: [], untouched: [], attempts: {} };
    const { planNext } = createObserveActivities(world.deps);
    const next = await planNext(nextInput(definition, summary, { back }));
    expect(next.steps.map((step) => [step.node, step.release.name, step.attempt])).toEqual([
      ['batch-0', '2026.09', 2],
    ]);
    world.instances.images.delete(OLD.imageId);
    const later = await createObserveActivities(world.deps).planNext(
      nextInput(definition, summary, { back }),
    );
    expect(later.settled).toMatchObject([{ disposition: { kind: 'leftAlone', why: { kind: 'noWayBack' } } }]);
  });

  it('passes over instances that are gone, and starts the next ones in the same answer', async () => {
    const world = createWorld();
    world.addNodes(sampleNodes('batch', 6));
    const definition = sampleDefinition({ pools: [samplePool('batch')] });
    const summary = await planned(world, definition);
    world.instances.instances.delete('i-batch-0');
    world.instances.instances.delete('i-batch-3');
    const next = await createObserveActivities(world.deps).planNext(nextInput(definition, summary));
    expect(next.settled.map((one) => one.node)).toEqual(['batch-0', 'batch-3']);
    expect(next.steps.map((step) => step.node)).toEqual(['batch-1']);
  });

  it('stops looking after a bounded number of rounds, and says that there is more', async () => {
    const world = createWorld();
    world.addNodes(sampleNodes('batch', 30));
    const definition = sampleDefinition({ pools: [samplePool('batch')] });
    const summary = await planned(world, definition);
    world.instances.instances.clear();
    world.looked.length = 0;
    const next = await createObserveActivities(world.deps).planNext(nextInput(definition, summary));
    expect(world.looked).toHaveLength(8);
    expect(next).toMatchObject({ more: true, steps: [] });
    expect(next.settled).toHaveLength(8);
  });

  it('reads each page of the plan once, and says which one is missing', async () => {
    const world = createWorld();
    world.addNodes(sampleNodes('batch', 2));
    const definition = sampleDefinition({ pools: [samplePool('batch')] });
    const summary = await planned(world, definition);
    let reads = 0;
    const get = (digest: string) => {
      reads += 1;
      return world.records.get(digest);
    };
    const { planNext } = createObserveActivities({ ...world.deps, records: { ...world.records, get } });
    await planNext(nextInput(definition, summary));
    await planNext(nextInput(definition, summary));
    expect(reads).toBe(1);
    const lost = planNext(nextInput(definition, { ...summary, pages: ['sha256:lost'] }));
    await expect(lost).rejects.toMatchObject({
      type: 'Unsafe',
      message: expect.stringContaining('page sha256:lost of the run'),
    });
  });
});

describe('at 5,000 nodes', () => {
  // Names, ids and labels as long as they are in a real fleet.
  const nodes = Array.from({ length: 5000 }, (_, index) => {
    const name = `ip-10-${index >> 8}-${index & 255}-${index % 254}.us-east-1.compute.internal`;
    return sampleNode(index % 2 === 0 ? 'batch' : 'h100', index, {
      name,
      uid: `0b3c9a52-6f0e-4a8e-9d53-${String(index).padStart(12, '0')}`,
      providerId: `aws:///us-east-1a/i-0${String(index).padStart(16, '0')}`,
      // One in ten is cordoned by somebody else, so that reasons travel too.
      unschedulable: index % 10 === 0,
    });
  });
  const policy = withUnavailableMax(1000);
  const definition = sampleDefinition({
    pools: [samplePool('batch', { policy }), samplePool('h100', { policy })],
  });

  it('no payload is over 256 KB: head, pages, input and answer of each tick [I102]', async () => {
    const world = createWorld();
    world.addNodes(nodes);
    world.cluster.daemonSets = new Map(
      nodes.map((node) => [
        node.name,
        Array.from({ length: 15 }, (_, index) => ({
          namespace: 'gpu-operator-resources',
          name: `nvidia-operator-component-${index}`,
          ready: true,
          startedAt: null,
        })),
      ]),
    );
    const summary = await planned(world, definition);
    expect(summary.counts).toEqual({ upgrade: 4500, upToDate: 0, leftAlone: 500 });
    expect(summary.pages).toHaveLength(10);
    expect(bytes(summary)).toBeLessThan(8 * 1024);
    for (const { kind, body } of world.records.puts) {
      if (kind === 'planPage') expect(bytes(body)).toBeLessThan(PAYLOAD_BYTES_MAX);
    }

    const { planNext } = createObserveActivities(world.deps);
    const codes = nodes.map((_, index) => (index < 2000 ? 'w' : 'l')).join('');
    const occupied = nodes.slice(0, 150).map((node) => ({ node: node.name, pool: 'batch' }));
    const input = nextInput(definition, summary, { codes, occupied });
    expect(bytes(input)).toBeLessThan(PAYLOAD_BYTES_MAX);
    const next = await planNext(input);
    expect(next.steps).toHaveLength(40);
    expect(bytes(next)).toBeLessThan(PAYLOAD_BYTES_MAX);

    // Everybody's cordon at once: the largest list of settled rows that can be.
    for (const node of nodes) world.cluster.nodes.set(node.name, { ...node, unschedulable: true });
    const settled = await planNext(nextInput(definition, summary));
    expect(settled.settled).toHaveLength(200);
    expect(bytes(settled)).toBeLessThan(PAYLOAD_BYTES_MAX);
  });

  it('a refusal of every single node still fits into one payload [I102]', async () => {
    const world = createWorld();
    world.addNodes(nodes);
    for (const [id, instance] of world.instances.instances) {
      const tags = { 'aws:autoscaling:groupName': `group-of-${id}` };
      world.instances.instances.set(id, { ...instance, state: 'running', tags });
    }
    const run = { definition, run: RUN };
    const outcome = await createObserveActivities(world.deps).planRun(run);
    expect(outcome.kind === 'refused' && outcome.refusals.length).toBe(201);
    expect(bytes(outcome)).toBeLessThan(PAYLOAD_BYTES_MAX);
  });

  it('a whole plan and a tick are made within seconds', async () => {
    const world = createWorld();
    world.addNodes(nodes);
    const began = performance.now();
    const summary = await planned(world, definition);
    const plannedAfter = performance.now() - began;
    const { planNext } = createObserveActivities(world.deps);
    await planNext(nextInput(definition, summary));
    const tickAfter = performance.now() - began - plannedAfter;
    // Bounds that a loaded machine keeps too; a quadratic planner would not.
    expect(plannedAfter).toBeLessThan(5000);
    expect(tickAfter).toBeLessThan(2000);
  });
});
