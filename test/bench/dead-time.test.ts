// From a freed slot to its next cordon: which cordon is held against which uncordon.
import { describe, expect, it } from '@jest/globals';
import { PART_NAMES, partsOf, readRunTimes, readWorkAt } from '../../bench/dead-time-parts.ts';
import { listRefills, secondsOf } from '../../bench/dead-time.ts';
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
    const refills = listRefills(requests, 2);
    expect(refills.map(secondsOf)).toEqual([1, 4, 3]);
    expect(refills.map(({ node }) => node)).toEqual(['c', 'd', 'e']);
  });

  it('is not told when more nodes are away than there are slots', () => {
    const requests = log(at(1, 'a', true), at(2, 'b', true), at(3, 'a', null));
    expect(() => listRefills(requests, 1)).toThrow('cordon 2 had no free slot');
  });
});

describe('where the dead time goes', () => {
  const event = (second: number, attributes: object, eventId = 0) =>
    ({ eventId, eventTime: { seconds: second, nanos: 500_000_000 }, ...attributes }) as never;
  const asked = (second: number, eventId: number) =>
    event(second, { activityTaskScheduledEventAttributes: { activityType: { name: 'planNext' } } }, eventId);
  const answered = (second: number, scheduledEventId: number) =>
    event(second, { activityTaskCompletedEventAttributes: { scheduledEventId } });
  const started = (second: number, workflowId: string) =>
    event(second, { startChildWorkflowExecutionInitiatedEventAttributes: { workflowId } });
  const times = readRunTimes(
    [asked(1, 5), answered(2, 5), asked(11, 9), answered(13, 9), started(14, 'run/node/c'), asked(15, 20)],
    'run',
  );

  it('is told by the plan that was answered last before the child was asked for, and adds up', () => {
    const work = readWorkAt([event(14, {}), event(16, { workflowTaskStartedEventAttributes: {} })]);
    const refill = { node: 'c', freedAt: 10_500, takenAt: 17_000 };
    const parts = partsOf(refill, times, new Map([['c', work]]));
    expect(parts).toEqual([1, 2, 1, 2, 0.5]);
    expect(parts).toHaveLength(PART_NAMES.length);
    expect(parts?.reduce((sum, each) => sum + each)).toBe(secondsOf(refill));
  });

  it('is not told of a node whose child the history does not name', () => {
    expect(partsOf({ node: 'x', freedAt: 0, takenAt: 1 }, times, new Map([['x', 1]]))).toBeUndefined();
  });
});
