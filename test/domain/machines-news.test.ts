// What of a run people are told: each thing once, and all that is new together.
import { describe, expect, it } from '@jest/globals';
import { listNews, listUntold, noticeOf } from '../../domain/machines/fleet-news.ts';
import type { RunState } from '../../domain/machines/fleet-state.ts';
import { completeRunState } from '../../domain/machines/fleet-state.ts';
import { createApprovalBed, minute, yes } from './approval-bed.ts';

const IDS = { workflowId: 'upgrade.training.prod-east', firstExecutionRunId: 'run-1' };
const NODES = Array.from({ length: 24 }, (_, index) => `ip-10-0-0-${String(index + 1)}`);
const bed = createApprovalBed({ nodes: NODES });
const untold = (state: RunState) =>
  listUntold(state, bed.scope).map(({ event, subject }) => `${event} ${subject}`);
const told = (state: RunState, lost: readonly string[] = []) => {
  const keys = listUntold(state, bed.scope).map(({ key }) => key);
  return bed.after(state, { kind: 'told', keys, lost }, minute(2));
};

describe('gates that wait', () => {
  const asked = bed.after(bed.planned, bed.offer(NODES.slice(0, 4)), minute(1));

  it('are told once each, and again only when they open anew [I217]', () => {
    expect(untold(asked)).toEqual(NODES.slice(0, 4).map((node) => `approvalNeeded node/${node}`));
    const first = told(asked);
    expect(untold(first)).toEqual([]);
    const more = bed.after(first, bed.offer(NODES.slice(4, 6), minute(3)), minute(3));
    expect(untold(more)).toEqual(NODES.slice(4, 6).map((node) => `approvalNeeded node/${node}`));
  });

  it('are forgotten when they are answered, so that what is kept stays small [I217]', () => {
    const first = told(asked);
    expect(first.told).toHaveLength(4);
    const answered = bed.after(first, yes('node/ip-10-0-0-1', 'sam'), minute(3));
    expect(told(answered).told).toHaveLength(3);
    for (const key of first.told) expect(key.length).toBeLessThan(16);
  });

  it('are not told again by the run that it continues as [I217]', () => {
    const handed = bed.after(told(asked), { kind: 'handedOver' }, minute(3));
    expect(untold(completeRunState(JSON.parse(JSON.stringify(handed)) as RunState))).toEqual([]);
    const older = Object.fromEntries(Object.entries(handed).filter(([field]) => field !== 'told'));
    expect(untold(completeRunState(older as RunState))).toHaveLength(4);
  });

  it('are at most twenty in one message, which says how many there are', () => {
    const all = bed.after(bed.planned, bed.offer(NODES), minute(1));
    const notice = noticeOf(all, IDS, 'approvalNeeded', listUntold(all, bed.scope));
    expect(notice.gates).toHaveLength(20);
    expect(notice.gatesLeft).toBe(NODES.length - 20);
    expect(notice.summary).toMatch(/^24 gates wait for a yes: node\/ip-10-0-0-1, .* and 21 more$/);
    expect(JSON.stringify(notice).length).toBeLessThan(32 * 1024);
  });
});

describe('a run that is paused', () => {
  it('is told with who and why, once for each pause', () => {
    const message = { by: 'sam', reason: 'incident 4711' };
    const paused = bed.after(bed.planned, { kind: 'pause', askId: 'a', message }, minute(1));
    const notice = noticeOf(paused, IDS, 'paused', listNews(paused, bed.scope));
    expect(notice.summary).toBe('no more nodes are started: paused by sam: incident 4711');
    expect(untold(told(paused))).toEqual([]);
    const resumed = bed.after(
      told(paused),
      { kind: 'resume', askId: 'a', message: { by: 'sam' } },
      minute(3),
    );
    const again = bed.after(resumed, { kind: 'pause', askId: 'a', message }, minute(4));
    expect(untold(again)).toEqual(['paused ']);
  });
});

describe('what did not get through', () => {
  it('stands among the events of the run, and is not tried again', () => {
    const asked = bed.after(bed.planned, bed.offer(NODES.slice(0, 1)), minute(1));
    const lost = told(asked, ['approvalNeeded: notify: notification oncall answered 404']);
    expect(lost.events.at(-1)?.text).toBe(
      'nobody was told: approvalNeeded: notify: notification oncall answered 404',
    );
    expect(untold(lost)).toEqual([]);
  });
});
