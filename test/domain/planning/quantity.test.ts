// Amounts as Kubernetes writes them.
import { describe, expect, it } from '@jest/globals';
import { formatAmounts, parseQuantity } from '../../../domain/planning/quantity.ts';

describe('a quantity', () => {
  it.each([
    ['cpu', '500m', 500],
    ['cpu', '2', 2000],
    ['cpu', '0.1', 100],
    ['cpu', '1500u', 2],
    ['cpu', '.5', 500],
    ['memory', '64Gi', 64 * 1024 ** 3],
    ['memory', '1e3', 1000],
    ['memory', '12E2', 1200],
    ['memory', '1E', 1e18],
    ['memory', '128974848', 128974848],
    ['memory', '1500m', 2],
    ['memory', '1M', 1e6],
    ['nvidia.com/gpu', '8', 8],
  ])('of %s %s counts %d', (resource, text, amount) => {
    expect(parseQuantity(resource, text)).toBe(amount);
  });

  it.each(['', 'many', '1 Gi', '1GiB', '--1', 'Gi'])('is not taken for zero when it is %j', (text) => {
    expect(parseQuantity('memory', text)).toBeUndefined();
  });

  it('is shown as people write it', () => {
    const amounts = { cpu: 1500, memory: 4 * 1024 ** 3, 'nvidia.com/gpu': 8, pods: 0 };
    expect(formatAmounts(amounts)).toBe('cpu 1500m, memory 4Gi, nvidia.com/gpu 8');
    expect(formatAmounts({ cpu: 2000, memory: 100 })).toBe('cpu 2, memory 100');
  });
});
