// Activations as the SDK hands them to a workflow; the numbers are those of a run whose history could not be
// replayed, because queries had moved it ahead of its workflow task.
import { describe, expect, it } from '@jest/globals';
import { createQueryGuard } from '../workflows/query-guard.ts';

const signal = { signalWorkflow: {} };
const query = { queryWorkflow: {} };
const at = (seconds: number, nanos = 0) => ({ seconds, nanos });

describe('the guard of queries', () => {
  it('refuses events that a query brings ahead of their workflow task [I225]', () => {
    const isAhead = createQueryGuard();
    expect(isAhead({ historyLength: 440, timestamp: at(8, 18_262_319), jobs: [signal] })).toBe(false);
    expect(isAhead({ historyLength: 443, timestamp: at(8, 18_262_319), jobs: [signal] })).toBe(true);
    expect(isAhead({ historyLength: 454, timestamp: at(30, 958_844_740), jobs: [signal] })).toBe(false);
  });

  it('lets pass each task, what a local activity of a task answers, and queries', () => {
    const isAhead = createQueryGuard();
    expect(isAhead({ historyLength: 3, timestamp: at(1), jobs: [{}] })).toBe(false);
    expect(isAhead({ historyLength: 3, timestamp: at(1), jobs: [{}] })).toBe(false);
    expect(isAhead({ historyLength: 9, timestamp: at(1, 5), jobs: [signal] })).toBe(false);
    expect(isAhead({ historyLength: 12, timestamp: at(1, 5), jobs: [query] })).toBe(false);
  });

  it('never refuses a replay, and judges by it what comes next', () => {
    const isAhead = createQueryGuard();
    const replay = { isReplaying: true, jobs: [signal] };
    expect(isAhead({ ...replay, historyLength: 3, timestamp: at(1) })).toBe(false);
    expect(isAhead({ ...replay, historyLength: 9, timestamp: at(1) })).toBe(false);
    expect(isAhead({ historyLength: 12, timestamp: at(1), jobs: [signal] })).toBe(true);
  });
});
