// What a promotion tells people of itself: each thing once, and nothing that the run of a cluster tells.
import { describe, expect, it } from '@jest/globals';
import { promote } from '../../domain/machines/promotion.ts';
import type { PromotionEvent } from '../../domain/machines/promotion.ts';
import { listUntoldOfPromotion } from '../../domain/machines/promotion-news.ts';
import { noticeOfPromotion } from '../../domain/machines/promotion-notice.ts';
import { newPromotionState } from '../../domain/machines/promotion-state.ts';
import type { PromotionState } from '../../domain/machines/promotion-state.ts';
import type { PromotionDefinition } from '../../domain/promotion.ts';

const START = Date.parse('2026-11-01T00:00:00.000Z');
const ids = { workflowId: 'promote.training', firstExecutionRunId: 'run-1' };
const definition: PromotionDefinition = {
  fleet: 'training',
  release: '2026.11',
  releaseDigest: 'sha256:new',
  requestedBy: null,
  promotion: { soakMs: 3_600_000, successMinPercent: 100 },
  tiers: [
    { tier: 'dev', clusters: ['dev-1'] },
    { tier: 'prod', clusters: ['prod-1'] },
  ],
};

type Unstamped = PromotionEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

function after(state: PromotionState, minutes: number, ...events: Unstamped[]): PromotionState {
  const at = new Date(START + minutes * 60_000).toISOString();
  return events.reduce((so, event) => {
    const move = promote(so, { ...event, at } as PromotionEvent);
    if (move.kind !== 'moved') throw new Error(`${event.kind}: ${move.why}`);
    return move.state;
  }, state);
}

const counts = { total: 2, waiting: 0, active: 0, done: 1, failed: 1, skipped: 0, upToDate: 0, leftAlone: 0 };
const begun = after(newPromotionState(new Date(START).toISOString()), 0, {
  kind: 'resolved',
  definition,
  workflowId: ids.workflowId,
});
const working = after(begun, 1, { kind: 'clusterStarted', cluster: 'dev-1' });
const ended = after(working, 2, {
  kind: 'clusterEnded',
  cluster: 'dev-1',
  end: { outcome: 'failed', why: 'failed', counts },
});
const untold = (state: PromotionState) => listUntoldOfPromotion(state).map(({ event }) => event);
const told = (state: PromotionState, lost: readonly string[] = []) =>
  after(state, 9, { kind: 'told', keys: listUntoldOfPromotion(state).map(({ key }) => key), lost });

describe('a promotion that begins nothing else', () => {
  const why = 'less than 100% of its nodes are done';
  const failed = after(ended, 3, {
    kind: 'judged',
    soaks: [{ cluster: 'dev-1', soak: { kind: 'unproven', why } }],
  });

  it('tells which cluster was not good enough, and why, and then its end [I245]', () => {
    expect(untold(failed)).toEqual(['failed']);
    const notice = noticeOfPromotion(failed, ids, 'failed');
    expect(notice).toMatchObject({ fleet: 'training', cluster: 'dev-1', workflowId: ids.workflowId });
    expect(notice.summary).toBe(
      `the promotion of 2026.11 begins nothing else: dev dev-1 is not good enough: ${why}`,
    );
    const over = after(told(failed), 4, { kind: 'ended', outcome: 'failed' });
    expect(untold(over)).toEqual(['finished']);
    expect(noticeOfPromotion(over, ids, 'finished').summary).toBe(
      'the promotion of 2026.11 has ended as failed: 1 of 2 nodes done, 1 failed; clusters that were good ' +
        'enough: dev 0 of 1, prod 0 of 1',
    );
    expect(untold(told(over))).toEqual([]);
  });

  it('tells it once, also when it continues as new, and takes up states that know of no telling [I245]', () => {
    const known = told(failed);
    expect(untold(JSON.parse(JSON.stringify(known)) as PromotionState)).toEqual([]);
    expect(known.told?.every((key) => key.length < 16)).toBe(true);
    expect(begun.told).toBeUndefined();
  });

  it('says among its events who was not told', () => {
    const lost = told(failed, ['failed: notification oncall answered 404']);
    expect(lost.events.at(-1)?.text).toBe('nobody was told: failed: notification oncall answered 404');
    expect(untold(lost)).toEqual([]);
  });
});

describe('a promotion that is paused', () => {
  const stop = { kind: 'paused' as const, by: 'sam', reason: 'incident 4711' };
  const good = after(ended, 3, {
    kind: 'judged',
    soaks: [{ cluster: 'dev-1', soak: { kind: 'soaked', since: '2026-11-01T00:02:00.000Z' } }],
  });

  it('leaves it to the run at work to tell, and tells it when that run has ended [I245]', () => {
    expect(untold(after(working, 2, stop))).toEqual([]);
    const paused = after(good, 4, stop);
    expect(untold(paused)).toEqual(['paused']);
    expect(noticeOfPromotion(paused, ids, 'paused').summary).toBe(
      'the promotion of 2026.11 begins no further cluster: paused by sam: incident 4711',
    );
  });

  it('tells each pause once', () => {
    const again = after(told(after(good, 4, stop)), 10, { kind: 'resumed', by: 'sam' }, stop);
    expect(untold(again)).toEqual(['paused']);
    expect(untold(told(again))).toEqual([]);
  });
});
