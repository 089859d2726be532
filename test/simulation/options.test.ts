// What `npm run simulate` is asked to do, and what it refuses before it runs anything.
import { describe, expect, it } from '@jest/globals';
import { UsageError, parseOptions } from './options.ts';

describe('the command line of the simulation', () => {
  it('runs a hundred rollouts of up to five hundred nodes when nothing is said', () => {
    expect(parseOptions([])).toEqual({ runs: 100, seed: 1, nodesMax: 500 });
  });

  it('takes a seed and a number of runs', () => {
    expect(parseOptions(['--seed', '42', '--runs', '1', '--nodes', '24'])).toEqual({
      runs: 1,
      seed: 42,
      nodesMax: 24,
    });
  });

  it.each([
    [['--run', '3'], 'there is no option --run'],
    [['fast'], 'there is no option fast'],
    [['--runs'], '--runs is missing; expected a whole number between 1 and 1000000'],
    [['--runs', 'many'], '--runs is many'],
    [['--seed', '0'], '--seed is 0'],
    [['--nodes', '5001'], '--nodes is 5001'],
  ])('refuses %j', (args, why) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(why);
  });
});
