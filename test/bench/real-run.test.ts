// Memory of a process as /proc tells it.
import { describe, expect, it } from '@jest/globals';
import { parseMemory } from '../../bench/real-run.ts';

describe('memory from /proc', () => {
  it('tells what is resident and the most that ever was, in MiB', () => {
    expect(parseMemory('Name:\tnode\nVmHWM:\t  409600 kB\nVmRSS:\t  204800 kB\n')).toEqual({
      nowMib: 200,
      peakMib: 400,
    });
  });

  it('refuses what names no memory, as of a process that has ended', () => {
    expect(() => parseMemory('Name:\tnode\nState:\tZ (zombie)\n')).toThrow('VmRSS');
  });
});
