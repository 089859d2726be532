// Somebody else's instances: who owns them, and what must be said before they are touched.
import { describe, expect, it } from '@jest/globals';
import type { OwnerKind } from '../../../domain/fleet.ts';
import { whyOwned } from '../../../domain/reimage/instance-owner.ts';
import type { ReimageMethod } from '../../../domain/policy.ts';

const pool = (owner: OwnerKind | null, method: ReimageMethod = 'rootVolume', surge = 0) => ({
  name: 'h100',
  owner,
  policy: { reimage: { method }, disruption: { surge } },
});
const marks: [OwnerKind, Record<string, string>, Record<string, string>][] = [
  ['autoScalingGroup', { 'aws:autoscaling:groupName': 'asg-1' }, {}],
  ['eksNodeGroup', { 'eks:nodegroup-name': 'gpu', 'aws:autoscaling:groupName': 'eks-gpu' }, {}],
  ['eksNodeGroup', {}, { 'eks.amazonaws.com/nodegroup': 'gpu' }],
  ['karpenter', { 'karpenter.sh/nodepool': 'gpu' }, {}],
  ['karpenter', {}, { 'karpenter.sh/nodepool': 'gpu' }],
  ['karpenter', {}, { 'karpenter.sh/capacity-type': 'on-demand' }],
];

describe('whyOwned', () => {
  it.each(marks)('needs the pool to say %s before its instances are touched [I47]', (kind, tags, labels) => {
    for (const method of ['rootVolume', 'reboot'] as const) {
      const refusal = whyOwned('n1', tags, labels, pool(null, method));
      expect(refusal).toMatchObject({ kind: 'instanceOwned', where: 'n1' });
      expect(refusal?.text).toContain(`owner: {kind: ${kind}}`);
      expect(whyOwned('n1', tags, labels, pool(kind, method))).toBeUndefined();
      const other = kind === 'karpenter' ? 'autoScalingGroup' : 'karpenter';
      expect(whyOwned('n1', tags, labels, pool(other, method))).toBeDefined();
    }
  });

  it.each(marks)(
    'refuses replaceInstance and surge under %s whatever the pool says [I47]',
    (kind, tags, labels) => {
      expect(whyOwned('n1', tags, labels, pool(kind, 'replaceInstance'))?.text).toContain('replaceInstance');
      expect(whyOwned('n1', tags, labels, pool(kind, 'rootVolume', 1))?.text).toContain('surge');
    },
  );

  it('finds no owner where none shows, and takes a request to Karpenter for no ownership', () => {
    const labels = { 'kubernetes.io/hostname': 'n1', 'karpenter.sh/do-not-disrupt': 'true' };
    expect(whyOwned('n1', { Name: 'n1' }, labels, pool(null, 'replaceInstance', 3))).toBeUndefined();
  });
});
