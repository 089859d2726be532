// What the drains of a plan would meet, as people read it.
import { describe, expect, it } from '@jest/globals';
import type { PlanRow, PlanSummary } from '../../../domain/plan.ts';
import type { PlanPreflight } from '../../../domain/preflight.ts';
import { renderPreflight } from '../../../domain/render/preflight.ts';
import {
  plannedRows,
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePool,
} from '../planning/sample-fleet.ts';

const definition = sampleDefinition({ pools: [samplePool('batch')] });
const bare = {
  kind: 'bare',
  pods: 1,
  example: 'ml/debug',
  text: 'no controller would bring it back',
} as const;
const full = { kind: 'noRoom', pods: 2, example: 'ml/llama-7', text: '3 other nodes fit it' } as const;

function rowsOf(count: number): readonly PlanRow[] {
  return plannedRows(definition, sampleInventory(sampleNodes('batch', count)));
}

function render(preflight: PlanPreflight | undefined, rows: readonly PlanRow[]): string {
  return renderPreflight({ preflight } as PlanSummary, rows).join('\n');
}

describe('what the drains would meet', () => {
  it('is told in all, node by node, and with what nobody looked at [I174]', () => {
    const rows = rowsOf(2).map((row, index) => ({
      ...row,
      meets: { pods: 5, risks: index === 0 ? [bare, full] : [] },
    }));
    const risks = [
      {
        kind: 'bare' as const,
        nodes: 1,
        pods: 1,
        example: { node: 'batch-0', pod: 'ml/debug', text: bare.text },
      },
      {
        kind: 'noRoom' as const,
        nodes: 1,
        pods: 2,
        example: { node: 'batch-0', pod: 'ml/llama-7', text: full.text },
      },
    ];
    expect(render({ risks, limits: ['it leaves out priorities'], pages: [] }, rows)).toBe(`
What the drains would meet, as it stands now
  BLOCKS  1 pods on 1 nodes have no controller that would bring them back (batch-0, ml/debug: no controller would bring it back)
  2 pods on 1 nodes would wait: other nodes fit them, none has the room (batch-0, ml/llama-7: 3 other nodes fit it)
Node by node
  batch-0: 5 pods; bare 1 (ml/debug); noRoom 2 (ml/llama-7)
What that does not tell
  it leaves out priorities`);
  });

  it('says so when nothing was found, and nothing where nobody looked', () => {
    expect(render({ risks: [], limits: [], pages: [] }, rowsOf(1))).toContain(
      'nothing that would hold a drain up',
    );
    expect(render(undefined, rowsOf(1))).toBe('');
  });

  it('stays readable for thousands of nodes', () => {
    const rows = rowsOf(150).map((row) => ({ ...row, meets: { pods: 1, risks: [bare] } }));
    const lines = render({ risks: [], limits: [], pages: [] }, rows).split('\n');
    expect(lines).toHaveLength(105);
    expect(lines.at(-1)).toBe('  … and 50 more nodes: -o json shows all');
  });
});
