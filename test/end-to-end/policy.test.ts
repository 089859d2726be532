// Policy in force on real servers: windows that close and open in mid-run, approvals of several people that
// grow old, drains that are deferred, and a policy that is changed under way. Each is said with `refit`; judged
// by the API server's audit log and EC2's account. No time is judged but the order of what happened.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { awayAtCordons, cordonHistory, evictions, otherPodWrites } from '../checker/audit-log.ts';
import type { WaitingItem } from '../../domain/status.ts';
import { auditLog, kubectl, openBed, refit, runStatus, runWhy, startWorker, waitForStatus } from './bed.ts';
import type { Bed } from './bed.ts';
import { expectNormal, mustSay, readyView, refusedSaying } from './people.ts';
import {
  ONCE,
  UNTOUCHED,
  atOnce,
  awaitThat,
  drainHeld,
  holdDrain,
  nodeView,
  releaseDrain,
  removeHeld,
  runEnd,
  shownStates,
  shrinkWorkloads,
  startRun,
  wayOf,
  writesSince,
} from './run-control.ts';

const TEST_MS = 3_600_000;
const MINUTE_MS = 60_000;
const SECOND_MS = 1000;
/** An exclusion outlasts the command that asks for it so many times. */
const OUTLASTS = 10;

let bed: Bed;
let since: number;

beforeAll(async () => {
  // Eight of pool h100, which all runs here are about; zones take turns in the order of the names.
  bed = await openBed({ nodes: 12 });
  await shrinkWorkloads(bed);
  await startWorker(bed);
}, TEST_MS);

afterAll(async () => bed?.close());

beforeEach(() => {
  since = Date.now();
});

const way = async (node: string) => wayOf(bed, { ...(await nodeView(bed, node)), node }, since);

const change = (run: string, policy: Record<string, unknown>) =>
  mustSay(bed, 'ana', run, 'change-policy', '--reason', 'a test', '--policy', JSON.stringify(policy));

const shows = (run: string, node: string, state: string) =>
  awaitThat(`${node} to be ${state}`, async () => (await shownStates(bed, run))[node] === state);

async function whyOf(run: string): Promise<readonly WaitingItem[]> {
  return (await runWhy(bed, run)).items;
}

const cordonTimes = (node: string): readonly number[] =>
  cordonHistory(auditLog(bed, since)).cordonTimes.get(node) ?? [];

/** On every day, in UTC; windows begin at whole minutes. */
function windowOf(fromMs: number, forMs: number): Record<string, unknown> {
  return {
    days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
    start: new Date(fromMs).toISOString().slice(11, 16),
    duration: `${String(Math.ceil(forMs / SECOND_MS))}s`,
    timezone: 'UTC',
  };
}

const wholeMinute = (ms: number): number => Math.floor(ms / MINUTE_MS) * MINUTE_MS;

/**
 * Open since the minute before, for no window may be shorter than a minute; closes in some seconds, and opens
 * again in half an hour: nothing of this test waits for that.
 */
function closingWindows(): { windows: Record<string, unknown>[]; closesMs: number; opensMs: number } {
  const now = Date.now();
  const closesMs = now + 5 * SECOND_MS;
  const opensMs = wholeMinute(now) + 30 * MINUTE_MS;
  const began = wholeMinute(now) - MINUTE_MS;
  return {
    windows: [windowOf(began, closesMs - began), windowOf(opensMs, 120 * MINUTE_MS)],
    closesMs,
    opensMs,
  };
}

/** Open since this minute, but for an exclusion, which lasts for so long from now on. */
function openingIn(ms: number): { policy: Record<string, unknown>; excludedUntil: string } {
  const now = Date.now();
  const excludedUntil = new Date(now + ms).toISOString();
  const from = new Date(wholeMinute(now)).toISOString();
  return {
    policy: {
      windows: [windowOf(wholeMinute(now), 120 * MINUTE_MS)],
      exclusions: [{ from, until: excludedUntil, why: 'a freeze' }],
    },
    excludedUntil,
  };
}

describe('a window that closes in mid-run', () => {
  it(
    'lets what has begun finish and begins nothing more, says until when, and goes on by itself [I126, I127, I133]',
    async () => {
      const run = 'window';
      const [begun, ...others] = ['ip-10-0-0-1', 'ip-10-0-0-2', 'ip-10-0-0-3'] as const;
      await holdDrain(bed, begun);
      await startRun(bed, run, { release: 'next', nodes: [begun, ...others], policy: atOnce(1) });
      await drainHeld(bed, run, begun);
      const closing = closingWindows();
      const changedAt = Date.now();
      expect(await change(run, { windows: closing.windows })).toContain('counts from the next start on');
      const changeMs = Date.now() - changedAt;
      await awaitThat('the window to be closed', () => Date.now() > closing.closesMs);
      await releaseDrain(bed, begun);
      await shows(run, begun, 'normal');
      // Its slot is free, and nobody takes it.
      const opens = new Date(closing.opensMs).toISOString();
      await awaitThat('what waits to say until when', async () =>
        (await whyOf(run)).some(({ until }) => until !== null && Date.parse(until) === closing.opensMs),
      );
      const said = await refit(bed, 'why', '-w', run);
      expect(said.stdout).toMatch(/begun only in its windows/);
      expect(said.stdout).toContain(opens.slice(0, 16));
      expect([await way(begun), ...(await Promise.all(others.map(way)))]).toEqual([
        ONCE,
        UNTOUCHED,
        UNTOUCHED,
      ]);
      const uncordonedAt = cordonHistory(auditLog(bed, since)).uncordons.get(begun)?.[0] ?? 0;
      expect(uncordonedAt).toBeGreaterThan(closing.closesMs);

      const soon = openingIn(20 * SECOND_MS + OUTLASTS * changeMs);
      await change(run, soon.policy);
      await awaitThat('the exclusion to be what ends it', async () =>
        (await whyOf(run)).some(
          ({ until }) => until !== null && Date.parse(until) === Date.parse(soon.excludedUntil),
        ),
      );
      const { result } = await runEnd(bed, run);
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 3, failed: 0 } });
      for (const node of others) {
        expect(await way(node)).toEqual(ONCE);
        expect(cordonTimes(node)[0]).toBeGreaterThanOrEqual(Date.parse(soon.excludedUntil));
      }
      expect(cordonTimes(begun)[0]).toBeLessThan(closing.closesMs);
      await removeHeld(bed, begun);
      await expectNormal(bed, [begun, ...others]);
    },
    TEST_MS,
  );
});

describe('a quorum of two', () => {
  const run = 'quorum';
  const [asked, other] = ['ip-10-0-0-4', 'ip-10-0-0-5'] as const;
  const gate = `node/${asked}`;
  const policy = {
    disruption: { unavailableMax: 2 },
    approval: { before: 'node', approvers: 2, selfApproval: false, expiresAfter: '1m' },
  };
  const yesesNow = async (): Promise<readonly string[]> =>
    (await runStatus(bed, run)).gates.find(({ name }) => name === gate)?.yeses?.map(({ by }) => by) ?? [];
  const yes = (by: string) =>
    bed.client.workflow.getHandle(run).executeUpdate('approve', { args: [{ gate, by }] });

  it('is refused to a run that does not say who asked for it', async () => {
    await startRun(bed, 'nobody', { release: 'next', nodes: [asked], policy });
    const { status } = await runEnd(bed, 'nobody');
    expect(status).toBe('FAILED');
    expect(await writesSince(bed, since)).toEqual([]);
  });

  it(
    'takes two people that are not the requester, both of them while their word is fresh [I135, I137, I138]',
    async () => {
      await startRun(bed, run, { release: 'next', nodes: [asked, other], policy, requestedBy: 'rita' });
      await waitForStatus(bed, run, 'two gates', ({ gates }) => gates.length === 2);
      await refusedSaying(
        bed,
        { by: 'rita', run, why: /rita asked for|requested|requester/ },
        'approve',
        gate,
      );
      expect(await mustSay(bed, 'sam', run, 'approve', gate)).toMatch(/1 of 2/);
      // The same person again, however the name is written.
      await yes(' SAM');
      expect(await yesesNow()).toEqual(['sam']);
      const [open] = (await runStatus(bed, run)).gates.filter(({ name }) => name === gate);
      expect(open?.evidence.length).toBeGreaterThan(0);
      expect(open?.notBy).toBe('rita');
      await awaitThat('the yes to be void', async () => (await yesesNow()).length === 0);
      await yes('kim');
      expect(await yesesNow()).toEqual(['kim']);
      expect((await writesSince(bed, since)).filter((write) => write.includes('nodes'))).toEqual([]);
      const complete = Date.now();
      await Promise.all([yes('sam'), mustSay(bed, 'kim', run, 'reject', `node/${other}`)]);
      const { result } = await runEnd(bed, run);
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 1, skipped: 1, failed: 0 } });
      expect([await way(asked), await way(other)]).toEqual([ONCE, UNTOUCHED]);
      expect(cordonTimes(asked)[0]).toBeGreaterThanOrEqual(complete);
      const report = await refit(bed, 'report', run);
      expect(report.stdout).toMatch(new RegExp(`kim +approve ${gate}, yes 1 of 2`));
      expect(report.stdout).toMatch(new RegExp(`sam +approve ${gate}, yes 2 of 2`));
      expect(report.stdout).toMatch(new RegExp(`kim +reject node/${other}`));
      expect(report.stdout).toContain(open?.evidence[0] ?? 'no evidence');
    },
    TEST_MS,
  );
});

describe('a drain that times out', () => {
  it(
    'is deferred: the node is as it was, others go on, and it is taken again and done [I155]',
    async () => {
      const run = 'deferred';
      // Zone by zone: the first is deferred before the others begin.
      const [first, ...others] = ['ip-10-0-0-7', 'ip-10-0-0-8', 'ip-10-0-0-6'] as const;
      await holdDrain(bed, first);
      const podsOf = (node: string) =>
        kubectl(
          bed,
          ...['get', 'pods', '-n', 'platform', '-l', `app=held-${node}`],
          ...['-o', 'jsonpath={.items[*].metadata.uid}'],
        );
      const [before, held] = [await readyView(bed, first), await podsOf(first)];
      expect(held).not.toBe('');
      const drain = { timeout: '20s', onTimeout: 'defer', deferFor: '60s', deferralsMax: 50 };
      const policy = { ...atOnce(1), drain };
      await startRun(bed, run, { release: 'next', nodes: [first, ...others], policy });
      let during = before;
      let why: WaitingItem | undefined;
      await awaitThat('the node to be looked at while it is deferred', async () => {
        if ((await shownStates(bed, run))[first] !== 'deferred') return false;
        during = await nodeView(bed, first);
        why = (await whyOf(run)).find(({ subject }) => subject === `node/${first}`);
        // Still, after the look: what was seen is a deferred node's.
        return during.ready && (await shownStates(bed, run))[first] === 'deferred';
      });
      expect(during).toEqual(before);
      expect(await podsOf(first)).toBe(held);
      const { on, until } = why ?? {};
      expect(on).toMatch(/deferred until/);
      expect(until).not.toBeNull();
      for (const node of others) await shows(run, node, 'normal');
      expect((await way(first)).tasks).toBe(0);
      await releaseDrain(bed, first);
      const { result } = await runEnd(bed, run);
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 3, failed: 0, skipped: 0 } });
      const { cordons, uncordons, tasks } = await way(first);
      expect(cordons).toBeGreaterThanOrEqual(2);
      expect([uncordons, tasks]).toEqual([cordons, 1]);
      for (const node of others) expect((await way(node)).tasks).toBe(1);
      const [again] = cordonTimes(first).slice(1);
      expect(Math.min(...others.flatMap((node) => cordonTimes(node)))).toBeLessThan(again ?? 0);
      expect((await refit(bed, 'report', run)).stdout).toMatch(/deferred/);
      await removeHeld(bed, first);
      await expectNormal(bed, [first, ...others]);
    },
    TEST_MS,
  );
});

describe('a policy that is changed in flight', () => {
  it(
    'to a stricter budget undoes nothing, and counts from the next start on [I152]',
    async () => {
      const run = 'stricter';
      // All that zone a has: they go first.
      const began = ['ip-10-0-0-1', 'ip-10-0-0-4', 'ip-10-0-0-7'];
      const waiting = ['ip-10-0-0-2', 'ip-10-0-0-3', 'ip-10-0-0-6'];
      for (const node of began) await holdDrain(bed, node);
      await startRun(bed, run, { release: 'good', nodes: [...began, ...waiting], policy: atOnce(3) });
      for (const node of began) await drainHeld(bed, run, node);
      const wrong = JSON.stringify({ disruption: { unavailableMax: 0 }, drain: { timout: '1h' } });
      await refusedSaying(
        bed,
        { by: 'ana', run, why: /drain\.timout[\s\S]*did you mean/ },
        ...['change-policy', '--reason', 'a slip', '--policy', wrong],
      );
      const told = await change(run, { disruption: { unavailableMax: 1 } });
      expect(told).toMatch(/disruption\.unavailableMax 3 → 1/);
      const changedAt = Date.now();
      // Nobody is put back for it.
      expect(Object.values(await Promise.all(began.map(way)))).toEqual(
        began.map(() => ({ cordons: 1, uncordons: 0, tasks: 0 })),
      );
      for (const node of began) await releaseDrain(bed, node);
      const { result } = await runEnd(bed, run);
      expect(result).toMatchObject({ outcome: 'succeeded', counts: { done: 6, failed: 0 } });
      for (const node of [...began, ...waiting]) expect(await way(node)).toEqual(ONCE);
      const starts = awayAtCordons(auditLog(bed, since));
      expect(Math.max(...starts.filter(({ at }) => at < changedAt).map(({ away }) => away))).toBe(3);
      const later = starts.filter(({ at }) => at >= changedAt);
      expect(later.map(({ node }) => node).sort()).toEqual([...waiting].sort());
      expect(later.every(({ away }) => away === 1)).toBe(true);
      expect((await refit(bed, 'report', run)).stdout).toMatch(
        /ana +changePolicy disruption\.unavailableMax 3 → 1/,
      );
      for (const node of began) await removeHeld(bed, node);
      await expectNormal(bed, [...began, ...waiting]);
    },
    TEST_MS,
  );
});

describe('over all of these runs', () => {
  it('pods went by the eviction API alone, each by its UID [I1]', () => {
    const log = auditLog(bed);
    const sent = evictions(log);
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((one) => !one.hasUid)).toEqual([]);
    expect(otherPodWrites(log)).toEqual([]);
  });
});
