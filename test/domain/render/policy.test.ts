// What a policy says will happen to a node whose pods are slow to leave, in the words of a plan.
import { describe, expect, it } from '@jest/globals';
import { defaultPolicy } from '../../../domain/default-policy.ts';
import type { Policy } from '../../../domain/policy.ts';
import { renderApproval, renderWay } from '../../../domain/render/policy.ts';
import { samplePool } from '../planning/sample-fleet.ts';

function way(drain: Partial<Policy['drain']>): string {
  const policy = { ...defaultPolicy, drain: { ...defaultPolicy.drain, ...drain } };
  return renderWay(samplePool('h100', { policy }), 'ami-1').join('\n');
}

describe('who is asked', () => {
  const asked = (approval: Partial<Policy['approval']>) =>
    renderApproval({ ...defaultPolicy, approval: { ...defaultPolicy.approval, ...approval } });

  it('is told with how many must say yes, for how long, and whose yes does not count', () => {
    expect(asked({})).toBe('before each node');
    expect(asked({ before: 'never', approvers: 3 })).toBe('nobody');
    expect(asked({ firstNodes: 3, approvers: 2, expiresAfterMs: 86_400_000, selfApproval: false })).toBe(
      'before each of the first 3 nodes of the run, 2 people; a yes is void after 1d; not whoever asks for the run',
    );
  });
});

describe('the way of a node', () => {
  it('says what becomes of it when its drain times out', () => {
    expect(way({ onTimeout: 'fail' })).toContain('30m, then it counts as failed and stays cordoned');
    expect(way({ onTimeout: 'defer', deferralsMax: 2 })).toContain(
      '30m, then it is put back as it was and taken again after 10m, up to 2 times; after that it counts as failed',
    );
    expect(way({ onTimeout: 'force', deferralsMax: 1 })).toContain(
      'somebody is asked whether bare pods may be evicted too (gate force/NODE); on a no it is put back as it was ' +
        'and taken again after 10m, once',
    );
  });

  it('names each drain rule, and is silent without any', () => {
    const rule = { name: 'jobs', matchLabels: { app: 'job' }, namespaces: ['ml'], order: -1 };
    const rules = [
      { ...rule, waitFor: 'completion', deadlineMs: 1_200_000 },
      { ...rule, name: 'db', namespaces: null, order: 1, waitFor: 'checkpoint', deadlineMs: null },
      { ...rule, name: 'rest', waitFor: 'nothing', deadlineMs: null },
    ] as const;
    expect(way({ rules }).split('\n')[1]).toBe(
      'pods leave by these rules: jobs (app=job in ml, order -1): waits for its end, at most 20m; ' +
        'db (app=job, order 1): waits for a checkpoint, as long as the drain lasts; ' +
        'rest (app=job in ml, order -1): waits for nothing',
    );
    expect(way({})).not.toContain('rules');
  });
});
