// What has moved between two plans: everything that changes the digest has a line of its own.
import { describe, expect, it } from '@jest/globals';
import { isPlanBasis, listMoves } from '../../domain/plan-moves.ts';
import type { NodeMeets } from '../../domain/preflight.ts';
import { planBasis, renderBasis } from '../../domain/planning/plan-digest.ts';
import type { PlanBasis } from '../../domain/planning/plan-digest.ts';
import type { PlanRow } from '../../domain/plan.ts';
import type { RunDefinition } from '../../domain/run.ts';
import {
  NEW,
  OLD,
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePolicy,
  samplePool,
  withUnavailableMax,
} from './planning/sample-fleet.ts';

const definition = sampleDefinition();
const rows = plannedRows(
  definition,
  sampleInventory([...sampleNodes('batch', 2), ...sampleNodes('h100', 2)]),
);
const base = planBasis(definition, rows);

const withRow = (node: string, changes: Partial<PlanRow>) =>
  planBasis(
    definition,
    rows.map((row) => (row.node === node ? { ...row, ...changes } : row)),
  );
const withDefinition = (changes: Partial<RunDefinition>) => planBasis(sampleDefinition(changes), rows);
const meets = (...kinds: NodeMeets['risks'][number]['kind'][]): NodeMeets => ({
  pods: 1,
  risks: kinds.map((kind) => ({ kind, pods: 1, example: 'default/web-1', text: 'why' })),
});
const lines = (after: PlanBasis, before = base) =>
  listMoves(before, after).map(({ part, text }) => `${part}: ${text}`);

describe('what has moved since a plan', () => {
  it.each<[PlanBasis, string]>([
    [withRow('h100-0', { uid: 'other' }), 'nodes: h100-0: another Node object under the same name'],
    [withRow('h100-0', { instanceId: 'i-other' }), 'nodes: h100-0: another instance'],
    [withRow('h100-0', { from: null }), 'nodes: h100-0: shows release: 2026.09 --> unknown'],
    [withRow('h100-0', { to: '2026.12' }), 'nodes: h100-0: goes to release: 2026.11 --> 2026.12'],
    [withRow('h100-0', { pool: 'batch' }), 'nodes: h100-0: pool: h100 --> batch'],
    [
      withRow('h100-0', {
        disposition: { kind: 'leftAlone', why: { kind: 'cordonedByOther', text: 'by kim' } },
      }),
      'nodes: h100-0: what happens: upgrade --> cordonedByOther',
    ],
    [withRow('h100-0', { noWayBack: 'its image is gone' }), 'nodes: h100-0: way back: there --> none'],
    [planBasis(definition, rows.slice(1)), 'nodes: batch-0: went'],
    [withRow('h100-0', { meets: meets('bare') }), 'blocks: h100-0: now blocked (bare)'],
    [withDefinition({ tier: 'qa' }), 'scope: tier: prod --> qa'],
    [
      withDefinition({ clusterUnavailableMax: { kind: 'count', count: 3 } }),
      'scope: the cluster’s disruption.unavailableMax: null --> 3',
    ],
    [
      withDefinition({ pools: [samplePool('h100'), samplePool('batch')] }),
      'scope: pools in scope, in their order: batch, h100 --> h100, batch',
    ],
    [
      withDefinition({ pools: [samplePool('batch', { policy: withUnavailableMax(3) }), samplePool('h100')] }),
      'policy: disruption.unavailableMax of batch: 1 --> 3',
    ],
    [
      withDefinition({
        pools: [samplePool('batch', { policy: samplePolicy({ name: 'careful' }) }), samplePool('h100')],
      }),
      'policy: policy of pool batch: default --> careful',
    ],
    [
      withDefinition({ pools: [samplePool('batch', { sla: true }), samplePool('h100')] }),
      'policy: sla of pool batch: false --> true',
    ],
    [
      withDefinition({ releases: { batch: OLD, h100: NEW } }),
      'release: pool batch goes to release 2026.09, not to 2026.11',
    ],
    [
      withDefinition({
        releases: { batch: { ...NEW, imageId: 'ami-9' }, h100: { ...NEW, imageId: 'ami-9' } },
      }),
      'release: imageId of release 2026.11: ami-202611 --> ami-9',
    ],
  ])('is told in a line of its own [I175]', (after, line) => {
    expect(renderBasis(after)).not.toBe(renderBasis(base));
    expect(lines(after)).toEqual([line]);
  });

  it('names what came and what is blocked no more, seen from the other side [I175]', () => {
    expect(lines(base, planBasis(definition, rows.slice(1)))).toEqual(['nodes: batch-0: came']);
    expect(lines(base, withRow('h100-0', { meets: meets('twoPdbs', 'pdbNow') }))).toEqual([
      'blocks: h100-0: not blocked any more (twoPdbs)',
    ]);
  });

  it('does not count what passes by itself: a PDB that allows none now, room that is short [I175]', () => {
    const passing = withRow('h100-0', {
      meets: meets('pinned', 'noRoom', 'wait', 'pdbNow', 'rule', 'localStorage'),
    });
    expect(renderBasis(passing)).toBe(renderBasis(base));
  });

  it('stays a screen, however much has moved', () => {
    const many = plannedRows(
      sampleDefinition({ pools: [samplePool('batch')] }),
      sampleInventory(sampleNodes('batch', 500)),
    );
    expect(lines(planBasis(definition, many), planBasis(definition, many.slice(100)))).toEqual([
      expect.stringMatching(/^nodes: batch-0, batch-\d+, batch-\d+ and 97 more nodes: came$/),
    ]);
    const each = many.map((row, index) => ({ ...row, from: `release-${index}` }));
    const moves = lines(planBasis(definition, each), planBasis(definition, many));
    expect(moves).toHaveLength(21);
    expect(moves.at(-1)).toBe('scope: and 480 more differences');
  });

  it('reads a plan of an older version, whose policies had fewer fields', () => {
    const old = JSON.parse(JSON.stringify(base)) as { pools: { policy: Record<string, unknown> }[] };
    for (const { policy } of old.pools) {
      delete policy['canary'];
      delete policy['drain'];
    }
    expect(lines(base, old as unknown as PlanBasis)).toEqual([
      'scope: something that this version does not tell apart',
    ]);
  });

  it('takes no record of another kind for a plan', () => {
    expect(isPlanBasis(JSON.parse(renderBasis(base)))).toBe(true);
    for (const body of [undefined, null, [], rows, { outcome: 'done' }])
      expect(isPlanBasis(body)).toBe(false);
  });
});
