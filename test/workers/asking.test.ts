// A question to a workflow that met another one: put again soon, and never too often.
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Client } from '@temporalio/client';
import { WorkflowNotFoundError } from '@temporalio/client';
import { createAsking } from '../../workers/asking.ts';
import { createRuns } from '../../workers/runs.ts';

const O = { againAfterMs: 100, asksMax: 3, openMax: 2 };
const LONG_MS = 60_000;

const never = (error: unknown): boolean => error === undefined;
const silence = <T>(): Promise<T> => new Promise(() => undefined);

/** Answers in turn; what comes after the last of them is silence. */
function answering<T>(...answers: (() => Promise<T>)[]): { put: () => Promise<T>; times: () => number } {
  let times = 0;
  const put = (): Promise<T> => {
    times += 1;
    return answers[times - 1]?.() ?? silence<T>();
  };
  return { put, times: () => times };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('a question that somebody waits for', () => {
  it('is put once when it is answered', async () => {
    const { put, times } = answering(() => Promise.resolve('yes'));
    await expect(createAsking(O)(put, never)).resolves.toBe('yes');
    await jest.advanceTimersByTimeAsync(LONG_MS);
    expect(times()).toBe(1);
  });

  it('is put again while the first is silent, and the first answer counts [I237]', async () => {
    const { put, times } = answering<string>(silence, silence, () => Promise.resolve('third'));
    const asked = createAsking(O)(put, never);
    await jest.advanceTimersByTimeAsync(O.againAfterMs);
    expect(times()).toBe(2);
    await jest.advanceTimersByTimeAsync(2 * O.againAfterMs);
    await expect(asked).resolves.toBe('third');
  });

  it('is put no more often than it may be, and goes on waiting for what was put [I238]', async () => {
    let answerFirst: (answer: string) => void = () => undefined;
    const first = new Promise<string>((resolve) => {
      answerFirst = resolve;
    });
    const { put, times } = answering(() => first);
    const asked = createAsking(O)(put, never);
    await jest.advanceTimersByTimeAsync(LONG_MS);
    expect(times()).toBe(O.asksMax);
    answerFirst('late');
    await expect(asked).resolves.toBe('late');
  });

  it('survives an error that is no answer, and tells the last when none is left to be put', async () => {
    const fail = (text: string) => () => Promise.reject(new Error(text));
    const lucky = createAsking(O)(answering(fail('first'), () => Promise.resolve('yes')).put, never);
    await jest.advanceTimersByTimeAsync(O.againAfterMs);
    await expect(lucky).resolves.toBe('yes');
    const { put, times } = answering(fail('first'), fail('second'), fail('third'));
    const refused = expect(createAsking(O)(put, never)).rejects.toThrow('third');
    await jest.advanceTimersByTimeAsync(LONG_MS);
    await refused;
    expect(times()).toBe(O.asksMax);
  });

  it('ends at once by an error that is an answer', async () => {
    const { put, times } = answering(() => Promise.reject(new Error('closed')));
    await expect(createAsking(O)(put, () => true)).rejects.toThrow('closed');
    await jest.advanceTimersByTimeAsync(LONG_MS);
    expect(times()).toBe(1);
  });

  it('is put once while more are open than collisions explain: a worker that is overrun gets no more of them [I238]', async () => {
    const ask = createAsking(O);
    const { put, times } = answering<string>();
    const many = O.openMax + 1;
    const asked = Array.from({ length: many }, () => ask(put, never));
    await jest.advanceTimersByTimeAsync(LONG_MS);
    expect(times()).toBe(many);
    expect(asked).toHaveLength(many);
  });

  it('tells an error of a question that was not put again because too many were open', async () => {
    const ask = createAsking(O);
    const { put } = answering<string>();
    for (let left = O.openMax; left > 0; left -= 1) void ask(put, never);
    const refused = expect(ask(() => Promise.reject(new Error('down')), never)).rejects.toThrow('down');
    await jest.advanceTimersByTimeAsync(LONG_MS);
    await refused;
  });
});

describe('the grant of a child', () => {
  const o = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1', node: 'n1' };
  const granted = { kind: 'granted', why: '', firstExecutionRunId: 'run-1' };
  const clientOf = (query: () => Promise<unknown>): Client =>
    ({
      withDeadline: (_: number, call: () => Promise<unknown>) => call(),
      workflow: { getHandle: () => ({ query }) },
    }) as unknown as Client;

  it('does not wait for a query that another one keeps out [I237]', async () => {
    const { put, times } = answering<unknown>(silence, () => Promise.resolve(granted));
    const grant = createRuns(clientOf(put)).checkGrant(o);
    await jest.advanceTimersByTimeAsync(LONG_MS);
    await expect(grant).resolves.toEqual({ kind: 'granted' });
    expect(times()).toBe(2);
  });

  it('is gone with its run, whatever else is still silent', async () => {
    const closed = () => Promise.reject(new WorkflowNotFoundError('gone', o.workflowId, undefined));
    const { put, times } = answering<unknown>(closed);
    await expect(createRuns(clientOf(put)).checkGrant(o)).resolves.toMatchObject({ kind: 'parentGone' });
    expect(times()).toBe(1);
  });
});
