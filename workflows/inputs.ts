// What the workflows are started with: by people (untrusted, parsed), and by themselves (typed).
import { ApplicationFailure } from '@temporalio/common';
import type { GrantRef, RunIdentity } from '../activities/api.ts';
import type { ClusterRef } from '../domain/fleet.ts';
import type { RunState } from '../domain/machines/fleet-state.ts';
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

export function inputOrFail<T>(parsed: Parsed<T>): T {
  if (parsed.kind === 'ok') return parsed.value;
  throw ApplicationFailure.nonRetryable(renderInvalid(parsed), 'InvalidInput');
}
