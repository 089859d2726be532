// What the parts of a promotion's driver share: its state, and the way in which anything changes it.
import { workflowInfo } from '@temporalio/workflow';
import type { RunIdentity } from '../activities/api.ts';
import { workflowNow } from './clock.ts';
import type { CarriedPromotion } from './inputs.ts';
import { newTelling } from './telling.ts';
import type { Telling } from './telling.ts';
import type { RunIds } from '../domain/machines/fleet-views.ts';
import { promote } from '../domain/machines/promotion.ts';
import type { PromotionEvent, PromotionMove } from '../domain/machines/promotion.ts';
import { newPromotionState } from '../domain/machines/promotion-state.ts';
import type { PromotionState } from '../domain/machines/promotion-state.ts';
import { renderOwnerMark } from '../domain/owner-mark.ts';
import type { PromotionInput } from '../domain/promotion.ts';

export type PromotionRun = {
  ids: RunIds;
  identity: RunIdentity;
  input: PromotionInput;
  state: PromotionState;
  /** Rises with every change, so that somebody may wait for one. */
  version: number;
  /** A change of policy is being checked: the next one is laid over its outcome. */
  policyChanging: boolean;
  /** Messages to people that are on their way. */
  telling: Telling;
};

/** An event without its time. */
type Happened = PromotionEvent extends infer E ? (E extends { at: string } ? Omit<E, 'at'> : never) : never;

export function newPromotionRun(input: PromotionInput, carried: CarriedPromotion | undefined): PromotionRun {
  const { workflowId, firstExecutionRunId, namespace } = workflowInfo();
  const ids = { workflowId, firstExecutionRunId };
  return {
    ids,
    identity: { ...ids, owner: renderOwnerMark({ namespace, ...ids }) },
    input,
    state: carried?.state ?? newPromotionState(workflowNow()),
    version: 0,
    policyChanging: false,
    telling: newTelling(),
  };
}

export function applyTo(run: PromotionRun, happened: Happened): PromotionMove {
  const move = promote(run.state, { ...happened, at: workflowNow() } as PromotionEvent);
  if (move.kind === 'moved') {
    run.state = move.state;
    run.version += 1;
  }
  return move;
}
