// Tells the run in which state its node is now, for people to see. A run that cannot be told is no reason
// to stop a node: the next state, or the end, says more. Must never decide anything.
import { Context } from '@temporalio/activity';
import type { Runs } from '../adapters/ports/runs.ts';
import type { NodeStateName } from '../domain/node-state.ts';
import type { NodeActivityInput } from './api.ts';

/**
 * Costs four events of the run's history: call it once a step, and never for one that is over at once.
 * False when the run could not be told.
 */
export async function tellState(runs: Runs, o: NodeActivityInput, state: NodeStateName): Promise<boolean> {
  const { log } = Context.current();
  try {
    await runs.reportState({ parentId: o.grant.parentId, node: o.step.node, state });
    return true;
  } catch (error) {
    log.warn('the run could not be told of a state', { node: o.step.node, state, error });
    return false;
  }
}
