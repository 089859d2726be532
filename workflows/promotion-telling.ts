// What a promotion tells people, and how: its part of telling.ts. What the run of a cluster tells of itself, its
// gates among it, is not told here again.
import { applyTo } from './promotion-run.ts';
import type { PromotionRun } from './promotion-run.ts';
import type { Teller } from './telling.ts';
import { listUntoldOfPromotion } from '../domain/machines/promotion-news.ts';
import { noticeOfPromotion } from '../domain/machines/promotion-notice.ts';

export function promotionTeller(run: PromotionRun): Teller {
  return {
    telling: run.telling,
    runId: run.ids.firstExecutionRunId,
    targets: () => run.state.definition?.notifications ?? [],
    listUntold: () => listUntoldOfPromotion(run.state),
    noticeOf: (event) => noticeOfPromotion(run.state, run.ids, event),
    hasEnded: () => run.state.outcome !== null,
    told: (o) => {
      applyTo(run, { kind: 'told', ...o });
    },
  };
}
