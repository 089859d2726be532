// What of a promotion people should be told without asking, that the run of no cluster tells: a tier that was not
// good enough, a promotion that begins nothing more, its end. Must never tell the same thing twice: what was told
// is kept by key for as long as it is so.
import { timeKey } from './fleet-news.ts';
import type { News } from './fleet-news.ts';
import { clusterAtWork, withPromotionEvent } from './promotion-state.ts';
import type { PromotionState } from './promotion-state.ts';

function listNews(state: PromotionState): readonly News[] {
  const { failed, paused, outcome } = state;
  const news: News[] = [];
  if (failed !== null) news.push({ key: `f@${timeKey(failed.at)}`, event: 'failed', subject: '' });
  // A pause is passed on to the run at work, which tells of it; when that has ended, nobody else does.
  if (paused !== null && outcome === null && clusterAtWork(state) === undefined) {
    news.push({ key: `p@${timeKey(paused.at)}`, event: 'paused', subject: '' });
  }
  if (outcome !== null) news.push({ key: 'end', event: 'finished', subject: '' });
  return news;
}

/** What nobody was told of yet. */
export function listUntoldOfPromotion(state: PromotionState): readonly News[] {
  const told = new Set(state.told ?? []);
  return listNews(state).filter(({ key }) => !told.has(key));
}

export function withToldOfPromotion(
  state: PromotionState,
  o: { at: string; keys: readonly string[]; lost: readonly string[] },
): PromotionState {
  const told = new Set([...(state.told ?? []), ...o.keys]);
  const kept = listNews(state).flatMap(({ key }) => (told.has(key) ? [key] : []));
  const noted = o.lost.reduce((so, why) => withPromotionEvent(so, o.at, `nobody was told: ${why}`), state);
  return { ...noted, told: kept };
}
