// Processor times as /proc writes them.
import { describe, expect, it } from '@jest/globals';
import { othersShare, parseMachineStat, parseProcessStat, usageBetween } from '../../bench/cpu.ts';

const STAT = '42 (a) name (x)) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 30 7 20 0 9 0 1000 0 0';

describe('processor times from /proc', () => {
  it('counts the fields from behind a name that holds spaces and parentheses', () => {
    expect(parseProcessStat(STAT)).toEqual({ ownMs: 2000, childrenMs: 370 });
  });

  it('refuses a line that is cut short', () => {
    expect(() => parseProcessStat('42 (name) S 1 42')).toThrow('field 14');
  });

  it('counts waiting for a disk as idle, and stolen time as busy', () => {
    const stat = 'cpu  10 1 5 80 4 0 0 2 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n';
    expect(parseMachineStat(stat)).toEqual({ busyMs: 180, totalMs: 1020 });
  });

  it('tells what neither the bed nor the tool used', () => {
    const zero = { ownMs: 0, childrenMs: 0, byName: { etcd: 0 }, busyMs: 0, totalMs: 0 };
    const later = { ownMs: 100, childrenMs: 100, byName: { etcd: 200 }, busyMs: 900, totalMs: 1000 };
    expect(othersShare(usageBetween(zero, later))).toBe(0.5);
  });
});
