// What the bench is asked to do, and what it refuses before it starts anything.
import { describe, expect, it } from '@jest/globals';
import { PART_NAMES, UsageError, parseOptions } from '../../bench/options.ts';

describe("the bench's command line", () => {
  it('runs every part over 200 nodes of five pods when nothing is said', () => {
    expect(parseOptions([])).toMatchObject({ parts: PART_NAMES, nodes: 200, podsPerNode: 5, runs: 3 });
  });

  it('takes parts and sizes', () => {
    const options = parseOptions(['drain', '--nodes', '40', '--memory-nodes', '24,200']);
    expect(options).toMatchObject({
      parts: ['drain'],
      nodes: 40,
      sequentialNodes: 10,
      memoryNodes: [24, 200],
    });
  });

  it.each([
    [['dram'], 'there is no part dram'],
    [['--node', '3'], 'there is no option --node'],
    [['--nodes', 'many'], 'expected a whole number'],
    [['--nodes'], 'missing'],
    [['--nodes', '5'], 'at least 10'],
    [['--nodes', '20', '--sequential-nodes', '21'], 'there are only 20'],
  ])('refuses %j', (args, why) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(why);
  });
});
