// How a plan stands among the records: under the digest that names it, what its drains would meet apart from its
// rows, and what is told to whoever demands another one.
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createObserveActivities, lookAtPlan } from '../../activities/observe.ts';
import { PortError } from '../../adapters/ports/errors.ts';
import type { DrainFacts } from '../../domain/planning/drain-tally.ts';
import { RISK_KINDS, RISK_TEXT_CHARS_MAX } from '../../domain/preflight.ts';
import { sampleDefinition, sampleNode, sampleNodes, samplePool } from '../domain/planning/sample-fleet.ts';
import { PAYLOAD_BYTES_MAX, RUN, bytes, createWorld, planned } from './observe-bed.ts';
import type { World } from './observe-bed.ts';

/** One bare pod on the node. */
function blocked(node: string): DrainFacts {
  const risk = { kind: 'bare', pods: 1, example: 'ml/debug', text: 'no controller' } as const;
  const drain = { pods: 1, ofJobs: 0, guarded: 0, risks: new Map([['bare', risk] as const]), demands: [] };
  return { used: new Map(), drains: new Map([[node, drain]]), volumes: { kind: 'known', places: new Map() } };
}

describe('a plan among the records', () => {
  let world: World;
  beforeEach(() => {
    world = createWorld();
    world.addNodes([...sampleNodes('batch', 4), ...sampleNodes('h100', 4)]);
  });

  it('keeps what the digest is made of under the digest itself, and rows without what drains would meet [I175]', async () => {
    const summary = await planned(world, sampleDefinition());
    const basis = world.records.puts.find(({ kind }) => kind === 'planBasis');
    expect(basis?.digest).toBe(summary.digest);
    const bodyOf = (kind: string) => world.records.puts.find((put) => put.kind === kind)?.body as object[];
    expect(bodyOf('planPage').some((row) => 'meets' in row)).toBe(false);
    expect(bodyOf('planMeets')).toHaveLength(8);
  });

  it('tells what has moved since the plan that was demanded, out of the records [I175]', async () => {
    const { planRun } = createObserveActivities(world.deps);
    const { digest } = await planned(world, sampleDefinition());
    const definition = sampleDefinition({ planDigest: digest });
    expect(await planRun({ definition, run: RUN })).not.toHaveProperty('moved');
    world.addNodes([sampleNode('h100', 9)]);
    world.cluster.drainFacts = blocked('batch-0');
    expect(await planRun({ definition, run: RUN })).toMatchObject({
      moved: [
        { part: 'nodes', text: 'h100-9: came' },
        { part: 'blocks', text: 'batch-0: now blocked (bare)' },
      ],
    });
  });

  it('says what it does not know of a plan that stands nowhere, or is none', async () => {
    const { planRun } = createObserveActivities(world.deps);
    const moved = async (planDigest: string) =>
      await planRun({ definition: sampleDefinition({ planDigest }), run: RUN });
    expect(await moved(`sha256:${'0'.repeat(64)}`)).toMatchObject({
      moved: [{ text: expect.stringContaining('does not stand among the records') }],
    });
    const page = (await planned(world, sampleDefinition())).pages[0] ?? '';
    expect(await moved(page)).toMatchObject({ moved: [{ text: expect.stringContaining('another kind') }] });
  });

  it('keeps what 5,000 drains would meet in pages of one payload each, however bad they are [I102]', async () => {
    const crowd = createWorld();
    crowd.addNodes(sampleNodes('batch', 5000));
    const risks = new Map(
      RISK_KINDS.map((kind) => [
        kind,
        {
          kind,
          pods: 100,
          example: `${'n'.repeat(63)}/${'p'.repeat(253)}`,
          text: 'x'.repeat(RISK_TEXT_CHARS_MAX),
        },
      ]),
    );
    const names = [...crowd.cluster.nodes.keys()];
    const drains = new Map(
      names.map((node) => [node, { pods: 100, ofJobs: 0, guarded: 0, risks, demands: [] }]),
    );
    crowd.cluster.drainFacts = { used: new Map(), drains, volumes: { kind: 'known', places: new Map() } };
    const summary = await planned(crowd, sampleDefinition({ pools: [samplePool('batch')] }));
    expect(bytes(summary)).toBeLessThan(PAYLOAD_BYTES_MAX);
    const pages = crowd.records.puts.filter(({ kind }) => kind === 'planMeets');
    for (const { body } of pages) expect(bytes(body)).toBeLessThan(PAYLOAD_BYTES_MAX);
    expect(pages.flatMap(({ body }) => (body as { node: string }[]).map(({ node }) => node)).sort()).toEqual(
      names.sort(),
    );
  });

  it('asks for no pods when nothing is drained', async () => {
    const upToDate = world.deps.kubernetes.cluster(sampleDefinition().cluster).collectNodes;
    const nodes = (await upToDate()).map((node) => ({ ...node, kubeletVersion: 'v1.36.1' }));
    world.addNodes(nodes);
    const summary = await planned(world, sampleDefinition());
    expect(summary).not.toHaveProperty('preflight');
    expect(world.cluster.calls.map(({ method }) => method)).not.toContain('collectDrainFacts');
  });

  it('is kept by who only looks where there are records, and is shown all the same when it cannot be', async () => {
    const definition = sampleDefinition();
    const seen = await lookAtPlan(world.deps, definition, { keep: true });
    if (seen.kind === 'refused') throw new Error('refused');
    expect(world.records.puts.map(({ kind, digest }) => [kind, digest])).toEqual([
      ['planBasis', seen.summary.digest],
    ]);
    expect(seen).not.toHaveProperty('notKept');
    await lookAtPlan(world.deps, definition, { keep: false });
    expect(world.records.puts).toHaveLength(1);
    const put = () => Promise.reject(new PortError('forbidden', 'records in /x: read-only'));
    const deps = { ...world.deps, records: { ...world.records, put } };
    expect(await lookAtPlan(deps, definition, { keep: true })).toMatchObject({
      kind: 'planned',
      notKept: 'records in /x: read-only',
    });
  });
});
