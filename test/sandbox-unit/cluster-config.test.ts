// How often the nodes of a simulated fleet say that they live.
import { describe, expect, it } from '@jest/globals';
import { nodeLeaseSeconds } from '../../sandbox/cluster-config.ts';

describe('the Lease of a simulated node', () => {
  it('notices a dead node within seconds in a small fleet', () => {
    expect([1, 24, 200].map(nodeLeaseSeconds)).toEqual([40, 40, 40]);
  });

  it('costs the API server no more than twenty writes a second, however large the fleet', () => {
    for (const nodes of [200, 201, 500, 1_000]) {
      const renewals = nodes / (nodeLeaseSeconds(nodes) / 4);
      expect(renewals).toBeGreaterThan(19);
      expect(renewals).toBeLessThanOrEqual(20);
    }
  });
});
