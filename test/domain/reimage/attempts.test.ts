// What makes an attempt unique, which tasks forbid a new one, and what a reboot's note proves.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { renderAttemptIdentity } from '../../../domain/reimage/client-token.ts';
import type { AttemptIdentity } from '../../../domain/reimage/client-token.ts';
import { pollDelayMs } from '../../../domain/reimage/poll-delay.ts';
import {
  REBOOT_SHOWS_WITHIN_MS,
  isSameReboot,
  judgeReboot,
  parseRebootNote,
  renderRebootNote,
} from '../../../domain/reimage/reboot-note.ts';
import { CLIENT_TOKEN_TAG, judgeTasks } from '../../../domain/reimage/root-volume-tasks.ts';
import type { TaskFacts } from '../../../domain/reimage/root-volume-tasks.ts';

const task = (changes: Partial<TaskFacts>): TaskFacts => ({
  taskId: 't',
  imageId: 'ami-1',
  state: 'succeeded',
  startedAt: '2026-01-01T00:00:00Z',
  tags: {},
  ...changes,
});
const states = ['pending', 'in-progress', 'failing', 'succeeded', 'failed', 'failed-detached'] as const;

describe('the identity of an attempt', () => {
  it('is equal for equal attempts and for no others, whatever the ids contain [I41]', () => {
    const part = fc.oneof(fc.string(), fc.constantFrom('a', '/', '","', '\\', 'a/b'));
    const identity = fc.record<AttemptIdentity>({
      namespace: part,
      workflowId: part,
      firstExecutionRunId: part,
      instanceId: part,
      imageId: part,
      attempt: fc.nat(3),
    });
    fc.assert(
      fc.property(identity, identity, (a, b) => {
        const same = JSON.stringify(Object.values(a)) === JSON.stringify(Object.values(b));
        expect(renderAttemptIdentity(a) === renderAttemptIdentity(b)).toBe(same);
      }),
    );
    const one = {
      namespace: 'n',
      workflowId: 'a',
      firstExecutionRunId: 'b/c',
      instanceId: 'i',
      imageId: 'm',
    };
    const other = { ...one, workflowId: 'a/b', firstExecutionRunId: 'c' };
    expect(renderAttemptIdentity({ ...one, attempt: 1 })).not.toBe(
      renderAttemptIdentity({ ...other, attempt: 1 }),
    );
  });
});

describe('judgeTasks', () => {
  const ours = { [CLIENT_TOKEN_TAG]: 'token' };

  it.each(states)('follows our own task in state %s, whatever else is there', (state) => {
    const tasks = [task({ taskId: 'theirs', state: 'pending' }), task({ taskId: 'ours', state, tags: ours })];
    expect(judgeTasks(tasks, 'token')).toMatchObject({ kind: 'ours', task: { taskId: 'ours' } });
  });

  it.each(['pending', 'in-progress', 'failing'] as const)(
    'stops for a person beside an open task that is not of this attempt (%s) [I44]',
    (state) => {
      const foreign = judgeTasks([task({ state })], 'token');
      expect(foreign).toMatchObject({
        kind: 'unsafe',
        why: expect.stringContaining('somebody else') as unknown,
      });
      const earlier = {
        [CLIENT_TOKEN_TAG]: 'earlier',
        'refit.dev/owner': 'ns/w/r',
        'refit.dev/attempt': '1',
      };
      expect(judgeTasks([task({ state, tags: earlier })], 'token')).toMatchObject({
        kind: 'unsafe',
        why: expect.stringContaining('ns/w/r, attempt 1') as unknown,
      });
    },
  );

  it('never begins a task on an instance whose newest one ended as failed-detached [I44]', () => {
    const older = task({ startedAt: '2026-01-01T00:00:00Z' });
    const detached = task({ state: 'failed-detached', startedAt: '2026-01-02T00:00:00Z' });
    expect(judgeTasks([older, detached], 'token').kind).toBe('unsafe');
    const since = task({ startedAt: '2026-01-03T00:00:00Z' });
    expect(judgeTasks([detached, since, older], 'token').kind).toBe('none');
  });

  it('lets closed tasks of the past be', () => {
    expect(judgeTasks([], 'token').kind).toBe('none');
    expect(judgeTasks([task({}), task({ state: 'failed' })], 'token').kind).toBe('none');
  });
});

describe('a reboot and its note', () => {
  const note = { owner: 'ns/w/r', attempt: 1, bootId: 'boot-1', at: '2026-01-01T00:00:00.000Z' };
  const after = (ms: number) => new Date(Date.parse(note.at) + ms).toISOString();

  it('reads what it wrote and nothing else', () => {
    expect(parseRebootNote(renderRebootNote(note))).toEqual(note);
    for (const text of [undefined, '', '{', '[]', 'null', '{"owner":"o"}']) {
      expect(parseRebootNote(text)).toBeUndefined();
    }
  });

  it('is of one run, one attempt and one boot alone [I42]', () => {
    expect(isSameReboot(note, note)).toBe(true);
    for (const other of [{ owner: 'x' }, { attempt: 2 }, { bootId: 'boot-2' }]) {
      expect(isSameReboot(note, { ...note, ...other })).toBe(false);
    }
    expect(isSameReboot(undefined, note)).toBe(false);
  });

  it('waits for the new boot, then asks a person rather than reboot twice [I42]', () => {
    expect(judgeReboot(note, { bootIdNow: 'boot-2', now: after(1) }).kind).toBe('rebooted');
    expect(judgeReboot(note, { bootIdNow: 'boot-1', now: after(REBOOT_SHOWS_WITHIN_MS - 1) }).kind).toBe(
      'notYet',
    );
    expect(judgeReboot(note, { bootIdNow: 'boot-1', now: after(REBOOT_SHOWS_WITHIN_MS) }).kind).toBe(
      'unsafe',
    );
    expect(judgeReboot(note, { bootIdNow: undefined, now: after(1) }).kind).toBe('notYet');
    expect(judgeReboot({ ...note, at: 'soon' }, { bootIdNow: 'boot-1', now: after(1) }).kind).toBe('unsafe');
  });
});

describe('pollDelayMs', () => {
  it('grows with what was waited, from one second to fifteen', () => {
    expect([0, 10_000, 30_000, 100_000, 150_000, 3_600_000].map(pollDelayMs)).toEqual([
      1_000, 1_000, 3_000, 10_000, 15_000, 15_000,
    ]);
  });
});
