// What a promotion says in a message to people: about the whole of it, or about the cluster that ended it. Bounded.
import type { Notice, NotificationEvent } from '../notification.ts';
import type { PromotionRow } from '../promotion.ts';
import { renderCounts } from '../render/status.ts';
import { cut } from './fleet-state.ts';
import type { RunIds } from './fleet-views.ts';
import type { PromotionState } from './promotion-state.ts';
import { promotionStatus } from './promotion-views.ts';

const SUMMARY_CHARS_MAX = 500;
const GOOD: readonly PromotionRow['state'][] = ['soaking', 'soaked'];

/** One message for everything of one event. */
export function noticeOfPromotion(state: PromotionState, ids: RunIds, event: NotificationEvent): Notice {
  const { fleet, counts, promotion } = promotionStatus(state, ids);
  const { workflowId } = ids;
  const about = { event, fleet, workflowId, gates: [], gatesLeft: 0, nodes: [], nodesLeft: 0 };
  const of = `the promotion of ${promotion?.release ?? ''}`;
  const say = (cluster: string | null, text: string): Notice => ({
    ...about,
    cluster,
    summary: cut(text, SUMMARY_CHARS_MAX),
  });
  switch (event) {
    case 'failed': {
      const bad = state.clusters.find(({ ended, soak }) => ended !== null && soak?.kind === 'unproven');
      return say(
        bad?.cluster ?? null,
        `${of} begins nothing else: ${state.failed?.why ?? 'it goes on by now'}`,
      );
    }
    case 'paused': {
      const { paused } = state;
      const why = paused === null ? 'it goes on by now' : `paused by ${paused.by}: ${paused.reason}`;
      return say(null, `${of} begins no further cluster: ${why}`);
    }
    default: {
      const ended = `${of} has ended as ${state.outcome ?? 'open'}: ${renderCounts(counts)}`;
      return say(null, `${ended}; clusters that were good enough: ${renderTiers(promotion?.rows ?? [])}`);
    }
  }
}

function renderTiers(rows: readonly PromotionRow[]): string {
  const tiers = [...new Set(rows.map(({ tier }) => tier))];
  return tiers
    .map((tier) => {
      const of = rows.filter((row) => row.tier === tier);
      const good = of.filter((row) => GOOD.includes(row.state));
      return `${tier} ${String(good.length)} of ${String(of.length)}`;
    })
    .join(', ');
}
