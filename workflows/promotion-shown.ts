// What people see of a promotion who have no `refit`: search attributes and the Web UI's current details.
import { condition, setCurrentDetails } from '@temporalio/workflow';
import { renderPromotionDetails } from './details.ts';
import type { PromotionRun } from './promotion-run.ts';
import { showRunAttributes } from './run-attributes.ts';
import { clusterAtWork } from '../domain/machines/promotion-state.ts';
import { promotionPhase, promotionStatus, promotionWaitingOn } from '../domain/machines/promotion-views.ts';

export async function showPromotion(run: PromotionRun): Promise<void> {
  let shown = '';
  for (;;) {
    const { version, state } = run;
    setCurrentDetails(renderPromotionDetails(promotionStatus(state, run.ids)));
    const { counts } = promotionStatus(state, run.ids);
    if (state.definition !== null) {
      shown = showRunAttributes(shown, {
        fleet: state.definition.fleet,
        cluster: clusterAtWork(state)?.cluster ?? '',
        phase: promotionPhase(state),
        waitingOn: promotionWaitingOn(state),
        done: counts.done,
        total: counts.total,
      });
    }
    await condition(() => run.version !== version);
  }
}
