// What a plan says of windows and exclusions: which way round they are meant, and what that means next.
import { describe, expect, it } from '@jest/globals';
import { planRun } from '../../../domain/planning/plan-run.ts';
import type { Policy } from '../../../domain/policy.ts';
import { renderPlan } from '../../../domain/render/plan.ts';
import {
  sampleDefinition,
  sampleInventory,
  sampleNodes,
  samplePolicy,
  samplePool,
} from '../planning/sample-fleet.ts';

const HOUR_MS = 3_600_000;
const night = { days: ['mon' as const, 'tue' as const], start: '22:00', timezone: 'Europe/Berlin' };

function linesOf(policy: Partial<Policy>): readonly string[] {
  const definition = sampleDefinition({ pools: [samplePool('h100', { policy: samplePolicy(policy) })] });
  const plan = planRun(definition, sampleInventory(sampleNodes('h100', 2)), null);
  if (plan.kind === 'refused') throw new Error(JSON.stringify(plan.refusals));
  const summary = { ...plan.draft, digest: 'sha256:plan', pages: [] };
  const text = renderPlan(summary, plan.rows, definition);
  return text.split('\n').map((line) => line.trim());
}

describe('a plan of a pool with windows', () => {
  it('says that nodes are begun only in them, when the next ones open, and when that ends [I127]', () => {
    const exclusions = [
      { from: '2026-11-24T00:00:00Z', until: '2026-11-25T00:00:00Z', why: 'release freeze' },
    ];
    const lines = linesOf({ windows: [{ ...night, durationMs: 6 * HOUR_MS }], exclusions });
    expect(lines.filter((line) => /^(begun|never|next|a node is)/.test(line))).toEqual([
      'begun only in its windows: mon, tue 22:00 for 6h (Europe/Berlin)',
      'never begun: 2026-11-24T00:00:00Z to 2026-11-25T00:00:00Z: release freeze',
      'next: 2026-11-23T21:00:00.000Z to 2026-11-24T00:00:00.000Z',
      'next: 2026-11-25T00:00:00.000Z to 2026-11-25T03:00:00.000Z',
      'next: 2026-11-30T21:00:00.000Z to 2026-12-01T03:00:00.000Z',
      'a node is expected to take 1h, until its first nodes are measured: none is begun later than that before an end; what has begun is finished',
    ]);
  });

  it('says how many of many windows it leaves out', () => {
    const windows = Array.from({ length: 8 }, (_, hour) => ({
      ...night,
      start: `0${hour}:00`,
      durationMs: 2 * HOUR_MS,
    }));
    expect(linesOf({ windows })).toContain('begun only in its windows: and 3 more: -o json shows all');
  });

  it('says nothing of hours where there are none', () => {
    expect(linesOf({}).filter((line) => /window|never begun|next:/.test(line))).toEqual([]);
  });
});
