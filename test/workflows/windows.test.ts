// What a run does when its windows close and open again, in real time on a real server.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Exclusion, Window } from '../../domain/policy.ts';
import { startBed, stopBed, withRun } from './bed.ts';
import type { Bed, Running } from './bed.ts';

let bed: Bed;
beforeAll(async () => {
  // Low enough that a run can be made to continue as new by messages alone.
  bed = await startBed({ continueAfterEvents: 150 });
});
afterAll(async () => {
  await stopBed(bed);
});

const MINUTE_MS = 60_000;
const SECOND_MS = 1000;

/** Every day from this minute on until `forMs` from now, and again from `againMinute` on for half an hour. */
function windowsFrom(nowMs: number, forMs: number, againMinute: number): Window[] {
  const minute = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const startOf = (ms: number) => new Date(ms).toISOString().slice(11, 16);
  const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
  return [
    { days, start: startOf(minute), durationMs: nowMs - minute + forMs, timezone: 'UTC' },
    { days, start: startOf(minute + againMinute * MINUTE_MS), durationMs: 30 * MINUTE_MS, timezone: 'UTC' },
  ];
}

function exclusion(fromMs: number, forMs: number): Exclusion {
  const [from, until] = [fromMs, fromMs + forMs].map((ms) => new Date(ms).toISOString());
  return { from: from ?? '', until: until ?? '', why: 'release freeze' };
}

/** What a run did to wait or to plan, between two moments: its timers, and the activities that it asked for. */
async function doneBetween(running: Pick<Running, 'id'>, fromMs: number, untilMs: number): Promise<string[]> {
  const { events } = await bed.client.workflow.getHandle(running.id).fetchHistory();
  return (events ?? []).flatMap((event) => {
    const at = Number(event.eventTime?.seconds ?? 0) * SECOND_MS + (event.eventTime?.nanos ?? 0) / 1e6;
    if (at <= fromMs || at >= untilMs) return [];
    const { timerStartedEventAttributes: timer, activityTaskScheduledEventAttributes: activity } = event;
    return [timer?.timerId ?? [], activity?.activityType?.name ?? []].flat();
  });
}

describe('a window that closes in mid-run', () => {
  it('finishes what has begun, begins nothing else, and goes on by itself in the next one [I131] [I132] [I133]', async () => {
    const [now, openMs, shutMs] = [Date.now(), bed.lasting(15 * SECOND_MS), bed.lasting(20 * SECOND_MS)];
    const windows = windowsFrom(now, openMs, Math.ceil(((now % MINUTE_MS) + openMs + shutMs) / MINUTE_MS));
    const o = { nodes: 3, policy: { windows }, name: 'window' };
    await withRun(bed, o, async (running) => {
      const { handle, until, world } = running;
      world.hold('reimageNode', 'n1');
      await until('n1 at work', () => world.count('reimageTask', 'n1') === 1);
      while (Date.now() < now + openMs + SECOND_MS) await pause(100);
      // Long after the end it is still allowed to be finished.
      world.release('reimageNode', 'n1');
      const closed = await until('closed', (s) => s.counts.done === 1 && s.phaseWhy !== null);
      const closedSeenMs = Date.now();
      expect(closed).toMatchObject({ phase: 'running', counts: { active: 0, waiting: 2 } });
      expect(closed.phaseWhy).toContain('begun only in its windows');
      const [waits] = closed.waiting;
      const opens = Date.parse(waits?.until ?? '');
      expect(new Date(opens).toISOString().slice(11, 16)).toBe(windows[1]?.start);
      const found = await bed.client.workflow.getHandle(running.id).describe();
      expect(found.searchAttributes).toMatchObject({ RefitWaitingOn: ['window'] });
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 3 } });
      expect(Date.now()).toBeGreaterThanOrEqual(opens);
      // It slept in between: nothing was asked, and no timer came upon another.
      expect(await doneBetween(running, closedSeenMs, opens)).toEqual([]);
      expect(await doneBetween(running, opens - SECOND_MS, Infinity)).toContain('planNext');
      expect(world.cordonedMost).toBe(1);
    });
  });
});

describe('an approval outside of the hours', () => {
  it('begins nothing until they are open, and is not asked for again [I130]', async () => {
    const freeze = exclusion(Date.now() + bed.lasting(15 * SECOND_MS), bed.lasting(15 * SECOND_MS));
    const o = {
      nodes: 1,
      approval: { before: 'node' as const },
      policy: { exclusions: [freeze] },
      name: 'window-approval',
    };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      await until('gate', (s) => s.gates.length === 1);
      while (Date.now() < Date.parse(freeze.from)) await pause(50);
      const { effect } = await update('approve', { gate: 'node/n1', by: 'sam' });
      expect(effect).toContain('node n1 starts in its window');
      const waits = await until('waits', (s) => s.waiting.length === 1);
      expect(waits.gates).toEqual([]);
      expect(waits.waiting[0]).toMatchObject({ until: freeze.until });
      expect(waits.waiting[0]?.on).toContain('release freeze');
      expect(world.count('cordonNode')).toBe(0);
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(freeze.until));
      expect(world.decisions.filter(({ kind }) => kind === 'approve')).toHaveLength(1);
    });
  });
});

describe('a child that comes too late', () => {
  it('touches nothing, and its node is begun in the next opening without another word [I130]', async () => {
    const freeze = exclusion(Date.now() + bed.lasting(15 * SECOND_MS), bed.lasting(15 * SECOND_MS));
    const o = { nodes: 1, policy: { exclusions: [freeze] }, name: 'window-late-child' };
    await withRun(bed, o, async ({ handle, until, update, world }) => {
      world.hold('cordonNode', 'n1');
      await until('held', () => world.count('cordonNode held', 'n1') > 0);
      // Held before its cordon by a pause that lasts into the freeze.
      await update('pause', { by: 'sam', reason: 'lunch' });
      world.release('cordonNode', 'n1');
      await until('withheld', () => world.count('awaitGrant', 'n1') > 0);
      while (Date.now() < Date.parse(freeze.from)) await pause(50);
      await update('resume', { by: 'sam' });
      const waits = await until('waits', (s) => s.counts.waiting === 1 && s.waiting.length === 1);
      expect(waits.waiting[0]?.until).toBe(freeze.until);
      expect(world.cordoned.size).toBe(0);
      expect(await handle.result()).toMatchObject({ outcome: 'succeeded', counts: { done: 1 } });
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(freeze.until));
      expect(world.count('cordonNode', 'n1')).toBe(1);
    });
  });
});

describe('a closed window', () => {
  it('is slept through by the run that continued as new [I133]', async () => {
    const freeze = exclusion(Date.now() - MINUTE_MS, 60 * MINUTE_MS);
    const o = { nodes: 2, policy: { exclusions: [freeze] }, name: 'window-continued' };
    await withRun(bed, o, async ({ until, update, signal, id, world, firstRunId: first }) => {
      await until('waits', (s) => s.waiting[0]?.until === freeze.until);
      const latest = () => bed.client.workflow.getHandle(id);
      // As many as it takes: how many of them share a workflow task is the server's choice.
      for (let sent = 0; sent < 400 && (await latest().describe()).runId === first; sent += 1) {
        await signal('nonsense', sent);
      }
      expect((await latest().describe()).runId).not.toBe(first);
      await until('waits again', (s) => s.waiting[0]?.until === freeze.until);
      expect(world.count('cordonNode')).toBe(0);
      // An hour is what any machine needs to come here; its end is waited for in less.
      const soon = exclusion(Date.parse(freeze.from), Date.now() + 5 * SECOND_MS - Date.parse(freeze.from));
      await update('changePolicy', { by: 'sam', reason: 'a test', policy: { exclusions: [soon] } });
      expect(await latest().result()).toMatchObject({ outcome: 'succeeded', counts: { done: 2 } });
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon.until));
    });
  });
});

describe('windows', () => {
  it('are laid out by activities alone: workflow code holds no time zones [I134]', () => {
    expect(bed.bundle.code).toContain('machines/fleet-hours');
    expect(bed.bundle.code).not.toContain('temporal-polyfill');
    expect(bed.bundle.code).not.toContain('planning/windows');
  });
});
