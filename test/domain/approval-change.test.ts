// Who may change who is asked.
import { describe, expect, it } from '@jest/globals';
import { whyLooser } from '../../domain/approval-change.ts';
import { defaultPolicy } from '../../domain/default-policy.ts';
import type { Policy } from '../../domain/policy.ts';
import { definitionOf, policyOf } from '../workflows/shapes.ts';
import { createApprovalBed, textOf } from './approval-bed.ts';

const HOUR_MS = 3_600_000;
const guarded: Policy['approval'] = {
  ...defaultPolicy.approval,
  before: 'node',
  firstNodes: 3,
  approvers: 2,
  expiresAfterMs: HOUR_MS,
  selfApproval: false,
};

describe('a change of who is asked', () => {
  it.each<[string, Partial<Policy['approval']>]>([
    ['before', { before: 'never' }],
    ['before', { before: 'pool' }],
    ['firstNodes', { firstNodes: 2 }],
    ['approvers', { approvers: 1 }],
    ['expiresAfter', { expiresAfterMs: null }],
    ['expiresAfter', { expiresAfterMs: 2 * HOUR_MS }],
    ['selfApproval', { selfApproval: true }],
  ])('is refused by the name of the field that asks less: %s %j [I144]', (field, change) => {
    expect(whyLooser(guarded, { ...guarded, ...change })).toContain(`approval.${field} would ask less`);
    // Alone either guard is enough.
    const one = { ...guarded, approvers: 1 };
    const other = { ...guarded, selfApproval: true };
    const refused = [one, other].filter((from) => whyLooser(from, { ...from, ...change }) !== undefined);
    expect(refused.length).toBeGreaterThan(0);
  });

  it('is free when it asks as much or more, or when one yes was enough [I144]', () => {
    const stricter = { ...guarded, approvers: 3, firstNodes: null, expiresAfterMs: 60_000 };
    expect(whyLooser(guarded, guarded)).toBeUndefined();
    expect(whyLooser(guarded, stricter)).toBeUndefined();
    expect(whyLooser({ ...guarded, before: 'pool' }, guarded)).toBeUndefined();
    const free = { ...defaultPolicy.approval, before: 'node' as const };
    expect(whyLooser(free, { ...free, before: 'never' })).toBeUndefined();
  });

  it('is refused while a run is at work, and a stricter one is taken [I144]', () => {
    const bed = createApprovalBed({ nodes: ['n1'], approval: guarded, requestedBy: 'ana' });
    const change = (approval: Partial<Policy['approval']>) => {
      const to = policyOf({ unavailableMax: 10, approval: { ...guarded, ...approval } });
      const definition = definitionOf(to, { fleet: 'training', cluster: 'prod-east', requestedBy: 'ana' });
      return bed.tell(bed.planned, { kind: 'policyChanged', by: 'ana', reason: 'late', definition });
    };
    const looser = change({ approvers: 1 });
    expect(looser.kind).toBe('rejected');
    expect(textOf(looser)).toContain('which one person may not decide');
    expect(change({ approvers: 3 }).kind).toBe('moved');
  });
});
