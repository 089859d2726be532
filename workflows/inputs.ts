// What the workflows are started with: by people (untrusted, parsed), and by themselves (typed).
import { ApplicationFailure } from '@temporalio/common';
import type { GrantRef, RunIdentity } from '../activities/api.ts';
import type { ClusterRef } from '../domain/fleet.ts';
import type { RunState } from '../domain/machines/fleet-state.ts';
import type { PromotionState } from '../domain/machines/promotion-state.ts';
import { renderInvalid } from '../domain/parse/parsed.ts';
import type { Parsed } from '../domain/parse/parsed.ts';
import type { NodeStep } from '../domain/plan.ts';

/** Second argument of a child: its authority and its step. */
export type NodeRun = {
  kind: 'child';
  run: RunIdentity;
  cluster: ClusterRef;
  grant: GrantRef;
  step: NodeStep;
};

/** Second argument of a run that has continued as new: everything that it knew. */
export type Carried = { kind: 'carried'; state: RunState };

/** The same of a run over several clusters. */
export type CarriedPromotion = { kind: 'promotion'; state: PromotionState };

export function inputOrFail<T>(parsed: Parsed<T>): T {
  if (parsed.kind === 'ok') return parsed.value;
  throw ApplicationFailure.nonRetryable(renderInvalid(parsed), 'InvalidInput');
}

/** Does it have these properties, of these types? For what workflows send each other under open names. */
export function hasShape(content: unknown, shape: Readonly<Record<string, string>>): boolean {
  if (typeof content !== 'object' || content === null) return false;
  const given = content as Record<string, unknown>;
  return Object.entries(shape).every(([key, type]) => typeof given[key] === type && given[key] !== null);
}

/** The second argument is given by workflows alone: anything else there is somebody's mistake. */
export function ownOrFail<T extends NodeRun | Carried | CarriedPromotion>(own: T | undefined): T | undefined {
  if (own === undefined || own === null) return undefined;
  const isOwn =
    (own.kind === 'child' && hasShape(own, { run: 'object', grant: 'object', step: 'object' })) ||
    (own.kind === 'carried' && hasShape(own, { state: 'object' })) ||
    (own.kind === 'promotion' && hasShape(own, { state: 'object' }));
  if (isOwn) return own;
  throw ApplicationFailure.nonRetryable(
    'input: found a second argument, expected one JSON object alone: the second is given by workflows',
    'InvalidInput',
  );
}
