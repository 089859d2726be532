// From a freed slot to its next cordon: which cordon is held against which uncordon.
import { describe, expect, it } from '@jest/globals';
import { deadTimes } from '../../bench/dead-time.ts';
import { parseAuditLog } from '../checker/audit-log.ts';

const at = (second: number, name: string, unschedulable: true | null): string =>
  JSON.stringify({
    requestObject: { spec: { unschedulable } },
    stage: 'ResponseComplete',
    verb: 'patch',
    userAgent: 'refit/1',
    objectRef: { resource: 'nodes', name },
    responseStatus: { code: 200 },
    stageTimestamp: new Date(second * 1000).toISOString(),
  });
const log = (...lines: string[]) => parseAuditLog(lines.join('\n'));

describe('the dead time of a slot', () => {
  it('is from each uncordon to the cordon that follows it, the first ones of all slots apart', () => {
    const requests = log(
      ...[at(1, 'a', true), at(2, 'b', true), at(10, 'b', null), at(11, 'c', true), at(12, 'a', null)],
      ...[at(15, 'c', null), at(16, 'd', true), at(18, 'e', true), at(20, 'd', null), at(21, 'e', null)],
    );
    expect(deadTimes(requests, 2)).toEqual([1, 4, 3]);
  });

  it('is not told when more nodes are away than there are slots', () => {
    const requests = log(at(1, 'a', true), at(2, 'b', true), at(3, 'a', null));
    expect(() => deadTimes(requests, 1)).toThrow('cordon 2 had no free slot');
  });
});
